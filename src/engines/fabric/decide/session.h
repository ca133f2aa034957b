// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Sessions: the state that both directions of a flow share. A translating gateway's port is
 * allocated by claiming the answers' tuple, so no two flows can ever have the same one.
 */
#include "engines/fabric/decide/claim.h"
#include "engines/fabric/decide/way.h"

#define FAB_SECOND 1000000000ull
#define FAB_TOUCH_NS (FAB_SECOND / 4) /* finer would only move cache lines */
#define FAB_SLICE_SHIFT 28            /* so long, in ns, a flow is not idle without being asked */
#define FAB_PORT_TRIES 128            /* of a random port: 1e-9 fail at 55,000 of 64,512 */
#define FAB_CALLER_PORT_FIRST 1024
#define FAB_ICMP_IDLE_S 30
#define FAB_OTHER_IDLE_S 600 /* "Security group connection tracking": other protocols */
#define FAB_TCP_START_S 60
#define FAB_TCP_CLOSED_S 60

FAB_INLINE int fab_closed(const struct fab_session *session)
{
    uint8_t both = FAB_SEEN_FIN_ASKS | FAB_SEEN_FIN_ANSWERS;
    return (session->seen & FAB_SEEN_RST) || (session->seen & both) == both;
}

FAB_INLINE int fab_idle(const struct fab_session *session, uint64_t now)
{
    uint64_t limit = fab_closed(session)               ? session->closed_s
                     : session->seen & FAB_SEEN_ANSWER ? session->idle_s
                                                       : session->start_s;
    return now > session->last_ns && now - session->last_ns > limit * FAB_SECOND;
}

FAB_INLINE uint32_t fab_slice(uint64_t now)
{
    return (uint32_t)(now >> FAB_SLICE_SHIFT);
}

FAB_INLINE void fab_count(struct fab_flow *flow, uint32_t gateway, uint32_t side,
                          const struct fab_packet *p)
{
    flow->packets += p->pieces;
    flow->bytes += p->length;
    struct fab_gateway_count *count = gateway ? FAB_AT(fab_gateway_counts, gateway) : 0;
    if (count) {
        count->packets[side & 1] += p->pieces;
        count->bytes[side & 1] += p->length;
    }
}

/* RFC 7857, 2: closed by FIN of both sides or by a reset, opened again by a SYN. */
FAB_INLINE void fab_touch(struct fab_session *session, uint32_t side, const struct fab_packet *p,
                          uint64_t now)
{
    if (now - session->last_ns > FAB_TOUCH_NS)
        session->last_ns = now;
    session->flows[side & 1].slice = fab_slice(now);
    fab_count(&session->flows[side & 1], session->gateway, side, p);
    if (side == FAB_ANSWERS && !(session->seen & FAB_SEEN_ANSWER))
        session->seen |= FAB_SEEN_ANSWER;
    if (!(p->tcp_flags & (FAB_TCP_FIN | FAB_TCP_SYN | FAB_TCP_RST)))
        return;
    if (p->tcp_flags & FAB_TCP_RST)
        session->seen |= FAB_SEEN_RST;
    else if (p->tcp_flags & FAB_TCP_FIN)
        session->seen |= (uint8_t)(FAB_SEEN_FIN_ASKS << (side & 1));
    else if (fab_closed(session) && side == FAB_ASKS)
        session->seen = 0;
}

FAB_INLINE struct fab_target_key fab_target_key_of(const struct fab_key *answers)
{
    return (struct fab_target_key){.public_address = answers->target,
                                   .target = answers->source,
                                   .target_port = answers->source_port,
                                   .protocol = (uint8_t)answers->at};
}

/* Gives a port back. Never below 0: the entry may have gone and come back meanwhile. */
FAB_ONCE int fab_target_drop(struct fab_target_key *key)
{
    int32_t *count = key ? FAB_FIND(fab_targets, key) : 0;
    if (!count)
        return 0;
    int32_t before = FAB_FETCH_ADD(count, -1);
    if (before <= 0)
        FAB_FETCH_ADD(count, 1);
    if (before <= 1)
        FAB_REMOVE(fab_targets, key);
    return before > 0;
}

