// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * One epoll loop per thread: descriptors, timers, mail from other threads, and a hook at the end of
 * every tick. Everything runs on the loop's own thread but loop_post and loop_stop, which any
 * thread may call.
 */
#include "base/span.h"

#include <sys/epoll.h>

struct loop;

/* A descriptor that is watched; embedded in its owner. */
struct watch {
    int fd;
    void (*ready)(struct watch *watch,
                  uint32_t events); /* EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR … */
};

/* A timer; embedded in its owner and zeroed before first use. Follows clock_steady_ms, so tests can
 * move it. */
struct timer {
    void (*due)(struct timer *timer);
    int64_t at_ms;   /* on clock_steady_ms */
    size_t position; /* in the heap, 0 = not set */
};

/* A message to a loop; embedded in what is sent and given over whole until delivered. */
struct mail {
    struct mail *next;
    void (*deliver)(struct mail *mail);
};

/* Something done once at the end of every tick, e.g. releasing held replies. */
struct tick {
    void (*ended)(struct tick *tick);
    struct tick *next;
};

MUST_CHECK int loop_new(struct loop **ret);
void loop_free(struct loop *loop);
/* Runs on the calling thread until loop_stop. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

MUST_CHECK int loop_watch(struct loop *loop, struct watch *watch, uint32_t events);
MUST_CHECK int loop_rewatch(struct loop *loop, struct watch *watch, uint32_t events);
/* No further call of watch->ready, not even for events already read in this tick. */
void loop_unwatch(struct loop *loop, struct watch *watch);

void loop_timer_set(struct loop *loop, struct timer *timer, int64_t at_ms);
void loop_timer_clear(struct loop *loop, struct timer *timer);

/* Any thread. Order is kept per sender. */
void loop_post(struct loop *loop, struct mail *mail);
void loop_add_tick(struct loop *loop, struct tick *tick);
/* After clock_advance: wakes the loop so that moved timers run. Any thread. */
void loop_nudge(struct loop *loop);
