// SPDX-License-Identifier: Apache-2.0
/*
 * The programs of the fabric: eni_in at the fabric's end of every interface's veth, edge_in at that
 * of the edge, service_in at that of the services, slow for what has no fresh flow (by tail call,
 * so that the fast path stays small), and sweep, which the daemon runs to end idle sessions. The
 * decision core is decide/; this file gives it its maps and the frame. Built with clang for the
 * kernel's verifier, from UAPI headers only.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "engines/fabric/bpf/sizes.h"
#include "engines/fabric/decide/types.h"

#define FAB_INLINE static inline __attribute__((always_inline, unused))
#define FAB_NOINLINE __attribute__((noinline, unused))
/* Global functions are verified by themselves, once, and not again at every call. */
#define FAB_ONCE __attribute__((noinline))
#define FAB_ORDER16(x) ((uint16_t)__builtin_bswap16((uint16_t)(x)))
#define FAB_ORDER32(x) __builtin_bswap32(x)
#define FAB_FIND(map, key) bpf_map_lookup_elem(&map, key)
#define FAB_CLAIM(map, key, value) bpf_map_update_elem(&map, key, value, BPF_NOEXIST)
#define FAB_REMOVE(map, key) (void)bpf_map_delete_elem(&map, key)
#define FAB_AT(array, i)                                                                           \
    ({                                                                                             \
        uint32_t fab_i = (i);                                                                      \
        bpf_map_lookup_elem(&array, &fab_i);                                                       \
    })
#define FAB_SLOT_TAKE(slot) bpf_map_pop_elem(&fab_free_slots, slot)
#define FAB_SLOT_GIVE(slot) (void)bpf_map_push_elem(&fab_free_slots, slot, 0)
#define FAB_KEEP(map, key, value) (void)bpf_map_update_elem(&map, key, value, BPF_ANY)
#define FAB_NOW() fab_now()
#define FAB_NOW_EXACT() bpf_ktime_get_ns()
#define FAB_RANDOM() fab_random()
#define FAB_FETCH_ADD(at, n) __sync_fetch_and_add(at, n)
#define FAB_FETCH_OR(at, bits) __sync_fetch_and_or(at, bits)
#define FAB_SWAP(at, from, to) __sync_val_compare_and_swap(at, from, to)
#define FAB_REPEAT(n, function, context) bpf_loop(n, function, context, 0)

#define FAB_FRAME struct __sk_buff
#define FAB_SUM_PSEUDO BPF_F_PSEUDO_HDR
#define FAB_SUM_MAY_BE_NONE BPF_F_MARK_MANGLED_0
#define FAB_HEAD(frame, n) fab_head(frame, n)
#define FAB_STORE(frame, offset, from, n) (void)bpf_skb_store_bytes(frame, offset, from, n, 0)
#define FAB_LOAD(frame, offset, to, n) (void)bpf_skb_load_bytes(frame, offset, to, n)
#define FAB_CUT(frame, n) bpf_skb_change_tail(frame, n, 0)
#define FAB_L3_SUM(frame, offset, from, to, size)                                                  \
    (void)bpf_l3_csum_replace(frame, offset, from, to, size)
#define FAB_L4_SUM(frame, offset, from, to, flags)                                                 \
    (void)bpf_l4_csum_replace(frame, offset, from, to, flags)

#define FAB_TC_DROP 2 /* TC_ACT_SHOT */

char LICENSE[] SEC("license") = "GPL"; /* the helpers want it */

#define FAB_MAP(name, kind, key_type, value_type, size)                                            \
    struct {                                                                                       \
        __uint(type, kind);                                                                        \
        __uint(max_entries, size);                                                                 \
        __type(key, key_type);                                                                     \
        __type(value, value_type);                                                                 \
    } name SEC(".maps")
#define FAB_ARRAY(name, value_type, size)                                                          \
    FAB_MAP(name, BPF_MAP_TYPE_ARRAY, uint32_t, value_type, size)
#define FAB_HASH(name, key_type, value_type, size)                                                 \
    FAB_MAP(name, BPF_MAP_TYPE_HASH, key_type, value_type, size)

