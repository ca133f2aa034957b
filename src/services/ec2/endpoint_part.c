// SPDX-License-Identifier: Apache-2.0
/* Routes and interfaces of VPC endpoints. Control thread. */
#include "services/ec2/endpoint.h"
#include "services/ec2/interface.h"
#include "services/ec2/managed_prefix.h"
#include "services/ec2/route_table.h"

#include "base/id.h"

/* ---- routes ------------------------------------------------------------------------------------
 */

static struct span destination_of(struct call *c, const struct stored_endpoint *endpoint)
{
    const struct endpoint_service *service = endpoint_service_named(c->region, endpoint->service);
    return managed_prefix_id(c->arena, c->region, service->label);
}

static size_t find_route(const struct stored_route_table *table, struct span destination)
{
    for (size_t i = 0; i < table->routes.count; i++)
        if (span_eq(table->routes.at[i].destination, destination))
            return i;
    return SIZE_MAX;
}

RESULT endpoint_add_route(struct call *c, const struct stored_endpoint *endpoint,
                          struct span table_id)
{
    struct stored_route_table table;
    const struct stored_route route = {.destination = destination_of(c, endpoint),
                                       .target = endpoint->id};
    TRY(resource_get(c, &route_table_kind, table_id, &table));
    if (!span_eq(table.vpc, endpoint->vpc))
        return refuse(c, &EC2_INVALID_PARAMETER,
                      "Route table %.*s and VPC endpoint %.*s belong to different networks",
                      SPAN_ARG(table.id), SPAN_ARG(endpoint->id));
    if (find_route(&table, route.destination) != SIZE_MAX)
        return refuse(c, &EC2_ROUTE_ALREADY_EXISTS,
                      "route table %.*s already has a route with destination-prefix-list-id %.*s",
                      SPAN_ARG(table.id), SPAN_ARG(route.destination));
    route_table_add_route(c, &table, &route);
    resource_put(c, &route_table_kind, &table);
    return OK;
}

static bool drop_route(struct call *c, const struct stored_endpoint *endpoint,
                       struct stored_route_table *table)
{
    struct stored_route_list *routes = &table->routes;
    for (size_t i = 0; i < routes->count; i++) {
        if (!span_eq(routes->at[i].target, endpoint->id))
            continue;
        routes->count--;
        memmove(&routes->at[i], &routes->at[i + 1], (routes->count - i) * sizeof *routes->at);
        resource_put(c, &route_table_kind, table);
        return true;
    }
    return false;
}

RESULT endpoint_remove_route(struct call *c, const struct stored_endpoint *endpoint,
                             struct span table_id)
{
    struct stored_route_table table;
    TRY(resource_get(c, &route_table_kind, table_id, &table));
    if (!drop_route(c, endpoint, &table))
        return refuse(c, &EC2_INVALID_ROUTE_NOT_FOUND,
                      "Route table %.*s has no route to VPC endpoint %.*s", SPAN_ARG(table.id),
                      SPAN_ARG(endpoint->id));
    return OK;
}

RESULT endpoint_remove_all_routes(struct call *c, const struct stored_endpoint *endpoint)
{
    struct resource_list tables;
    TRY(resource_list(c, &route_table_kind, WHERE(stored_route_table, vpc, endpoint->vpc),
                      &tables));
    for (size_t i = 0; i < tables.count; i++)
        drop_route(c, endpoint, tables.at[i]);
    return OK;
}

/* ---- interfaces --------------------------------------------------------------------------------
 */

/* One for each zone. */
static RESULT check_zone(struct call *c, const struct stored_endpoint *endpoint,
                         const struct stored_subnet *subnet)
{
    struct stored_subnet other;
    for (size_t i = 0; i < endpoint->subnets.count; i++) {
        TRY(resource_get(c, &subnet_kind, endpoint->subnets.at[i].subnet, &other));
        if (span_eq(other.zone, subnet->zone))
            return refuse(c, &EC2_DUPLICATE_SUBNETS_IN_SAME_ZONE,
                          "Found another VPC endpoint subnet in the availability zone of %.*s. VPC "
                          "endpoint subnets should be in different availability zones supported "
                          "by the VPC endpoint service.",
                          SPAN_ARG(subnet->id));
    }
    return OK;
}

