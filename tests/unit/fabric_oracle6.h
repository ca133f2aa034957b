// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The oracle of fabric_oracle.h for IPv6, written from the rules alone: no table of flows, no
 * generations; what was seen before is a plain list of conversations. */
#include "fabric_world6.h"

#define TALKS6 2000

struct talk6 {
    struct tuple6 in;
    uint32_t out; /* where it comes out */
    int egress, asker_tracked, answerer_tracked;
};

struct oracle6 {
    uint64_t seed;
    struct talk6 talks[TALKS6];
    size_t count;
    /* of the packet that was asked about last */
    uint32_t to;
    int egress, fresh, asker_tracked, answerer_tracked;
};

static uint32_t random6(struct oracle6 *o, uint32_t below)
{
    o->seed = o->seed * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(o->seed >> 33) % below;
}

static int is6(struct fab_ip6 a, struct fab_ip6 b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static int same6(const struct tuple6 *a, const struct tuple6 *b)
{
    return a->at == b->at && a->protocol == b->protocol && is6(a->source, b->source) &&
           is6(a->target, b->target) && a->source_port == b->source_port &&
           a->target_port == b->target_port;
}

static struct tuple6 turned6(struct tuple6 t, uint32_t at)
{
    return (struct tuple6){at,       t.protocol,    t.flags,      t.target,
                           t.source, t.target_port, t.source_port};
}

static int rule_says6(const struct fab_rule *rule, const struct tuple6 *t, struct fab_ip6 address)
{
    int ports = t->protocol == FAB_TCP || t->protocol == FAB_UDP;
    for (int i = 0; i < 4; i++) {
        uint32_t mask = i ? rule->more_mask[i - 1] : rule->mask;
        if ((address.word[i] & mask) != (i ? rule->more[i - 1] : rule->address))
            return 0;
    }
    return rule->protocol == 0 ||
           (rule->protocol == t->protocol &&
            (!ports || (rule->low <= t->target_port && t->target_port <= rule->high)));
}

static int ordered6(struct fab_list list, const struct tuple6 *t, struct fab_ip6 address)
{
    for (uint32_t i = 0; i < list.count; i++)
        if (rule_says6(&fab_rules[list.first + i], t, address))
            return fab_rules[list.first + i].allow;
    return 0;
}

/* 0 no, 1 yes, 2 yes and by a rule for everybody. */
static int any6(struct fab_list list, const struct tuple6 *t, struct fab_ip6 address)
{
    int found = 0;
    for (uint32_t i = 0; i < list.count; i++)
        if (rule_says6(&fab_rules[list.first + i], t, address))
            found = fab_rules[list.first + i].mask == 0 ? 2 : found ? found : 1;
    return found;
}

static int open_for_all6(struct fab_list list, uint8_t protocol)
{
    for (uint32_t i = 0; i < list.count; i++) {
        const struct fab_rule *r = &fab_rules[list.first + i];
        if (r->mask == 0 &&
            (r->protocol == 0 || (r->protocol == protocol && r->low == 0 && r->high == 65535)))
            return 1;
    }
    return 0;
}

static int has_prefix(struct fab_ip6 address, struct fab_ip6 prefix, uint32_t bits)
{
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t here = bits > 32 * i ? bits - 32 * i : 0;
        uint64_t a = __builtin_bswap32(address.word[i]), b = __builtin_bswap32(prefix.word[i]);
        uint32_t shift = here >= 32 ? 0 : 32 - here;
        if (a >> shift != b >> shift)
            return 0;
    }
    return 1;
}

static uint32_t best_route6(uint32_t table, struct fab_ip6 address)
{
    uint32_t best = FAB_NOWHERE;
    for (uint32_t bits = 0; bits <= 128; bits++)
        for (size_t i = 0; i < fab_routes6.count; i++)
            if (fab_routes6.at[i].key.table == table &&
                fab_routes6.at[i].key.prefix_len == 32 + bits &&
                has_prefix(address, fab_routes6.at[i].key.address, bits))
                best = fab_routes6.at[i].route.kind;
    return best;
}

static uint32_t owner6(struct fab_ip6 address)
{
    const struct fab_place6 *place = host_map_find(&fab_places6, &address);
    return place ? place->interface : 0;
}

static int tracked6(int says, const struct tuple6 *t, struct fab_list other)
{
    return !(says == 2 && (t->protocol == FAB_TCP || t->protocol == FAB_UDP) &&
             open_for_all6(other, t->protocol));
}

