// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * A small fabric for tests, in the host build's maps, and frames for it. Network 1 has a public
 * subnet 1 and a private subnet 2 behind gateway 1; network 2 has the same addresses.
 */
#include "engines/fabric/decide/host.h"

#define IP(a, b, c, d)                                                                             \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)
#define WEB IP(10, 0, 1, 10) /* interface 1, of subnet 1, public */
#define WEB_PUBLIC IP(198, 51, 100, 10)
#define APP IP(10, 0, 2, 20)       /* interface 2, of subnet 2 */
#define DATABASE IP(10, 0, 2, 21)  /* interface 3, of subnet 2 */
#define OTHER_WEB IP(10, 0, 1, 10) /* interface 4, of network 2, public */
#define OTHER_PUBLIC IP(198, 51, 100, 20)
#define PLAIN IP(10, 0, 1, 11) /* interface 5, of subnet 1, not public */
#define GATEWAY_PUBLIC IP(198, 51, 100, 50)
#define GATEWAY_PUBLIC_2 IP(198, 51, 100, 51)
#define SERVER IP(192, 0, 2, 80)
#define SINKHOLE IP(203, 0, 113, 9)
#define METADATA IP(169, 254, 169, 254) /* service 1, at port 80 */
#define BUCKET IP(203, 0, 114, 9)       /* service 3, by a route of subnet 2 */
#define ENDPOINT IP(10, 0, 1, 12)       /* service 4, behind interface 6, of subnet 1 */

static uint32_t world_rules;

static struct fab_list world_list(const struct fab_rule *rules, uint32_t count)
{
    struct fab_list list = {world_rules, count};
    for (uint32_t i = 0; i < count; i++)
        fab_rules[world_rules++] = rules[i];
    return list;
}

static struct fab_list world_open(void)
{
    const struct fab_rule rule = {.allow = 1};
    return world_list(&rule, 1);
}

static void world_route(uint32_t table, uint32_t address, uint32_t bits, enum FAB_ROUTE kind,
                        uint32_t number)
{
    fab_routes.at[fab_routes.count].key = (struct fab_route_key){32 + bits, table, address};
    fab_routes.at[fab_routes.count++].route = (struct fab_route){kind, number};
}

static void world_interface(uint32_t number, uint32_t subnet, uint32_t address,
                            uint32_t public_address)
{
    struct fab_place_key key = {fab_subnets[subnet].network, address};
    struct fab_place place = {.interface = number, .public_address = public_address};
    struct fab_public public = {.interface = number, .address = address};
    fab_interfaces[number] = (struct fab_interface){.ifindex = 100 + number,
                                                    .network = fab_subnets[subnet].network,
                                                    .subnet = subnet,
                                                    .mac = {2, 0, 0, 0, 1, (uint8_t)number},
                                                    .tcp_idle_s = 432000,
                                                    .udp_stream_idle_s = 180,
                                                    .udp_idle_s = 30,
                                                    .group_out = world_open(),
                                                    .group_in = world_open()};
    (void)host_map_claim(&fab_places, &key, &place);
    if (public_address)
        (void)host_map_claim(&fab_publics, &public_address, &public);
}

static void world_gateway(uint32_t ports_max)
{
    const struct fab_public public = {.gateway = 1, .address = IP(10, 0, 1, 5)};
    const uint32_t publics[] = {GATEWAY_PUBLIC, GATEWAY_PUBLIC_2};
    fab_gateways[1] = (struct fab_gateway){.subnet = 1,
                                           .address = IP(10, 0, 1, 5),
                                           .publics = {GATEWAY_PUBLIC},
                                           .count = 1,
                                           .ports_max = ports_max,
                                           .port_first = 1024,
                                           .port_count = 64512,
                                           .idle_s = 350,
                                           .closed_s = 60};
    for (size_t i = 0; i < 2; i++)
        (void)host_map_claim(&fab_publics, &publics[i], &public);
}

