// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Verdicts for packets of IPv6: the shape of decide.h, with keys of 16-byte addresses in a table of
 * flows of their own, so that those of IPv4 stay small. Sessions, rules, generations, limits and
 * interfaces are the same.
 */
#include "engines/fabric/decide/decide.h"
#include "engines/fabric/decide/way6.h"

FAB_INLINE struct fab_key6 fab_key6_of(const struct fab_packet6 *six, uint32_t at)
{
    const struct fab_packet *p = &six->p;
    if (p->kind == FAB_KIND_ERROR)
        return (struct fab_key6){.source = six->about,
                                 .target = six->target,
                                 .source_port = p->inner_target_port,
                                 .target_port = p->inner_source_port,
                                 .at = at << 8 | p->inner_protocol};
    return (struct fab_key6){.source = six->source,
                             .target = six->target,
                             .source_port = p->source_port,
                             .target_port = p->target_port,
                             .at = at << 8 | p->protocol};
}

FAB_INLINE void fab_forward6(struct fab_verdict *verdict, uint32_t to)
{
    verdict->action = FAB_FORWARD;
    verdict->reason = FAB_PASSED;
    verdict->to = to;
}

/* As fab_hit. */
FAB_INLINE int fab_hit6(const struct fab_packet6 *six, uint32_t at, struct fab_verdict *verdict)
{
    const struct fab_packet *p = &six->p;
    struct fab_key6 key = fab_key6_of(six, at);
    const struct fab_flow6 *flow = FAB_FIND(fab_flows6, &key);
    if (!flow || p->kind != FAB_KIND_PLAIN || p->fragment ||
        fab_too_big(p, fab_mtu_of(at, flow->to, 0)))
        return 0;
    const struct fab_network *network = FAB_AT(fab_networks, flow->network);
    struct fab_session *session = FAB_AT(fab_sessions, flow->session);
    uint64_t now = FAB_NOW();
    if (!network || network->generation != flow->generation || !session ||
        session->state != FAB_LIVE || fab_idle(session, now))
        return 0;
    fab_touch(session, flow->side, p, now);
    fab_forward6(verdict, flow->to);
    return 1;
}

FAB_INLINE struct fab_way6 fab_way6_of(const struct fab_packet6 *six, uint32_t at)
{
    const struct fab_packet *p = &six->p;
    struct fab_way6 way = {.at = at,
                           .protocol = p->protocol,
                           .low = FAB_ORDER16(p->target_port),
                           .high = FAB_ORDER16(p->target_port),
                           .source = six->source,
                           .target = six->target};
    if (p->protocol == FAB_ICMP6) {
        way.low = p->icmp_type;
        way.high = p->icmp_code;
    }
    return way;
}

/* As fab_ask_again. An answer never leaves by an egress-only gateway, which has not seen what it
 * answers: FAB_NO_ROUTE. */
FAB_ONCE int fab_ask_again6(const struct fab_packet6 *six, uint32_t at, struct fab_flow6 *flow,
                            struct fab_verdict *verdict)
{
    struct fab_session *session = flow ? FAB_AT(fab_sessions, flow->session) : 0;
    const struct fab_network *network = flow ? FAB_AT(fab_networks, flow->network) : 0;
    if (!six || !session || !network || !verdict)
        return FAB_RACED;
    uint32_t generation = network->generation;
    struct fab_way6 way = fab_way6_of(six, at);
    way.skip = fab_skip_of(session, flow->side);
    way.known = session->egress && flow->side == FAB_ANSWERS;
    int reason = fab_way6_find(&way);
    verdict->to = way.to;
    if (reason)
        return reason;
    if (flow->side == FAB_ANSWERS && way.egress)
        return FAB_NO_ROUTE;
    if (way.to != flow->to || (flow->side == FAB_ASKS && way.egress != session->egress))
        return FAB_NO_FLOW;
    fab_forward6(verdict, flow->to);
    if (six->p.kind == FAB_KIND_PLAIN)
        flow->generation = generation;
    return FAB_PASSED;
}

