// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What the fabric ought to do with a packet, written down a second time from the rules alone: no
 * flow table, no generations, no hashes; every packet is looked at from the beginning, and what was
 * seen before is a plain list of conversations. Knows interfaces, the internet gateway and the
 * translating gateway of the test's world; peers and hairpins have tests of their own.
 */
#include "fabric_world.h"

#define ORACLE_TALKS 2000

/* A conversation: what one side sends when it goes in and when it comes out. */
struct talk {
    struct tuple in, out; /* out.at: where it comes out */
    int by_gateway, asker_tracked, answerer_tracked;
};

struct oracle {
    uint64_t seed;
    struct talk talks[ORACLE_TALKS];
    size_t count;
    /* of the packet that was asked about last */
    struct tuple expected;
    int by_gateway, fresh, asker_tracked, answerer_tracked;
};

static uint32_t oracle_random(struct oracle *o, uint32_t below)
{
    o->seed = o->seed * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(o->seed >> 33) % below;
}

static int same(const struct tuple *a, const struct tuple *b)
{
    return a->at == b->at && a->protocol == b->protocol && a->source == b->source &&
           a->target == b->target && a->source_port == b->source_port &&
           a->target_port == b->target_port;
}

static struct tuple turned(struct tuple t, uint32_t at)
{
    return (struct tuple){at,       t.protocol,    t.flags,      t.target,
                          t.source, t.target_port, t.source_port};
}

static int rule_says(const struct fab_rule *rule, const struct tuple *t, uint32_t address)
{
    int ports = t->protocol == FAB_TCP || t->protocol == FAB_UDP;
    return (address & rule->mask) == rule->address &&
           (rule->protocol == 0 ||
            (rule->protocol == t->protocol &&
             (!ports || (rule->low <= t->target_port && t->target_port <= rule->high))));
}

/* The first rule that fits decides. */
static int ordered(struct fab_list list, const struct tuple *t, uint32_t address)
{
    for (uint32_t i = 0; i < list.count; i++)
        if (rule_says(&fab_rules[list.first + i], t, address))
            return fab_rules[list.first + i].allow;
    return 0;
}

/* 0 no, 1 yes, 2 yes and by a rule for everybody. */
static int any(struct fab_list list, const struct tuple *t, uint32_t address)
{
    int found = 0;
    for (uint32_t i = 0; i < list.count; i++)
        if (rule_says(&fab_rules[list.first + i], t, address))
            found = fab_rules[list.first + i].mask == 0 ? 2 : found ? found : 1;
    return found;
}

static int open_for_all(struct fab_list list, uint8_t protocol)
{
    for (uint32_t i = 0; i < list.count; i++) {
        const struct fab_rule *r = &fab_rules[list.first + i];
        if (r->mask == 0 &&
            (r->protocol == 0 || (r->protocol == protocol && r->low == 0 && r->high == 65535)))
            return 1;
    }
    return 0;
}

static struct fab_route *best_route(uint32_t table, uint32_t address)
{
    struct fab_route *best = NULL;
    for (uint32_t bits = 0; bits <= 32; bits++)
        for (size_t i = 0; i < fab_routes.count; i++) {
            const struct fab_route_key *key = &fab_routes.at[i].key;
            uint32_t shift = 32 - bits;
            uint64_t a = __builtin_bswap32(address), b = __builtin_bswap32(key->address);
            if (key->table == table && key->prefix_len == 32 + bits && a >> shift == b >> shift)
                best = &fab_routes.at[i].route;
        }
    return best;
}

static uint32_t owner_of(uint32_t network, uint32_t address)
{
    struct fab_place_key key = {network, address};
    const struct fab_place *place = host_map_find(&fab_places, &key);
    return place ? place->interface : 0;
}

static uint32_t public_of(uint32_t network, uint32_t address)
{
    struct fab_place_key key = {network, address};
    const struct fab_place *place = host_map_find(&fab_places, &key);
    return place ? place->public_address : 0;
}

static int to_service(struct oracle *o, struct tuple t, uint32_t service)
{
    o->expected = t;
    o->expected.at = FAB_SERVICE;
    o->expected.source = IP(100, 64, 0, t.at);
    o->expected.target = IP(100, 96, 0, service);
    return FAB_PASSED;
}

