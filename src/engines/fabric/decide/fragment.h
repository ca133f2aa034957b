// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Fragments: the first one of a packet has its ports and is remembered for those that follow. What
 * overtakes the first is dropped: its sender sends again, and nothing has to be kept whole
 * (RFC 4787, REQ-14, without "out of order").
 */
#include "engines/fabric/decide/frame6.h"

#define FAB_FRAGMENT_NS 30000000000ull /* RFC 9293 and Linux: reassembly ends after 30 s */

FAB_INLINE struct fab_fragment fab_first_of(const struct fab_packet *p, uint64_t now)
{
    return (struct fab_fragment){.seen_ns = now,
                                 .source_port = p->source_port,
                                 .target_port = p->target_port,
                                 .icmp_type = p->icmp_type,
                                 .icmp_code = p->icmp_code};
}

FAB_INLINE void fab_follow_first(struct fab_packet *p, const struct fab_fragment *first)
{
    p->source_port = first->source_port;
    p->target_port = first->target_port;
    p->icmp_type = first->icmp_type;
    p->icmp_code = first->icmp_code;
}

/* Gives a later fragment what its first one said. Not 0: that has not come. */
FAB_ONCE int fab_gather(struct fab_packet *p, uint32_t at)
{
    if (!p)
        return -1;
    struct fab_fragment_key key = {
        .source = p->source, .target = p->target, .at = at << 8 | p->protocol, .id = p->id};
    uint64_t now = FAB_NOW();
    if (p->fragment == FAB_FIRST) {
        struct fab_fragment fragment = fab_first_of(p, now);
        FAB_KEEP(fab_fragments, &key, &fragment);
        return 0;
    }
    if (p->protocol != FAB_TCP && p->protocol != FAB_UDP && p->protocol != FAB_ICMP)
        return 0;
    const struct fab_fragment *first = FAB_FIND(fab_fragments, &key);
    if (!first || now - first->seen_ns > FAB_FRAGMENT_NS)
        return -1;
    fab_follow_first(p, first);
    return 0;
}

/* The same of IPv6. */
FAB_ONCE int fab_gather6(struct fab_packet6 *six, uint32_t at)
{
    if (!six)
        return -1;
    struct fab_fragment_key6 key = {.source = six->source,
                                    .target = six->target,
                                    .at = at << 8 | six->p.protocol,
                                    .id = six->id};
    uint64_t now = FAB_NOW();
    if (six->p.fragment == FAB_FIRST) {
        struct fab_fragment fragment = fab_first_of(&six->p, now);
        FAB_KEEP(fab_fragments6, &key, &fragment);
        return 0;
    }
    if (!fab_has_ports6(six->p.protocol))
        return 0;
    const struct fab_fragment *first = FAB_FIND(fab_fragments6, &key);
    if (!first || now - first->seen_ns > FAB_FRAGMENT_NS)
        return -1;
    fab_follow_first(&six->p, first);
    return 0;
}
