// SPDX-License-Identifier: Apache-2.0
/*
 * Plans of VPCs. Each subnet gets a route table of its own in the fabric, filled from the one that
 * it asks here. A gateway's own interface is not told of: packets reach the gateway by routes, and
 * answers by its addresses. Control thread, but for network_plan_apply.
 */
#include "services/ec2/network_plan.h"

#include "engines/fabric/bpf/sizes.h"
#include "services/ec2/association.h"
#include "services/ec2/cidr.h"
#include "services/ec2/cidr6.h"
#include "services/ec2/egress_gateway.h"
#include "services/ec2/endpoint.h"
#include "services/ec2/flow_log.h"
#include "services/ec2/group_association.h"
#include "services/ec2/instance.h"
#include "services/ec2/instance_type.h"
#include "services/ec2/interface.h"
#include "services/ec2/internet_gateway.h"
#include "services/ec2/nat_gateway.h"
#include "services/ec2/network.h"
#include "services/ec2/network_acl.h"
#include "services/ec2/network_rules.h"
#include "services/ec2/number.h"
#include "services/ec2/peering.h"
#include "services/ec2/prefix_list.h"
#include "services/ec2/public_access.h"
#include "services/ec2/route.h"
#include "services/ec2/route_table.h"
#include "services/ec2/subnet.h"
#include "services/ec2/vpc.h"

#include <arpa/inet.h>
#include <errno.h>

/* All records of a VPC. */
struct inside {
    struct call *c;
    struct stored_vpc vpc;
    struct resource_list subnets, tables, acls, groups, interfaces, gateways;
    struct resource_list flow_logs, endpoints;
    struct resource_list members; /* interfaces that groups may be named for: peers' too */
};

/* Those of VPCs in the same region that have an active peering connection with this one. */
static RESULT read_members(struct inside *in)
{
    struct peering_peers peers;
    TRY(peering_peers(in->c, in->vpc.id, &peers));
    in->members = in->interfaces;
    for (size_t i = 0; i < peers.count; i++) {
        struct resource_list more;
        struct call as = peering_call(in->c, &peers.at[i]);
        if (!span_eq(as.region, in->c->region))
            continue;
        TRY(resource_list(&as, &interface_kind, WHERE(stored_interface, vpc, peers.at[i].vpc),
                          &more));
        void **both = ARENA_ARRAY(in->c->arena, void *, in->members.count + more.count);
        for (size_t j = 0; j < in->members.count + more.count; j++)
            both[j] = j < in->members.count ? in->members.at[j] : more.at[j - in->members.count];
        in->members = (struct resource_list){both, in->members.count + more.count};
    }
    return OK;
}

static RESULT read_inside(struct call *c, struct span vpc, struct inside *ret)
{
    const struct {
        const struct resource_kind *kind;
        struct resource_list *list;
    } lists[] = {
        {&subnet_kind, &ret->subnets},       {&route_table_kind, &ret->tables},
        {&network_acl_kind, &ret->acls},     {&interface_kind, &ret->interfaces},
        {&nat_gateway_kind, &ret->gateways}, {&flow_log_kind, &ret->flow_logs},
        {&endpoint_kind, &ret->endpoints},
    };
    ret->c = c;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        const struct resource_where where = {lists[i].kind->vpc, vpc};
        TRY(resource_list(c, lists[i].kind, &where, lists[i].list));
    }
    TRY(group_association_groups(c, vpc, &ret->groups));
    return read_members(ret);
}

/* ---- routes ------------------------------------------------------------------------------------
 */

static RESULT plan_peer(struct inside *in, struct span id, struct fab_route *to)
{
    struct stored_peering peering;
    int error = resource_find(in->c, &peering_kind, id, &peering);
    if (error)
        return refuse_errno(in->c, error, "reading a route's peering connection");
    TRY(number_find(in->c, peering_peer_of(&peering, in->vpc.id).vpc, &to->number));
    if (to->number)
        to->kind = FAB_ROUTE_PEER;
    return OK;
}