/* An interface at either end of a session; the edge has no quota. */
FAB_INLINE void fab_flows_add(uint32_t at, int n)
{
    struct fab_meter *meter = at == FAB_EDGE ? 0 : FAB_AT(fab_meters, at);
    if (meter)
        FAB_FETCH_ADD(&meter->flows, n);
}

FAB_INLINE int fab_flows_full(uint32_t at)
{
    const struct fab_meter *meter = at == FAB_EDGE ? 0 : FAB_AT(fab_meters, at);
    return meter && meter->flows_max && meter->flows >= (int32_t)meter->flows_max;
}

FAB_INLINE struct fab_key6 fab_turned6(const struct fab_key6 *asks, uint32_t to)
{
    return (struct fab_key6){.source = asks->target,
                             .target = asks->source,
                             .source_port = asks->target_port,
                             .target_port = asks->source_port,
                             .at = to << 8 | (asks->at & 0xff)};
}

FAB_ONCE int fab_forget6(const struct fab_session *session)
{
    if (!session)
        return 0;
    struct fab_key6 asks = session->asks6, answers = fab_turned6(&asks, session->to);
    FAB_REMOVE(fab_flows6, &asks);
    FAB_REMOVE(fab_flows6, &answers);
    return 0;
}

FAB_ONCE int fab_forget(const struct fab_session *session, uint32_t slot)
{
    if (!session)
        return 0;
    struct fab_key asks = session->flows[FAB_ASKS].key, answers = session->flows[FAB_ANSWERS].key;
    fab_claim_drop(&asks, slot, FAB_ASKS);
    fab_claim_drop(&answers, slot, FAB_ANSWERS);
    return 0;
}

/* 1: the session is over and its slot free. Only one caller gets to end it. */
FAB_ONCE int fab_end(uint32_t slot)
{
    struct fab_session *session = FAB_AT(fab_sessions, slot);
    if (!session || FAB_SWAP(&session->state, FAB_LIVE, FAB_DEAD) != FAB_LIVE)
        return 0;
    struct fab_key answers = session->flows[FAB_ANSWERS].key;
    uint32_t gateway = session->gateway;
    if (session->six)
        fab_forget6(session);
    else
        fab_forget(session, slot);
    fab_flows_add(session->from, -1);
    fab_flows_add(session->to, -1);
    if (gateway) {
        struct fab_target_key key = fab_target_key_of(&answers);
        fab_target_drop(&key);
        struct fab_gateway_count *count = FAB_AT(fab_gateway_counts, gateway);
        if (count) {
            int is_connection = (uint8_t)answers.at == FAB_TCP;
            FAB_FETCH_ADD(is_connection ? &count->active : &count->others, -1);
            if (is_connection && !fab_closed(session))
                FAB_FETCH_ADD(&count->idle_timeouts, 1);
        }
    }
    session->state = FAB_FREE;
    FAB_SLOT_GIVE(&slot);
    return 1;
}

/* Ends what has been idle too long; for every slot in turn, by the sweep. */
static FAB_NOINLINE long fab_sweep_slot(uint32_t i, struct fab_sweep *sweep)
{
    uint32_t slot = sweep->first + i;
    const struct fab_session *session = FAB_AT(fab_sessions, slot);
    if (session && session->state == FAB_LIVE && fab_idle(session, sweep->now_ns))
        sweep->ended += (uint32_t)fab_end(slot);
    return 0;
}

/* -- a gateway's ports ------------------------------------------------------------------------ */

/* One session's search for an address and a port: they stand in the tuple of its answers. */
struct fab_allocation {
    uint32_t session, sender, start;
    uint32_t port_first, port_count;
    uint32_t taken;
};