static int into6(struct oracle6 *o, const struct tuple6 *t, uint32_t inside, int excused)
{
    uint32_t to = owner6(t->target);
    const struct fab_interface *i = &fab_interfaces[to];
    if (i->subnet != inside && !ordered6(fab_subnets[i->subnet].list6_in, t, t->source))
        return FAB_LIST_IN;
    int says = excused ? 1 : any6(i->group6_in, t, t->source);
    if (!says)
        return FAB_GROUP_IN;
    o->answerer_tracked = tracked6(says, t, i->group6_out);
    o->to = to;
    return FAB_PASSED;
}

static int by_internet6(uint32_t subnet)
{
    return fab_networks[fab_subnets[subnet].network].internet && fab_subnets[subnet].shut % 2 == 0;
}

static int by_egress6(uint32_t subnet)
{
    return fab_networks[fab_subnets[subnet].network].egress && fab_subnets[subnet].shut < 2;
}

/* `known`: an answer to what left by an egress-only gateway. */
static int arrives6(struct oracle6 *o, const struct tuple6 *t, int excused, int known)
{
    uint32_t to = owner6(t->target);
    uint32_t subnet = fab_interfaces[to].subnet;
    if (!to || !(by_internet6(subnet) || (known && by_egress6(subnet))))
        return FAB_NO_TARGET;
    return into6(o, t, 0, excused);
}

static int from_inside6(struct oracle6 *o, const struct tuple6 *t, int out, int in, int known)
{
    const struct fab_interface *i = &fab_interfaces[t->at];
    const struct fab_subnet *subnet = &fab_subnets[i->subnet];
    uint32_t to = owner6(t->target);
    if (owner6(t->source) != t->at)
        return FAB_SPOOFED;
    int says = out ? 1 : any6(i->group6_out, t, t->target);
    if (!says)
        return FAB_GROUP_OUT;
    o->asker_tracked = tracked6(says, t, i->group6_in);
    uint32_t kind = best_route6(subnet->routes, t->target);
    if (kind == FAB_NOWHERE)
        return FAB_NO_ROUTE;
    if (kind == FAB_ROUTE_BLACKHOLE)
        return FAB_BLACKHOLE;
    if (kind == FAB_ROUTE_LOCAL) {
        if (!to || to == t->at || fab_interfaces[to].network != i->network)
            return FAB_NO_TARGET;
        if (fab_interfaces[to].subnet != i->subnet && !ordered6(subnet->list6_out, t, t->target))
            return FAB_LIST_OUT;
        return into6(o, t, i->subnet, in);
    }
    if (!ordered6(subnet->list6_out, t, t->target))
        return FAB_LIST_OUT;
    if (!(kind == FAB_ROUTE_EGRESS ? by_egress6(i->subnet) : by_internet6(i->subnet)))
        return FAB_NO_PUBLIC;
    o->egress = kind == FAB_ROUTE_EGRESS;
    if (to)
        return arrives6(o, t, in, known);
    o->to = FAB_EDGE;
    return FAB_PASSED;
}

static int asked6(struct oracle6 *o, const struct tuple6 *t, const int excused[2], int known)
{
    o->egress = 0;
    o->to = FAB_EDGE;
    if (t->at)
        return from_inside6(o, t, excused[0], excused[1], known);
    return owner6(t->source) ? FAB_SPOOFED : arrives6(o, t, excused[1], known);
}

static int fresh6(struct oracle6 *o, const struct tuple6 *t)
{
    const int none[2] = {0, 0};
    o->fresh = 1;
    o->asker_tracked = o->answerer_tracked = 1;
    int reason = asked6(o, t, none, 0);
    if (!reason && o->egress && t->protocol == FAB_TCP && t->flags != FAB_TCP_SYN)
        return FAB_NO_FLOW;
    return reason;
}

static int oracle6_expects(struct oracle6 *o, const struct tuple6 *t)
{
    o->fresh = 0;
    for (size_t i = 0; i < o->count; i++) {
        struct talk6 *talk = &o->talks[i];
        struct tuple6 back = turned6(talk->in, talk->out);
        int asks = same6(t, &talk->in);
        if (!asks && !same6(t, &back))
            continue;
        const int excused[2] = {asks ? talk->asker_tracked : talk->answerer_tracked,
                                asks ? talk->answerer_tracked : talk->asker_tracked};
        int reason = asked6(o, t, excused, !asks && talk->egress);
        if (reason)
            return reason;
        if (!asks && o->egress)
            return FAB_NO_ROUTE;
        if (asks && (o->egress != talk->egress || o->to != talk->out)) {
            *talk = o->talks[--o->count];
            return fresh6(o, t);
        }
        return FAB_PASSED;
    }
    return fresh6(o, t);
}

/* Of a forwarded packet: NULL or what is wrong; a new one is remembered. `before`: as it was sent.
 */
