// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The way of a packet of IPv6 by the rules: the gates of way.h, without translation. An address is
 * public as it is, so what decides about the internet is the route and the gateway of the network
 * alone. An egress-only gateway is one that knows only the sessions that were begun through it.
 */
#include "engines/fabric/decide/way.h"

struct fab_way6 {
    /* in */
    uint32_t at;
    uint8_t skip; /* FAB_GATE bits */
    uint8_t protocol;
    uint8_t known; /* 1: an answer to what went through an egress-only gateway */
    uint8_t wide;  /* out, as the following */
    uint16_t low, high;
    struct fab_ip6 source, target;
    /* out */
    uint32_t to, network;
    uint32_t egress; /* 1: it leaves by an egress-only gateway */
};

FAB_ONCE int fab_way6_passes(const struct fab_way6 *way, const struct fab_list *list,
                             const struct fab_ip6 *address, uint32_t ask)
{
    if (!way || !list || !address)
        return 0;
    struct fab_question q = {.list = *list,
                             .address = address->word[0],
                             .more = {address->word[1], address->word[2], address->word[3]},
                             .low = way->low,
                             .high = way->high,
                             .protocol = way->protocol,
                             .ask = (uint8_t)ask};
    FAB_REPEAT(q.list.count, fab_ask_rule, &q);
    return q.allowed | q.wide << 1;
}

FAB_INLINE int fab_way6_list(const struct fab_way6 *way, const struct fab_list *list,
                             const struct fab_ip6 *address)
{
    return fab_way6_passes(way, list, address, FAB_ASK_ORDERED) & 1;
}

FAB_INLINE int fab_way6_group(struct fab_way6 *way, const struct fab_list *list,
                              const struct fab_ip6 *address, enum FAB_GATE gate)
{
    if (way->skip & gate)
        return 1;
    int answer = fab_way6_passes(way, list, address, FAB_ASK_GROUP);
    if (answer & 2)
        way->wide |= (uint8_t)gate;
    return answer & 1;
}

/* Into interface `to`, from subnet `from` (0: from outside). */
FAB_ONCE int fab_way6_enter(struct fab_way6 *way, uint32_t to, uint32_t from)
{
    const struct fab_interface *interface = FAB_AT(fab_interfaces, to);
    if (!way || !interface || !interface->ifindex || to == FAB_EDGE)
        return FAB_NO_TARGET;
    way->to = to;
    if (interface->subnet != from) {
        const struct fab_subnet *subnet = FAB_AT(fab_subnets, interface->subnet);
        if (!subnet || !fab_way6_list(way, &subnet->list6_in, &way->source))
            return FAB_LIST_IN;
    }
    if (!fab_way6_group(way, &interface->group6_in, &way->source, FAB_GATE_IN))
        return FAB_GROUP_IN;
    if (interface->network != way->network)
        way->network = 0;
    return FAB_PASSED;
}

/* Whoever has it. */
FAB_INLINE uint32_t fab_holder6(const struct fab_ip6 *address)
{
    const struct fab_place6 *place = FAB_FIND(fab_places6, address);
    return place ? place->interface : FAB_EDGE;
}

/* To whoever has the address in a network. */
FAB_INLINE int fab_way6_local(struct fab_way6 *way, uint32_t network, uint32_t number,
                              const struct fab_subnet *from)
{
    uint32_t to = fab_holder6(&way->target);
    const struct fab_interface *interface = FAB_AT(fab_interfaces, to);
    if (to == FAB_EDGE || to == way->at || !interface || interface->network != network)
        return FAB_NO_TARGET;
    if (interface->subnet != number && !fab_way6_list(way, &from->list6_out, &way->target))
        return FAB_LIST_OUT;
    return fab_way6_enter(way, to, number);
}

/* Whether a subnet may use the internet gateway, or the egress-only one. */
FAB_INLINE int fab_opens6(const struct fab_subnet *subnet, uint32_t egress)
{
    const struct fab_network *network = subnet ? FAB_AT(fab_networks, subnet->network) : 0;
    if (!network)
        return 0;
    return egress ? network->egress && !(subnet->shut & FAB_SHUT_BEHIND)
                  : network->internet && !(subnet->shut & FAB_SHUT_DIRECT);
}