static void world_services(void)
{
    const struct fab_service_key key = {
        .address = METADATA, .port = FAB_ORDER16(80), .protocol = FAB_TCP};
    const uint32_t number = 1;
    (void)host_map_claim(&fab_services, &key, &number);
    world_route(2, IP(203, 0, 114, 0), 24, FAB_ROUTE_SERVICE, 3);
    world_interface(6, 1, ENDPOINT, 0);
    fab_interfaces[6].ifindex = 0;
    fab_interfaces[6].service = 4;
}

static void world_open_all(uint32_t sessions)
{
    host_open(sessions);
    world_rules = 0;
    host_seed = 7;
    for (uint32_t i = 0; i <= 2; i++)
        fab_networks[i] = (struct fab_network){.generation = 1, .internet = i > 0};
    for (uint32_t i = 1; i <= 3; i++)
        fab_subnets[i] = (struct fab_subnet){.network = i == 3 ? 2 : 1,
                                             .address = IP(10, 0, i == 2 ? 2 : 1, 0),
                                             .mask = IP(255, 255, 255, 0),
                                             .routes = i,
                                             .list_out = world_open(),
                                             .list_in = world_open()};
    for (uint32_t table = 1; table <= 3; table++)
        world_route(table, IP(10, 0, 0, 0), 16, FAB_ROUTE_LOCAL, 0);
    world_route(1, 0, 0, FAB_ROUTE_INTERNET, 0);
    world_route(2, 0, 0, FAB_ROUTE_GATEWAY, 1);
    world_route(2, IP(203, 0, 113, 0), 24, FAB_ROUTE_BLACKHOLE, 0);
    world_route(3, 0, 0, FAB_ROUTE_INTERNET, 0);
    world_interface(1, 1, WEB, WEB_PUBLIC);
    world_interface(2, 2, APP, 0);
    world_interface(3, 2, DATABASE, 0);
    world_interface(4, 3, OTHER_WEB, OTHER_PUBLIC);
    world_interface(5, 1, PLAIN, 0);
    world_gateway(55000);
    world_services();
    fab_settings_map[0] = (struct fab_settings){.edge_ifindex = 100,
                                                .edge_mtu = 1500,
                                                .seed = 7,
                                                .edge_mac = {2, 0, 0, 0, 9, 9},
                                                .service_ifindex = 99,
                                                .service_mac = {2, 0, 0, 0, 9, 8},
                                                .mac = {2, 0, 0, 0, 0, 1}};
}

/* What a user changed has been published. */
static inline void world_changed(void)
{
    for (uint32_t i = 0; i <= 2; i++)
        fab_networks[i].generation++;
}

/* -- frames ----------------------------------------------------------------------------------- */

struct tuple {
    uint32_t at;
    uint8_t protocol, flags; /* for ICMP `flags` is the type */
    uint32_t source, target;
    uint16_t source_port, target_port; /* host order; for ICMP echo the asker's is the id */
};

struct world_frame {
    _Alignas(4) uint8_t room[2 + 9100];
    struct host_frame frame;
};