/* As fab_known. */
FAB_ONCE int fab_known6(const struct fab_packet6 *six, uint32_t at, struct fab_flow6 *flow,
                        struct fab_verdict *verdict)
{
    if (!six || !flow || !verdict)
        return 1;
    uint32_t slot = flow->session, side = flow->side;
    struct fab_session *session = FAB_AT(fab_sessions, slot);
    uint64_t now = FAB_NOW();
    if (!session || session->state != FAB_LIVE) {
        fab_drop(verdict, FAB_RACED);
        return 1;
    }
    int reason = fab_idle(session, now) ? FAB_NO_FLOW : fab_ask_again6(six, at, flow, verdict);
    if (reason == FAB_NO_FLOW) {
        fab_end(slot);
        return 0;
    }
    if (reason)
        fab_drop(verdict, (uint32_t)reason);
    else if (fab_too_big(&six->p, fab_mtu_of(at, verdict->to, 0)))
        fab_tell_mtu(verdict, at, verdict->to, fab_mtu_of(at, verdict->to, 0));
    else if (six->p.kind == FAB_KIND_PLAIN)
        fab_touch(session, side, &six->p, now);
    return 1;
}

/* -- new flows -------------------------------------------------------------------------------- */

/* As fab_tracked_of. */
FAB_INLINE uint8_t fab_tracked6_of(const struct fab_way6 *way)
{
    uint8_t tracked = FAB_TRACKED_ASKS | FAB_TRACKED_ANSWERS;
    if (way->egress || (way->protocol != FAB_TCP && way->protocol != FAB_UDP))
        return tracked;
    const struct fab_interface *at = FAB_AT(fab_interfaces, way->at);
    const struct fab_interface *to = FAB_AT(fab_interfaces, way->to);
    if (at && (way->wide & FAB_GATE_OUT) && fab_open_to_all(&at->group6_in, way->protocol))
        tracked &= (uint8_t)~FAB_TRACKED_ASKS;
    if (to && (way->wide & FAB_GATE_IN) && fab_open_to_all(&to->group6_out, way->protocol))
        tracked &= (uint8_t)~FAB_TRACKED_ANSWERS;
    return tracked;
}

FAB_INLINE void fab_free_slot(struct fab_session *session, uint32_t slot)
{
    session->state = FAB_FREE;
    FAB_SLOT_GIVE(&slot);
}

/* Both tuples, the answers' first. Not FAB_PASSED: another packet was faster, or the table is full;
 * what was claimed is given back, and never what another has claimed. */
FAB_INLINE int fab_claim6(struct fab_session *session, uint32_t slot, struct fab_flow6 *asks)
{
    struct fab_key6 key = fab_turned6(&session->asks6, session->to);
    struct fab_flow6 answers = {
        .to = session->from, .session = slot, .network = asks->network, .side = FAB_ANSWERS};
    if (FAB_CLAIM(fab_flows6, &key, &answers)) {
        fab_free_slot(session, slot);
        return FAB_RACED;
    }
    fab_flows_add(session->from, 1);
    fab_flows_add(session->to, 1);
    session->state = FAB_LIVE;
    if (FAB_CLAIM(fab_flows6, &session->asks6, asks) == 0)
        return FAB_PASSED;
    session->state = FAB_DEAD;
    FAB_REMOVE(fab_flows6, &key);
    fab_flows_add(session->from, -1);
    fab_flows_add(session->to, -1);
    fab_free_slot(session, slot);
    return FAB_RACED;
}

FAB_ONCE int fab_make6(const struct fab_packet6 *six, const struct fab_way6 *way,
                       uint32_t generation)
{
    uint32_t slot = 0;
    if (!six || !way)
        return FAB_FULL;
    if (fab_flows_full(way->at) || fab_flows_full(way->to))
        return FAB_QUOTA;
    if (FAB_SLOT_TAKE(&slot))
        return FAB_FULL;
    struct fab_session *session = FAB_AT(fab_sessions, slot);
    if (!session)
        return FAB_FULL;
    *session = (struct fab_session){.last_ns = FAB_NOW(),
                                    .from = way->at,
                                    .to = way->to,
                                    .six = 1,
                                    .egress = (uint8_t)way->egress,
                                    .tracked = fab_tracked6_of(way)};
    session->asks6 = fab_key6_of(six, way->at);
    fab_set_idle(session, way->at == FAB_EDGE ? way->to : way->at, way->protocol);
    struct fab_flow6 asks = {.to = way->to,
                             .session = slot,
                             .network = way->network,
                             .generation = way->network ? generation : 0,
                             .side = FAB_ASKS};
    int reason = fab_claim6(session, slot, &asks);
    if (!reason)
        fab_touch(session, FAB_ASKS, &six->p, session->last_ns);
    return reason;
}