/* Into interface `to` as tuple t; `inside` is the subnet it comes from. */
static int into(struct oracle *o, struct tuple t, uint32_t to, uint32_t inside, int excused)
{
    const struct fab_interface *i = &fab_interfaces[to];
    if (i->subnet != inside && !ordered(fab_subnets[i->subnet].list_in, &t, t.source))
        return FAB_LIST_IN;
    int says = excused ? 1 : any(i->group_in, &t, t.source);
    if (!says)
        return FAB_GROUP_IN;
    o->answerer_tracked = !(says == 2 && (t.protocol == FAB_TCP || t.protocol == FAB_UDP) &&
                            open_for_all(i->group_out, t.protocol));
    if (i->service)
        return to_service(o, t, i->service);
    o->expected = t;
    o->expected.at = to;
    return FAB_PASSED;
}

/* `talk`: that which this is an answer of, or NULL. */
static int from_service(struct oracle *o, const struct tuple *t, const struct talk *talk,
                        int excused_out, int excused_in)
{
    if (!talk)
        return FAB_NO_FLOW;
    struct tuple in = turned(talk->in, t->at);
    uint32_t to = talk->in.at, from = 0;
    if (in.source == METADATA) {
        o->expected = in;
        o->expected.at = to;
        return FAB_PASSED;
    }
    if (in.source == ENDPOINT) {
        const struct fab_interface *i = &fab_interfaces[6];
        from = i->subnet;
        if (!excused_out && !any(i->group_out, &in, in.target))
            return FAB_GROUP_OUT;
        if (fab_interfaces[to].subnet != from &&
            !ordered(fab_subnets[from].list_out, &in, in.target))
            return FAB_LIST_OUT;
    }
    return into(o, in, to, from, excused_in);
}

static int through_gateway(struct oracle *o, const struct tuple *t, uint32_t subnet)
{
    const struct fab_gateway *g = &fab_gateways[1];
    const struct fab_subnet *own = &fab_subnets[subnet], *its = &fab_subnets[g->subnet];
    if (subnet != g->subnet && !ordered(own->list_out, t, t->target))
        return FAB_LIST_OUT;
    if (subnet != g->subnet && !ordered(its->list_in, t, t->source))
        return FAB_LIST_IN;
    const struct fab_route *route = best_route(its->routes, t->target);
    if (!route)
        return FAB_NO_ROUTE;
    if (route->kind == FAB_ROUTE_BLACKHOLE)
        return FAB_BLACKHOLE;
    if (route->kind != FAB_ROUTE_INTERNET || !fab_networks[its->network].internet || its->shut >= 2)
        return FAB_NO_ROUTE;
    if (!ordered(its->list_out, t, t->target))
        return FAB_LIST_OUT;
    o->by_gateway = 1;
    o->expected = *t;
    o->expected.at = FAB_EDGE;
    o->expected.source = g->publics[0];
    return FAB_PASSED;
}

static int from_inside(struct oracle *o, const struct tuple *t, int excused_out, int excused_in)
{
    const struct fab_interface *i = &fab_interfaces[t->at];
    const struct fab_subnet *subnet = &fab_subnets[i->subnet];
    if (owner_of(i->network, t->source) != t->at)
        return FAB_SPOOFED;
    if (t->target == METADATA)
        return t->protocol == FAB_TCP && t->target_port == 80 ? to_service(o, *t, 1)
                                                              : FAB_NO_TARGET;
    int says = excused_out ? 1 : any(i->group_out, t, t->target);
    if (!says)
        return FAB_GROUP_OUT;
    o->asker_tracked = !(says == 2 && (t->protocol == FAB_TCP || t->protocol == FAB_UDP) &&
                         open_for_all(i->group_in, t->protocol));
    const struct fab_route *route = best_route(subnet->routes, t->target);
    if (!route)
        return FAB_NO_ROUTE;
    if (route->kind == FAB_ROUTE_GATEWAY)
        return through_gateway(o, t, i->subnet);
    if (route->kind == FAB_ROUTE_LOCAL) {
        uint32_t to = owner_of(i->network, t->target);
        if (!to || to == t->at)
            return FAB_NO_TARGET;
        if (fab_interfaces[to].subnet != i->subnet && !ordered(subnet->list_out, t, t->target))
            return FAB_LIST_OUT;
        return into(o, *t, to, i->subnet, excused_in);
    }
    if (route->kind == FAB_ROUTE_BLACKHOLE)
        return FAB_BLACKHOLE;
    if (!ordered(subnet->list_out, t, t->target))
        return FAB_LIST_OUT;
    if (route->kind == FAB_ROUTE_SERVICE)
        return to_service(o, *t, route->number);
    if (!public_of(i->network, t->source) || !fab_networks[i->network].internet || subnet->shut % 2)
        return FAB_NO_PUBLIC;
    o->expected = *t;
    o->expected.at = FAB_EDGE;
    o->expected.source = public_of(i->network, t->source);
    return FAB_PASSED;
}

