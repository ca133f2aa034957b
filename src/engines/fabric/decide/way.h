// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The way of a packet by the rules, without state: who may send it, where its route leads, whom it
 * reaches, which lists it passes and as what it arrives. Asked for the first packet of each
 * direction of a flow, and again after every change of a network. Each gate on the way is
 * independent: groups at both interfaces, lists at both subnets, the route.
 */
#include "engines/fabric/decide/rules.h"

/* RFC 3927: never on the way to anybody else. */
FAB_INLINE int fab_is_link_local(uint32_t address)
{
    return (FAB_ORDER32(address) >> 16) == 0xa9fe;
}

enum FAB_GATE { FAB_GATE_OUT = 1, FAB_GATE_IN = 2 };

struct fab_way {
    /* in */
    uint32_t at;    /* interface it came in by, or FAB_EDGE */
    uint32_t bound; /* of an answer through a gateway: whom it is for */
    uint32_t bound_target;
    uint16_t bound_port;   /* host order, for the lists */
    uint16_t service_port; /* network order: at the service's side, whoever it is */
    uint32_t bound_source; /* of an answer of a service: as whom it comes, and */
    uint8_t skip;          /* FAB_GATE bits: groups that a tracked flow need not pass again */
    uint8_t protocol;
    uint16_t low, high; /* as in struct fab_question */
    /* in and out: translated on the way */
    uint32_t source, target;
    /* out */
    uint32_t to, gateway;
    uint32_t via; /* in and out: the interface behind which a service listens; 0: none */
    uint32_t
        network;  /* whose generation tells of changes; 0, which any change moves: two networks */
    uint8_t wide; /* FAB_GATE bits */
};

/* "NAT gateway basics" and "AWS PrivateLink quotas": a maximum transmission unit of 8,500 bytes,
 * for which TCP's segments are clamped. */
#define FAB_NARROW_MTU 8500
#define FAB_TCP_HEADERS 40u

FAB_INLINE uint8_t fab_way_clamps(const struct fab_way *way)
{
    return way->gateway || (way->to == FAB_SERVICE && way->via);
}

/* What is between here and outside can be no larger than the internet's. */
FAB_INLINE uint16_t fab_mtu_of(uint32_t at, uint32_t to, uint16_t inside)
{
    const struct fab_settings *settings = FAB_AT(fab_settings_map, 0);
    return (at != FAB_EDGE && to != FAB_EDGE) || !settings ? inside : (uint16_t)settings->edge_mtu;
}

FAB_INLINE uint16_t fab_way_mtu(const struct fab_way *way)
{
    return fab_mtu_of(way->at, way->to, fab_way_clamps(way) ? FAB_NARROW_MTU : 0);
}

FAB_INLINE int fab_way_passes(struct fab_way *way, struct fab_list list, uint32_t address,
                              enum FAB_ASK ask)
{
    struct fab_question q = {.list = list,
                             .address = address,
                             .low = way->low,
                             .high = way->high,
                             .protocol = way->protocol,
                             .ask = (uint8_t)ask};
    FAB_REPEAT(list.count, fab_ask_rule, &q);
    return q.allowed | q.wide << 1;
}

FAB_ONCE int fab_way_list(struct fab_way *way, const struct fab_list *list, uint32_t address)
{
    if (!way || !list)
        return 0;
    return fab_way_passes(way, *list, address, FAB_ASK_ORDERED) & 1;
}

FAB_INLINE int fab_way_group(struct fab_way *way, const struct fab_list *list, uint32_t address,
                             enum FAB_GATE gate)
{
    if (!way || !list)
        return 0;
    if (way->skip & gate)
        return 1;
    int answer = fab_way_passes(way, *list, address, FAB_ASK_GROUP);
    if (answer & 2)
        way->wide |= (uint8_t)gate;
    return answer & 1;
}

/* The service that is found at an address itself, or 0; port in network order. */
FAB_INLINE uint32_t fab_service_at(uint32_t network, uint32_t address, uint16_t port,
                                   uint8_t protocol)
{
    struct fab_service_key key = {.network = fab_is_link_local(address) ? 0 : network,
                                  .address = address,
                                  .port = port,
                                  .protocol = protocol};
    const uint32_t *number = FAB_FIND(fab_services, &key);
    return number ? *number : 0;
}

