// SPDX-License-Identifier: Apache-2.0
/*
 * Requests out of a VPC: they come by a VPC endpoint, which leads to one service of one region.
 * What the endpoint is, is read once for each request, so that a change of its policy counts for
 * the next one. Loop thread.
 */
#include "gate/request.h"

#include "services/ec2/ec2.h"
#include "store/txn.h"

void inside_enter(struct request *r)
{
    struct call *c = &r->call;
    struct ec2_way *way = ARENA_NEW(c->arena, struct ec2_way);
    struct txn *txn = txn_begin(r->gate->config->cloud->store);
    int error = ec2_find_way(txn, r->gate->config->cloud, http_descriptor(r->x), c->arena, way);
    txn_rollback(txn);
    r->way = way;
    if (error)
        return; /* to an endpoint that is gone: inside_check refuses */
    c->endpoint = &way->endpoint;
    c->source_ip = way->address;
    if (!r->claim.region.len && !r->route.host_region.len)
        c->region = way->region;
}

/* Another service than the endpoint's is not behind its addresses. There AWS has no server that
 * could refuse in any form, so the words are ours. */
RESULT inside_check(struct request *r)
{
    static const struct error_kind denied = {.code = "AccessDenied", .status = 403};
    const struct ec2_way *way = r->way;
    if (!way)
        return OK;
    if (!r->call.endpoint)
        return refuse(&r->call, &denied, "The VPC endpoint is not available.");
    struct span wanted = span_of_cstr(r->call.service->name);
    bool leads = span_eq(way->services[0], wanted) || span_eq(way->services[1], wanted);
    if (!leads || !span_eq(way->region, r->call.region))
        return refuse(&r->call, &denied, "The VPC endpoint %.*s does not lead to this service.",
                      SPAN_ARG(way->endpoint.id));
    return OK;
}