/* `talk`: that which this is an answer of, or NULL. */
static int from_outside(struct oracle *o, const struct tuple *t, const struct talk *talk,
                        int excused)
{
    const struct fab_public *public = host_map_find(&fab_publics, &t->target);
    struct tuple in = *t;
    if (host_map_find(&fab_publics, &t->source))
        return FAB_SPOOFED;
    if (!public)
        return FAB_NO_TARGET;
    if (!public->gateway) {
        in.target = public->address;
        if (!fab_networks[fab_interfaces[public->interface].network].internet ||
            fab_subnets[fab_interfaces[public->interface].subnet].shut % 2)
            return FAB_NO_TARGET;
        if (owner_of(fab_interfaces[public->interface].network, t->source))
            return FAB_SPOOFED;
        return into(o, in, public->interface, 0, excused);
    }
    if (!talk)
        return FAB_NO_FLOW;
    uint32_t to = talk->in.at;
    const struct fab_subnet *its = &fab_subnets[fab_gateways[1].subnet];
    if (its->shut >= 2)
        return FAB_NO_TARGET;
    if (!ordered(its->list_in, t, t->source))
        return FAB_LIST_IN;
    in.target = talk->in.source;
    in.target_port = talk->in.source_port;
    if (fab_interfaces[to].subnet != fab_gateways[1].subnet &&
        !ordered(its->list_out, &in, in.target))
        return FAB_LIST_OUT;
    return into(o, in, to, fab_gateways[1].subnet, excused);
}

static int fresh(struct oracle *o, const struct tuple *t)
{
    o->fresh = 1;
    int reason = t->at == FAB_SERVICE ? from_service(o, t, NULL, 0, 0)
                 : t->at              ? from_inside(o, t, 0, 0)
                                      : from_outside(o, t, NULL, 0);
    if (!reason && o->by_gateway && t->protocol == FAB_TCP && t->flags != FAB_TCP_SYN)
        return FAB_EXPIRED;
    if (!reason && o->by_gateway && t->protocol == 47)
        return FAB_UNSUPPORTED;
    return reason;
}

static int oracle_expects(struct oracle *o, const struct tuple *t)
{
    o->fresh = o->by_gateway = 0;
    o->asker_tracked = o->answerer_tracked = 1; /* whoever has no groups of ours */
    for (size_t i = 0; i < o->count; i++) {
        struct talk *talk = &o->talks[i];
        struct tuple back = turned(talk->out, talk->out.at);
        int asks = same(t, &talk->in);
        if (!asks && !same(t, &back))
            continue;
        int out = asks ? talk->asker_tracked : talk->answerer_tracked;
        int in = asks ? talk->answerer_tracked : talk->asker_tracked;
        int reason = t->at == FAB_SERVICE ? from_service(o, t, talk, out, in)
                     : t->at              ? from_inside(o, t, out, in)
                                          : from_outside(o, t, asks ? NULL : talk, in);
        if (reason)
            return reason;
        struct tuple want = asks ? talk->out : turned(talk->in, talk->in.at);
        if (talk->by_gateway && asks)
            o->expected.source_port = want.source_port;
        if (talk->by_gateway != (asks ? o->by_gateway : talk->by_gateway) ||
            !same(&want, &o->expected)) {
            *talk = o->talks[--o->count];
            o->by_gateway = 0;
            o->asker_tracked = o->answerer_tracked = 1;
            return fresh(o, t);
        }
        return FAB_PASSED;
    }
    return fresh(o, t);
}

/* A forwarded frame: as expected, with right sums; a new one is remembered, and shares its way back
 * with no other. NULL or what is wrong. */
static const char *oracle_checks(struct oracle *o, const struct tuple *t,
                                 const struct host_frame *frame, const struct fab_verdict *verdict)
{
    const uint8_t *ip = frame->at + 14;
    size_t len = get16(ip + 2);
    struct tuple got = turned(answer_of(frame, verdict->to), verdict->to);
    if (sum_of(ip, 20, 0) != 0)
        return "the IP sum is wrong";
    if (t->protocol != 47 && l4_sum(ip, len) != 0)
        return "the sum of the payload is wrong";
    if (o->fresh && o->by_gateway)
        o->expected.source_port = got.source_port;
    if (!same(&got, &o->expected))
        return "another tuple came out";
    if (!o->fresh)
        return NULL;
    struct tuple back = turned(got, got.at);
    for (size_t i = 0; i < o->count; i++) {
        struct tuple other = turned(o->talks[i].out, o->talks[i].out.at);
        if (same(&other, &back))
            return "two conversations have one way back";
    }
    int gateway = o->by_gateway;
    o->talks[o->count++] = (struct talk){*t, got, gateway, gateway || o->asker_tracked,
                                         gateway || o->answerer_tracked};
    return NULL;
}