FAB_INLINE uint32_t fab_generation6_at(const struct fab_packet6 *six, uint32_t at)
{
    uint32_t number = at == FAB_EDGE ? fab_holder6(&six->target) : at;
    const struct fab_interface *interface = FAB_AT(fab_interfaces, number);
    const struct fab_network *network = interface ? FAB_AT(fab_networks, interface->network) : 0;
    return network ? network->generation : 0;
}

/* A connection that an egress-only gateway has not seen begin is none of its own. */
FAB_INLINE int fab_is_midway(const struct fab_packet *p)
{
    return p->protocol == FAB_TCP &&
           (p->tcp_flags & (FAB_TCP_SYN | FAB_TCP_ACK | FAB_TCP_RST)) != FAB_TCP_SYN;
}

FAB_ONCE int fab_new6(const struct fab_packet6 *six, uint32_t at, struct fab_verdict *verdict)
{
    if (!six || !verdict)
        return 0;
    if (six->p.kind == FAB_KIND_ERROR) {
        fab_drop(verdict, FAB_NO_FLOW);
        return FAB_NO_FLOW;
    }
    uint32_t generation = fab_generation6_at(six, at);
    struct fab_way6 way = fab_way6_of(six, at);
    int reason = fab_way6_find(&way);
    verdict->to = way.to;
    if (!reason && way.egress && fab_is_midway(&six->p))
        reason = FAB_NO_FLOW;
    if (!reason && fab_too_big(&six->p, fab_mtu_of(at, way.to, 0))) {
        fab_tell_mtu(verdict, at, way.to, fab_mtu_of(at, way.to, 0));
        return FAB_TOO_BIG;
    }
    if (!reason)
        reason = fab_make6(six, &way, generation);
    if (reason)
        fab_drop(verdict, (uint32_t)reason);
    else
        fab_forward6(verdict, way.to);
    return reason;
}

/* As fab_arp. */
FAB_INLINE void fab_neighbour(const struct fab_packet6 *six, uint32_t at,
                              struct fab_verdict *verdict)
{
    uint32_t holder = fab_holder6(&six->target);
    int ours = holder != FAB_EDGE;
    if (at != FAB_EDGE) {
        const struct fab_interface *interface = FAB_AT(fab_interfaces, at);
        const struct fab_subnet *subnet = interface ? FAB_AT(fab_subnets, interface->subnet) : 0;
        ours = subnet && subnet->address6.word[0] && holder != at &&
               six->target.word[0] == subnet->address6.word[0] &&
               six->target.word[1] == subnet->address6.word[1];
    }
    verdict->action = ours ? FAB_ARP_REPLY : FAB_DROP;
    verdict->reason = ours ? FAB_PASSED : FAB_NO_TARGET;
}

/* As fab_slow. */
FAB_INLINE void fab_slow6(struct fab_packet6 *six, uint32_t at, struct fab_verdict *verdict)
{
    if (six->p.kind == FAB_KIND_ARP) {
        fab_neighbour(six, at, verdict);
        return;
    }
    if (six->p.fragment && fab_gather6(six, at)) {
        fab_drop(verdict, FAB_NO_FIRST);
        return;
    }
    struct fab_key6 key = fab_key6_of(six, at);
    struct fab_flow6 *flow = FAB_FIND(fab_flows6, &key);
    if (flow && fab_known6(six, at, flow, verdict))
        return;
    fab_new6(six, at, verdict);
    if (verdict->reason != FAB_RACED)
        return;
    flow = FAB_FIND(fab_flows6, &key);
    if (flow)
        fab_known6(six, at, flow, verdict);
    else
        fab_drop(verdict, FAB_FULL);
}
