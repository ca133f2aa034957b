// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What a verdict does to the frame. The frame is changed through FAB_L3_SUM, FAB_L4_SUM (the
 * kernel's two helpers for incremental checksums, which know about checksums that the hardware was
 * to fill in), FAB_STORE, FAB_LOAD, FAB_CUT and FAB_HEAD, so that this file too is one for all.
 */
#include "engines/fabric/decide/watch.h"

#define FAB_IP_SUM (FAB_ETHERNET + 10)
#define FAB_IP_SOURCE (FAB_ETHERNET + 12)
#define FAB_IP_TARGET (FAB_ETHERNET + 16)
#define FAB_ICMP_SUM (FAB_L4 + 2)
#define FAB_ICMP_ID 4
#define FAB_RESET_SIZE (FAB_L4 + 20)

/* RFC 1624, eqn. 3. */
FAB_INLINE uint16_t fab_sum_changed(uint16_t sum, uint32_t from, uint32_t to)
{
    uint32_t wide = (uint16_t)~sum;
    wide += (uint16_t)~from + (uint16_t)(~from >> 16);
    wide += (uint16_t)to + (to >> 16);
    wide = (wide & 0xffff) + (wide >> 16);
    return (uint16_t) ~((wide & 0xffff) + (wide >> 16));
}

/* There are two zeros. */
FAB_INLINE int fab_sum_is(uint16_t a, uint16_t b)
{
    return a == b || (a ^ b) == 0xffff;
}

/* The header of IP, whose sum no device fills in: by plain stores. */
FAB_INLINE void fab_rewrite_ip(uint8_t *head, const struct fab_packet *p,
                               const struct fab_verdict *verdict)
{
    uint16_t sum = fab_u16(head + FAB_IP_SUM);
    sum = fab_sum_changed(sum, p->source, verdict->source);
    *(uint16_t *)(void *)(head + FAB_IP_SUM) = fab_sum_changed(sum, p->target, verdict->target);
    *(uint32_t *)(void *)(head + FAB_IP_SOURCE) = verdict->source;
    *(uint32_t *)(void *)(head + FAB_IP_TARGET) = verdict->target;
}

/* The sum at `at` of the frame, by the ports. */
FAB_INLINE void fab_rewrite_port_sum(FAB_FRAME *frame, const struct fab_packet *p,
                                     const struct fab_verdict *verdict, uint32_t at, uint32_t flags)
{
    if (p->source_port != verdict->source_port)
        FAB_L4_SUM(frame, at, p->source_port, verdict->source_port, 2 | flags);
    if (p->target_port != verdict->target_port)
        FAB_L4_SUM(frame, at, p->target_port, verdict->target_port, 2 | flags);
}

/* That of TCP or UDP, where something changes. Only the helper knows whether a device is to fill it
 * in: then it changes by the addresses the other way round, and ports do not count. So one call of
 * it tells, and the rest needs none, unless the addresses make no difference. */
FAB_INLINE void fab_rewrite_full_sum(FAB_FRAME *frame, const struct fab_packet *p,
                                     const struct fab_verdict *verdict, uint32_t at, uint32_t flags)
{
    uint8_t *head = FAB_HEAD(frame, at + 2);
    if (!head)
        return;
    uint16_t before = fab_u16(head + at), full, after;
    full = fab_sum_changed(before, p->source, verdict->source);
    full = fab_sum_changed(full, p->target, verdict->target);
    if (p->source != verdict->source)
        FAB_L4_SUM(frame, at, p->source, verdict->source, 4 | FAB_SUM_PSEUDO | flags);
    if (p->target != verdict->target)
        FAB_L4_SUM(frame, at, p->target, verdict->target, 4 | FAB_SUM_PSEUDO | flags);
    head = FAB_HEAD(frame, at + 2);
    if (!head || fab_sum_is(full, before)) {
        fab_rewrite_port_sum(frame, p, verdict, at, flags);
    } else if (fab_sum_is(fab_u16(head + at), full)) {
        after = fab_sum_changed(full, (uint32_t)p->source_port << 16 | p->target_port,
                                (uint32_t)verdict->source_port << 16 | verdict->target_port);
        *(uint16_t *)(void *)(head + at) = !after && (flags & FAB_SUM_MAY_BE_NONE) ? 0xffff : after;
    }
}

