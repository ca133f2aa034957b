// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The guard of public addresses. While more connections are begun towards one than a server would
 * have use for, whoever begins has to show that he is where he says, and until then nothing is kept
 * of him: he gets an answer to his SYN that no TCP can take, whose number of acknowledgement is a
 * cookie, and TCP refuses it by a reset with that very number (RFC 9293, 3.10.7.3) and sends its
 * SYN again, by itself. So nothing has to be translated afterwards, and addresses that somebody
 * made up cost a hash each.
 */
#include "engines/fabric/decide/session.h"

#define FAB_FLOOD_NS (10 * FAB_SECOND) /* so long it lasts after its last second */
#define FAB_PROVEN_NS (60 * FAB_SECOND)
#define FAB_COOKIE_SHIFT 34 /* 17 seconds, and the 17 before */

FAB_INLINE uint32_t fab_mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    return (uint32_t)(x >> 32);
}

FAB_INLINE uint32_t fab_cookie(const struct fab_packet *p, uint64_t time)
{
    const struct fab_settings *settings = FAB_AT(fab_settings_map, 0);
    uint64_t ports = (uint64_t)p->source_port << 16 | p->target_port;
    uint64_t secret = settings ? settings->secret : 0;
    uint32_t half = fab_mix(secret ^ ((uint64_t)p->source << 32 | p->target));
    return fab_mix(secret ^ ((uint64_t)half << 32 | (uint32_t)time) ^ ports << 20);
}

FAB_INLINE struct fab_flood *fab_flood_of(uint32_t address)
{
    return FAB_AT(fab_floods, fab_mix(address) % FAB_FLOODS);
}

/* A connection more that somebody begins. */
FAB_INLINE void fab_flood_count(struct fab_flood *flood, uint64_t now)
{
    const struct fab_settings *settings = FAB_AT(fab_settings_map, 0);
    uint32_t second = (uint32_t)(now / FAB_SECOND);
    if (flood->second != second) {
        flood->second = second;
        flood->begun = 0;
    }
    flood->begun++;
    if (settings && settings->flood_begins && flood->begun > settings->flood_begins)
        flood->until_ns = now + FAB_FLOOD_NS;
}

FAB_INLINE int fab_is_proof(const struct fab_packet *p, uint64_t now)
{
    uint64_t time = now >> FAB_COOKIE_SHIFT;
    return (p->tcp_flags & FAB_TCP_RST) &&
           (p->sequence == fab_cookie(p, time) || p->sequence == fab_cookie(p, time - 1));
}

/* Of a packet of TCP from outside without a flow, to an address that somebody has. 1: it goes no
 * further, `verdict` says how. */
FAB_ONCE int fab_guard(const struct fab_packet *p, struct fab_verdict *verdict)
{
    uint64_t now = FAB_NOW();
    struct fab_flood *flood = p && verdict ? fab_flood_of(p->target) : 0;
    if (!flood)
        return 0;
    int begins =
        (p->tcp_flags & (FAB_TCP_SYN | FAB_TCP_ACK | FAB_TCP_RST | FAB_TCP_FIN)) == FAB_TCP_SYN;
    if (begins)
        fab_flood_count(flood, now);
    if (flood->until_ns < now)
        return 0;
    uint32_t source = p->source;
    const uint64_t *until = FAB_FIND(fab_proven, &source);
    if (until && *until > now)
        return 0;
    verdict->action = begins ? FAB_CHALLENGE : FAB_DROP;
    verdict->reason = FAB_FLOODED;
    if (begins) {
        verdict->source = fab_cookie(p, now >> FAB_COOKIE_SHIFT);
    } else if (fab_is_proof(p, now)) {
        uint64_t ends = now + FAB_PROVEN_NS;
        FAB_KEEP(fab_proven, &source, &ends);
    }
    return 1;
}
