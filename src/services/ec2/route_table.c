// SPDX-License-Identifier: Apache-2.0
/*
 * Route tables. The local routes of a table are the VPC's CIDR blocks and are not kept; the main
 * table is the one that has an association without a subnet. Control thread.
 */
#include "services/ec2/route_table.h"

#include "services/ec2/association.h"
#include "services/ec2/client_token.h"
#include "services/ec2/describe.h"
#include "services/ec2/route.h"
#include "services/ec2/tag.h"
#include "services/ec2/vpc.h"

#include <errno.h>

/* ---- the kind ----------------------------------------------------------------------------------
 */

static void show_associations(struct call *c, const struct stored_route_table *table,
                              struct ec2_route_table_association_list *to)
{
    to->count = table->associations.count;
    to->at = ARENA_ARRAY(c->arena, struct ec2_route_table_association, to->count);
    for (size_t i = 0; i < to->count; i++) {
        const struct stored_association *association = &table->associations.at[i];
        SET(&to->at[i], main, !association->subnet.at);
        to->at[i].route_table_association_id = association->id;
        to->at[i].route_table_id = table->id;
        to->at[i].subnet_id = association->subnet;
        to->at[i].association_state = ARENA_NEW(c->arena, struct ec2_route_table_association_state);
        to->at[i].association_state->state = S("associated");
    }
}

static RESULT show_routes(struct call *c, const struct stored_route_table *table,
                          struct ec2_route_list *to)
{
    struct stored_vpc vpc;
    int error = resource_find(c, &vpc_kind, table->vpc, &vpc);
    if (error < 0)
        return refuse_errno(c, error, "reading the VPC of a route table");
    to->at = ARENA_ARRAY(c->arena, struct ec2_route,
                         vpc.cidrs.count + vpc.cidrs6.count + table->routes.count);
    for (size_t i = 0; i < vpc.cidrs.count; i++)
        to->at[to->count++] = (struct ec2_route){.destination_cidr_block = vpc.cidrs.at[i].cidr,
                                                 .gateway_id = S("local"),
                                                 .origin = S("CreateRouteTable"),
                                                 .state = S("active")};
    for (size_t i = 0; i < vpc.cidrs6.count; i++)
        to->at[to->count++] =
            (struct ec2_route){.destination_ipv6_cidr_block = vpc.cidrs6.at[i].cidr,
                               .gateway_id = S("local"),
                               .origin = S("CreateRouteTable"),
                               .state = S("active")};
    for (size_t i = 0; i < table->routes.count; i++)
        TRY(route_show(c, &table->routes.at[i], &to->at[to->count++]));
    return OK;
}

static RESULT show(struct call *c, const void *record, void *shown)
{
    const struct stored_route_table *table = record;
    struct ec2_route_table *to = shown;
    to->owner_id = table->account;
    to->route_table_id = table->id;
    to->vpc_id = table->vpc;
    to->propagating_vgws.at = arena_alloc(c->arena, 0);
    show_associations(c, table, &to->associations);
    TRY(show_routes(c, table, &to->routes));
    return tag_list(c, table->id, &to->tags);
}

static const struct filter_name filters[] = {
    {"association.gateway-id", "Associations.GatewayId"},
    {"association.main", "Associations.Main"},
    {"association.route-table-association-id", "Associations.RouteTableAssociationId"},
    {"association.route-table-id", "Associations.RouteTableId"},
    {"association.subnet-id", "Associations.SubnetId"},
    {"owner-id", "OwnerId"},
    {"route-table-id", "RouteTableId"},
    {"route.destination-cidr-block", "Routes.DestinationCidrBlock"},
    {"route.destination-ipv6-cidr-block", "Routes.DestinationIpv6CidrBlock"},
    {"route.destination-prefix-list-id", "Routes.DestinationPrefixListId"},
    {"route.egress-only-internet-gateway-id", "Routes.EgressOnlyInternetGatewayId"},
    {"route.gateway-id", "Routes.GatewayId"},
    {"route.instance-id", "Routes.InstanceId"},
    {"route.nat-gateway-id", "Routes.NatGatewayId"},
    {"route.origin", "Routes.Origin"},
    {"route.state", "Routes.State"},
    {"route.transit-gateway-id", "Routes.TransitGatewayId"},
    {"route.vpc-peering-connection-id", "Routes.VpcPeeringConnectionId"},
    {"vpc-id", "VpcId"},
};