FAB_HASH(fab_flows6, struct fab_key6, struct fab_flow6, FAB_SESSIONS / 2);
FAB_HASH(fab_places6, struct fab_ip6, struct fab_place6, FAB_PLACES);
FAB_HASH(fab_targets, struct fab_target_key, int32_t, FAB_TARGETS);
FAB_HASH(fab_places, struct fab_place_key, struct fab_place, FAB_PLACES);
FAB_HASH(fab_publics, uint32_t, struct fab_public, FAB_PUBLICS);
FAB_HASH(fab_services, struct fab_service_key, uint32_t, FAB_SERVICES);
FAB_ARRAY(fab_networks, struct fab_network, FAB_NETWORKS);
FAB_ARRAY(fab_subnets, struct fab_subnet, FAB_SUBNETS);
FAB_ARRAY(fab_interfaces, struct fab_interface, FAB_INTERFACES);
FAB_ARRAY(fab_gateways, struct fab_gateway, FAB_GATEWAYS);
FAB_MAP(fab_gateway_counts, BPF_MAP_TYPE_PERCPU_ARRAY, uint32_t, struct fab_gateway_count,
        FAB_GATEWAYS);
FAB_HASH(fab_records, struct fab_record_key, struct fab_record, FAB_RECORDS);
FAB_MAP(fab_fragments, BPF_MAP_TYPE_LRU_HASH, struct fab_fragment_key, struct fab_fragment,
        FAB_FRAGMENTS);
FAB_HASH(fab_records6, struct fab_record_key6, struct fab_record, FAB_RECORDS6);
FAB_MAP(fab_fragments6, BPF_MAP_TYPE_LRU_HASH, struct fab_fragment_key6, struct fab_fragment,
        FAB_FRAGMENTS);
FAB_ARRAY(fab_rules, struct fab_rule, FAB_RULES);
FAB_MAP(fab_proven, BPF_MAP_TYPE_LRU_HASH, uint32_t, uint64_t, FAB_PROVEN);
FAB_ARRAY(fab_settings_map, struct fab_settings, 1);
FAB_ARRAY(fab_devices, uint32_t, FAB_DEVICE_FIRST + FAB_INTERFACES);
FAB_MAP(fab_reasons, BPF_MAP_TYPE_PERCPU_ARRAY, uint32_t, uint64_t, FAB_REASONS);

/* On pages of its own: the daemon maps it into its memory, or entries begin with a cache line. */
#define FAB_PAGES(name, value_type, size)                                                          \
    struct {                                                                                       \
        __uint(type, BPF_MAP_TYPE_ARRAY);                                                          \
        __uint(max_entries, size);                                                                 \
        __uint(map_flags, BPF_F_MMAPABLE);                                                         \
        __type(key, uint32_t);                                                                     \
        __type(value, value_type);                                                                 \
    } name SEC(".maps")

FAB_PAGES(fab_meters, struct fab_meter, FAB_INTERFACES);
FAB_PAGES(fab_floods, struct fab_flood, FAB_FLOODS);
FAB_PAGES(fab_lines, struct fab_line, FAB_LINES);
FAB_PAGES(fab_sessions, struct fab_session, FAB_SESSIONS);

#define FAB_TRIE(name, key_type, value_type, size)                                                 \
    struct {                                                                                       \
        __uint(type, BPF_MAP_TYPE_LPM_TRIE);                                                       \
        __uint(max_entries, size);                                                                 \
        __uint(map_flags, BPF_F_NO_PREALLOC);                                                      \
        __type(key, key_type);                                                                     \
        __type(value, value_type);                                                                 \
    } name SEC(".maps")

FAB_TRIE(fab_routes, struct fab_route_key, struct fab_route, FAB_ROUTES);
FAB_TRIE(fab_routes6, struct fab_route_key6, struct fab_route, FAB_ROUTES);

struct {
    __uint(type, BPF_MAP_TYPE_QUEUE);
    __uint(max_entries, FAB_SESSIONS);
    __type(value, uint32_t);
} fab_free_slots SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, FAB_TAILS);
    __type(key, uint32_t);
    __type(value, uint32_t);
} fab_tails SEC(".maps");

FAB_INLINE uint64_t fab_now(void)
{
    struct fab_settings *settings = FAB_AT(fab_settings_map, 0);
    return bpf_ktime_get_coarse_ns() + (settings ? settings->clock_offset_ns : 0);
}

/* The kernel's, or with a seed the same sequence as the host build's. */
FAB_ONCE uint32_t fab_random(void)
{
    struct fab_settings *settings = FAB_AT(fab_settings_map, 0);
    if (!settings || !settings->seed)
        return bpf_get_prandom_u32();
    uint64_t x = settings->seed += 0x9e3779b97f4a7c15ull;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    return (uint32_t)(x >> 32);
}

/* The first n bytes, which may have to be made contiguous; good until the next helper that changes
 * the frame. */