/* Where it leads. */
static RESULT plan_target(struct inside *in, const struct stored_route *route, struct fab_route *to)
{
    bool live;
    *to = (struct fab_route){FAB_ROUTE_BLACKHOLE, 0};
    TRY(route_is_live(in->c, route, &live));
    if (!live)
        return OK;
    if (span_starts(route->target, peering_kind.prefix))
        return plan_peer(in, route->target, to);
    TRY(number_find(in->c, route->target, &to->number));
    if (span_starts(route->target, internet_gateway_kind.prefix))
        to->kind = FAB_ROUTE_INTERNET;
    else if (span_starts(route->target, egress_gateway_kind.prefix))
        to->kind = FAB_ROUTE_EGRESS;
    else if (to->number && span_starts(route->target, nat_gateway_kind.prefix))
        to->kind = FAB_ROUTE_GATEWAY;
    else if (to->number && span_starts(route->target, interface_kind.prefix))
        to->kind = FAB_ROUTE_INTERFACE;
    return OK;
}

/* To a gateway endpoint: by the addresses of its service. */
static RESULT plan_endpoint_route(struct inside *in, const struct stored_route *route,
                                  struct plan_subnet *to)
{
    uint32_t number;
    struct cidr cidr;
    struct stored_prefix_list list;
    struct stored_prefix_entry_list entries;
    TRY(resource_get(in->c, &prefix_list_kind, route->destination, &list));
    TRY(prefix_list_entries(in->c, &list, list.version, &entries));
    TRY(number_find(in->c, route->target, &number));
    if (!entries.count || !cidr_read(entries.at[0].cidr, &cidr) || !number)
        return refuse_errno(in->c, -EBADMSG, "reading the route to %.*s", SPAN_ARG(route->target));
    to->routes[to->route_count++] = (struct fabric_route){
        htonl(cidr.address), cidr.bits, FAB_ROUTE_SERVICE, NETWORK_ENDPOINTS + number};
    return OK;
}

static struct fab_ip6 ip6_of(const uint8_t address[16])
{
    struct fab_ip6 to;
    memcpy(&to, address, sizeof to);
    return to;
}

static RESULT plan_route(struct inside *in, const struct stored_route *route,
                         struct plan_subnet *to)
{
    struct fab_route target;
    TRY(plan_target(in, route, &target));
    if (route_is_six(route)) {
        struct cidr6 cidr = cidr6_of(route->destination);
        to->routes6[to->route6_count++] = (struct fabric_route6){
            ip6_of(cidr.address), cidr.bits, (enum FAB_ROUTE)target.kind, target.number};
    } else {
        struct cidr cidr = cidr_of(route->destination);
        to->routes[to->route_count++] = (struct fabric_route){
            htonl(cidr.address), cidr.bits, (enum FAB_ROUTE)target.kind, target.number};
    }
    return OK;
}

static const struct stored_route_table *table_of(const struct inside *in, struct span subnet)
{
    const struct stored_route_table *main = NULL;
    for (size_t i = 0; i < in->tables.count; i++) {
        const struct stored_route_table *table = in->tables.at[i];
        if (association_of_subnet(&table->associations, subnet) != SIZE_MAX)
            return table;
        if (route_table_is_main(table))
            main = table;
    }
    return main;
}

static RESULT plan_routes(struct inside *in, struct span subnet, struct plan_subnet *to)
{
    const struct stored_route_table *table = table_of(in, subnet);
    const struct stored_vpc_cidr_list *cidrs = &in->vpc.cidrs, *cidrs6 = &in->vpc.cidrs6;
    size_t count = table ? table->routes.count : 0;
    to->routes = ARENA_ARRAY(in->c->arena, struct fabric_route, cidrs->count + count);
    to->routes6 = ARENA_ARRAY(in->c->arena, struct fabric_route6, cidrs6->count + count);
    for (size_t i = 0; i < cidrs->count; i++) {
        struct cidr cidr = cidr_of(cidrs->at[i].cidr);
        to->routes[to->route_count++] =
            (struct fabric_route){htonl(cidr.address), cidr.bits, FAB_ROUTE_LOCAL, 0};
    }
    for (size_t i = 0; i < cidrs6->count; i++) {
        struct cidr6 cidr = cidr6_of(cidrs6->at[i].cidr);
        to->routes6[to->route6_count++] =
            (struct fabric_route6){ip6_of(cidr.address), cidr.bits, FAB_ROUTE_LOCAL, 0};
    }
    for (size_t i = 0; i < count; i++) {
        const struct stored_route *route = &table->routes.at[i];
        bool endpoint = span_starts(route->target, endpoint_kind.prefix);
        TRY((endpoint ? plan_endpoint_route : plan_route)(in, route, to));
    }
    return OK;
}