static RESULT read_address(struct call *c, const struct endpoint_subnet_wish *wish, uint32_t *ret)
{
    const struct ec2_subnet_configurations_list *list = wish->configurations;
    *ret = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (!span_eq(list->at[i].subnet_id, wish->subnet))
            continue;
        if (list->at[i].ipv6.at)
            return resource_not_built(c, "An IPv6 address of a VPC endpoint");
        if (list->at[i].ipv4.at && !cidr_read_address(list->at[i].ipv4, ret))
            return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                          "Value (%.*s) for parameter Ipv4 is invalid. Invalid IPv4 address.",
                          SPAN_ARG(list->at[i].ipv4));
    }
    return OK;
}

static RESULT make_interface(struct call *c, const struct stored_endpoint *endpoint,
                             const struct stored_subnet *subnet, uint32_t address,
                             struct stored_interface *ret)
{
    const struct interface_wish wish = {
        .subnet = subnet,
        .description =
            arena_printf(c->arena, "VPC Endpoint Interface %.*s", SPAN_ARG(endpoint->id)),
        .groups = endpoint->groups.at,
        .group_count = endpoint->groups.count,
        .addresses = &address,
        .address_count = 1,
        .type = ENDPOINT_INTERFACE_TYPE,
        .requester = S("727180483921"), /* as told by AWS for such interfaces */
    };
    TRY(interface_new(c, &wish, ret));
    interface_attach_managed(c, ret);
    return OK;
}

RESULT endpoint_add_subnet(struct call *c, struct stored_endpoint *endpoint,
                           const struct endpoint_subnet_wish *wish)
{
    uint32_t address;
    struct stored_subnet subnet;
    struct stored_interface interface;
    struct stored_endpoint_subnet_list *subnets = &endpoint->subnets;
    TRY(resource_get(c, &subnet_kind, wish->subnet, &subnet));
    if (!span_eq(subnet.vpc, endpoint->vpc))
        return refuse(c, &EC2_INVALID_PARAMETER,
                      "Subnet %.*s and VPC %.*s belong to different networks", SPAN_ARG(subnet.id),
                      SPAN_ARG(endpoint->vpc));
    TRY(check_zone(c, endpoint, &subnet));
    TRY(read_address(c, wish, &address));
    TRY(make_interface(c, endpoint, &subnet, address, &interface));
    subnets->at = resource_widen(c, subnets->at, subnets->count, sizeof *subnets->at);
    subnets->at[subnets->count++] =
        (struct stored_endpoint_subnet){.subnet = subnet.id, .interface = interface.id};
    return OK;
}

static RESULT drop_interface(struct call *c, struct span id)
{
    struct stored_interface interface;
    TRY(resource_get(c, &interface_kind, id, &interface));
    return interface_drop(c, &interface);
}

RESULT endpoint_remove_subnet(struct call *c, struct stored_endpoint *endpoint,
                              struct span subnet_id)
{
    struct stored_endpoint_subnet_list *subnets = &endpoint->subnets;
    for (size_t i = 0; i < subnets->count; i++) {
        if (!span_eq(subnets->at[i].subnet, subnet_id))
            continue;
        TRY(drop_interface(c, subnets->at[i].interface));
        subnets->count--;
        memmove(&subnets->at[i], &subnets->at[i + 1], (subnets->count - i) * sizeof *subnets->at);
        return OK;
    }
    return refuse(c, &EC2_INVALID_SUBNET_ID_NOT_FOUND,
                  "The subnet ID '%.*s' does not exist in VPC endpoint %.*s", SPAN_ARG(subnet_id),
                  SPAN_ARG(endpoint->id));
}

RESULT endpoint_regroup(struct call *c, const struct stored_endpoint *endpoint)
{
    struct stored_interface interface;
    for (size_t i = 0; i < endpoint->subnets.count; i++) {
        TRY(resource_get(c, &interface_kind, endpoint->subnets.at[i].interface, &interface));
        interface.groups = endpoint->groups;
        resource_put(c, &interface_kind, &interface);
    }
    return OK;
}

RESULT endpoint_drop_interfaces(struct call *c, struct stored_endpoint *endpoint)
{
    for (size_t i = 0; i < endpoint->subnets.count; i++)
        TRY(drop_interface(c, endpoint->subnets.at[i].interface));
    endpoint->subnets.count = 0;
    return OK;
}
