// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Reads a frame of IPv6: at most FAB_EXTENSIONS headers of hop-by-hop options, destination options
 * and fragments, of FAB_EXTENSIONS_SIZE bytes, then TCP, UDP, ICMPv6 or anything else. Routing
 * headers are refused: they would lead round the rules. Nothing of what is read is ever changed.
 */
#include "engines/fabric/decide/frame.h"

#define FAB_ETHERNET_IP6 FAB_ORDER16(0x86dd)
#define FAB_L4_6 (FAB_ETHERNET + 40)
#define FAB_EXTENSIONS 4
#define FAB_EXTENSIONS_SIZE 64
#define FAB_ASKED (FAB_L4_6 + 8) /* in a neighbour's question: whom it asks for */
#define FAB_NEIGHBOUR_SIZE (FAB_L4_6 + 32)

enum FAB_EXTENSION {
    FAB_HOP_BY_HOP = 0,
    FAB_ROUTING = 43,
    FAB_FRAGMENT_HEADER = 44,
    FAB_DESTINATION = 60,
    FAB_MOBILITY = 135,
};
enum FAB_ICMP6_TYPE {
    FAB_ICMP6_TOO_BIG = 2,
    FAB_ICMP6_LAST_ERROR = 4, /* that is defined */
    FAB_ICMP6_ASKS = 128,
    FAB_ICMP6_ANSWERS = 129,
    FAB_ICMP6_WHO = 135,
    FAB_ICMP6_HERE = 136,
};

struct fab_ipv6 {
    uint32_t version_class_flow;
    uint16_t length;
    uint8_t next, hops;
    struct fab_ip6 source, target;
};

FAB_INLINE int fab_same6(const struct fab_ip6 *a, const struct fab_ip6 *b)
{
    return a->word[0] == b->word[0] && a->word[1] == b->word[1] && a->word[2] == b->word[2] &&
           a->word[3] == b->word[3];
}

FAB_INLINE int fab_has_ports6(uint8_t protocol)
{
    return protocol == FAB_TCP || protocol == FAB_UDP || protocol == FAB_ICMP6;
}

/* As fab_read_ports, with the types of ICMPv6. */
FAB_INLINE int fab_read_ports6(const uint8_t *l4, uint8_t protocol, uint16_t *source,
                               uint16_t *target)
{
    if (protocol != FAB_ICMP6)
        return fab_read_ports(l4, protocol == FAB_ICMP ? 0 : protocol, source, target);
    if (l4[0] == FAB_ICMP6_ASKS)
        *source = fab_u16(l4 + 4);
    else if (l4[0] == FAB_ICMP6_ANSWERS)
        *target = fab_u16(l4 + 4);
    else
        return -1;
    return 0;
}

/* The packet that an error quotes was sent by whom the error is for, since no address changes on
 * the way. Quotes with extension headers are refused. */
FAB_INLINE int fab_read_inner6(const uint8_t *l4, const uint8_t *end, struct fab_packet6 *out)
{
    if (l4 + 8 + 40 + 8 > end)
        return FAB_MALFORMED;
    const struct fab_ipv6 *ip = (const void *)(l4 + 8);
    if ((ip->version_class_flow & FAB_ORDER32(0xf0000000)) != FAB_ORDER32(0x60000000) ||
        !fab_same6(&ip->source, &out->target))
        return FAB_UNSUPPORTED;
    out->about = ip->target;
    out->p.inner_protocol = ip->next;
    out->p.kind = FAB_KIND_ERROR;
    if (!fab_has_ports6(ip->next) ||
        fab_read_ports6(l4 + 8 + 40, ip->next, &out->p.inner_source_port,
                        &out->p.inner_target_port))
        return FAB_UNSUPPORTED;
    return FAB_PASSED;
}

/* RFC 4861, 7.1.1: from a neighbour, of whom the address is known. */
FAB_INLINE int fab_read_who(const uint8_t *l4, const uint8_t *end, const struct fab_ipv6 *ip,
                            struct fab_packet6 *out)
{
    if (l4 + 32 > end || ip->hops != 255 || ip->length != FAB_ORDER16(32) ||
        ip->next != FAB_ICMP6 || l4[1] != 0 || !(ip->source.word[0] | ip->source.word[3]))
        return FAB_UNSUPPORTED;
    out->p.kind = FAB_KIND_ARP;
    out->target = *(const struct fab_ip6 *)(const void *)(l4 + 8);
    return FAB_PASSED;
}

