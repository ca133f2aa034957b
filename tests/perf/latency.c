// SPDX-License-Identifier: Apache-2.0
/* Buckets of 64 steps for each power of two above 128, as HdrHistogram has them. */
#include "latency.h"

#define STEPS 64

static size_t bucket_of(uint64_t us)
{
    if (us < 2 * STEPS)
        return us;
    unsigned shift = (unsigned)(63 - __builtin_clzll(us)) - 6;
    size_t bucket = (size_t)shift * STEPS + (us >> shift);
    return bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1;
}

static uint64_t lowest_in(size_t bucket)
{
    if (bucket < 2 * STEPS)
        return bucket;
    unsigned shift = (unsigned)(bucket / STEPS) - 1;
    return (uint64_t)(bucket - (size_t)shift * STEPS) << shift;
}

void latency_add(struct latency *latency, uint64_t us)
{
    latency->counts[bucket_of(us)]++;
    latency->total++;
}

void latency_merge(struct latency *into, const struct latency *other)
{
    for (size_t i = 0; i < LATENCY_BUCKETS; i++)
        into->counts[i] += other->counts[i];
    into->total += other->total;
}

uint64_t latency_at(const struct latency *latency, double part)
{
    uint64_t wanted = (uint64_t)((double)latency->total * part), seen = 0;
    for (size_t i = 0; i < LATENCY_BUCKETS; i++) {
        seen += latency->counts[i];
        if (seen > wanted || (seen == latency->total && seen > 0))
            return lowest_in(i);
    }
    return 0;
}
