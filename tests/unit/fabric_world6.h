// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The world of fabric_world.h with IPv6, and frames for it. Subnet 1 has a route to the internet
 * gateway, subnet 2 one to the egress-only gateway of the same network; network 2 has no gateway
 * but the egress-only one.
 */
#include "fabric_world.h"

#define IP6(b, last)                                                                               \
    ((struct fab_ip6){                                                                             \
        {FAB_ORDER32(0x20010db8u), FAB_ORDER32(0x00010000u | (b)), 0, FAB_ORDER32(last)}})
#define WEB6 IP6(0x100, 0x10)       /* interface 1, of subnet 1 */
#define PLAIN6 IP6(0x100, 0x11)     /* interface 5, of subnet 1 */
#define APP6 IP6(0x200, 0x20)       /* interface 2, of subnet 2 */
#define DATABASE6 IP6(0x200, 0x21)  /* interface 3, of subnet 2 */
#define OTHER6 IP6(0x900, 0x10)     /* interface 4, of network 2 */
#define SERVER6 IP6(0xff00, 0x80)   /* outside */
#define SINKHOLE6 IP6(0xee00, 0x80) /* outside, a black hole for subnet 2 */

/* For ICMPv6 `flags` is the type; an echo's id is the asker's port. */
struct tuple6 {
    uint32_t at;
    uint8_t protocol, flags;
    struct fab_ip6 source, target;
    uint16_t source_port, target_port;
};

static void world_route6(uint32_t table, struct fab_ip6 address, uint32_t bits, enum FAB_ROUTE kind)
{
    fab_routes6.at[fab_routes6.count].key = (struct fab_route_key6){32 + bits, table, address};
    fab_routes6.at[fab_routes6.count++].route = (struct fab_route){kind, 0};
}

static void world_interface6(uint32_t number, struct fab_ip6 address)
{
    struct fab_place6 place = {number};
    fab_interfaces[number].group6_out = world_open();
    fab_interfaces[number].group6_in = world_open();
    (void)host_map_claim(&fab_places6, &address, &place);
}

static void world_open_all6(uint32_t sessions)
{
    static const struct fab_ip6 any;
    world_open_all(sessions);
    fab_networks[1].egress = fab_networks[2].egress = 1;
    fab_networks[2].internet = 0;
    for (uint32_t i = 1; i <= 3; i++) {
        fab_subnets[i].address6 = IP6(i == 3 ? 0x900 : i * 0x100, 0);
        fab_subnets[i].list6_out = world_open();
        fab_subnets[i].list6_in = world_open();
    }
    world_route6(1, IP6(0x100, 0), 56, FAB_ROUTE_LOCAL);
    world_route6(1, IP6(0x200, 0), 56, FAB_ROUTE_LOCAL);
    world_route6(1, any, 0, FAB_ROUTE_INTERNET);
    world_route6(2, IP6(0x100, 0), 56, FAB_ROUTE_LOCAL);
    world_route6(2, IP6(0x200, 0), 56, FAB_ROUTE_LOCAL);
    world_route6(2, IP6(0xee00, 0), 56, FAB_ROUTE_BLACKHOLE);
    world_route6(2, any, 0, FAB_ROUTE_EGRESS);
    world_route6(3, IP6(0x900, 0), 56, FAB_ROUTE_LOCAL);
    world_route6(3, any, 0, FAB_ROUTE_EGRESS);
    world_interface6(1, WEB6);
    world_interface6(2, APP6);
    world_interface6(3, DATABASE6);
    world_interface6(4, OTHER6);
    world_interface6(5, PLAIN6);
}

/* -- frames ----------------------------------------------------------------------------------- */

static uint16_t l4_sum6(const uint8_t *ip, const uint8_t *l4, uint8_t protocol, size_t size)
{
    uint32_t pseudo = protocol + (uint32_t)size;
    for (size_t i = 8; i < 40; i += 2)
        pseudo += get16(ip + i);
    return sum_of(l4, size, pseudo);
}

static size_t l4_size6(uint8_t protocol)
{
    return protocol == FAB_TCP ? 28 : 16;
}

/* Eight bytes of payload behind the header. */
static void write_l4_6(uint8_t *ip, uint8_t *l4, const struct tuple6 *t)
{
    size_t size = l4_size6(t->protocol);
    memcpy(l4 + size - 8, "kintoun!", 8);
    if (t->protocol == FAB_ICMP6) {
        l4[0] = t->flags;
        put16(l4 + 4, t->flags == FAB_ICMP6_ASKS ? t->source_port : t->target_port);
        put16(l4 + 2, l4_sum6(ip, l4, t->protocol, size));
    } else if (t->protocol == FAB_TCP || t->protocol == FAB_UDP) {
        put16(l4, t->source_port);
        put16(l4 + 2, t->target_port);
    }
    if (t->protocol == FAB_TCP) {
        l4[12] = 0x50;
        l4[13] = t->flags;
        put16(l4 + 16, l4_sum6(ip, l4, t->protocol, size));
    } else if (t->protocol == FAB_UDP) {
        put16(l4 + 4, 16);
        put16(l4 + 6, l4_sum6(ip, l4, t->protocol, size));
    }
}

/* `extensions`: whole headers, the first of kind `first`; NULL for none. */
static inline void write_frame6_with(struct world_frame *to, const struct tuple6 *t, uint8_t first,
                                     const uint8_t *extensions, size_t size)
{
    to->frame.at = to->room + 2;
    memset(to->room, 0, sizeof to->room);
    uint8_t *ip = to->frame.at + 14;
    memcpy(to->frame.at, fab_settings_map[0].mac, 6);
    memcpy(to->frame.at + 6, t->at ? fab_interfaces[t->at].mac : fab_settings_map[0].edge_mac, 6);
    put16(to->frame.at + 12, 0x86dd);
    ip[0] = 0x60;
    put16(ip + 4, (uint32_t)(size + l4_size6(t->protocol)));
    ip[6] = size ? first : t->protocol;
    ip[7] = 64;
    memcpy(ip + 8, &t->source, 16);
    memcpy(ip + 24, &t->target, 16);
    if (size)
        memcpy(ip + 40, extensions, size);
    write_l4_6(ip, ip + 40 + size, t);
    to->frame.len = (uint32_t)(14 + 40 + size + l4_size6(t->protocol));
}

static inline void write_frame6(struct world_frame *to, const struct tuple6 *t)
{
    write_frame6_with(to, t, 0, NULL, 0);
}

/* As whoever gets it at interface `to` would answer. */
static inline struct tuple6 answer6_of(const struct host_frame *frame, uint32_t to)
{
    const uint8_t *ip = frame->at + 14, *l4 = ip + 40;
    struct tuple6 t = {.at = to, .protocol = ip[6]};
    memcpy(&t.target, ip + 8, 16);
    memcpy(&t.source, ip + 24, 16);
    if (t.protocol == FAB_ICMP6) {
        int asked = l4[0] == FAB_ICMP6_ASKS;
        t.flags = asked ? FAB_ICMP6_ANSWERS : FAB_ICMP6_ASKS;
        t.source_port = asked ? 0 : get16(l4 + 4);
        t.target_port = asked ? get16(l4 + 4) : 0;
    } else if (t.protocol == FAB_TCP || t.protocol == FAB_UDP) {
        t.source_port = get16(l4 + 2);
        t.target_port = get16(l4);
        t.flags = FAB_TCP_SYN | FAB_TCP_ACK;
    }
    return t;
}
