// SPDX-License-Identifier: Apache-2.0
/* Routes: what they lead to. Control thread. */
#include "services/ec2/route.h"

#include "services/ec2/internet_gateway.h"

#include <errno.h>

/* The member of a route that tells a target, by the target's prefix. */
static const struct {
    struct span prefix;
    size_t member;
} targets[] = {
    {S_INIT("igw-"), offsetof(struct ec2_route, gateway_id)},
    {S_INIT("nat-"), offsetof(struct ec2_route, nat_gateway_id)},
    {S_INIT("eni-"), offsetof(struct ec2_route, network_interface_id)},
};

/* Whether what it leads to is there. */
static RESULT is_live(struct call *c, const struct stored_route *route, bool *ret)
{
    const struct resource_kind *kind = resource_kind_of(route->target);
    *ret = false;
    if (!kind)
        return OK;
    void *record = arena_zalloc(c->arena, 1, kind->record->size);
    int error = resource_find(c, kind, route->target, record);
    if (error < 0 && error != -ENOENT)
        return refuse_errno(c, error, "reading a route's target");
    *ret = !error;
    if (kind == &internet_gateway_kind)
        *ret = !error && ((const struct stored_internet_gateway *)record)->vpc.at;
    return OK;
}

RESULT route_show(struct call *c, const struct stored_route *route, struct ec2_route *to)
{
    bool live;
    TRY(is_live(c, route, &live));
    to->destination_cidr_block = route->destination;
    to->origin = S("CreateRoute");
    to->state = live ? S("active") : S("blackhole");
    for (size_t i = 0; i < ARRAY_LEN(targets); i++)
        if (span_starts(route->target, targets[i].prefix))
            *struct_at(to, targets[i].member, struct span) = route->target;
    return OK;
}
