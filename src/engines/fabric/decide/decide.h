// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The decision core: a packet and where it came in give a verdict. One source, compiled as BPF
 * (bpf/), for the host (decide/host.h) and later for a data plane in user space. It touches its
 * state only through FAB_FIND, FAB_AT, FAB_CLAIM, FAB_REMOVE, FAB_SLOT_TAKE, FAB_SLOT_GIVE,
 * FAB_NOW, FAB_RANDOM, FAB_REPEAT, FAB_KEEP and the atomics FAB_FETCH_ADD, FAB_FETCH_OR and
 * FAB_SWAP, which the includer defines.
 *
 * fab_hit is the whole of it for a packet of a known flow: a guess whose it is, one comparison of
 * generations. Everything else is fab_slow: it asks the rules again after a change (a NAT
 * binding and what a group has let in stay, lists and routes count at once, as "Security group
 * connection tracking" says) and makes new flows.
 */
#include "engines/fabric/decide/fragment.h"
#include "engines/fabric/decide/guard.h"

FAB_INLINE void fab_drop(struct fab_verdict *verdict, uint32_t reason)
{
    verdict->action = FAB_DROP;
    verdict->reason = reason;
}

/* An error belongs to the flow of the packet that it quotes, seen from the other end. */
FAB_INLINE struct fab_key fab_key_of(const struct fab_packet *p, uint32_t at)
{
    if (p->kind == FAB_KIND_ERROR)
        return (struct fab_key){.source = p->inner_target,
                                .target = p->inner_source,
                                .source_port = p->inner_target_port,
                                .target_port = p->inner_source_port,
                                .at = at << 8 | p->inner_protocol};
    return (struct fab_key){.source = p->source,
                            .target = p->target,
                            .source_port = p->source_port,
                            .target_port = p->target_port,
                            .at = at << 8 | p->protocol};
}

FAB_INLINE void fab_forward(struct fab_verdict *verdict, const struct fab_flow *flow)
{
    verdict->action = FAB_FORWARD;
    verdict->reason = FAB_PASSED;
    verdict->to = flow->to;
    verdict->source = flow->source;
    verdict->target = flow->target;
    verdict->source_port = flow->source_port;
    verdict->target_port = flow->target_port;
    verdict->outer_source = flow->source;
}

FAB_INLINE int fab_too_big(const struct fab_packet *p, uint16_t mtu)
{
    uint32_t size = p->segment ? (uint32_t)p->headers + p->segment : p->length;
    return p->fixed && mtu && size > mtu;
}

/* Dropped on the way into `way->to`, if it came so far. */
FAB_INLINE void fab_refuse(struct fab_verdict *verdict, uint32_t reason, const struct fab_packet *p,
                           const struct fab_way *way)
{
    fab_drop(verdict, reason);
    verdict->to = way->to;
    verdict->source = verdict->outer_source = way->source;
    verdict->target = way->target;
    verdict->source_port = p->source_port;
    verdict->target_port = p->protocol == FAB_ICMP ? p->target_port : FAB_ORDER16(way->low);
}

/* Anything else goes the whole way. */
FAB_INLINE int fab_is_common(const struct fab_packet *p)
{
    return p->kind == FAB_KIND_PLAIN && !p->fragment && !(p->tcp_flags & FAB_TCP_SYN);
}

/* The slot may be another session's by now. */
FAB_INLINE int fab_is_live(const struct fab_session *session, uint32_t side,
                           const struct fab_key *key)
{
    return session->state == FAB_LIVE && !session->six &&
           fab_same_key(&session->flows[side & 1].key, key);
}

/* 1: the packet belongs to a flow whose rules nothing has changed since they were asked, and
 * `verdict` is filled. Of its session only the first packet of a slice needs to know. */
FAB_INLINE int fab_hit(const struct fab_packet *p, uint32_t at, struct fab_verdict *verdict)
{
    if (!fab_is_common(p))
        return 0;
    struct fab_key key = fab_key_of(p, at);
    struct fab_claim claim = fab_claim_guess(&key);
    struct fab_session *session = FAB_AT(fab_sessions, claim.session);
    if (!session)
        return 0;
    struct fab_flow *flow = &session->flows[claim.side & 1];
    const struct fab_network *network = FAB_AT(fab_networks, flow->network);
    uint64_t now = FAB_NOW();
    if (!fab_same_key(&flow->key, &key) || !network || network->generation != flow->generation ||
        fab_too_big(p, flow->mtu))
        return 0;
    if (flow->slice == fab_slice(now) && !(p->tcp_flags & (FAB_TCP_FIN | FAB_TCP_RST))) {
        fab_count(flow, flow->gateway, claim.side, p);
    } else {
        if (!fab_is_live(session, claim.side, &key) || fab_idle(session, now))
            return 0;
        fab_touch(session, claim.side, p, now);
    }
    fab_forward(verdict, flow);
    return 1;
}

FAB_INLINE struct fab_way fab_way_of(const struct fab_packet *p, uint32_t at)
{
    struct fab_way way = {.at = at,
                          .protocol = p->protocol,
                          .source = p->source,
                          .target = p->target,
                          .low = FAB_ORDER16(p->target_port),
                          .high = FAB_ORDER16(p->target_port),
                          .service_port = at == FAB_SERVICE ? p->source_port : p->target_port};
    if (p->protocol == FAB_ICMP) {
        way.low = p->icmp_type;
        way.high = p->icmp_code;
    }
    return way;
}

FAB_INLINE int fab_is_public(uint32_t number, uint32_t address)
{
    const struct fab_gateway *gateway = FAB_AT(fab_gateways, number);
    if (!gateway)
        return 0;
    int found = 0;
    for (uint32_t i = 0; i < FAB_PUBLICS_MAX; i++)
        found |= i < gateway->count && gateway->publics[i] == address;
    return found;
}

/* Whether the rules still lead where the flow was made to go, and as what it goes. */
FAB_INLINE int fab_way_is(const struct fab_way *way, const struct fab_session *session,
                          uint32_t side, int error)
{
    const struct fab_flow *flow = &session->flows[side & 1];
    if (way->to != flow->to || way->target != flow->target)
        return 0;
    if (side == FAB_ANSWERS)
        return error || way->source == flow->source;
    if (way->gateway != session->gateway)
        return 0;
    return session->gateway ? fab_is_public(session->gateway, flow->source)
                            : error || way->source == flow->source;
}

/* Which groups a packet of this side need not pass again. */
FAB_INLINE uint8_t fab_skip_of(const struct fab_session *session, uint32_t side)
{
    uint32_t asks = session->tracked & FAB_TRACKED_ASKS;
    uint32_t answers = (session->tracked & FAB_TRACKED_ANSWERS) >> 1;
    uint32_t skip = side == FAB_ASKS ? asks | answers << 1 : answers | asks << 1;
    return (uint8_t)skip;
}

/* Asks the rules for a packet of a known flow: FAB_PASSED, the reason against it, or FAB_NO_FLOW
 * when the flow is not what the rules would make now. */
FAB_INLINE int fab_ask_again(const struct fab_packet *p, uint32_t at, struct fab_session *session,
                             uint32_t side, struct fab_verdict *verdict)
{
    struct fab_flow *flow = &session->flows[side & 1];
    const struct fab_network *network = FAB_AT(fab_networks, flow->network);
    if (!network)
        return FAB_RACED;
    /* Before the rules are read, so that what changes meanwhile is asked again. */
    uint32_t generation = network->generation;
    struct fab_way way = fab_way_of(p, at);
    way.skip = fab_skip_of(session, side);
    if (side == FAB_ANSWERS && (session->gateway || at == FAB_SERVICE)) {
        way.bound = flow->to;
        way.bound_source = flow->source;
        way.via = session->to;
        way.bound_target = flow->target;
        way.bound_port = FAB_ORDER16(flow->target_port);
    }
    int reason = fab_way_find(&way);
    if (reason) {
        fab_refuse(verdict, (uint32_t)reason, p, &way);
        return reason;
    }
    if (!fab_way_is(&way, session, side, p->kind == FAB_KIND_ERROR))
        return FAB_NO_FLOW;
    fab_forward(verdict, flow);
    if (p->kind == FAB_KIND_ERROR) {
        if (!(session->gateway && side == FAB_ASKS))
            verdict->outer_source = way.source;
        return FAB_PASSED;
    }
    flow->generation = generation;
    return FAB_PASSED;
}

/* A connection that the other end has agreed to. */
FAB_INLINE void fab_count_answered(const struct fab_session *session, uint32_t side,
                                   const struct fab_packet *p)
{
    if (!session->gateway || side == FAB_ASKS || (session->seen & FAB_SEEN_ANSWER) ||
        !(p->tcp_flags & FAB_TCP_SYN))
        return;
    struct fab_gateway_count *count = FAB_AT(fab_gateway_counts, session->gateway);
    if (count)
        FAB_FETCH_ADD(&count->established, 1);
}

FAB_INLINE void fab_count_dropped(uint32_t gateway)
{
    struct fab_gateway_count *count = gateway ? FAB_AT(fab_gateway_counts, gateway) : 0;
    if (count)
        FAB_FETCH_ADD(&count->dropped, 1);
}

/* RFC 1191: dropped, and the sender hears of the size that would pass; not from a service behind an
 * interface ("AWS PrivateLink quotas"). */
FAB_INLINE void fab_tell_mtu(struct fab_verdict *verdict, uint32_t at, uint32_t to, uint16_t mtu)
{
    verdict->action = at == FAB_SERVICE || to == FAB_SERVICE ? FAB_DROP : FAB_TELL_MTU;
    verdict->reason = FAB_TOO_BIG;
    verdict->size = mtu;
}

FAB_INLINE void fab_clamp_syn(struct fab_verdict *verdict, const struct fab_packet *p,
                              const struct fab_session *session)
{
    verdict->clamped = session->clamped && (p->tcp_flags & FAB_TCP_SYN);
}

/* A flow that is there, but not simply hit: whose is what fab_claim_other found. 0: there is none,
 * or it is over, and a new one may be made. */
FAB_ONCE int fab_known(const struct fab_packet *p, uint32_t at, uint32_t found,
                       struct fab_verdict *verdict)
{
    if (!p || !verdict)
        return 1;
    if (!found)
        return 0;
    struct fab_claim claim = fab_claim_of(found);
    uint32_t slot = claim.session, side = claim.side & 1;
    struct fab_session *session = FAB_AT(fab_sessions, slot);
    struct fab_key key = fab_key_of(p, at);
    uint64_t now = FAB_NOW();
    if (!session || !fab_is_live(session, side, &key)) {
        fab_drop(verdict, FAB_RACED);
        return 1;
    }
    if (fab_idle(session, now)) {
        fab_end(slot);
        return 0;
    }
    int reason = fab_ask_again(p, at, session, side, verdict);
    if (reason == FAB_NO_FLOW) {
        fab_end(slot);
        return 0;
    }
    if (reason) {
        verdict->action = FAB_DROP;
        verdict->reason = (uint32_t)reason;
    } else if (session->gateway && p->fragment && p->protocol != FAB_UDP) {
        fab_drop(verdict, FAB_UNSUPPORTED); /* "NAT gateway basics" */
        fab_count_dropped(session->gateway);
    } else if (fab_too_big(p, session->mtu)) {
        fab_tell_mtu(verdict, at, verdict->to, session->mtu);
    } else if (p->kind == FAB_KIND_PLAIN) {
        fab_clamp_syn(verdict, p, session);
        fab_count_answered(session, side, p);
        fab_touch(session, side, p, now);
    }
    return 1;
}

/* -- new flows -------------------------------------------------------------------------------- */

/* By its gateway, else by its interface: of the two ends the one that begins, or the inner one. */
FAB_INLINE void fab_set_idle(struct fab_session *session, uint32_t number, uint8_t protocol)
{
    const struct fab_interface *interface = FAB_AT(fab_interfaces, number);
    const struct fab_gateway *gateway = FAB_AT(fab_gateways, session->gateway);
    session->closed_s = FAB_TCP_CLOSED_S;
    session->idle_s = session->start_s = FAB_OTHER_IDLE_S;
    if (session->gateway && gateway) {
        session->idle_s = gateway->idle_s;
        session->start_s = (uint16_t)gateway->idle_s;
        session->closed_s = (uint16_t)gateway->closed_s;
    } else if (protocol == FAB_ICMP || protocol == FAB_ICMP6) {
        session->idle_s = session->start_s = FAB_ICMP_IDLE_S;
    } else if (protocol == FAB_TCP && interface) {
        session->idle_s = interface->tcp_idle_s;
        session->start_s = FAB_TCP_START_S;
    } else if (protocol == FAB_UDP && interface) {
        session->idle_s = interface->udp_stream_idle_s;
        session->start_s = (uint16_t)interface->udp_idle_s;
    }
}

/* "Untracked connections": TCP and UDP by a rule for everybody, where the other direction is open
 * to everybody too. What goes through a gateway is always tracked. */
FAB_INLINE uint8_t fab_tracked_of(const struct fab_way *way)
{
    uint8_t tracked = FAB_TRACKED_ASKS | FAB_TRACKED_ANSWERS;
    if (way->gateway || (way->protocol != FAB_TCP && way->protocol != FAB_UDP))
        return tracked;
    const struct fab_interface *at = FAB_AT(fab_interfaces, way->at);
    const struct fab_interface *to = FAB_AT(fab_interfaces, way->via ? way->via : way->to);
    if (at && (way->wide & FAB_GATE_OUT) && fab_open_to_all(&at->group_in, way->protocol))
        tracked &= (uint8_t)~FAB_TRACKED_ASKS;
    if (to && (way->wide & FAB_GATE_IN) && fab_open_to_all(&to->group_out, way->protocol))
        tracked &= (uint8_t)~FAB_TRACKED_ANSWERS;
    return tracked;
}

/* The answers go back the way of `asks`, for the first time past the rules. */
FAB_INLINE void fab_set_answers(struct fab_session *session)
{
    const struct fab_flow *asks = &session->flows[FAB_ASKS];
    struct fab_flow *answers = &session->flows[FAB_ANSWERS];
    answers->source = asks->key.target;
    answers->target = asks->key.source;
    answers->source_port = asks->key.target_port;
    answers->target_port = asks->key.source_port;
    answers->to = asks->key.at >> 8;
    answers->network = asks->network;
    answers->gateway = asks->gateway;
    answers->mtu = asks->mtu;
}

/* Claims both tuples: the answers' first, for with a gateway that is the allocation of the port. */
FAB_INLINE int fab_claim_both(const struct fab_packet *p, const struct fab_way *way,
                              struct fab_session *session, uint32_t slot)
{
    struct fab_flow *asks = &session->flows[FAB_ASKS];
    struct fab_key *answers = &session->flows[FAB_ANSWERS].key;
    struct fab_allocation a = {.session = slot, .sender = p->source};
    *answers = (struct fab_key){.source = way->target,
                                .target = way->source,
                                .source_port = p->target_port,
                                .target_port = p->source_port,
                                .at = way->to << 8 | p->protocol};
    int reason = way->gateway ? fab_allocate(&a) : fab_claim_take(slot, FAB_ANSWERS);
    if (reason && !way->gateway && way->to == FAB_SERVICE)
        reason = fab_allocate_any(&a) ? FAB_RACED : FAB_PASSED;
    if (reason)
        return reason;
    fab_set_answers(session);
    asks->source = answers->target;
    asks->source_port = answers->target_port;
    fab_flows_add(session->from, 1);
    fab_flows_add(session->to, 1);
    session->state = FAB_LIVE;
    return fab_claim_take(slot, FAB_ASKS);
}

/* Undone by ending it. */
FAB_INLINE void fab_unclaim(struct fab_session *session, uint32_t slot)
{
    if (session->state == FAB_LIVE) {
        session->seen = FAB_SEEN_RST; /* not an idle timeout */
        fab_end(slot);
    } else {
        session->state = FAB_FREE;
        FAB_SLOT_GIVE(&slot);
    }
}

FAB_ONCE int fab_make(const struct fab_packet *p, struct fab_way *way, uint32_t generation,
                      struct fab_verdict *verdict)
{
    uint32_t slot = 0;
    if (!p || !way || !verdict)
        return FAB_FULL;
    if (fab_flows_full(way->at) || fab_flows_full(way->via ? way->via : way->to))
        return FAB_QUOTA;
    if (FAB_SLOT_TAKE(&slot))
        return FAB_FULL;
    struct fab_session *session = FAB_AT(fab_sessions, slot);
    if (!session)
        return FAB_FULL;
    __builtin_memset(session, 0, sizeof *session); /* a literal would lie on the stack first */
    session->gateway = way->gateway;
    session->last_ns = session->begun_ns = FAB_NOW();
    session->from = way->at;
    session->to = way->via ? way->via : way->to;
    session->mtu = fab_way_mtu(way);
    session->clamped = fab_way_clamps(way);
    session->tracked = fab_tracked_of(way);
    fab_set_idle(session, way->at == FAB_EDGE ? way->to : way->at, way->protocol);
    struct fab_flow *asks = &session->flows[FAB_ASKS];
    asks->key = fab_key_of(p, way->at);
    asks->target = way->target;
    asks->target_port = p->target_port;
    asks->to = way->to;
    asks->network = (uint16_t)way->network;
    asks->gateway = (uint16_t)way->gateway;
    asks->mtu = session->mtu;
    int reason = fab_claim_both(p, way, session, slot);
    if (reason) {
        fab_unclaim(session, slot);
        return reason;
    }
    asks->generation = way->network ? generation : 0; /* from now on packets may go by it */
    fab_touch(session, FAB_ASKS, p, session->last_ns);
    fab_forward(verdict, asks);
    fab_clamp_syn(verdict, p, session);
    return FAB_PASSED;
}

FAB_INLINE uint32_t fab_generation_at(const struct fab_packet *p, uint32_t at)
{
    const struct fab_interface *interface = FAB_AT(fab_interfaces, at);
    if (at == FAB_EDGE) {
        const struct fab_public *public = FAB_FIND(fab_publics, &p->target);
        interface = public ? FAB_AT(fab_interfaces, public->interface) : 0;
    }
    const struct fab_network *network = interface ? FAB_AT(fab_networks, interface->network) : 0;
    return network ? network->generation : 0;
}

/* "NAT gateway basics": TCP, UDP and ICMP, and fragments of UDP only. */
FAB_INLINE int fab_translatable(const struct fab_packet *p)
{
    return p->protocol == FAB_UDP ||
           ((p->protocol == FAB_TCP || p->protocol == FAB_ICMP) && !p->fragment);
}

FAB_ONCE int fab_new(const struct fab_packet *p, uint32_t at, struct fab_verdict *verdict)
{
    if (!p || !verdict)
        return 0;
    if (p->kind == FAB_KIND_ERROR) {
        fab_drop(verdict, FAB_NO_FLOW);
        return FAB_NO_FLOW;
    }
    uint32_t generation = fab_generation_at(p, at);
    struct fab_way way = fab_way_of(p, at);
    int reason = fab_way_find(&way);
    if (!reason && way.gateway && !fab_translatable(p))
        reason = FAB_UNSUPPORTED;
    if (!reason && way.gateway && p->protocol == FAB_TCP &&
        (p->tcp_flags & (FAB_TCP_SYN | FAB_TCP_ACK | FAB_TCP_RST)) != FAB_TCP_SYN) {
        /* "NAT gateway basics": a connection that was idle too long is reset when it goes on. */
        verdict->action = p->tcp_flags & FAB_TCP_RST ? FAB_DROP : FAB_RESET;
        verdict->reason = FAB_EXPIRED;
        fab_count_dropped(way.gateway);
        return FAB_EXPIRED;
    }
    if (!reason && at == FAB_EDGE && p->protocol == FAB_TCP && fab_guard(p, verdict))
        return FAB_FLOODED;
    uint16_t mtu = fab_way_mtu(&way);
    if (!reason && fab_too_big(p, mtu)) {
        fab_tell_mtu(verdict, at, way.to, mtu);
        return FAB_TOO_BIG;
    }
    if (!reason)
        reason = fab_make(p, &way, generation, verdict);
    if (reason) {
        fab_refuse(verdict, (uint32_t)reason, p, &way);
        fab_count_dropped(way.gateway);
    }
    return reason;
}

/* Any address of the subnet but its own is answered with the fabric's MAC, outside each public
 * address, and to services where their callers are. */
FAB_INLINE void fab_arp(const struct fab_packet *p, uint32_t at, struct fab_verdict *verdict)
{
    int ours = 0;
    if (at == FAB_EDGE) {
        ours = FAB_FIND(fab_publics, &p->target) != 0;
    } else if (at == FAB_SERVICE) {
        ours = p->target == FAB_ORDER32(FAB_SERVICE_ROUTER);
    } else {
        const struct fab_interface *interface = FAB_AT(fab_interfaces, at);
        const struct fab_subnet *subnet = interface ? FAB_AT(fab_subnets, interface->subnet) : 0;
        struct fab_place_key key = {interface ? interface->network : 0, p->target};
        const struct fab_place *place = FAB_FIND(fab_places, &key);
        ours = subnet && (p->target & subnet->mask) == subnet->address &&
               !(place && place->interface == at);
    }
    verdict->action = ours ? FAB_ARP_REPLY : FAB_DROP;
    verdict->reason = ours ? FAB_PASSED : FAB_NO_TARGET;
}

/* For every packet that fab_hit has not answered. */
FAB_INLINE void fab_slow(struct fab_packet *p, uint32_t at, struct fab_verdict *verdict)
{
    if (!p || !verdict)
        return;
    if (p->kind == FAB_KIND_ARP) {
        fab_arp(p, at, verdict);
        return;
    }
    if (p->fragment && fab_gather(p, at)) {
        fab_drop(verdict, FAB_NO_FIRST);
        return;
    }
    struct fab_key key = fab_key_of(p, at);
    if (fab_known(p, at, fab_claim_other(&key, 0), verdict))
        return;
    fab_new(p, at, verdict);
    if (verdict->reason == FAB_RACED) /* another packet of this flow was faster: go with it */
        fab_known(p, at, fab_claim_other(&key, 0), verdict);
}
