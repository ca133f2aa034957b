// SPDX-License-Identifier: Apache-2.0
/*
 * Rates as buckets of tokens that fill within a second. What is larger than a full bucket is let
 * through when the bucket is full and leaves a debt, so that records above the rate of a second
 * pass, as do reads whose size is known only afterwards. Under the caller's lock.
 */
#include "engines/log/inside.h"

#define MILLI 1000

static void fill(struct rate *rate, uint64_t limit, int64_t now_ms)
{
    int64_t full = (int64_t)limit * MILLI, passed = now_ms - rate->at_ms;
    if (!rate->at_ms || passed >= 100 * MILLI)
        rate->tokens = full;
    else if (passed > 0)
        rate->tokens += passed * (int64_t)limit;
    if (rate->tokens > full)
        rate->tokens = full;
    if (!rate->at_ms || passed > 0)
        rate->at_ms = now_ms;
}

bool rate_take(struct rate *rate, uint64_t limit, uint64_t amount, int64_t now_ms)
{
    if (!limit)
        return true;
    fill(rate, limit, now_ms);
    if (rate->tokens < (int64_t)(amount < limit ? amount : limit) * MILLI)
        return false;
    rate->tokens -= (int64_t)amount * MILLI;
    return true;
}

void rate_charge(struct rate *rate, uint64_t limit, uint64_t amount, int64_t now_ms)
{
    if (!limit)
        return;
    fill(rate, limit, now_ms);
    rate->tokens -= (int64_t)amount * MILLI;
}

bool rate_is_open(struct rate *rate, uint64_t limit, int64_t now_ms)
{
    if (!limit)
        return true;
    fill(rate, limit, now_ms);
    return rate->tokens > 0;
}
