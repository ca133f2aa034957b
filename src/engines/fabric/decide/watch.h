// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What is done with packets of watched interfaces only: limits of bandwidth at both ends, and
 * records of what passed and what was refused, as each end saw it.
 */
#include "engines/fabric/decide/decide.h"

#define FAB_BURST_NS (FAB_SECOND / 50) /* at least a full segment of TCP above 26 Mbit/s */

/* A bucket that is full again at full_ns: 1 when the packet fits. */
FAB_ONCE int fab_meter_passes(uint32_t number, uint32_t direction, uint64_t bytes)
{
    struct fab_meter *meter = FAB_AT(fab_meters, number);
    uint32_t side = direction & 1;
    if (!meter || !meter->bytes_per_s[side])
        return 1;
    uint64_t now = FAB_NOW_EXACT(), full = meter->full_ns[side];
    if (full < now) {
        (void)FAB_SWAP(&meter->full_ns[side], full, now);
        full = now;
    }
    if (full - now > FAB_BURST_NS)
        return 0;
    if (meter->base_per_s[side]) {
        uint64_t base = meter->base_full_ns[side];
        if (base < now) {
            (void)FAB_SWAP(&meter->base_full_ns[side], base, now);
            base = now;
        }
        if (base - now > meter->saved_ns)
            return 0;
        FAB_FETCH_ADD(&meter->base_full_ns[side], bytes * FAB_SECOND / meter->base_per_s[side]);
    }
    FAB_FETCH_ADD(&meter->full_ns[side], bytes * FAB_SECOND / meter->bytes_per_s[side]);
    return 1;
}

FAB_INLINE void fab_record_packet(struct fab_record *record, const struct fab_packet *p,
                                  uint64_t now)
{
    uint32_t flags = p->tcp_flags & (FAB_TCP_FIN | FAB_TCP_SYN | FAB_TCP_RST);
    if (flags & FAB_TCP_SYN)
        flags |= p->tcp_flags & FAB_TCP_ACK;
    FAB_FETCH_ADD(&record->packets, p->pieces);
    FAB_FETCH_ADD(&record->bytes, p->length);
    if ((record->tcp_flags | flags) != record->tcp_flags)
        FAB_FETCH_OR(&record->tcp_flags, flags);
    record->last_ns = now;
}

FAB_ONCE int fab_record(const struct fab_packet *p, struct fab_record_key *key)
{
    const struct fab_settings *settings = FAB_AT(fab_settings_map, 0);
    if (!p || !key || !settings)
        return 0;
    uint64_t now = FAB_NOW();
    key->phase = (uint8_t)settings->phase;
    struct fab_record *record = FAB_FIND(fab_records, key);
    if (!record) {
        struct fab_record fresh = {.first_ns = now};
        (void)FAB_CLAIM(fab_records, key, &fresh);
        record = FAB_FIND(fab_records, key);
    }
    if (!record)
        return 0;
    fab_record_packet(record, p, now);
    return 1;
}

/* What never got to ask an interface's rules is in no record. */
FAB_INLINE int fab_was_asked(uint32_t reason)
{
    return reason != FAB_MALFORMED && reason != FAB_UNSUPPORTED && reason != FAB_SPOOFED &&
           reason != FAB_UNPLUGGED && reason != FAB_RACED && reason != FAB_NO_FIRST &&
           reason != FAB_FLOODED;
}

FAB_INLINE void fab_record_at(const struct fab_packet *p, struct fab_record_key *key,
                              uint32_t number)
{
    if (p->protocol == FAB_ICMP || p->kind != FAB_KIND_PLAIN)
        key->flow.source_port = key->flow.target_port = 0;
    key->flow.at = number << 8 | p->protocol;
    struct fab_meter *meter = FAB_AT(fab_meters, number);
    if (!fab_record(p, key) && meter)
        FAB_FETCH_ADD(&meter->unrecorded, 1);
}

/* "Flow log limitations": what instances say to the resolver and to 169.254.169.254. */
FAB_ONCE int fab_unlogged(const struct fab_packet *p, uint32_t at,
                          const struct fab_verdict *verdict)
{
    if (!p || !verdict)
        return 0;
    const struct fab_interface *caller =
        FAB_AT(fab_interfaces, at == FAB_SERVICE ? verdict->to : at);
    if (!caller || (at != FAB_SERVICE && verdict->to != FAB_SERVICE))
        return 0;
    return at == FAB_SERVICE
               ? fab_service_at(caller->network, verdict->outer_source, verdict->source_port,
                                p->protocol) != 0
               : fab_service_at(caller->network, p->target, p->target_port, p->protocol) != 0;
}

FAB_INLINE void fab_record_out(const struct fab_packet *p, uint32_t at,
                               const struct fab_verdict *verdict)
{
    struct fab_record_key key = {.flow = {.source = p->source,
                                          .target = p->target,
                                          .source_port = p->source_port,
                                          .target_port = p->target_port},
                                 .direction = FAB_OUT,
                                 .rejected = verdict->reason == FAB_GROUP_OUT ||
                                             verdict->reason == FAB_LIST_OUT};
    if (fab_was_asked(verdict->reason))
        fab_record_at(p, &key, at);
}

FAB_INLINE void fab_record_in(const struct fab_packet *p, const struct fab_verdict *verdict)
{
    struct fab_record_key key = {.flow = {.source = verdict->outer_source,
                                          .target = verdict->target,
                                          .source_port = verdict->source_port,
                                          .target_port = verdict->target_port},
                                 .direction = FAB_IN,
                                 .rejected = verdict->reason != FAB_PASSED};
    if (verdict->reason == FAB_PASSED || verdict->reason == FAB_GROUP_IN ||
        verdict->reason == FAB_LIST_IN)
        fab_record_at(p, &key, verdict->to);
}

/* Of the interfaces at both ends, those bits that are set; the edge is never watched. */
FAB_INLINE uint32_t fab_watched(uint32_t number)
{
    const struct fab_interface *interface = number == FAB_EDGE ? 0 : FAB_AT(fab_interfaces, number);
    return interface ? interface->watched : 0;
}

/* May still drop what was to be forwarded. */
FAB_INLINE void fab_meter_both(uint32_t length, uint32_t at, struct fab_verdict *verdict)
{
    uint32_t from = fab_watched(at), to = fab_watched(verdict->to);
    if (verdict->action == FAB_FORWARD &&
        (((from & FAB_METERED) && !fab_meter_passes(at, FAB_OUT, length)) ||
         ((to & FAB_METERED) && !fab_meter_passes(verdict->to, FAB_IN, length))))
        fab_drop(verdict, FAB_LIMITED);
}

FAB_ONCE int fab_watch(const struct fab_packet *p, uint32_t at, struct fab_verdict *verdict)
{
    if (!p || !verdict || p->kind == FAB_KIND_ARP)
        return 0;
    uint32_t from = fab_watched(at), to = fab_watched(verdict->to);
    fab_meter_both(p->length, at, verdict);
    if (fab_unlogged(p, at, verdict))
        return 0;
    if (from & FAB_RECORDED)
        fab_record_out(p, at, verdict);
    if (to & FAB_RECORDED)
        fab_record_in(p, verdict);
    return 0;
}