/* To a service, as the interface that calls it: the service's answers find back by that alone. */
FAB_INLINE int fab_way_serve(struct fab_way *way, uint32_t number)
{
    if (way->at == FAB_EDGE || way->at == FAB_SERVICE)
        return FAB_NO_TARGET;
    way->to = FAB_SERVICE;
    way->source = FAB_ORDER32(FAB_CALLERS | way->at);
    way->target = FAB_ORDER32(FAB_CALLED | number);
    return FAB_PASSED;
}

/* Into interface `to`, from subnet `from` (0: from outside). */
FAB_ONCE int fab_way_enter(struct fab_way *way, uint32_t to, uint32_t from)
{
    const struct fab_interface *interface = FAB_AT(fab_interfaces, to);
    if (!way || !interface || !(interface->ifindex || interface->service) || to == FAB_EDGE)
        return FAB_NO_TARGET;
    way->to = to; /* also when it is refused: the receiver has a record of that */
    if (interface->subnet != from) {
        const struct fab_subnet *subnet = FAB_AT(fab_subnets, interface->subnet);
        if (!subnet || !fab_way_list(way, &subnet->list_in, way->source))
            return FAB_LIST_IN;
    }
    if (!fab_way_group(way, &interface->group_in, way->source, FAB_GATE_IN))
        return FAB_GROUP_IN;
    if (interface->network != way->network)
        way->network = 0;
    if (interface->service) {
        way->via = to;
        return fab_way_serve(way, interface->service);
    }
    return FAB_PASSED;
}

FAB_INLINE int fab_way_back(struct fab_way *way, uint32_t number, uint32_t from);

/* To whoever has the address in a network. */
FAB_INLINE int fab_way_local(struct fab_way *way, uint32_t network, uint32_t number,
                             const struct fab_subnet *from)
{
    struct fab_place_key key = {network, way->target};
    const struct fab_place *place = FAB_FIND(fab_places, &key);
    if (!place || place->interface == way->at) /* what is one's own never leaves one's kernel */
        return FAB_NO_TARGET;
    const struct fab_interface *interface = FAB_AT(fab_interfaces, place->interface);
    const struct fab_gateway *gateway = FAB_AT(fab_gateways, place->gateway);
    uint32_t subnet = place->gateway ? gateway ? gateway->subnet : 0
                      : interface    ? interface->subnet
                                     : number;
    if (subnet != number && !fab_way_list(way, &from->list_out, way->target))
        return FAB_LIST_OUT;
    return place->gateway ? fab_way_back(way, place->gateway, number)
                          : fab_way_enter(way, place->interface, number);
}

/* An answer through a gateway: it enters the gateway's subnet from another one (0: from outside),
 * then the one of whom it is for. */
FAB_INLINE int fab_way_back(struct fab_way *way, uint32_t number, uint32_t from)
{
    const struct fab_gateway *gateway = FAB_AT(fab_gateways, number);
    const struct fab_interface *interface = FAB_AT(fab_interfaces, way->bound);
    if (!way->bound) {
        way->gateway = number; /* which counts it */
        return FAB_NO_FLOW;
    }
    if (!gateway || !gateway->count || !interface)
        return FAB_NO_TARGET;
    const struct fab_subnet *subnet = FAB_AT(fab_subnets, gateway->subnet);
    if (subnet && !from && (subnet->shut & FAB_SHUT_BEHIND))
        return FAB_NO_TARGET;
    if (!subnet || (from != gateway->subnet && !fab_way_list(way, &subnet->list_in, way->source)))
        return FAB_LIST_IN;
    way->target = way->bound_target;
    if (way->protocol != FAB_ICMP)
        way->low = way->high = way->bound_port;
    if (interface->subnet != gateway->subnet && !fab_way_list(way, &subnet->list_out, way->target))
        return FAB_LIST_OUT;
    way->network = subnet->network;
    return fab_way_enter(way, way->bound, gateway->subnet);
}

/* An answer of a service: what was asked past all rules is answered past them, else it comes from
 * the interface behind which the service listens, or from nowhere in particular. */