FAB_INLINE uint8_t *fab_head(struct __sk_buff *frame, uint32_t n)
{
    __asm__ volatile("" : "+r"(frame)); /* else addresses inside of it are kept, which is refused */
    uint8_t *data = (void *)(long)frame->data, *end = (void *)(long)frame->data_end;
    if (data + n <= end)
        return data;
    if (bpf_skb_pull_data(frame, n))
        return 0;
    data = (void *)(long)frame->data;
    end = (void *)(long)frame->data_end;
    return data + n <= end ? data : 0;
}

#include "engines/fabric/decide/apply6.h"

FAB_INLINE int fab_send(uint32_t device, const struct fab_verdict *verdict)
{
    if (verdict->reason != FAB_PASSED || !device) {
        uint64_t *count = FAB_AT(fab_reasons, verdict->reason);
        if (count)
            *count += 1;
    }
    return device ? (int)bpf_redirect_peer(device, 0) : FAB_TC_DROP;
}

/* By itself, so that what it keeps on the stack does not lie below a new flow's whole way. */
FAB_ONCE int fab_apply_slow(struct __sk_buff *frame, const struct fab_packet *p, uint32_t at,
                            struct fab_verdict *verdict)
{
    return p && verdict ? (int)fab_apply(frame, p, at, verdict) : 0;
}

FAB_INLINE int fab_leave(struct __sk_buff *frame, const struct fab_packet *p, uint32_t at,
                         struct fab_verdict *verdict)
{
    return fab_send(fab_apply(frame, p, at, verdict), verdict);
}

FAB_INLINE void fab_read_pieces(const struct __sk_buff *frame, struct fab_packet *p)
{
    p->pieces = frame->gso_segs ? frame->gso_segs : 1;
    p->segment = (uint16_t)frame->gso_size;
}

FAB_INLINE int fab_read_frame(struct __sk_buff *frame, struct fab_packet *p)
{
    uint8_t *data = (void *)(long)frame->data, *end = (void *)(long)frame->data_end;
    fab_read_pieces(frame, p);
    return fab_read(data, end, frame->len, p);
}

FAB_INLINE int fab_read_frame6(struct __sk_buff *frame, struct fab_packet6 *six)
{
    uint8_t *data = (void *)(long)frame->data, *end = (void *)(long)frame->data_end;
    fab_read_pieces(frame, &six->p);
    return fab_read6(data, end, frame->len, six);
}

/* A frame of interface `at`: here if it belongs to a fresh flow, else in `slow`. One of IPv6 costs
 * a tail call more, so that those of IPv4 need not know of it. */
FAB_INLINE int fab_come_in(struct __sk_buff *frame, uint32_t at)
{
    struct fab_packet p = {};
    struct fab_verdict verdict = {};
    if (!fab_read_frame(frame, &p) && fab_hit(&p, at, &verdict))
        return fab_leave(frame, &p, at, &verdict);
    frame->cb[0] = at;
    if (frame->protocol == FAB_ETHERNET_IP6)
        bpf_tail_call(frame, &fab_tails, FAB_TAIL_SIX);
    else
        bpf_tail_call(frame, &fab_tails, FAB_TAIL_SLOW);
    return FAB_TC_DROP;
}

/* A device that nobody knows drops everything; a foreign source MAC is dropped with the spoofed. */
SEC("tc") int eni_in(struct __sk_buff *frame)
{
    uint32_t *at = FAB_AT(fab_devices, frame->ifindex);
    struct fab_interface *interface = at ? FAB_AT(fab_interfaces, *at) : 0;
    uint8_t *data = (void *)(long)frame->data, *end = (void *)(long)frame->data_end;
    if (!interface || !interface->ifindex || data + 14 > end)
        return FAB_TC_DROP;
    const uint16_t *sender = (void *)(data + 6), *mac = (void *)interface->mac;
    if ((sender[0] ^ mac[0]) | (sender[1] ^ mac[1]) | (sender[2] ^ mac[2])) {
        uint64_t *count = FAB_AT(fab_reasons, FAB_SPOOFED);
        if (count)
            *count += 1;
        return FAB_TC_DROP;
    }
    return fab_come_in(frame, *at);
}

SEC("tc") int edge_in(struct __sk_buff *frame)
{
    return fab_come_in(frame, FAB_EDGE);
}

SEC("tc") int service_in(struct __sk_buff *frame)
{
    return fab_come_in(frame, FAB_SERVICE);
}

