// SPDX-License-Identifier: Apache-2.0
/*
 * A heap with four children per node: half the levels of a binary one, and a node's children share
 * a cache line. Each timer knows its place, so that it can be moved or cleared without a search.
 * One thread.
 */
#include "loop/timers.h"

#include "base/log.h"

#include <stdlib.h>

static void place(struct timers *timers, struct timer *timer, size_t position)
{
    timers->heap[position] = timer;
    timer->position = position;
}

static void rise(struct timers *timers, struct timer *timer, size_t position)
{
    while (position > 1) {
        size_t parent = (position + 2) / 4;
        if (timers->heap[parent]->at_ms <= timer->at_ms)
            break;
        place(timers, timers->heap[parent], position);
        position = parent;
    }
    place(timers, timer, position);
}

static void sink(struct timers *timers, struct timer *timer, size_t position)
{
    for (;;) {
        size_t first = position * 4 - 2, soonest = first;
        if (first > timers->count)
            break;
        for (size_t child = first + 1; child < first + 4 && child <= timers->count; child++)
            if (timers->heap[child]->at_ms < timers->heap[soonest]->at_ms)
                soonest = child;
        if (timers->heap[soonest]->at_ms >= timer->at_ms)
            break;
        place(timers, timers->heap[soonest], position);
        position = soonest;
    }
    place(timers, timer, position);
}

static void grow(struct timers *timers)
{
    size_t size = timers->size ? timers->size * 2 : 64;
    struct timer **heap = realloc(timers->heap, size * sizeof *heap);
    if (!heap)
        log_fatal("out of memory for %zu timers", size);
    timers->heap = heap;
    timers->size = size;
}

void timers_done(struct timers *timers)
{
    free(timers->heap);
    *timers = (struct timers){0};
}

void timers_set(struct timers *timers, struct timer *timer, int64_t at_ms)
{
    if (!timer->position) {
        if (timers->count + 1 >= timers->size)
            grow(timers);
        timer->at_ms = at_ms;
        rise(timers, timer, ++timers->count);
        return;
    }
    bool sooner = at_ms < timer->at_ms;
    timer->at_ms = at_ms;
    if (sooner)
        rise(timers, timer, timer->position);
    else
        sink(timers, timer, timer->position);
}

void timers_clear(struct timers *timers, struct timer *timer)
{
    size_t position = timer->position;
    if (!position)
        return;
    timer->position = 0;
    struct timer *last = timers->heap[timers->count--];
    if (last == timer)
        return;
    if (last->at_ms < timer->at_ms)
        rise(timers, last, position);
    else
        sink(timers, last, position);
}

struct timer *timers_take_due(struct timers *timers, int64_t now_ms)
{
    if (!timers->count || timers->heap[1]->at_ms > now_ms)
        return NULL;
    struct timer *timer = timers->heap[1];
    timers_clear(timers, timer);
    return timer;
}

bool timers_next(const struct timers *timers, int64_t *ret_at_ms)
{
    if (!timers->count)
        return false;
    *ret_at_ms = timers->heap[1]->at_ms;
    return true;
}