/* At one of our addresses, from outside or from inside by way of outside. */
FAB_ONCE int fab_way6_arrive(struct fab_way6 *way)
{
    uint32_t to = way ? fab_holder6(&way->target) : FAB_EDGE;
    const struct fab_interface *interface = FAB_AT(fab_interfaces, to);
    if (!way || to == FAB_EDGE || !interface)
        return FAB_NO_TARGET;
    const struct fab_subnet *subnet = FAB_AT(fab_subnets, interface->subnet);
    if (!fab_opens6(subnet, 0) && !(way->known && fab_opens6(subnet, 1)))
        return FAB_NO_TARGET;
    if (way->at == FAB_EDGE)
        way->network = interface->network;
    return fab_way6_enter(way, to, 0);
}

FAB_INLINE int fab_way6_outside(struct fab_way6 *way, const struct fab_subnet *subnet,
                                uint32_t egress)
{
    if (!fab_way6_list(way, &subnet->list6_out, &way->target))
        return FAB_LIST_OUT;
    if (!fab_opens6(subnet, egress))
        return FAB_NO_PUBLIC;
    way->egress = egress;
    if (fab_holder6(&way->target) != FAB_EDGE)
        return fab_way6_arrive(way);
    way->to = FAB_EDGE;
    return FAB_PASSED;
}

FAB_ONCE int fab_route6_of(uint32_t table, const struct fab_ip6 *address, struct fab_route *ret)
{
    if (!address || !ret)
        return FAB_NO_ROUTE;
    struct fab_route_key6 key = {160, table, *address};
    const struct fab_route *route = FAB_FIND(fab_routes6, &key);
    if (!route)
        return FAB_NO_ROUTE;
    *ret = *route;
    return route->kind == FAB_ROUTE_BLACKHOLE ? FAB_BLACKHOLE : FAB_PASSED;
}

FAB_INLINE int fab_way6_follow(struct fab_way6 *way, uint32_t number,
                               const struct fab_subnet *subnet)
{
    struct fab_route route;
    int reason = fab_route6_of(subnet->routes, &way->target, &route);
    if (reason)
        return reason;
    switch (route.kind) {
    case FAB_ROUTE_LOCAL:
        return fab_way6_local(way, subnet->network, number, subnet);
    case FAB_ROUTE_PEER:
        return fab_way6_local(way, route.number, number, subnet);
    case FAB_ROUTE_INTERNET:
        return fab_way6_outside(way, subnet, 0);
    case FAB_ROUTE_EGRESS:
        return fab_way6_outside(way, subnet, 1);
    case FAB_ROUTE_INTERFACE:
        if (!fab_way6_list(way, &subnet->list6_out, &way->target))
            return FAB_LIST_OUT;
        return fab_way6_enter(way, route.number, number);
    default:
        return FAB_BLACKHOLE;
    }
}

FAB_ONCE int fab_way6_leave(struct fab_way6 *way)
{
    const struct fab_interface *interface = way ? FAB_AT(fab_interfaces, way->at) : 0;
    if (!interface || !interface->ifindex)
        return FAB_UNPLUGGED;
    const struct fab_subnet *subnet = FAB_AT(fab_subnets, interface->subnet);
    if (!subnet)
        return FAB_UNPLUGGED;
    if (fab_holder6(&way->source) != way->at && !interface->forwards)
        return FAB_SPOOFED;
    if (!fab_way6_group(way, &interface->group6_out, &way->target, FAB_GATE_OUT))
        return FAB_GROUP_OUT;
    way->network = interface->network;
    return fab_way6_follow(way, interface->subnet, subnet);
}

/* As fab_way_find. */
FAB_INLINE int fab_way6_find(struct fab_way6 *way)
{
    if (way->at != FAB_EDGE)
        return fab_way6_leave(way);
    return fab_holder6(&way->source) != FAB_EDGE ? FAB_SPOOFED : fab_way6_arrive(way);
}