FAB_INLINE void fab_rewrite_sum(FAB_FRAME *frame, const struct fab_packet *p,
                                const struct fab_verdict *verdict)
{
    if (p->protocol == FAB_TCP)
        fab_rewrite_full_sum(frame, p, verdict, FAB_L4 + 16, 0);
    else if (p->protocol == FAB_UDP)
        fab_rewrite_full_sum(frame, p, verdict, FAB_L4 + 6, FAB_SUM_MAY_BE_NONE);
    else
        fab_rewrite_port_sum(frame, p, verdict, FAB_ICMP_SUM, 0);
}

/* RFC 768: a sender need not sum up. */
FAB_INLINE int fab_is_unsummed(const struct fab_packet *p, const uint8_t *head)
{
    return p->protocol == FAB_UDP && fab_u16(head + FAB_L4 + 6) == 0;
}

/* Addresses and ports of a plain packet. The sums first: a helper gives the pointers up. */
FAB_INLINE int fab_rewrite(FAB_FRAME *frame, const struct fab_packet *p,
                           const struct fab_verdict *verdict)
{
    int has_ports = (p->protocol == FAB_TCP || p->protocol == FAB_UDP || p->protocol == FAB_ICMP) &&
                    p->fragment != FAB_LATER;
    uint8_t *head = FAB_HEAD(frame, FAB_L4 + (has_ports ? 8 : 0));
    if (!head)
        return 0;
    if (has_ports && !fab_is_unsummed(p, head)) {
        fab_rewrite_sum(frame, p, verdict);
        head = FAB_HEAD(frame, FAB_L4 + 8);
        if (!head)
            return 0;
    }
    fab_rewrite_ip(head, p, verdict);
    if (!has_ports)
        return 1;
    if (p->protocol == FAB_ICMP) {
        *(uint16_t *)(void *)(head + FAB_L4 + FAB_ICMP_ID) =
            p->icmp_type == 8 ? verdict->source_port : verdict->target_port;
    } else {
        *(uint16_t *)(void *)(head + FAB_L4) = verdict->source_port;
        *(uint16_t *)(void *)(head + FAB_L4 + 2) = verdict->target_port;
    }
    return 1;
}

/* One port of the quoted packet, with its own sum (where the quote has it) and the error's. */
FAB_INLINE void fab_rewrite_inner_port(FAB_FRAME *frame, uint8_t protocol, uint32_t at,
                                       uint16_t from, uint16_t to)
{
    if (from == to)
        return;
    FAB_STORE(frame, FAB_INNER_L4 + at, &to, 2);
    FAB_L4_SUM(frame, FAB_ICMP_SUM, from, to, 2);
    if (protocol == FAB_ICMP)
        FAB_L4_SUM(frame, FAB_INNER_L4 + 2, from, to, 2);
    else if (protocol == FAB_UDP)
        FAB_L4_SUM(frame, FAB_INNER_L4 + 6, from, to, 2 | FAB_SUM_MAY_BE_NONE);
}

/* The quoted packet becomes what its sender had sent. Its address and its IP sum change by the same
 * amount the other way round, so the error's sum needs to know of ports and of inner sums only. */
FAB_INLINE void fab_rewrite_inner(FAB_FRAME *frame, const struct fab_packet *p,
                                  const struct fab_verdict *verdict)
{
    uint8_t protocol = p->inner_protocol;
    uint16_t before = 0, after = 0;
    uint32_t sum = FAB_INNER_L4 + (protocol == FAB_ICMP ? 2 : 6);
    uint32_t source_at = protocol == FAB_ICMP ? FAB_ICMP_ID : 0;
    if (protocol != FAB_TCP)
        FAB_LOAD(frame, sum, &before, 2);
    FAB_L3_SUM(frame, FAB_INNER + 10, p->inner_source, verdict->target, 4);
    FAB_L3_SUM(frame, FAB_INNER + 10, p->inner_target, verdict->source, 4);
    FAB_STORE(frame, FAB_INNER + 12, &verdict->target, 4);
    FAB_STORE(frame, FAB_INNER + 16, &verdict->source, 4);
    if (protocol == FAB_UDP) {
        FAB_L4_SUM(frame, sum, p->inner_source, verdict->target, 4 | FAB_SUM_MAY_BE_NONE);
        FAB_L4_SUM(frame, sum, p->inner_target, verdict->source, 4 | FAB_SUM_MAY_BE_NONE);
    }
    fab_rewrite_inner_port(frame, protocol, source_at, p->inner_source_port, verdict->target_port);
    fab_rewrite_inner_port(frame, protocol, protocol == FAB_ICMP ? FAB_ICMP_ID : 2,
                           p->inner_target_port, verdict->source_port);
    if (protocol == FAB_TCP)
        return;
    FAB_LOAD(frame, sum, &after, 2);
    FAB_L4_SUM(frame, FAB_ICMP_SUM, before, after, 2);
}

