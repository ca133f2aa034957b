// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Limits and records of IPv6: those of watch.h, with records of their own. */
#include "engines/fabric/decide/decide6.h"
#include "engines/fabric/decide/watch.h"

FAB_ONCE int fab_record6(const struct fab_packet6 *six, struct fab_record_key6 *key)
{
    const struct fab_settings *settings = FAB_AT(fab_settings_map, 0);
    if (!six || !key || !settings)
        return 0;
    uint64_t now = FAB_NOW();
    key->phase = (uint8_t)settings->phase;
    struct fab_record *record = FAB_FIND(fab_records6, key);
    if (!record) {
        struct fab_record fresh = {.first_ns = now};
        (void)FAB_CLAIM(fab_records6, key, &fresh);
        record = FAB_FIND(fab_records6, key);
    }
    if (!record)
        return 0;
    fab_record_packet(record, &six->p, now);
    return 1;
}

/* As the packet is at both ends: nothing of it changes on the way. */
FAB_ONCE int fab_record6_at(const struct fab_packet6 *six, uint32_t number, uint32_t direction,
                            uint32_t rejected)
{
    struct fab_meter *meter = FAB_AT(fab_meters, number);
    if (!six)
        return 0;
    struct fab_record_key6 key = {
        .flow = {.source = six->source, .target = six->target, .at = number << 8 | six->p.protocol},
        .direction = (uint8_t)direction,
        .rejected = (uint8_t)rejected};
    if (six->p.protocol != FAB_ICMP6) {
        key.flow.source_port = six->p.source_port;
        key.flow.target_port = six->p.target_port;
    }
    if (!fab_record6(six, &key) && meter)
        FAB_FETCH_ADD(&meter->unrecorded, 1);
    return 0;
}

/* As fab_watch. */
FAB_ONCE int fab_watch6(const struct fab_packet6 *six, uint32_t at, struct fab_verdict *verdict)
{
    if (!six || !verdict || six->p.kind == FAB_KIND_ARP)
        return 0;
    fab_meter_both(six->p.length, at, verdict);
    uint32_t reason = verdict->reason;
    if ((fab_watched(at) & FAB_RECORDED) && fab_was_asked(reason))
        fab_record6_at(six, at, FAB_OUT, reason == FAB_GROUP_OUT || reason == FAB_LIST_OUT);
    if ((fab_watched(verdict->to) & FAB_RECORDED) &&
        (reason == FAB_PASSED || reason == FAB_GROUP_IN || reason == FAB_LIST_IN))
        fab_record6_at(six, verdict->to, FAB_IN, reason != FAB_PASSED);
    return 0;
}
