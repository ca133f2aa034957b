// SPDX-License-Identifier: Apache-2.0
/* Packets for measuring a path without sockets: `inject` makes a frame of each test run one of many
 * flows and hands it to the device as if it had been received, `count` counts and drops it at the
 * other end. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "tests/perf/fabric_injection.h"

char LICENSE[] SEC("license") = "GPL";

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, uint32_t);
    __type(value, struct fabric_injection);
} injection SEC(".maps");

SEC("xdp") int inject(struct xdp_md *context)
{
    uint32_t none = 0;
    struct fabric_injection *it = bpf_map_lookup_elem(&injection, &none);
    uint8_t *data = (void *)(long)context->data, *end = (void *)(long)context->data_end;
    if (!it || !it->flows || data + sizeof it->frame > end)
        return XDP_DROP;
    for (int i = 0; i < 6; i++)
        ((uint64_t *)(void *)data)[i] = it->frame[i];
    uint32_t port = it->first_port + it->next++ % it->flows;
    *(uint16_t *)(void *)(data + 34) = __builtin_bswap16((uint16_t)port);
    return XDP_PASS;
}

SEC("tc") int count(struct __sk_buff *skb)
{
    uint32_t none = 0;
    struct fabric_injection *it = bpf_map_lookup_elem(&injection, &none);
    if (!it || skb->protocol != __builtin_bswap16(0x0800))
        return 0;
    __sync_fetch_and_add(&it->counted, 1);
    return 2; /* TC_ACT_SHOT */
}