/* ---- subnets -----------------------------------------------------------------------------------
 */

static const struct stored_network_acl *acl_of(const struct inside *in, struct span subnet)
{
    static const struct stored_network_acl none;
    for (size_t i = 0; i < in->acls.count; i++) {
        const struct stored_network_acl *acl = in->acls.at[i];
        if (association_of_subnet(&acl->associations, subnet) != SIZE_MAX)
            return acl;
    }
    return &none;
}

/* "Block public access to VPCs and subnets": both modes shut the internet gateway, and ingress
 * alone leaves what only answers come in by. What a translating gateway may counts where the
 * gateway is. */
static RESULT plan_shut(struct inside *in, const struct stored_subnet *subnet, uint32_t *ret)
{
    struct span mode;
    TRY(public_access_mode(in->c, subnet->vpc, subnet->id, &mode));
    if (span_eq(mode, S("block-bidirectional")))
        *ret = FAB_SHUT_DIRECT | FAB_SHUT_BEHIND;
    else if (span_eq(mode, S("block-ingress")))
        *ret = FAB_SHUT_DIRECT;
    return OK;
}

static RESULT plan_subnets(struct inside *in, struct network_plan *plan)
{
    plan->subnets = ARENA_ARRAY(in->c->arena, struct plan_subnet, in->subnets.count);
    for (size_t i = 0; i < in->subnets.count; i++) {
        const struct stored_subnet *subnet = in->subnets.at[i];
        struct plan_subnet *to = &plan->subnets[plan->subnet_count];
        struct cidr cidr = cidr_of(subnet->cidr);
        const struct stored_network_acl *acl = acl_of(in, subnet->id);
        struct network_rules out = network_rules_of_acl(in->c, acl, DIRECTION_OUT);
        struct network_rules ins = network_rules_of_acl(in->c, acl, DIRECTION_IN);
        TRY(number_find(in->c, subnet->id, &to->number));
        if (!to->number)
            continue;
        to->subnet = (struct fabric_subnet){
            .network = plan->network,
            .address = htonl(cidr.address),
            .mask = htonl(cidr_mask(cidr.bits)),
            .routes = to->number,
            .out = out.four,
            .in = ins.four,
            .out6 = out.six,
            .in6 = ins.six,
        };
        TRY(plan_shut(in, subnet, &to->subnet.shut));
        if (subnet->cidr6)
            to->subnet.address6 = ip6_of(cidr6_of(subnet->cidr6->cidr).address);
        TRY(plan_routes(in, subnet->id, to));
        plan->subnet_count++;
    }
    return OK;
}

/* ---- interfaces --------------------------------------------------------------------------------
 */

static void read_mac(struct span text, uint8_t to[6])
{
    unsigned value = 0;
    for (size_t i = 0, digits = 0; i < text.len; i++) {
        if (text.at[i] == ':')
            continue;
        value =
            value << 4 | (unsigned)(text.at[i] <= '9' ? text.at[i] - '0' : text.at[i] - 'a' + 10);
        if (++digits % 2 == 0 && digits <= 12)
            to[digits / 2 - 1] = (uint8_t)value;
    }
}

static const struct fabric_address *plan_addresses(struct call *c,
                                                   const struct stored_private_address_list *from)
{
    struct fabric_address *to = ARENA_ARRAY(c->arena, struct fabric_address, from->count);
    for (size_t i = 0; i < from->count; i++) {
        to[i].address = htonl(cidr_address(from->at[i].address));
        to[i].public_address = htonl(cidr_address(from->at[i].public_address));
    }
    return to;
}

static const struct fab_ip6 *plan_addresses6(struct call *c, const struct record_texts *from)
{
    struct fab_ip6 *to = ARENA_ARRAY(c->arena, struct fab_ip6, from->count);
    uint8_t address[16];
    for (size_t i = 0; i < from->count; i++)
        if (cidr6_read_address(from->at[i], address))
            to[i] = ip6_of(address);
    return to;
}