/* `at`: where the packet behind all headers of IP begins in the frame. */
FAB_INLINE int fab_read_l4_6(const uint8_t *data, const uint8_t *end, uint32_t at,
                             struct fab_packet6 *out)
{
    const uint8_t *l4 = data + at;
    uint32_t size = out->p.length + FAB_ETHERNET - at;
    out->p.headers = (uint16_t)(at - FAB_ETHERNET + 8);
    if (!fab_has_ports6(out->p.protocol))
        return FAB_PASSED;
    if (l4 + 8 > end || size < 8)
        return FAB_MALFORMED;
    if (out->p.protocol == FAB_ICMP6) {
        out->p.icmp_type = l4[0];
        out->p.icmp_code = l4[1];
        if (l4[0] == FAB_ICMP6_WHO)
            return fab_read_who(l4, end, (const void *)(data + FAB_ETHERNET), out);
        if (l4[0] <= FAB_ICMP6_LAST_ERROR)
            return out->p.fragment || size < 8 + 40 + 8 ? FAB_UNSUPPORTED
                                                        : fab_read_inner6(l4, end, out);
    }
    if (fab_read_ports6(l4, out->p.protocol, &out->p.source_port, &out->p.target_port))
        return FAB_UNSUPPORTED;
    if (out->p.protocol == FAB_TCP) {
        if (l4 + 20 > end || size < 20)
            return FAB_MALFORMED;
        out->p.tcp_flags = l4[13];
        out->p.headers = (uint16_t)(at - FAB_ETHERNET + (l4[12] >> 4) * 4u);
    }
    return FAB_PASSED;
}

/* One that is no more than a whole packet is taken for that (RFC 6946). */
FAB_INLINE void fab_read_fragment6(const uint8_t *header, struct fab_packet6 *out)
{
    uint16_t fragment = FAB_ORDER16(fab_u16(header + 2));
    out->id = *(const uint32_t *)(const void *)(header + 4);
    out->p.fragment = fragment & 0xfff8 ? FAB_LATER : fragment & 1 ? FAB_FIRST : FAB_WHOLE;
}

/* FAB_PASSED, and where the packet behind them begins. */
FAB_INLINE int fab_read_extensions(const uint8_t *data, const uint8_t *end, uint32_t *at,
                                   struct fab_packet6 *out)
{
    uint32_t next = out->p.protocol, here = FAB_L4_6;
    for (int i = 0; i < FAB_EXTENSIONS; i++) {
        if (next != FAB_HOP_BY_HOP && next != FAB_DESTINATION && next != FAB_FRAGMENT_HEADER)
            break;
        if (here > FAB_L4_6 + FAB_EXTENSIONS_SIZE - 8)
            return FAB_UNSUPPORTED;
        const uint8_t *header = data + here;
        if (header + 8 > end)
            return FAB_MALFORMED;
        if (next == FAB_FRAGMENT_HEADER)
            fab_read_fragment6(header, out);
        here += next == FAB_FRAGMENT_HEADER ? 8 : ((uint32_t)header[1] + 1) * 8;
        next = header[0];
        if (out->p.fragment == FAB_LATER)
            break; /* what follows is the middle of something */
    }
    out->p.protocol = (uint8_t)next;
    *at = here;
    if (next == FAB_HOP_BY_HOP || next == FAB_ROUTING || next == FAB_DESTINATION ||
        next == FAB_FRAGMENT_HEADER || next == FAB_MOBILITY ||
        here > FAB_L4_6 + FAB_EXTENSIONS_SIZE)
        return FAB_UNSUPPORTED;
    return FAB_PASSED;
}

/* As fab_read. */
FAB_INLINE int fab_read6(const uint8_t *data, const uint8_t *end, uint32_t length,
                         struct fab_packet6 *out)
{
    if (data + FAB_L4_6 > end)
        return FAB_MALFORMED;
    const struct fab_ipv6 *ip = (const void *)(data + FAB_ETHERNET);
    if ((ip->version_class_flow & FAB_ORDER32(0xf0000000)) != FAB_ORDER32(0x60000000))
        return FAB_MALFORMED;
    uint32_t total = 40u + FAB_ORDER16(ip->length), at = FAB_L4_6;
    if (total + FAB_ETHERNET > length)
        return FAB_MALFORMED;
    out->p.length = total;
    out->p.fixed = 1; /* only its sender may take it apart */
    out->p.protocol = ip->next;
    out->source = ip->source;
    out->target = ip->target;
    int reason = fab_read_extensions(data, end, &at, out);
    if (reason || out->p.fragment == FAB_LATER) {
        out->p.headers = (uint16_t)(at - FAB_ETHERNET);
        return reason;
    }
    return total + FAB_ETHERNET < at ? FAB_MALFORMED : fab_read_l4_6(data, end, at, out);
}
