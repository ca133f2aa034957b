// SPDX-License-Identifier: Apache-2.0
/* CreateRoute, ReplaceRoute, DeleteRoute, and what a route leads to. Control thread. */
#include "services/ec2/route.h"

#include "services/ec2/cidr6.h"
#include "services/ec2/egress_gateway.h"
#include "services/ec2/endpoint.h"
#include "services/ec2/interface.h"
#include "services/ec2/internet_gateway.h"
#include "services/ec2/nat_gateway.h"
#include "services/ec2/peering.h"
#include "services/ec2/prefix_list.h"
#include "services/ec2/route_table.h"
#include "services/ec2/vpc.h"

#include <errno.h>

#define ROUTES_MAX 500

/* ---- targets -----------------------------------------------------------------------------------
 */

static bool gateway_forwards(const void *record)
{
    return ((const struct stored_internet_gateway *)record)->vpc.at != NULL;
}

static bool egress_forwards(const void *record)
{
    return true;
}

static bool nat_forwards(const void *record)
{
    return ((const struct stored_nat_gateway *)record)->state == NAT_AVAILABLE;
}

static bool endpoint_forwards(const void *record)
{
    return ((const struct stored_endpoint *)record)->state == ENDPOINT_AVAILABLE;
}

static bool interface_forwards(const void *record)
{
    const struct stored_attachment *attachment =
        ((const struct stored_interface *)record)->attachment;
    return attachment && attachment->state == ATTACHMENT_ATTACHED;
}

static bool peering_forwards(const void *record)
{
    return ((const struct stored_peering *)record)->state == PEERING_ACTIVE;
}

/* What routes lead to: the member that tells it, whether it forwards, and how a refusal calls it.
 */
static const struct target {
    const struct resource_kind *kind;
    size_t member;
    bool (*forwards)(const void *record);
    const char *noun;
} targets[] = {
    {&internet_gateway_kind, offsetof(struct ec2_route, gateway_id), gateway_forwards,
     "network gateway"},
    {&egress_gateway_kind, offsetof(struct ec2_route, egress_only_internet_gateway_id),
     egress_forwards, "egress-only internet gateway"},
    {&nat_gateway_kind, offsetof(struct ec2_route, nat_gateway_id), nat_forwards, "nat gateway"},
    {&interface_kind, offsetof(struct ec2_route, network_interface_id), interface_forwards,
     "interface"},
    {&peering_kind, offsetof(struct ec2_route, vpc_peering_connection_id), peering_forwards,
     "vpc peering connection"},
    {&endpoint_kind, offsetof(struct ec2_route, gateway_id), endpoint_forwards, "vpc endpoint"},
};

static const struct target *target_of(struct span id)
{
    for (size_t i = 0; i < ARRAY_LEN(targets); i++)
        if (span_starts(id, targets[i].kind->prefix))
            return &targets[i];
    return NULL;
}

bool route_is_six(const struct stored_route *route)
{
    return memchr(route->destination.at, ':', route->destination.len) != NULL;
}

RESULT route_is_live(struct call *c, const struct stored_route *route, bool *ret)
{
    const struct target *target = target_of(route->target);
    *ret = false;
    if (!target)
        return OK;
    void *record = arena_zalloc(c->arena, 1, target->kind->record->size);
    int error = resource_find(c, target->kind, route->target, record);
    if (error < 0 && error != -ENOENT)
        return refuse_errno(c, error, "reading a route's target");
    *ret = !error && target->forwards(record);
    return OK;
}

RESULT route_show(struct call *c, const struct stored_route *route, struct ec2_route *to)
{
    bool live;
    const struct target *target = target_of(route->target);
    TRY(route_is_live(c, route, &live));
    if (span_starts(route->destination, prefix_list_kind.prefix))
        to->destination_prefix_list_id = route->destination;
    else if (route_is_six(route))
        to->destination_ipv6_cidr_block = route->destination;
    else
        to->destination_cidr_block = route->destination;
    to->origin = S("CreateRoute");
    to->state = live ? S("active") : S("blackhole");
    to->instance_id = route->instance;
    if (route->instance.at)
        to->instance_owner_id = c->account;
    if (target)
        *struct_at(to, target->member, struct span) = route->target;
    return OK;
}