static uint16_t sum_of(const uint8_t *at, size_t len, uint32_t sum)
{
    for (size_t i = 0; i + 1 < len; i += 2)
        sum += (uint32_t)at[i] << 8 | at[i + 1];
    if (len & 1)
        sum += (uint32_t)at[len - 1] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

/* The sum over a TCP, UDP or ICMP packet in an IP packet of `len` bytes: 0 when it is right. */
static uint16_t l4_sum(const uint8_t *ip, size_t len)
{
    uint32_t pseudo = 0;
    if (ip[9] != FAB_ICMP) {
        for (size_t i = 12; i < 20; i += 2)
            pseudo += get16(ip + i);
        pseudo += ip[9] + (uint32_t)(len - 20);
    }
    return sum_of(ip + 20, len - 20, pseudo);
}

/* An IP packet with eight bytes of payload; its length. */
static size_t write_ip(uint8_t *ip, const struct tuple *t)
{
    size_t header = t->protocol == FAB_TCP                              ? 20
                    : t->protocol == FAB_UDP || t->protocol == FAB_ICMP ? 8
                                                                        : 0;
    size_t len = 20 + header + 8;
    uint8_t *l4 = ip + 20;
    memset(ip, 0, len);
    ip[0] = 0x45;
    put16(ip + 2, (uint32_t)len);
    ip[8] = 64;
    ip[9] = t->protocol;
    memcpy(ip + 12, &t->source, 4);
    memcpy(ip + 16, &t->target, 4);
    put16(ip + 10, sum_of(ip, 20, 0));
    memcpy(l4 + header, "kintoun!", 8);
    if (t->protocol == FAB_ICMP) {
        l4[0] = t->flags;
        put16(l4 + 4, t->flags == 8 ? t->source_port : t->target_port);
    } else if (header) {
        put16(l4, t->source_port);
        put16(l4 + 2, t->target_port);
    }
    if (t->protocol == FAB_TCP) {
        l4[12] = 0x50;
        l4[13] = t->flags;
        put16(l4 + 16, l4_sum(ip, len));
    } else if (t->protocol == FAB_UDP) {
        put16(l4 + 4, 16);
        put16(l4 + 6, l4_sum(ip, len));
    } else if (t->protocol == FAB_ICMP) {
        put16(l4 + 2, l4_sum(ip, len));
    }
    return len;
}

static inline void write_frame(struct world_frame *to, const struct tuple *t)
{
    to->frame.at = to->room + 2;
    memset(to->room, 0, sizeof to->room);
    memcpy(to->frame.at, fab_settings_map[0].mac, 6);
    memcpy(to->frame.at + 6, fab_end_of(t->at, &fab_settings_map[0]).mac, 6);
    put16(to->frame.at + 12, 0x0800);
    to->frame.len = 14 + (uint32_t)write_ip(to->frame.at + 14, t);
}

/* The tuple that a frame carries, as whoever gets it at interface `to` would answer it. */
static inline struct tuple answer_of(const struct host_frame *frame, uint32_t to)
{
    const uint8_t *ip = frame->at + 14, *l4 = ip + 20;
    struct tuple t = {.at = to, .protocol = ip[9]};
    memcpy(&t.target, ip + 12, 4);
    memcpy(&t.source, ip + 16, 4);
    if (t.protocol == FAB_ICMP) {
        t.flags = l4[0] == 8 ? 0 : 8;
        t.source_port = l4[0] == 8 ? 0 : get16(l4 + 4);
        t.target_port = l4[0] == 8 ? get16(l4 + 4) : 0;
    } else if (t.protocol == FAB_TCP || t.protocol == FAB_UDP) {
        t.source_port = get16(l4 + 2);
        t.target_port = get16(l4);
        t.flags = FAB_TCP_SYN | FAB_TCP_ACK;
    }
    return t;
}

/* The frame becomes an ICMP error that quotes what it carried, from `source`. */
static inline void write_error(struct world_frame *frame, uint32_t at, uint32_t source)
{
    const struct world_frame quoted = *frame;
    struct tuple t = {at, FAB_ICMP, 3, source, 0, 0, 0};
    memcpy(&t.target, quoted.room + 2 + 14 + 12, 4);
    write_frame(frame, &t);
    uint8_t *ip = frame->frame.at + 14;
    memset(ip + 20, 0, 36);
    ip[20] = 3;
    ip[21] = 3;
    memcpy(ip + 28, quoted.room + 2 + 14, 28);
    put16(ip + 2, 56);
    put16(ip + 10, 0);
    put16(ip + 10, sum_of(ip, 20, 0));
    put16(ip + 22, sum_of(ip + 20, 36, 0));
    frame->frame.len = 14 + 56;
}