FAB_ONCE int fab_way_served(struct fab_way *way)
{
    const struct fab_interface *interface = way ? FAB_AT(fab_interfaces, way->bound) : 0;
    if (!interface || !way->bound || !interface->ifindex)
        return FAB_NO_FLOW;
    uint32_t via = way->via, from = 0;
    way->source = way->bound_source;
    way->target = way->bound_target;
    way->to = way->bound;
    way->network = interface->network;
    way->via = 0;
    if (fab_service_at(interface->network, way->source, way->service_port, way->protocol))
        return FAB_PASSED;
    if (way->protocol != FAB_ICMP)
        way->low = way->high = way->bound_port;
    const struct fab_interface *endpoint = via == FAB_SERVICE ? 0 : FAB_AT(fab_interfaces, via);
    if (endpoint) {
        const struct fab_subnet *subnet = FAB_AT(fab_subnets, endpoint->subnet);
        from = endpoint->subnet;
        way->network = endpoint->network;
        if (!fab_way_group(way, &endpoint->group_out, way->target, FAB_GATE_OUT))
            return FAB_GROUP_OUT;
        if (!subnet ||
            (interface->subnet != from && !fab_way_list(way, &subnet->list_out, way->target)))
            return FAB_LIST_OUT;
    }
    return fab_way_enter(way, way->bound, from);
}

/* Nobody outside has an address of the network that is entered. */
FAB_INLINE int fab_way_foreign(const struct fab_way *way, uint32_t network)
{
    struct fab_place_key key = {network, way->source};
    return way->at == FAB_EDGE && FAB_FIND(fab_places, &key);
}

FAB_INLINE int fab_has_internet(uint32_t number)
{
    const struct fab_network *network = FAB_AT(fab_networks, number);
    return network && network->internet;
}

/* At a public address, from outside or from inside by way of outside. */
FAB_ONCE int fab_way_arrive(struct fab_way *way)
{
    if (!way)
        return FAB_NO_TARGET;
    const struct fab_public *public = FAB_FIND(fab_publics, &way->target);
    if (!public)
        return FAB_NO_TARGET;
    if (public->gateway)
        return fab_way_back(way, public->gateway, 0);
    const struct fab_interface *interface = FAB_AT(fab_interfaces, public->interface);
    const struct fab_subnet *subnet = interface ? FAB_AT(fab_subnets, interface->subnet) : 0;
    if (!subnet || (subnet->shut & FAB_SHUT_DIRECT) || !fab_has_internet(interface->network))
        return FAB_NO_TARGET;
    if (fab_way_foreign(way, interface->network))
        return FAB_SPOOFED;
    way->target = public->address;
    if (way->at == FAB_EDGE)
        way->network = interface->network;
    return fab_way_enter(way, public->interface, 0);
}

/* Behind the internet gateway: the edge, or back in where the fabric has the address itself. */
FAB_INLINE int fab_way_outside(struct fab_way *way)
{
    if (!way)
        return FAB_NO_TARGET;
    if (FAB_FIND(fab_publics, &way->target))
        return fab_way_arrive(way);
    way->to = FAB_EDGE;
    return FAB_PASSED;
}

FAB_INLINE int fab_way_internet(struct fab_way *way, const struct fab_subnet *subnet,
                                const struct fab_place *place)
{
    if (!fab_way_list(way, &subnet->list_out, way->target))
        return FAB_LIST_OUT;
    if (!place || !place->public_address || (subnet->shut & FAB_SHUT_DIRECT) ||
        !fab_has_internet(subnet->network))
        return FAB_NO_PUBLIC;
    way->source = place->public_address;
    return fab_way_outside(way);
}

FAB_ONCE int fab_route_of(uint32_t table, uint32_t address, struct fab_route *ret)
{
    struct fab_route_key key = {64, table, address};
    const struct fab_route *route = FAB_FIND(fab_routes, &key);
    if (!route || !ret)
        return FAB_NO_ROUTE;
    *ret = *route;
    return route->kind == FAB_ROUTE_BLACKHOLE ? FAB_BLACKHOLE : FAB_PASSED;
}

/* From a gateway to another network or an interface that forwards; its own network's addresses too,
 * where a route of the sender leads past them. */
FAB_INLINE int fab_way_within(struct fab_way *way, const struct fab_gateway *gateway,
                              const struct fab_subnet *subnet, const struct fab_route *route)
{
    uint32_t to = route->number;
    if (route->kind == FAB_ROUTE_LOCAL || route->kind == FAB_ROUTE_PEER) {
        uint32_t network = route->kind == FAB_ROUTE_PEER ? route->number : subnet->network;
        struct fab_place_key key = {network, way->target};
        const struct fab_place *place = FAB_FIND(fab_places, &key);
        if (!place || place->gateway || place->interface == way->at)
            return FAB_NO_TARGET;
        to = place->interface;
    } else if (route->kind != FAB_ROUTE_INTERFACE) {
        return FAB_NO_PUBLIC; /* nobody outside could answer it */
    }
    const struct fab_interface *interface = FAB_AT(fab_interfaces, to);
    if (interface && interface->subnet != gateway->subnet &&
        !fab_way_list(way, &subnet->list_out, way->target))
        return FAB_LIST_OUT;
    return fab_way_enter(way, to, gateway->subnet);
}

