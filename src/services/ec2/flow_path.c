// SPDX-License-Identifier: Apache-2.0
/* The way that a packet of an interface takes, by its subnet's routes as they are now. Control
 * thread. */
#include "services/ec2/flow_path.h"

#include "services/ec2/association.h"
#include "services/ec2/cidr.h"
#include "services/ec2/interface.h"
#include "services/ec2/internet_gateway.h"
#include "services/ec2/nat_gateway.h"
#include "services/ec2/peering.h"
#include "services/ec2/route_table.h"
#include "services/ec2/vpc.h"

#include <errno.h>

enum FLOW_PATH {
    PATH_NONE,
    PATH_WITHIN = 1,   /* another resource of the same VPC */
    PATH_PEER = 4,     /* in the same region */
    PATH_FAR_PEER = 5, /* in another one */
    PATH_INTERNET = 8, /* an internet gateway, from an instance on Nitro, as all are here */
};

static RESULT table_of(struct call *c, const struct stored_interface *interface,
                       const struct stored_route_table **ret)
{
    struct resource_list tables;
    *ret = NULL;
    TRY(resource_list(c, &route_table_kind, WHERE(stored_route_table, vpc, interface->vpc),
                      &tables));
    for (size_t i = 0; i < tables.count; i++) {
        const struct stored_route_table *table = tables.at[i];
        bool own = association_of_subnet(&table->associations, interface->subnet) != SIZE_MAX;
        if (own || (!*ret && route_table_is_main(table)))
            *ret = table;
        if (own)
            return OK;
    }
    return OK;
}

static struct span longest(const struct stored_route_table *table, uint32_t target)
{
    struct span found = SPAN_NONE;
    uint32_t bits = 0;
    for (size_t i = 0; table && i < table->routes.count; i++) {
        struct cidr cidr = {0};
        if (!cidr_read(table->routes.at[i].destination, &cidr) || !cidr_has(cidr, target) ||
            (found.at && cidr.bits < bits))
            continue;
        found = table->routes.at[i].target;
        bits = cidr.bits;
    }
    return found;
}

static enum FLOW_PATH peer_path(struct call *c, struct span id)
{
    struct stored_peering peering;
    if (resource_find(c, &peering_kind, id, &peering) < 0)
        return PATH_NONE;
    return span_eq(peering.requester_region, peering.accepter_region) ? PATH_PEER : PATH_FAR_PEER;
}

RESULT flow_paths_read(struct call *c, const struct stored_interface *interface,
                       struct flow_paths *ret)
{
    *ret = (struct flow_paths){.c = c};
    int error = resource_find(c, &vpc_kind, interface->vpc, &ret->vpc);
    if (error < 0 && error != -ENOENT)
        return refuse_errno(c, error, "reading the VPC of an interface");
    return table_of(c, interface, &ret->table);
}

uint64_t flow_path_to(const struct flow_paths *paths, uint32_t target)
{
    for (size_t i = 0; i < paths->vpc.cidrs.count; i++)
        if (cidr_has(cidr_of(paths->vpc.cidrs.at[i].cidr), target))
            return PATH_WITHIN;
    struct span to = longest(paths->table, target);
    if (span_starts(to, internet_gateway_kind.prefix))
        return PATH_INTERNET;
    if (span_starts(to, nat_gateway_kind.prefix) || span_starts(to, interface_kind.prefix))
        return PATH_WITHIN;
    return span_starts(to, peering_kind.prefix) ? peer_path(paths->c, to) : PATH_NONE;
}