/* ---- what is asked for -------------------------------------------------------------------------
 */

/* CreateRoute's members; ReplaceRoute has the same ones. */
struct wish {
    struct span destination, ipv6_destination, prefix_list;
    struct span gateway, egress_gateway, nat_gateway, interface, instance, peering;
    bool unbuilt; /* leads to something else */
};

#define WISH_OF(in)                                                                                \
    {                                                                                              \
        .destination = (in)->destination_cidr_block,                                               \
        .ipv6_destination = (in)->destination_ipv6_cidr_block,                                     \
        .prefix_list = (in)->destination_prefix_list_id, .gateway = (in)->gateway_id,              \
        .egress_gateway = (in)->egress_only_internet_gateway_id,                                   \
        .nat_gateway = (in)->nat_gateway_id, .interface = (in)->network_interface_id,              \
        .instance = (in)->instance_id, .peering = (in)->vpc_peering_connection_id,                 \
        .unbuilt = (in)->vpc_endpoint_id.at || (in)->transit_gateway_id.at ||                      \
                   (in)->local_gateway_id.at || (in)->carrier_gateway_id.at ||                     \
                   (in)->core_network_arn.at || (in)->odb_network_arn.at,                          \
    }

static RESULT malformed(struct call *c, const char *parameter, struct span text)
{
    return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                  "Value (%.*s) for parameter %s is invalid. This is not a valid CIDR block.",
                  SPAN_ARG(text), parameter);
}

/* Of either kind, as EC2 tells it. */
static RESULT read_destination(struct call *c, const struct wish *wish, struct span *ret)
{
    struct cidr cidr;
    if (wish->prefix_list.at)
        return resource_not_built(c, "A route to a prefix list");
    if (wish->destination.at && wish->ipv6_destination.at)
        return refuse(c, &EC2_INVALID_PARAMETER_COMBINATION,
                      "The parameter destinationIpv6CidrBlock cannot be used with the parameter "
                      "destinationCidrBlock");
    if (wish->ipv6_destination.at)
        return cidr6_read(c->arena, wish->ipv6_destination, ret)
                   ? OK
                   : malformed(c, "destinationIpv6CidrBlock", wish->ipv6_destination);
    if (!wish->destination.at)
        return refuse(c, &EC2_MISSING_PARAMETER,
                      "The request must contain the parameter destinationCidrBlock");
    if (!cidr_read(wish->destination, &cidr))
        return malformed(c, "destinationCidrBlock", wish->destination);
    *ret = cidr_text(c->arena, cidr);
    return OK;
}

static RESULT find_instance(struct call *c, const struct wish *wish, struct stored_route *ret)
{
    struct stored_interface *interface;
    TRY(interface_of_instance(c, wish->instance, 0, &interface));
    if (!interface)
        return refuse(c, &EC2_INVALID_INSTANCE_ID_NOT_FOUND,
                      "The instance ID '%.*s' does not exist", SPAN_ARG(wish->instance));
    ret->target = interface->id;
    ret->instance = wish->instance;
    return OK;
}

