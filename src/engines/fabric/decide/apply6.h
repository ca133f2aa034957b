// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What a verdict does to a frame of IPv6: new MACs, and the answers of the fabric itself. */
#include "engines/fabric/decide/apply.h"
#include "engines/fabric/decide/watch6.h"

#define FAB_TELL6_QUOTE 48 /* its IP header, and of what it carries what errors are found by */
#define FAB_TELL6_SIZE (FAB_L4_6 + 8 + FAB_TELL6_QUOTE)

/* Over an ICMPv6 packet of `size` bytes whose own sum is 0, and its pseudo header. */
FAB_INLINE uint16_t fab_sum_icmp6(const uint8_t *ip, uint32_t size)
{
    return fab_sum16(ip + 8, (int)(32 + size) / 2,
                     (uint32_t)FAB_ORDER16(size) + (uint32_t)FAB_ORDER16(FAB_ICMP6));
}

FAB_INLINE void fab_turn_frame(uint8_t *head, const struct fab_settings *settings)
{
    uint8_t mac[6];
    __builtin_memcpy(mac, head + 6, 6);
    fab_set_macs(head, mac, settings->mac);
}

/* The router of the sender's subnet, or outside whom the packet was for, says it. */
FAB_INLINE struct fab_ip6 fab_router6_of(uint32_t at, const struct fab_packet6 *six)
{
    const struct fab_interface *interface = FAB_AT(fab_interfaces, at);
    const struct fab_subnet *subnet = interface ? FAB_AT(fab_subnets, interface->subnet) : 0;
    if (at == FAB_EDGE || !subnet)
        return six->target;
    struct fab_ip6 router = subnet->address6;
    router.word[3] = FAB_ORDER32(1);
    return router;
}

/* RFC 4443, 3.2. */
FAB_INLINE int fab_tell_size6(FAB_FRAME *frame, const struct fab_packet6 *six, uint32_t at,
                              const struct fab_settings *settings, uint32_t mtu)
{
    if (FAB_CUT(frame, FAB_TELL6_SIZE))
        return 0;
    uint8_t *head = FAB_HEAD(frame, FAB_TELL6_SIZE);
    if (!head)
        return 0;
    uint8_t *ip = head + FAB_ETHERNET, *icmp = head + FAB_L4_6;
    for (int i = FAB_TELL6_QUOTE - 4; i >= 0; i -= 4)
        *(uint32_t *)(void *)(icmp + 8 + i) = *(uint32_t *)(void *)(ip + i);
    fab_turn_frame(head, settings);
    *(struct fab_ipv6 *)(void *)ip =
        (struct fab_ipv6){.version_class_flow = FAB_ORDER32(0x60000000),
                          .length = FAB_ORDER16(8 + FAB_TELL6_QUOTE),
                          .next = FAB_ICMP6,
                          .hops = 64,
                          .source = fab_router6_of(at, six),
                          .target = six->source};
    *(uint32_t *)(void *)icmp = 0;
    icmp[0] = FAB_ICMP6_TOO_BIG;
    *(uint32_t *)(void *)(icmp + 4) = FAB_ORDER32(mtu);
    *(uint16_t *)(void *)(icmp + 2) = fab_sum_icmp6(ip, 8 + FAB_TELL6_QUOTE);
    return 1;
}

/* RFC 4861, 4.4: a router's, solicited, and to be believed. The question's option becomes that of
 * the answer. */
FAB_INLINE int fab_tell_neighbour(FAB_FRAME *frame, const struct fab_packet6 *six,
                                  const struct fab_settings *settings)
{
    uint8_t *head = FAB_HEAD(frame, FAB_NEIGHBOUR_SIZE);
    if (!head)
        return 0;
    struct fab_ipv6 *ip = (void *)(head + FAB_ETHERNET);
    uint8_t *icmp = head + FAB_L4_6;
    fab_turn_frame(head, settings);
    ip->target = six->source;
    ip->source = six->target;
    *(uint32_t *)(void *)icmp = 0;
    icmp[0] = FAB_ICMP6_HERE;
    *(uint32_t *)(void *)(icmp + 4) = FAB_ORDER32(0xe0000000);
    icmp[24] = 2;
    icmp[25] = 1;
    for (int i = 0; i < 6; i++)
        icmp[26 + i] = settings->mac[i];
    *(uint16_t *)(void *)(icmp + 2) = fab_sum_icmp6((void *)ip, 32);
    return 1;
}

/* As fab_apply. */
FAB_INLINE uint32_t fab_apply6(FAB_FRAME *frame, const struct fab_packet6 *six, uint32_t at,
                               struct fab_verdict *verdict)
{
    const struct fab_settings *settings = FAB_AT(fab_settings_map, 0);
    if (!settings)
        return 0;
    if (fab_watched(at) | fab_watched(verdict->to))
        fab_watch6(six, at, verdict);
    if (verdict->action == FAB_TELL_MTU)
        return fab_tell_size6(frame, six, at, settings, verdict->size) ? fab_device_of(at, settings)
                                                                       : 0;
    if (verdict->action == FAB_ARP_REPLY)
        return fab_tell_neighbour(frame, six, settings) ? fab_device_of(at, settings) : 0;
    if (verdict->action != FAB_FORWARD)
        return 0;
    uint8_t *head = FAB_HEAD(frame, FAB_ETHERNET);
    const struct fab_interface *interface = FAB_AT(fab_interfaces, verdict->to);
    if (!head || !interface)
        return 0;
    fab_set_macs(head, verdict->to == FAB_EDGE ? settings->edge_mac : interface->mac,
                 settings->mac);
    return fab_device_of(verdict->to, settings);
}