static const char *oracle6_checks(struct oracle6 *o, const struct tuple6 *t,
                                  const struct world_frame *before, const struct host_frame *frame,
                                  const struct fab_verdict *verdict)
{
    const uint8_t *mac =
        verdict->to ? fab_interfaces[verdict->to].mac : fab_settings_map[0].edge_mac;
    if (verdict->to != o->to)
        return "it went elsewhere";
    if (frame->len != before->frame.len ||
        memcmp(frame->at + 12, before->room + 2 + 12, frame->len - 12) != 0)
        return "something of it changed";
    if (memcmp(frame->at, mac, 6) != 0)
        return "it has another's MAC";
    if (o->fresh)
        o->talks[o->count++] = (struct talk6){*t, o->to, o->egress, o->egress || o->asker_tracked,
                                              o->egress || o->answerer_tracked};
    return NULL;
}

static struct tuple6 oracle6_packet(struct oracle6 *o)
{
    const struct fab_ip6 all[] = {WEB6,    APP6,   DATABASE6, PLAIN6,
                                  SERVER6, OTHER6, SINKHOLE6, IP6(0x100, 0x77)};
    const struct fab_ip6 own[] = {SERVER6, WEB6, APP6, DATABASE6, OTHER6, PLAIN6};
    static const uint8_t protocols[] = {FAB_TCP, FAB_TCP, FAB_UDP, 47};
    uint32_t at = random6(o, 6);
    if (o->count && random6(o, 3)) {
        const struct talk6 *talk = &o->talks[random6(o, (uint32_t)o->count)];
        struct tuple6 t = random6(o, 2) ? talk->in : turned6(talk->in, talk->out);
        if (t.protocol == FAB_TCP)
            t.flags = FAB_TCP_ACK;
        return t;
    }
    struct tuple6 t = {.at = at,
                       .protocol = protocols[random6(o, 4)],
                       .source = random6(o, 12) ? own[at] : all[random6(o, 8)],
                       .target = all[random6(o, 8)]};
    if (t.protocol != 47) {
        t.source_port = (uint16_t)(4000 + random6(o, 6));
        t.target_port = (uint16_t)(79 + random6(o, 4));
    }
    if (t.protocol == FAB_TCP)
        t.flags = random6(o, 5) ? FAB_TCP_SYN : FAB_TCP_ACK;
    return t;
}

/* Rules for everybody, for all of the networks, or for one subnet. */
static struct fab_list oracle6_list(struct oracle6 *o, int group)
{
    struct fab_rule rules[4];
    uint32_t count = random6(o, 4);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t kind = random6(o, 3);
        struct fab_ip6 prefix = IP6(random6(o, 2) ? 0x100 : 0x200, 0);
        rules[i] = (struct fab_rule){.low = (uint16_t)(random6(o, 2) ? 80 : 0),
                                     .high = (uint16_t)(random6(o, 2) ? 81 : 65535),
                                     .protocol = (uint8_t[]){0, 6, 17}[random6(o, 3)],
                                     .allow = (uint8_t)(group || random6(o, 2))};
        if (kind > 0) {
            rules[i].address = prefix.word[0];
            rules[i].mask = UINT32_MAX;
        }
        if (kind > 1) {
            rules[i].more[0] = prefix.word[1];
            rules[i].more_mask[0] = UINT32_MAX;
        }
    }
    rules[count] = (struct fab_rule){.allow = 1};
    return world_list(rules, count + (group ? random6(o, 4) == 0 : 1));
}

static void oracle6_change(struct oracle6 *o)
{
    static const uint32_t kinds[] = {FAB_ROUTE_EGRESS, FAB_ROUTE_INTERNET, FAB_ROUTE_BLACKHOLE};
    uint32_t number = 1 + random6(o, 5), subnet = 1 + random6(o, 2);
    switch (random6(o, 8)) {
    case 0:
        fab_interfaces[number].group6_in = oracle6_list(o, 1);
        break;
    case 1:
        fab_interfaces[number].group6_out = oracle6_list(o, 1);
        break;
    case 2:
        fab_subnets[subnet].list6_in = oracle6_list(o, 0);
        break;
    case 3:
        fab_subnets[subnet].list6_out = oracle6_list(o, 0);
        break;
    case 4:
        for (size_t i = 0; i < fab_routes6.count; i++)
            if (fab_routes6.at[i].key.table == subnet && fab_routes6.at[i].key.prefix_len == 32)
                fab_routes6.at[i].route.kind = kinds[random6(o, 3)];
        break;
    case 5:
        fab_networks[2].internet = random6(o, 2);
        break;
    case 6:
        fab_subnets[subnet].shut = random6(o, 4);
        break;
    default:
        fab_networks[1].internet = random6(o, 4) != 0;
        fab_networks[1].egress = random6(o, 4) != 0;
    }
    world_changed();
}
