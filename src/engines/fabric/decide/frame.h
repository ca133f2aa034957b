// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Reads a frame: Ethernet, then IPv4 with TCP, UDP, ICMP or anything else, or ARP. IP options are
 * refused. Every access is checked against `end` in
 * the form that the kernel's verifier follows. A frame begins two bytes behind a multiple of four,
 * as the kernel's do, so that its IP headers are aligned.
 */
#include "engines/fabric/decide/types.h"

#define FAB_ETHERNET 14
#define FAB_L4 34
#define FAB_INNER (FAB_L4 + 8)
#define FAB_INNER_L4 (FAB_INNER + 20)

struct fab_ipv4 {
    uint8_t version_length, service;
    uint16_t length, id, fragment;
    uint8_t hops, protocol;
    uint16_t sum;
    uint32_t source, target;
};

struct fab_arp {
    uint16_t hardware, protocol;
    uint8_t hardware_size, protocol_size;
    uint16_t operation;
    uint8_t sender_mac[6];
    uint32_t sender;
    uint8_t target_mac[6];
    uint32_t target;
} __attribute__((packed, aligned(2)));

FAB_INLINE uint16_t fab_u16(const uint8_t *at)
{
    return *(const uint16_t *)(const void *)at;
}

FAB_INLINE int fab_icmp_is_error(uint8_t type)
{
    return type == 3 || type == 11 || type == 12;
}

/* Ports of a TCP or UDP header, or the id of an echo, from the first eight bytes. */
FAB_INLINE int fab_read_ports(const uint8_t *l4, uint8_t protocol, uint16_t *source,
                              uint16_t *target)
{
    if (protocol == FAB_TCP || protocol == FAB_UDP) {
        *source = fab_u16(l4);
        *target = fab_u16(l4 + 2);
    } else if (protocol == FAB_ICMP) {
        if (l4[0] == 8)
            *source = fab_u16(l4 + 4);
        else if (l4[0] == 0)
            *target = fab_u16(l4 + 4);
        else
            return -1;
    }
    return 0;
}

/* The quoted packet of an ICMP error. */
FAB_INLINE int fab_read_inner(const uint8_t *data, const uint8_t *end, struct fab_packet *out)
{
    if (data + FAB_INNER_L4 + 8 > end || out->length < FAB_INNER_L4 + 8 - FAB_ETHERNET)
        return FAB_MALFORMED;
    const struct fab_ipv4 *ip = (const void *)(data + FAB_INNER);
    if (ip->version_length != 0x45 || (ip->fragment & FAB_ORDER16(0x1fff)))
        return FAB_UNSUPPORTED;
    out->inner_source = ip->source;
    out->inner_target = ip->target;
    out->inner_protocol = ip->protocol;
    out->kind = FAB_KIND_ERROR;
    /* An error about an error is never sent on (RFC 1122, 3.2.2). */
    if (fab_read_ports(data + FAB_INNER_L4, ip->protocol, &out->inner_source_port,
                       &out->inner_target_port))
        return FAB_UNSUPPORTED;
    return FAB_PASSED;
}

FAB_INLINE int fab_read_arp(const uint8_t *data, const uint8_t *end, struct fab_packet *out)
{
    if (data + FAB_ETHERNET + sizeof(struct fab_arp) > end)
        return FAB_MALFORMED;
    const struct fab_arp *arp = (const void *)(data + FAB_ETHERNET);
    if (arp->hardware != FAB_ORDER16(1) || arp->protocol != FAB_ORDER16(0x0800) ||
        arp->hardware_size != 6 || arp->protocol_size != 4)
        return FAB_MALFORMED;
    if (arp->operation != FAB_ORDER16(1))
        return FAB_UNSUPPORTED;
    out->kind = FAB_KIND_ARP;
    out->source = arp->sender;
    out->target = arp->target;
    return FAB_PASSED;
}

FAB_INLINE int fab_read_l4(const uint8_t *data, const uint8_t *end, struct fab_packet *out)
{
    if (out->protocol != FAB_TCP && out->protocol != FAB_UDP && out->protocol != FAB_ICMP)
        return FAB_PASSED;
    if (data + FAB_L4 + 8 > end || out->length < 28)
        return FAB_MALFORMED;
    if (out->protocol == FAB_ICMP) {
        out->icmp_type = data[FAB_L4];
        out->icmp_code = data[FAB_L4 + 1];
        if (fab_icmp_is_error(out->icmp_type))
            return out->fragment ? FAB_UNSUPPORTED : fab_read_inner(data, end, out);
    }
    if (fab_read_ports(data + FAB_L4, out->protocol, &out->source_port, &out->target_port))
        return FAB_UNSUPPORTED;
    if (out->protocol == FAB_TCP) {
        if (data + FAB_L4 + 20 > end || out->length < 40)
            return FAB_MALFORMED;
        out->tcp_flags = data[FAB_L4 + 13];
        out->sequence = FAB_ORDER32(*(const uint32_t *)(const void *)(data + FAB_L4 + 4));
        out->headers = (uint16_t)(20 + (data[FAB_L4 + 12] >> 4) * 4);
    }
    return FAB_PASSED;
}

FAB_INLINE void fab_read_fragment(const struct fab_ipv4 *ip, struct fab_packet *out)
{
    uint16_t fragment = FAB_ORDER16(ip->fragment);
    out->id = ip->id;
    out->fixed = (fragment & 0x4000) != 0;
    out->fragment = fragment & 0x1fff ? FAB_LATER : fragment & 0x2000 ? FAB_FIRST : FAB_WHOLE;
}

/* FAB_PASSED or the reason why it cannot be forwarded. `length` is that of the whole frame, of
 * which data … end may be the beginning. `out` is zeroed by the caller. */
FAB_INLINE int fab_read(const uint8_t *data, const uint8_t *end, uint32_t length,
                        struct fab_packet *out)
{
    if (data + FAB_ETHERNET > end)
        return FAB_MALFORMED;
    uint16_t type = fab_u16(data + 12);
    if (type == FAB_ORDER16(0x0806))
        return fab_read_arp(data, end, out);
    if (type != FAB_ORDER16(0x0800))
        return FAB_UNSUPPORTED;
    if (data + FAB_L4 > end)
        return FAB_MALFORMED;
    const struct fab_ipv4 *ip = (const void *)(data + FAB_ETHERNET);
    if ((ip->version_length & 0xf0) != 0x40 || (ip->version_length & 15) < 5)
        return FAB_MALFORMED;
    if (ip->version_length != 0x45)
        return FAB_UNSUPPORTED;
    uint32_t total = FAB_ORDER16(ip->length);
    if (total < 20 || total + FAB_ETHERNET > length)
        return FAB_MALFORMED;
    out->length = total;
    out->source = ip->source;
    out->target = ip->target;
    out->protocol = ip->protocol;
    out->headers = 28;
    fab_read_fragment(ip, out);
    if (out->fragment != FAB_LATER)
        return fab_read_l4(data, end, out);
    /* RFC 1858, 3.2.2: no honest fragment begins inside of a TCP header. */
    int inside = out->protocol == FAB_TCP && (ip->fragment & FAB_ORDER16(0x1fff)) == FAB_ORDER16(1);
    return inside ? FAB_MALFORMED : FAB_PASSED;
}