/* The translated source is chosen when the flow is made; until then it is the gateway's own. */
FAB_ONCE int fab_way_gateway(struct fab_way *way, uint32_t number, uint32_t from)
{
    const struct fab_gateway *gateway = FAB_AT(fab_gateways, number);
    if (!way || !gateway || !gateway->count)
        return FAB_BLACKHOLE;
    const struct fab_subnet *subnet = FAB_AT(fab_subnets, gateway->subnet);
    const struct fab_subnet *before = FAB_AT(fab_subnets, from);
    if (!subnet || !before)
        return FAB_NO_ROUTE;
    if (from != gateway->subnet) {
        if (!fab_way_list(way, &before->list_out, way->target))
            return FAB_LIST_OUT;
        if (!fab_way_list(way, &subnet->list_in, way->source))
            return FAB_LIST_IN;
    }
    struct fab_route route;
    int reason = fab_route_of(subnet->routes, way->target, &route);
    if (reason)
        return reason;
    if (gateway->within) {
        way->gateway = number;
        way->source = gateway->publics[0];
        return fab_way_within(way, gateway, subnet, &route);
    }
    if (route.kind != FAB_ROUTE_INTERNET || (subnet->shut & FAB_SHUT_BEHIND) ||
        !fab_has_internet(subnet->network))
        return FAB_NO_ROUTE;
    if (!fab_way_list(way, &subnet->list_out, way->target))
        return FAB_LIST_OUT;
    way->gateway = number;
    way->source = gateway->publics[0];
    return fab_way_outside(way);
}

FAB_INLINE int fab_way_follow(struct fab_way *way, uint32_t number, const struct fab_subnet *subnet,
                              const struct fab_place *place)
{
    struct fab_route route;
    int reason = fab_route_of(subnet->routes, way->target, &route);
    if (reason)
        return reason;
    switch (route.kind) {
    case FAB_ROUTE_LOCAL:
        return fab_way_local(way, subnet->network, number, subnet);
    case FAB_ROUTE_PEER:
        return fab_way_local(way, route.number, number, subnet);
    case FAB_ROUTE_INTERNET:
        return fab_way_internet(way, subnet, place);
    case FAB_ROUTE_GATEWAY:
        return fab_way_gateway(way, route.number, number);
    case FAB_ROUTE_INTERFACE:
        if (!fab_way_list(way, &subnet->list_out, way->target))
            return FAB_LIST_OUT;
        return fab_way_enter(way, route.number, number);
    case FAB_ROUTE_SERVICE:
        if (!fab_way_list(way, &subnet->list_out, way->target))
            return FAB_LIST_OUT;
        return fab_way_serve(way, route.number);
    default:
        return FAB_BLACKHOLE;
    }
}

FAB_ONCE int fab_way_leave(struct fab_way *way)
{
    const struct fab_interface *interface = way ? FAB_AT(fab_interfaces, way->at) : 0;
    if (!interface || !interface->ifindex)
        return FAB_UNPLUGGED;
    const struct fab_subnet *subnet = FAB_AT(fab_subnets, interface->subnet);
    if (!subnet)
        return FAB_UNPLUGGED;
    struct fab_place_key key = {interface->network, way->source};
    const struct fab_place *place = FAB_FIND(fab_places, &key);
    if (!(place && place->interface == way->at)) {
        if (!interface->forwards)
            return FAB_SPOOFED;
        place = 0; /* another's public address does not stand for what is only forwarded */
    }
    way->network = interface->network;
    uint32_t service =
        fab_service_at(interface->network, way->target, way->service_port, way->protocol);
    if (service)
        return fab_way_serve(way, service);
    if (fab_is_link_local(way->target))
        return FAB_NO_TARGET;
    if (!fab_way_group(way, &interface->group_out, way->target, FAB_GATE_OUT))
        return FAB_GROUP_OUT;
    return fab_way_follow(way, interface->subnet, subnet, place);
}

/* The reason why it may not, or FAB_PASSED. Nobody outside has one of our public addresses. */
FAB_INLINE int fab_way_find(struct fab_way *way)
{
    if (way->at == FAB_SERVICE)
        return fab_way_served(way);
    if (way->at != FAB_EDGE)
        return fab_way_leave(way);
    return FAB_FIND(fab_publics, &way->source) ? FAB_SPOOFED : fab_way_arrive(way);
}