const struct resource_kind route_table_kind = {
    .prefix = S_INIT("rtb-"),
    .type = "route-table",
    .record = &stored_route_table_table,
    .vpc = offsetof(struct stored_route_table, vpc),
    .malformed = &EC2_INVALID_ROUTE_TABLE_ID_MALFORMED,
    .missing = &EC2_INVALID_ROUTE_TABLE_ID_NOT_FOUND,
    .missing_before = "The routeTable ID '",
    .missing_after = "' does not exist",
    .shown_size = sizeof(struct ec2_route_table),
    .show = show,
    .filters = {EC2_SHAPE_ROUTE_TABLE, filters, ARRAY_LEN(filters)},
};

RESULT ec2_describe_route_tables(struct call *c, const struct ec2_describe_route_tables_in *in,
                                 struct ec2_describe_route_tables_out *out)
{
    struct describe_found found;
    struct describe_asked asked = DESCRIBE_ASKED(in, route_table_ids);
    TRY(describe(c, &route_table_kind, &asked, &found));
    out->route_tables.at = found.at;
    out->route_tables.count = found.count;
    out->next_token = found.next_token;
    return OK;
}

/* ---- for the rest of the VPC -------------------------------------------------------------------
 */

bool route_table_is_main(const struct stored_route_table *table)
{
    for (size_t i = 0; i < table->associations.count; i++)
        if (!table->associations.at[i].subnet.at)
            return true;
    return false;
}

void route_table_new_main(struct call *c, struct span vpc)
{
    struct stored_association main = {.id = id_new(c, "rtbassoc-", 17)};
    struct stored_route_table table = {.vpc = vpc, .associations = {&main, 1}};
    resource_name(c, &route_table_kind, &table);
    resource_put(c, &route_table_kind, &table);
}

RESULT route_table_main(struct call *c, struct span vpc, struct stored_route_table **ret)
{
    struct resource_list tables;
    TRY(resource_list(c, &route_table_kind, WHERE(stored_route_table, vpc, vpc), &tables));
    for (size_t i = 0; i < tables.count; i++) {
        *ret = tables.at[i];
        if (route_table_is_main(*ret))
            return OK;
    }
    return refuse_errno(c, -EBADMSG, "looking for the main route table of %.*s", SPAN_ARG(vpc));
}

RESULT route_table_any_but_main(struct call *c, struct span vpc, bool *ret)
{
    struct resource_list tables;
    TRY(resource_list(c, &route_table_kind, WHERE(stored_route_table, vpc, vpc), &tables));
    *ret = tables.count > 1;
    return OK;
}

void route_table_add_route(struct call *c, struct stored_route_table *table,
                           const struct stored_route *route)
{
    struct stored_route_list *routes = &table->routes;
    routes->at = resource_widen(c, routes->at, routes->count, sizeof *routes->at);
    routes->at[routes->count++] = *route;
}

RESULT route_table_drop_subnet(struct call *c, struct span vpc, struct span subnet)
{
    struct resource_list tables;
    TRY(resource_list(c, &route_table_kind, WHERE(stored_route_table, vpc, vpc), &tables));
    for (size_t i = 0; i < tables.count; i++) {
        struct stored_route_table *table = tables.at[i];
        if (association_drop_subnet(&table->associations, subnet))
            resource_put(c, &route_table_kind, table);
    }
    return OK;
}

/* ---- the operations ----------------------------------------------------------------------------
 */

RESULT ec2_create_route_table(struct call *c, const struct ec2_create_route_table_in *in,
                              struct ec2_create_route_table_out *out)
{
    struct span made;
    struct stored_vpc vpc;
    struct stored_route_table table = {0};
    TRY(client_token_find(c, in, in->client_token, &made));
    if (made.at) {
        TRY(resource_get(c, &route_table_kind, made, &table));
    } else {
        TRY(resource_get(c, &vpc_kind, in->vpc_id, &vpc));
        table.vpc = vpc.id;
        resource_name(c, &route_table_kind, &table);
        resource_put(c, &route_table_kind, &table);
        TRY(tag_new(c, &route_table_kind, table.id, &in->tag_specifications));
        client_token_keep(c, in, in->client_token, table.id);
    }
    out->client_token = in->client_token;
    out->route_table = ARENA_NEW(c->arena, struct ec2_route_table);
    return show(c, &table, out->route_table);
}

RESULT ec2_delete_route_table(struct call *c, const struct ec2_delete_route_table_in *in,
                              struct ec2_delete_route_table_out *out)
{
    struct stored_route_table table;
    TRY(resource_get(c, &route_table_kind, in->route_table_id, &table));
    if (table.associations.count)
        return resource_in_use(c, "routeTable", table.id);
    resource_drop(c, &route_table_kind, &table);
    return OK;
}