static RESULT read_target(struct call *c, const struct wish *wish, struct stored_route *ret)
{
    const struct span named[] = {wish->gateway,   wish->egress_gateway, wish->nat_gateway,
                                 wish->interface, wish->instance,       wish->peering};
    size_t given = 0;
    if (wish->unbuilt)
        return resource_not_built(c, "A route to this kind of target");
    for (size_t i = 0; i < ARRAY_LEN(named); i++)
        if (named[i].at) {
            ret->target = named[i];
            given++;
        }
    if (given != 1)
        return refuse(c, given ? &EC2_INVALID_PARAMETER_COMBINATION : &EC2_MISSING_PARAMETER,
                      "The request must contain exactly one of gatewayId, natGatewayId, "
                      "networkInterfaceId, egressOnlyInternetGatewayId, instanceId, "
                      "vpcPeeringConnectionId");
    if (wish->nat_gateway.at && route_is_six(ret))
        return resource_not_built(c, "NAT64");
    if (wish->egress_gateway.at && !route_is_six(ret))
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Egress-only internet gateway %.*s can only be the target of an IPv6 route",
                      SPAN_ARG(wish->egress_gateway));
    if (wish->gateway.at && !span_starts(wish->gateway, S("igw-")))
        return resource_not_built(c, "A route to this kind of gateway");
    return wish->instance.at ? find_instance(c, wish, ret) : OK;
}

/* A peering connection is in both VPCs. One that waits for acceptance may be routed to: "Update
 * your route tables for a VPC peering connection". */
static bool is_in(const struct target *target, const void *record, struct span vpc)
{
    return target->kind == &peering_kind
               ? peering_is_of(record, vpc)
               : span_eq(*const_struct_at(record, target->kind->vpc, struct span), vpc);
}

/* It is there, and in the table's VPC. */
static RESULT check_target(struct call *c, const struct stored_route_table *table,
                           const struct stored_route *route)
{
    const struct target *target = target_of(route->target);
    if (!target)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE, "Invalid route target: %.*s",
                      SPAN_ARG(route->target));
    void *record = arena_zalloc(c->arena, 1, target->kind->record->size);
    TRY(resource_get(c, target->kind, route->target, record));
    if (!is_in(target, record, table->vpc))
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "route table %.*s and %s %.*s belong to different networks",
                      SPAN_ARG(table->id), target->noun, SPAN_ARG(route->target));
    return OK;
}

/* Equal to one of the blocks. */
static bool is_block(const struct stored_vpc_cidr_list *cidrs, struct span destination)
{
    for (size_t i = 0; i < cidrs->count; i++)
        if (span_eq(cidrs->at[i].cidr, destination))
            return true;
    return false;
}

static bool lies_within(const struct stored_vpc *vpc, const struct stored_route *route)
{
    struct cidr6 cidr;
    if (!route_is_six(route))
        return vpc_has(vpc, cidr_of(route->destination));
    cidr = cidr6_of(route->destination);
    for (size_t i = 0; i < vpc->cidrs6.count; i++) {
        struct cidr6 block = cidr6_of(vpc->cidrs6.at[i].cidr);
        if (cidr6_contains(&block, &cidr))
            return true;
    }
    return false;
}

/* Within the VPC only an interface may be put in between. */
static RESULT check_local(struct call *c, const struct stored_route_table *table,
                          const struct stored_route *route)
{
    struct stored_vpc vpc;
    TRY(resource_get(c, &vpc_kind, table->vpc, &vpc));
    if (is_block(&vpc.cidrs, route->destination) || is_block(&vpc.cidrs6, route->destination))
        return refuse(c, &EC2_ROUTE_ALREADY_EXISTS, "The route identified by %.*s already exists.",
                      SPAN_ARG(route->destination));
    if (lies_within(&vpc, route) && !span_starts(route->target, interface_kind.prefix))
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "The destination CIDR block %.*s is equal to or more specific than one of "
                      "this VPC's CIDR blocks. This route can target only an interface or an "
                      "instance.",
                      SPAN_ARG(route->destination));
    return OK;
}

static size_t find_route(const struct stored_route_table *table, struct span destination)
{
    for (size_t i = 0; i < table->routes.count; i++)
        if (span_eq(table->routes.at[i].destination, destination))
            return i;
    return SIZE_MAX;
}

static RESULT read_route(struct call *c, struct span table_id, const struct wish *wish,
                         struct stored_route_table *ret_table, struct stored_route *ret)
{
    *ret = (struct stored_route){0};
    TRY(read_destination(c, wish, &ret->destination));
    TRY(read_target(c, wish, ret));
    TRY(resource_get(c, &route_table_kind, table_id, ret_table));
    TRY(check_local(c, ret_table, ret));
    return check_target(c, ret_table, ret);
}