SEC("tc") int slow(struct __sk_buff *frame)
{
    struct fab_packet p = {};
    struct fab_verdict verdict = {};
    uint32_t at = frame->cb[0];
    int headers = frame->len < 70 ? (int)frame->len : 70; /* an ICMP error's quote included */
    if (headers > 0)
        (void)fab_head(frame, (uint32_t)headers);
    int reason = fab_read_frame(frame, &p);
    if (reason)
        fab_drop(&verdict, (uint32_t)reason);
    else
        fab_slow(&p, at, &verdict);
    return fab_send((uint32_t)fab_apply_slow(frame, &p, at, &verdict), &verdict);
}

SEC("tc") int six(struct __sk_buff *frame)
{
    struct fab_packet6 six = {};
    struct fab_verdict verdict = {};
    uint32_t at = frame->cb[0];
    if (!fab_read_frame6(frame, &six) && fab_hit6(&six, at, &verdict))
        return fab_send(fab_apply6(frame, &six, at, &verdict), &verdict);
    bpf_tail_call(frame, &fab_tails, FAB_TAIL_SLOW6);
    return FAB_TC_DROP;
}

SEC("tc") int slow6(struct __sk_buff *frame)
{
    struct fab_packet6 six = {};
    struct fab_verdict verdict = {};
    uint32_t at = frame->cb[0];
    const uint32_t most = FAB_L4_6 + FAB_EXTENSIONS_SIZE + 8 + 40 + 8;
    uint32_t headers = frame->len < most ? frame->len : most;
    if (headers > 0)
        (void)fab_head(frame, headers);
    int reason = fab_read_frame6(frame, &six);
    if (reason)
        fab_drop(&verdict, (uint32_t)reason);
    else
        fab_slow6(&six, at, &verdict);
    return fab_send(fab_apply6(frame, &six, at, &verdict), &verdict);
}

FAB_INLINE int fab_xdp_drop(uint32_t reason)
{
    uint64_t *count = FAB_AT(fab_reasons, reason);
    if (count)
        *count += 1;
    return XDP_DROP;
}

/* What edge_in would do in the end with TCP that nobody has asked for, before the kernel makes a
 * packet of it. There while an address is flooded, since it takes the far end's TSO away. */
SEC("xdp") int edge_xdp(struct xdp_md *frame)
{
    uint8_t *data = (void *)(long)frame->data, *end = (void *)(long)frame->data_end;
    uint32_t len = frame->data_end - frame->data;
    struct fab_packet p = {.pieces = 1};
    struct fab_verdict verdict = {};
    int reason = fab_read(data, end, len, &p);
    if (reason == FAB_MALFORMED)
        return fab_xdp_drop(FAB_MALFORMED);
    if (reason || p.kind != FAB_KIND_PLAIN || p.protocol != FAB_TCP || p.fragment)
        return XDP_PASS;
    const struct fab_public *public = FAB_FIND(fab_publics, &p.target);
    struct fab_key key = fab_key_of(&p, FAB_EDGE);
    if (!public)
        return fab_xdp_drop(FAB_NO_TARGET);
    if (fab_claim_other(&key, 0))
        return XDP_PASS;
    if (public->gateway) {
        fab_count_dropped(public->gateway);
        return fab_xdp_drop(FAB_NO_FLOW);
    }
    if (!fab_guard(&p, &verdict))
        return XDP_PASS;
    (void)fab_xdp_drop(verdict.reason);
    if (verdict.action != FAB_CHALLENGE ||
        bpf_xdp_adjust_tail(frame, (int)FAB_RESET_SIZE - (int)len))
        return XDP_DROP;
    data = (void *)(long)frame->data;
    end = (void *)(long)frame->data_end;
    if (data + FAB_RESET_SIZE > end)
        return XDP_DROP;
    fab_write_answer(data, &p, fab_challenge(verdict.source));
    /* XDP_TX would wait in the far end's ring: only with a program of its own it is woken up. */
    return (int)bpf_redirect(frame->ingress_ifindex, 0);
}

/* Run by the daemon for a slice of the sessions at a time. */
SEC("syscall") int sweep(struct fab_sweep *sweep)
{
    struct fab_settings *settings = FAB_AT(fab_settings_map, 0);
    uint64_t offset = settings ? settings->clock_offset_ns : 0;
    struct fab_sweep work = {.now_ns = bpf_ktime_get_ns() + offset, .first = sweep->first};
    bpf_loop(sweep->count, fab_sweep_slot, &work, 0);
    sweep->ended = work.ended;
    return 0;
}