FAB_INLINE int fab_rewrite_error(FAB_FRAME *frame, const struct fab_packet *p,
                                 const struct fab_verdict *verdict)
{
    fab_rewrite_inner(frame, p, verdict);
    FAB_L3_SUM(frame, FAB_IP_SUM, p->source, verdict->outer_source, 4);
    FAB_L3_SUM(frame, FAB_IP_SUM, p->target, verdict->target, 4);
    FAB_STORE(frame, FAB_IP_SOURCE, &verdict->outer_source, 4);
    FAB_STORE(frame, FAB_IP_TARGET, &verdict->target, 4);
    return 1;
}

/* Both at even addresses. */
FAB_INLINE void fab_set_macs(uint8_t *head, const void *target, const void *source)
{
    for (int i = 0; i < 3; i++) {
        ((uint16_t *)(void *)head)[i] = ((const uint16_t *)target)[i];
        ((uint16_t *)(void *)head)[3 + i] = ((const uint16_t *)source)[i];
    }
}

FAB_INLINE uint16_t fab_sum16(const uint8_t *at, int words, uint32_t sum)
{
    for (int i = 0; i < words; i++)
        sum += *(const uint16_t *)(const void *)(at + 2 * i);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

struct fab_tcp_answer {
    uint32_t sequence, acknowledgement; /* host order */
    uint8_t flags;
};

/* A frame becomes an answer to its sender, as the other end would send it: `head` has the
 * FAB_RESET_SIZE bytes that it is to have. */
FAB_INLINE void fab_write_answer(uint8_t *head, const struct fab_packet *p,
                                 struct fab_tcp_answer answer)
{
    struct fab_ipv4 *ip = (void *)(head + FAB_ETHERNET);
    uint8_t *tcp = head + FAB_L4;
    uint16_t mac[3];
    __builtin_memcpy(mac, head, 6);
    fab_set_macs(head, head + 6, mac);
    *ip = (struct fab_ipv4){.version_length = 0x45,
                            .length = FAB_ORDER16(40),
                            .hops = 64,
                            .protocol = FAB_TCP,
                            .source = p->target,
                            .target = p->source};
    ip->sum = fab_sum16(head + FAB_ETHERNET, 10, 0);
    *(uint16_t *)(void *)tcp = p->target_port;
    *(uint16_t *)(void *)(tcp + 2) = p->source_port;
    *(uint32_t *)(void *)(tcp + 4) = FAB_ORDER32(answer.sequence);
    *(uint32_t *)(void *)(tcp + 8) = FAB_ORDER32(answer.acknowledgement);
    tcp[12] = 0x50;
    tcp[13] = answer.flags;
    *(uint16_t *)(void *)(tcp + 14) = 0;
    *(uint16_t *)(void *)(tcp + 16) = 0;
    *(uint16_t *)(void *)(tcp + 18) = 0;
    *(uint16_t *)(void *)(tcp + 16) = fab_sum16(
        head + FAB_IP_SOURCE, 14, (uint32_t)FAB_ORDER16(FAB_TCP) + (uint32_t)FAB_ORDER16(20));
}

FAB_INLINE int fab_answer_tcp(FAB_FRAME *frame, const struct fab_packet *p,
                              struct fab_tcp_answer answer)
{
    uint8_t *head = FAB_CUT(frame, FAB_RESET_SIZE) ? 0 : FAB_HEAD(frame, FAB_RESET_SIZE);
    if (head)
        fab_write_answer(head, p, answer);
    return head != 0;
}

/* RFC 9293, 3.10.7.1. */
FAB_INLINE int fab_reset(FAB_FRAME *frame, const struct fab_packet *p)
{
    uint8_t *head = FAB_HEAD(frame, FAB_RESET_SIZE);
    if (!head)
        return 0;
    uint32_t expected = FAB_ORDER32(*(uint32_t *)(void *)(head + FAB_L4 + 8));
    const struct fab_tcp_answer answer = {.sequence = p->tcp_flags & FAB_TCP_ACK ? expected : 0,
                                          .flags = FAB_TCP_RST};
    return fab_answer_tcp(frame, p, answer);
}

/* guard.h */
FAB_INLINE struct fab_tcp_answer fab_challenge(uint32_t cookie)
{
    return (struct fab_tcp_answer){.acknowledgement = cookie, .flags = FAB_TCP_SYN | FAB_TCP_ACK};
}

/* The frame becomes an error that says which size would pass, and quotes its beginning: RFC
 * 1191, 4. */
FAB_INLINE int fab_tell_size(FAB_FRAME *frame, const struct fab_packet *p, uint32_t router,
                             uint32_t mtu)
{
    if (FAB_CUT(frame, FAB_INNER_L4 + 8))
        return 0;
    uint8_t *head = FAB_HEAD(frame, FAB_INNER_L4 + 8);
    if (!head)
        return 0;
    uint8_t *ip = head + FAB_ETHERNET, *icmp = head + FAB_L4;
    uint16_t mac[3];
    for (int i = 0; i < 28; i += 4)
        *(uint32_t *)(void *)(head + FAB_INNER + i) = *(uint32_t *)(void *)(ip + i);
    __builtin_memcpy(mac, head, 6);
    fab_set_macs(head, head + 6, mac);
    *(struct fab_ipv4 *)(void *)ip = (struct fab_ipv4){.version_length = 0x45,
                                                       .length = FAB_ORDER16(56),
                                                       .hops = 64,
                                                       .protocol = FAB_ICMP,
                                                       .source = router,
                                                       .target = p->source};
    *(uint16_t *)(void *)(ip + 10) = fab_sum16(ip, 10, 0);
    *(uint32_t *)(void *)icmp = 0;
    icmp[0] = 3;
    icmp[1] = 4;
    *(uint16_t *)(void *)(icmp + 4) = 0;
    *(uint16_t *)(void *)(icmp + 6) = FAB_ORDER16(mtu);
    *(uint16_t *)(void *)(icmp + 2) = fab_sum16(icmp, 18, 0);
    return 1;
}

/* The network's router says it: the first address of the sender's subnet. */
FAB_INLINE uint32_t fab_router_of(uint32_t at, const struct fab_packet *p)
{
    const struct fab_interface *interface = FAB_AT(fab_interfaces, at);
    const struct fab_subnet *subnet = interface ? FAB_AT(fab_subnets, interface->subnet) : 0;
    return at != FAB_EDGE && subnet ? subnet->address | FAB_ORDER32(1) : p->target;
}

FAB_INLINE int fab_arp_reply(FAB_FRAME *frame, const struct fab_settings *settings)
{
    uint8_t *head = FAB_HEAD(frame, FAB_ETHERNET + sizeof(struct fab_arp));
    if (!head)
        return 0;
    struct fab_arp *arp = (void *)(head + FAB_ETHERNET);
    uint32_t asked = arp->target;
    arp->operation = FAB_ORDER16(2);
    for (int i = 0; i < 6; i++) {
        arp->target_mac[i] = arp->sender_mac[i];
        arp->sender_mac[i] = settings->mac[i];
    }
    arp->target = arp->sender;
    arp->sender = asked;
    fab_set_macs(head, arp->target_mac, settings->mac);
    return 1;
}

FAB_INLINE uint32_t fab_device_of(uint32_t number, const struct fab_settings *settings)
{
    if (number == FAB_EDGE)
        return settings->edge_ifindex;
    if (number == FAB_SERVICE)
        return settings->service_ifindex;
    const struct fab_interface *interface = FAB_AT(fab_interfaces, number);
    return interface ? interface->ifindex : 0;
}

/* Where a frame leaves. */
struct fab_end {
    const uint8_t *mac; /* of the far end; NULL: nowhere */
    uint32_t device, watched;
};

FAB_INLINE struct fab_end fab_end_of(uint32_t number, const struct fab_settings *settings)
{
    if (number == FAB_EDGE)
        return (struct fab_end){settings->edge_mac, settings->edge_ifindex, 0};
    if (number == FAB_SERVICE)
        return (struct fab_end){settings->service_mac, settings->service_ifindex, 0};
    const struct fab_interface *interface = FAB_AT(fab_interfaces, number);
    if (!interface)
        return (struct fab_end){0, 0, 0};
    return (struct fab_end){interface->mac, interface->ifindex, interface->watched};
}

/* -- TCP's largest segment -------------------------------------------------------------------- */

#define FAB_OPTIONS_MAX 40
struct fab_options {
    uint8_t at[64]; /* those of a header, and room for any index below */
    uint32_t size, next;
    uint32_t found; /* where the largest segment's size stands; 0: nowhere */
};

/* RFC 9293, 3.1: kind, and but for the first two length and value. 1 ends the walk. */
static FAB_NOINLINE long fab_next_option(uint32_t i, struct fab_options *options)
{
    (void)i;
    uint32_t next = options->next;
    if (next + 4 > options->size)
        return 1;
    uint8_t kind = options->at[next & 63], length = options->at[(next + 1) & 63];
    if (kind == 0 || (kind > 1 && length < 2))
        return 1;
    if (kind == 2) {
        options->found = length == 4 ? next + 2 : 0;
        return 1;
    }
    options->next = next + (kind == 1 ? 1 : length);
    return 0;
}

/* Where it stands in the options, which are `size` bytes; 0: nowhere. */
FAB_ONCE uint32_t fab_find_segment(FAB_FRAME *frame, uint32_t size)
{
    struct fab_options options = {.size = size};
    if (size < 4 || size > FAB_OPTIONS_MAX)
        return 0;
    FAB_LOAD(frame, FAB_L4 + 20, options.at, size);
    FAB_REPEAT(FAB_OPTIONS_MAX, fab_next_option, &options);
    return options.found & 63;
}

/* Of a SYN; nearly always it is the first option. */
FAB_INLINE int fab_clamp(FAB_FRAME *frame, uint32_t size)
{
    const uint16_t most = FAB_NARROW_MTU - FAB_TCP_HEADERS;
    uint16_t before = 0, after = FAB_ORDER16(most);
    uint8_t *head = size < 4 ? 0 : FAB_HEAD(frame, FAB_L4 + 24);
    int first = head && fab_u16(head + FAB_L4 + 20) == FAB_ORDER16(0x0204);
    uint32_t found = first ? 2 : fab_find_segment(frame, size);
    if (!found)
        return 0;
    uint32_t at = FAB_L4 + 20 + found;
    FAB_LOAD(frame, at, &before, 2);
    if (FAB_ORDER16(before) <= most)
        return 0;
    FAB_STORE(frame, at, &after, 2);
    if (found & 1) { /* it stands across two words of the sum */
        before = FAB_ORDER16(before);
        after = FAB_ORDER16(after);
    }
    FAB_L4_SUM(frame, FAB_L4 + 16, before, after, 2);
    return 1;
}

/* The device of the fabric through whose far end the frame, now changed, leaves; 0: dropped. */
FAB_INLINE uint32_t fab_apply(FAB_FRAME *frame, const struct fab_packet *p, uint32_t at,
                              struct fab_verdict *verdict)
{
    const struct fab_settings *settings = FAB_AT(fab_settings_map, 0);
    if (!settings)
        return 0;
    struct fab_end end = fab_end_of(verdict->to, settings);
    if (fab_watched(at) | end.watched)
        fab_watch(p, at, verdict);
    if (verdict->action == FAB_TELL_MTU)
        return fab_tell_size(frame, p, fab_router_of(at, p), verdict->size)
                   ? fab_device_of(at, settings)
                   : 0;
    if (verdict->action == FAB_RESET)
        return fab_reset(frame, p) ? fab_device_of(at, settings) : 0;
    if (verdict->action == FAB_CHALLENGE)
        return fab_answer_tcp(frame, p, fab_challenge(verdict->source))
                   ? fab_device_of(at, settings)
                   : 0;
    if (verdict->action == FAB_ARP_REPLY)
        return fab_arp_reply(frame, settings) ? fab_device_of(at, settings) : 0;
    if (verdict->action != FAB_FORWARD)
        return 0;
    if (verdict->clamped)
        fab_clamp(frame, p->headers - FAB_TCP_HEADERS);
    int done = p->kind == FAB_KIND_ERROR ? fab_rewrite_error(frame, p, verdict)
                                         : fab_rewrite(frame, p, verdict);
    uint8_t *head = FAB_HEAD(frame, FAB_ETHERNET);
    if (!done || !head || !end.mac)
        return 0;
    fab_set_macs(head, end.mac, settings->mac);
    return end.device;
}