/* A fresh draw per try: probing onwards from one draw clusters and fails before the limit. */
static FAB_NOINLINE long fab_try_port(uint32_t i, struct fab_allocation *a)
{
    (void)i;
    struct fab_session *session = FAB_AT(fab_sessions, a->session);
    if (!session)
        return 1;
    uint32_t port = a->port_first + (uint32_t)((uint64_t)FAB_RANDOM() * a->port_count >> 32);
    session->flows[FAB_ANSWERS].key.target_port = FAB_ORDER16(port);
    a->taken = fab_claim_take(a->session, FAB_ANSWERS) == FAB_PASSED;
    return a->taken != 0; /* the verifier wants to see that it is 0 or 1 */
}

/* Two senders of one interface that call a service from the same port: it sees the second by
 * another. */
static FAB_NOINLINE int fab_allocate_any(struct fab_allocation *a)
{
    if (!a)
        return -1;
    a->port_first = FAB_CALLER_PORT_FIRST;
    a->port_count = 65536 - FAB_CALLER_PORT_FIRST;
    FAB_REPEAT(FAB_PORT_TRIES, fab_try_port, a);
    return a->taken ? 0 : -1;
}

FAB_ONCE int fab_target_take(struct fab_target_key *key, uint32_t limit)
{
    if (!key)
        return 0;
    int32_t *count = FAB_FIND(fab_targets, key);
    if (!count) {
        int32_t none = 0;
        (void)FAB_CLAIM(fab_targets, key, &none);
        count = FAB_FIND(fab_targets, key);
        if (!count)
            return 0;
    }
    if (FAB_FETCH_ADD(count, 1) < (int32_t)limit)
        return 1;
    FAB_FETCH_ADD(count, -1);
    return 0;
}

/* The i-th public address from where the sender begins, so that it keeps one while that has ports
 * (RFC 4787, REQ-2, paired). */
static FAB_NOINLINE long fab_try_public(uint32_t i, struct fab_allocation *a)
{
    struct fab_session *session = FAB_AT(fab_sessions, a->session);
    const struct fab_gateway *gateway = session ? FAB_AT(fab_gateways, session->gateway) : 0;
    if (!gateway || !gateway->count)
        return 1;
    struct fab_key *answers = &session->flows[FAB_ANSWERS].key;
    answers->target = gateway->publics[(a->start + i) % gateway->count & (FAB_PUBLICS_MAX - 1)];
    struct fab_target_key key = fab_target_key_of(answers);
    if (!fab_target_take(&key, gateway->ports_max))
        return 0;
    a->port_first = gateway->port_first;
    a->port_count = gateway->port_count;
    FAB_REPEAT(FAB_PORT_TRIES, fab_try_port, a);
    if (!a->taken)
        fab_target_drop(&key);
    return a->taken != 0;
}

/* FAB_PASSED when the tuple of the session's answers is claimed. */
static FAB_NOINLINE int fab_allocate(struct fab_allocation *a)
{
    const struct fab_session *session = a ? FAB_AT(fab_sessions, a->session) : 0;
    const struct fab_gateway *gateway = session ? FAB_AT(fab_gateways, session->gateway) : 0;
    struct fab_gateway_count *count = session ? FAB_AT(fab_gateway_counts, session->gateway) : 0;
    if (!gateway || !count)
        return FAB_NO_ROUTE;
    a->start = (uint32_t)((uint64_t)a->sender * 0x9e3779b97f4a7c15ull >> 40);
    int is_connection = (uint8_t)session->flows[FAB_ANSWERS].key.at == FAB_TCP;
    FAB_FETCH_ADD(&count->attempts, is_connection);
    FAB_REPEAT(gateway->count, fab_try_public, a);
    if (a->taken)
        FAB_FETCH_ADD(is_connection ? &count->active : &count->others, 1);
    else
        FAB_FETCH_ADD(&count->port_errors, 1);
    return a->taken ? FAB_PASSED : FAB_NO_PORT;
}