/* ---- the operations ----------------------------------------------------------------------------
 */

RESULT ec2_create_route(struct call *c, const struct ec2_create_route_in *in,
                        struct ec2_create_route_out *out)
{
    const struct wish wish = WISH_OF(in);
    struct stored_route_table table;
    struct stored_route route;
    TRY(read_route(c, in->route_table_id, &wish, &table, &route));
    if (find_route(&table, route.destination) != SIZE_MAX)
        return refuse(c, &EC2_ROUTE_ALREADY_EXISTS, "The route identified by %.*s already exists.",
                      SPAN_ARG(route.destination));
    if (table.routes.count >= ROUTES_MAX)
        return refuse(c, &EC2_ROUTE_LIMIT_EXCEEDED,
                      "The maximum number of routes has been reached for route table %.*s",
                      SPAN_ARG(table.id));
    route_table_add_route(c, &table, &route);
    resource_put(c, &route_table_kind, &table);
    SET(out, return_, true);
    return OK;
}

RESULT ec2_replace_route(struct call *c, const struct ec2_replace_route_in *in,
                         struct ec2_replace_route_out *out)
{
    const struct wish wish = WISH_OF(in);
    struct stored_route_table table;
    struct stored_route route;
    if (in->local_target)
        return resource_not_built(c, "LocalTarget");
    TRY(read_route(c, in->route_table_id, &wish, &table, &route));
    size_t index = find_route(&table, route.destination);
    if (index == SIZE_MAX)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "There is no route defined for '%.*s' in the route table. Use CreateRoute "
                      "instead.",
                      SPAN_ARG(route.destination));
    table.routes.at[index] = route;
    resource_put(c, &route_table_kind, &table);
    return OK;
}

/* Such routes come and go with their endpoint. */
static RESULT check_no_endpoint(struct call *c, struct span table_id, struct span prefix_list)
{
    struct stored_route_table table;
    TRY(resource_get(c, &route_table_kind, table_id, &table));
    if (find_route(&table, prefix_list) != SIZE_MAX)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "cannot remove VPC endpoint route %.*s in route table %.*s",
                      SPAN_ARG(prefix_list), SPAN_ARG(table.id));
    return OK;
}

RESULT ec2_delete_route(struct call *c, const struct ec2_delete_route_in *in,
                        struct ec2_delete_route_out *out)
{
    struct span destination;
    struct stored_vpc vpc;
    struct stored_route_table table;
    if (in->destination_prefix_list_id.at)
        TRY(check_no_endpoint(c, in->route_table_id, in->destination_prefix_list_id));
    const struct wish wish = {.destination = in->destination_cidr_block,
                              .ipv6_destination = in->destination_ipv6_cidr_block,
                              .prefix_list = in->destination_prefix_list_id};
    TRY(read_destination(c, &wish, &destination));
    TRY(resource_get(c, &route_table_kind, in->route_table_id, &table));
    TRY(resource_get(c, &vpc_kind, table.vpc, &vpc));
    size_t index = find_route(&table, destination);
    if (is_block(&vpc.cidrs, destination) || is_block(&vpc.cidrs6, destination))
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "cannot remove local route %.*s in route table %.*s", SPAN_ARG(destination),
                      SPAN_ARG(table.id));
    if (index == SIZE_MAX)
        return refuse(c, &EC2_INVALID_ROUTE_NOT_FOUND,
                      "no route with destination-%scidr-block %.*s in route table %.*s",
                      in->destination_ipv6_cidr_block.at ? "ipv6-" : "", SPAN_ARG(destination),
                      SPAN_ARG(table.id));
    struct stored_route_list *routes = &table.routes;
    routes->count--;
    memmove(&routes->at[index], &routes->at[index + 1],
            (routes->count - index) * sizeof *routes->at);
    resource_put(c, &route_table_kind, &table);
    return OK;
}
