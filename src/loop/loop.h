// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * One epoll loop per thread: descriptors, timers, mail from other threads, and a hook at the end of
 * every tick. Everything runs on the loop's own thread but loop_post, loop_nudge and loop_stop,
 * which any thread may call. A tick is: wait, descriptors, mail, due timers, tick hooks.
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
 * move it. It is not set any more when `due` runs. */
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

/* Something done once at the end of every tick, e.g. releasing held replies; in order of adding. */
struct tick {
    void (*ended)(struct tick *tick);
    struct tick *next;
};

MUST_CHECK int loop_new(struct loop **ret);
/* Nothing may be posted any more; mail that was not delivered is dropped. Accepts NULL. */
void loop_free(struct loop *loop);
/* Runs on the calling thread until loop_stop; delivers what was posted before that. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* `events` may hold EPOLLET. Negative errno on failure. */
MUST_CHECK int loop_watch(struct loop *loop, struct watch *watch, uint32_t events);
MUST_CHECK int loop_rewatch(struct loop *loop, struct watch *watch, uint32_t events);
/* No further call of watch->ready, not even for events already read in this tick. Call it before
 * the descriptor is closed. */
void loop_unwatch(struct loop *loop, struct watch *watch);

/* Sets or moves. A time that has passed is due in the next round, never inside this call. */
void loop_timer_set(struct loop *loop, struct timer *timer, int64_t at_ms);
void loop_timer_clear(struct loop *loop, struct timer *timer);
/* clock_steady_ms as it was when this tick began, and moved as far as the clock is now: cheap. */
int64_t loop_now_ms(const struct loop *loop);

/* Any thread. Order is kept per sender. */
void loop_post(struct loop *loop, struct mail *mail);
void loop_add_tick(struct loop *loop, struct tick *tick);
void loop_remove_tick(struct loop *loop, struct tick *tick);
/* After clock_advance: wakes the loop so that moved timers run. Any thread. */
void loop_nudge(struct loop *loop);