/* The service behind an interface of an endpoint; 0 for others. */
static RESULT find_service(struct inside *in, const struct stored_interface *interface,
                           uint32_t *ret)
{
    *ret = 0;
    for (size_t i = 0; i < in->endpoints.count; i++) {
        const struct stored_endpoint *endpoint = in->endpoints.at[i];
        for (size_t j = 0; j < endpoint->subnets.count; j++)
            if (span_eq(endpoint->subnets.at[j].interface, interface->id)) {
                TRY(number_find(in->c, endpoint->id, ret));
                *ret = *ret ? NETWORK_ENDPOINTS + *ret : 0;
            }
    }
    return OK;
}

#define BYTES_PER_MBIT 125000u
/* "Amazon EC2 instance network bandwidth": bursts last from 5 to 60 minutes, depending on the size;
 * how long each does is not said. */
#define BURST_S 300

/* What its instance's type may send and receive. How many connections a type tracks is not
 * published: one interface alone cannot use the table up. */
static RESULT plan_limits(struct inside *in, const struct stored_interface *interface,
                          struct fabric_limits *ret)
{
    struct stored_instance instance;
    *ret = (struct fabric_limits){0};
    if (!interface->attachment || !interface->attachment->instance.len)
        return OK;
    int error = resource_find(in->c, &instance_kind, interface->attachment->instance, &instance);
    if (error)
        return error == -ENOENT ? OK : refuse_errno(in->c, error, "reading an instance's type");
    const struct instance_type *type = instance_type_named(instance.type);
    ret->flows = FAB_SESSIONS / 2;
    if (!type)
        return OK;
    ret->out_bytes_per_s = ret->in_bytes_per_s = (uint64_t)type->peak_mbit * BYTES_PER_MBIT;
    ret->base_bytes_per_s = (uint64_t)type->base_mbit * BYTES_PER_MBIT;
    ret->burst_s = BURST_S;
    return OK;
}

static RESULT plan_interface(struct inside *in, const struct stored_interface *interface,
                             struct network_plan *plan)
{
    struct call *c = in->c;
    struct plan_interface *to = &plan->interfaces[plan->interface_count];
    TRY(number_find(c, interface->id, &to->number));
    if (!to->number)
        return OK;
    struct network_rules out =
        network_rules_of_groups(c, &in->groups, &in->members, interface, DIRECTION_OUT);
    struct network_rules ins =
        network_rules_of_groups(c, &in->groups, &in->members, interface, DIRECTION_IN);
    to->interface = (struct fabric_interface){
        .network = plan->network,
        .forwards = interface->any_source,
        .addresses = plan_addresses(c, &interface->addresses),
        .address_count = interface->addresses.count,
        .addresses6 = plan_addresses6(c, &interface->addresses6),
        .address6_count = interface->addresses6.count,
        .out = out.four,
        .in = ins.four,
        .out6 = out.six,
        .in6 = ins.six,
        .tcp_idle_s = (uint32_t)interface->tcp_idle_s,
        .udp_stream_idle_s = (uint32_t)interface->udp_stream_idle_s,
        .udp_idle_s = (uint32_t)interface->udp_idle_s,
    };
    for (size_t i = 0; i < in->flow_logs.count; i++)
        if (flow_log_covers(in->flow_logs.at[i], interface))
            to->records = FABRIC_RECORDED;
    read_mac(interface->mac, to->interface.mac);
    TRY(find_service(in, interface, &to->interface.service));
    TRY(number_find(c, interface->subnet, &to->interface.subnet));
    TRY(plan_limits(in, interface, &to->limits));
    plan->interface_count++;
    return OK;
}

/* ---- gateways ----------------------------------------------------------------------------------
 */

