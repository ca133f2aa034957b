// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The timers of one loop as a heap of pointers, soonest first. One thread. A zeroed one is empty.
 */
#include "loop/loop.h"

struct timers {
    struct timer **heap; /* from index 1; the children of i are 4i-2 … 4i+1 */
    size_t count, size;
};

void timers_done(struct timers *timers);
void timers_set(struct timers *timers, struct timer *timer, int64_t at_ms);
void timers_clear(struct timers *timers, struct timer *timer);
/* Takes out the soonest timer if it is due, else NULL. */
struct timer *timers_take_due(struct timers *timers, int64_t now_ms);
/* False when none is set. */
bool timers_next(const struct timers *timers, int64_t *ret_at_ms);

static inline size_t timers_count(const struct timers *timers)
{
    return timers->count;
}
