// SPDX-License-Identifier: Apache-2.0
#pragma once
/* A histogram of microseconds: exact below 128, within 1.6 % above. One thread at a time. */
#include <stddef.h>
#include <stdint.h>

#define LATENCY_BUCKETS 2048

struct latency {
    uint64_t counts[LATENCY_BUCKETS];
    uint64_t total;
};

void latency_add(struct latency *latency, uint64_t us);
void latency_merge(struct latency *into, const struct latency *other);
/* The time that `part` (0..1) of the requests did not exceed; 0 without requests. */
uint64_t latency_at(const struct latency *latency, double part);