/* Something new, or the next packet of a conversation. */
static struct tuple oracle_packet(struct oracle *o)
{
    static const uint32_t addresses[] = {WEB,      APP,        DATABASE, PLAIN,
                                         SERVER,   SERVER,     METADATA, BUCKET,
                                         ENDPOINT, WEB_PUBLIC, SINKHOLE, GATEWAY_PUBLIC};
    static const uint32_t own[] = {SERVER, WEB, APP, DATABASE, OTHER_WEB, PLAIN};
    static const uint8_t protocols[] = {FAB_TCP, FAB_TCP, FAB_UDP, 47};
    uint32_t at = oracle_random(o, 6);
    if (o->count && oracle_random(o, 3)) {
        const struct talk *talk = &o->talks[oracle_random(o, (uint32_t)o->count)];
        struct tuple t = oracle_random(o, 2) ? talk->in : turned(talk->out, talk->out.at);
        if (t.protocol == FAB_TCP)
            t.flags = FAB_TCP_ACK;
        return t;
    }
    struct tuple t = {.at = at,
                      .protocol = protocols[oracle_random(o, 4)],
                      .source = oracle_random(o, 12) ? own[at] : addresses[oracle_random(o, 12)],
                      .target = addresses[oracle_random(o, at ? 9 : 12)]};
    if (oracle_random(o, 8) == 0 && (t.target != WEB_PUBLIC && t.target != GATEWAY_PUBLIC))
        t.target = SINKHOLE;
    if (oracle_random(o, 30) == 0) /* nobody has asked it */
        t = (struct tuple){.at = FAB_SERVICE,
                           .protocol = t.protocol,
                           .source = IP(100, 96, 0, 1),
                           .target = IP(100, 64, 0, 2)};
    if (t.protocol != 47) {
        t.source_port = (uint16_t)(4000 + oracle_random(o, 6));
        t.target_port = (uint16_t)(79 + oracle_random(o, 4));
    }
    if (t.protocol == FAB_TCP)
        t.flags = oracle_random(o, 5) ? FAB_TCP_SYN : FAB_TCP_ACK;
    return t;
}

static struct fab_list oracle_list(struct oracle *o, int group)
{
    struct fab_rule rules[4];
    uint32_t count = oracle_random(o, 4);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t bits = oracle_random(o, 3) * 12,
                 mask = bits ? __builtin_bswap32(~0u << (32 - bits)) : 0;
        rules[i] = (struct fab_rule){.address = IP(10, 0, 1 + oracle_random(o, 2), 0) & mask,
                                     .mask = mask,
                                     .low = (uint16_t)(oracle_random(o, 2) ? 80 : 0),
                                     .high = (uint16_t)(oracle_random(o, 2) ? 81 : 65535),
                                     .protocol = (uint8_t[]){0, 6, 17}[oracle_random(o, 3)],
                                     .allow = (uint8_t)(group || oracle_random(o, 2))};
    }
    rules[count] = (struct fab_rule){.allow = 1};
    return world_list(rules, count + (group ? oracle_random(o, 4) == 0 : 1));
}

static void oracle_change(struct oracle *o)
{
    static const uint32_t kinds[] = {FAB_ROUTE_GATEWAY, FAB_ROUTE_GATEWAY, FAB_ROUTE_INTERNET,
                                     FAB_ROUTE_BLACKHOLE};
    uint32_t number = 1 + oracle_random(o, 6), subnet = 1 + oracle_random(o, 2);
    switch (oracle_random(o, 7)) {
    case 0:
        fab_interfaces[number].group_in = oracle_list(o, 1);
        break;
    case 1:
        fab_interfaces[number].group_out = oracle_list(o, 1);
        break;
    case 2:
        fab_subnets[subnet].list_in = oracle_list(o, 0);
        break;
    case 3:
        fab_subnets[subnet].list_out = oracle_list(o, 0);
        break;
    case 4:
        fab_routes.at[4].route = (struct fab_route){kinds[oracle_random(o, 4)], 1};
        break;
    case 5:
        fab_subnets[subnet].shut = oracle_random(o, 4);
        break;
    default:
        fab_networks[1].internet = oracle_random(o, 4) != 0;
    }
    world_changed();
}