static RESULT plan_gateway(struct inside *in, const struct stored_nat_gateway *gateway,
                           struct network_plan *plan)
{
    struct plan_gateway *to = &plan->gateways[plan->gateway_count];
    if (gateway->state != NAT_AVAILABLE)
        return OK;
    TRY(number_find(in->c, gateway->id, &to->number));
    if (!to->number)
        return OK;
    to->gateway.network = plan->network;
    to->gateway.within = gateway->private;
    to->gateway.address = htonl(cidr_address(gateway->addresses.at[0].private_address));
    TRY(number_find(in->c, gateway->subnet, &to->gateway.subnet));
    for (size_t i = 0; i < gateway->addresses.count; i++)
        if (gateway->addresses.at[i].state == NAT_ADDRESS_SUCCEEDED)
            to->gateway.publics[to->gateway.count++] =
                htonl(cidr_address(gateway->private ? gateway->addresses.at[i].private_address
                                                    : gateway->addresses.at[i].public_address));
    plan->gateway_count++;
    return OK;
}

/* ---- services ----------------------------------------------------------------------------------
 */

/* "DNS attributes for your VPC": the resolver is at the VPC's address plus two. */
static void plan_services(const struct inside *in, struct network_plan *plan)
{
    static const uint8_t protocols[] = {FAB_UDP, FAB_TCP};
    uint32_t address = cidr_of(in->vpc.cidrs.at[0].cidr).address + 2;
    for (size_t i = 0; in->vpc.dns_support && i < ARRAY_LEN(protocols); i++)
        plan->services[plan->service_count++] =
            (struct fabric_service){htonl(address), 53, protocols[i], NETWORK_RESOLVER};
}

/* ---- all ---------------------------------------------------------------------------------------
 */

RESULT network_plan_make(struct call *c, struct span vpc, struct network_plan *ret)
{
    struct inside in = {0};
    bool attached, egress;
    *ret = (struct network_plan){0};
    TRY(number_find(c, vpc, &ret->network));
    int error = resource_find(c, &vpc_kind, vpc, &in.vpc);
    if (error || !ret->network)
        return error && error != -ENOENT ? refuse_errno(c, error, "reading a VPC") : OK;
    TRY(read_inside(c, vpc, &in));
    TRY(resource_any(c, &internet_gateway_kind, WHERE(stored_internet_gateway, vpc, vpc),
                     &attached));
    TRY(resource_any(c, &egress_gateway_kind, WHERE(stored_egress_gateway, vpc, vpc), &egress));
    ret->internet = (attached ? FABRIC_INTERNET : 0u) | (egress ? FABRIC_EGRESS : 0u);
    plan_services(&in, ret);
    TRY(plan_subnets(&in, ret));
    ret->interfaces = ARENA_ARRAY(c->arena, struct plan_interface, in.interfaces.count);
    for (size_t i = 0; i < in.interfaces.count; i++)
        TRY(plan_interface(&in, in.interfaces.at[i], ret));
    ret->gateways = ARENA_ARRAY(c->arena, struct plan_gateway, in.gateways.count);
    for (size_t i = 0; i < in.gateways.count; i++)
        TRY(plan_gateway(&in, in.gateways.at[i], ret));
    return OK;
}

int network_plan_apply(const struct network_plan *plan, struct fabric *fabric)
{
    int error = fabric_put_network(fabric, plan->network, plan->internet);
    if (!error)
        error = fabric_put_services(fabric, plan->network, plan->services, plan->service_count);
    for (size_t i = 0; !error && i < plan->subnet_count; i++) {
        const struct plan_subnet *subnet = &plan->subnets[i];
        error = fabric_put_routes(fabric, subnet->number, subnet->routes, subnet->route_count);
        if (!error)
            error =
                fabric_put_routes6(fabric, subnet->number, subnet->routes6, subnet->route6_count);
        if (!error)
            error = fabric_put_subnet(fabric, subnet->number, &subnet->subnet);
    }
    for (size_t i = 0; !error && i < plan->gateway_count; i++)
        error = fabric_put_gateway(fabric, plan->gateways[i].number, &plan->gateways[i].gateway);
    for (size_t i = 0; !error && i < plan->interface_count; i++) {
        const struct plan_interface *interface = &plan->interfaces[i];
        error = fabric_put_interface(fabric, interface->number, &interface->interface);
        if (!error)
            error = fabric_record(fabric, interface->number, interface->records);
        if (!error)
            error = fabric_limit(fabric, interface->number, &interface->limits);
    }
    return error ? error : fabric_changed(fabric, plan->network);
}
