// SPDX-License-Identifier: Apache-2.0
/*
 * The tick: wait, descriptors, mail, due timers, tick hooks. Mail is a stack that senders push onto
 * and the loop takes whole and reverses, so that a sender wakes the loop only when it found the
 * stack empty. Everything but the stack, the wake descriptor and `stopping` belongs to the loop's
 * thread.
 */
#include "loop/loop.h"

#include "base/log.h"
#include "base/time.h"
#include "loop/timers.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define EVENTS_PER_TICK 256
#define MUCH 4 /* events at once */

struct loop {
    int epoll_fd;
    struct watch wake; /* an eventfd */
    struct mail *_Atomic inbox;
    atomic_bool stopping;
    struct timers timers;
    int64_t began_us; /* the tick, by the clock that is never moved */
    struct tick *ticks;
    int event_at, event_count;
    struct epoll_event events[EVENTS_PER_TICK];
};

static void wake_ready(struct watch *watch, uint32_t events)
{
    uint64_t count;
    if (read(watch->fd, &count, sizeof count) < 0)
        return; /* EAGAIN: nothing left to take back */
}

static int loop_open(struct loop *loop)
{
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0)
        return -errno;
    loop->wake = (struct watch){eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), wake_ready};
    if (loop->wake.fd < 0)
        return -errno;
    return loop_watch(loop, &loop->wake, EPOLLIN);
}

int loop_new(struct loop **ret)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (!loop)
        log_fatal("out of memory for a loop");
    loop->epoll_fd = loop->wake.fd = -1;
    loop->began_us = clock_measure_us();
    int r = loop_open(loop);
    if (r < 0) {
        loop_free(loop);
        return r;
    }
    *ret = loop;
    return 0;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    timers_done(&loop->timers);
    if (loop->wake.fd >= 0)
        close(loop->wake.fd);
    if (loop->epoll_fd >= 0)
        close(loop->epoll_fd);
    free(loop);
}

int loop_watch(struct loop *loop, struct watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, watch->fd, &event) < 0 ? -errno : 0;
}

int loop_rewatch(struct loop *loop, struct watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event) < 0 ? -errno : 0;
}

void loop_unwatch(struct loop *loop, struct watch *watch)
{
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    for (int i = loop->event_at; i < loop->event_count; i++)
        if (loop->events[i].data.ptr == watch)
            loop->events[i].data.ptr = NULL;
}

void loop_timer_set(struct loop *loop, struct timer *timer, int64_t at_ms)
{
    timers_set(&loop->timers, timer, at_ms);
}

void loop_timer_clear(struct loop *loop, struct timer *timer)
{
    timers_clear(&loop->timers, timer);
}

/* What is set behind a move of the clock must not be due by that move, also when the tick began
 * before it: a connection that came after it would be closed as one that was idle for as long. */
int64_t loop_now_ms(const struct loop *loop)
{
    return clock_steady_at(loop->began_us);
}

void loop_post(struct loop *loop, struct mail *mail)
{
    struct mail *top = atomic_load_explicit(&loop->inbox, memory_order_relaxed);
    do
        mail->next = top;
    while (!atomic_compare_exchange_weak_explicit(&loop->inbox, &top, mail, memory_order_release,
                                                  memory_order_relaxed));
    if (!top)
        loop_nudge(loop);
}

void loop_nudge(struct loop *loop)
{
    uint64_t one = 1;
    if (write(loop->wake.fd, &one, sizeof one) < 0)
        return; /* EAGAIN: the counter is full, so the loop wakes anyhow */
}

void loop_stop(struct loop *loop)
{
    atomic_store(&loop->stopping, true);
    loop_nudge(loop);
}

void loop_add_tick(struct loop *loop, struct tick *tick)
{
    struct tick **at = &loop->ticks;
    while (*at)
        at = &(*at)->next;
    tick->next = NULL;
    *at = tick;
}

void loop_remove_tick(struct loop *loop, struct tick *tick)
{
    for (struct tick **at = &loop->ticks; *at; at = &(*at)->next)
        if (*at == tick) {
            *at = tick->next;
            return;
        }
}

static int next_due_ms(struct loop *loop)
{
    int64_t due_ms;
    if (!timers_next(&loop->timers, &due_ms))
        return -1;
    int64_t wait_ms = due_ms - clock_steady_ms();
    return (int)(wait_ms < 0 ? 0 : wait_ms < INT_MAX ? wait_ms : INT_MAX);
}

static int events_within(struct loop *loop, int wait_ms)
{
    int count = epoll_wait(loop->epoll_fd, loop->events, EVENTS_PER_TICK, wait_ms);
    if (count < 0 && errno != EINTR)
        log_fatal("epoll_wait: errno %d", errno);
    return count < 0 ? 0 : count;
}

/* Where much came at once, whoever shares the processor goes first before the loop sleeps: often it
 * is what has the next events, and waking costs more than they do. Where little comes, the loop
 * would only be late. */
static void wait_for_events(struct loop *loop)
{
    bool much = loop->event_count >= MUCH;
    loop->event_at = 0;
    loop->event_count = much ? events_within(loop, 0) : 0;
    if (much && !loop->event_count)
        sched_yield();
    if (!loop->event_count)
        loop->event_count = events_within(loop, next_due_ms(loop));
    loop->began_us = clock_measure_us();
}

static void run_events(struct loop *loop)
{
    while (loop->event_at < loop->event_count) {
        struct epoll_event *event = &loop->events[loop->event_at++];
        struct watch *watch = event->data.ptr;
        if (watch)
            watch->ready(watch, event->events);
    }
}

static void deliver_mail(struct loop *loop)
{
    struct mail *newest = atomic_exchange_explicit(&loop->inbox, NULL, memory_order_acquire);
    struct mail *oldest = NULL;
    while (newest) {
        struct mail *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest) {
        struct mail *mail = oldest;
        oldest = mail->next; /* before delivery: the mail may be gone or posted again after it */
        mail->deliver(mail);
    }
}

/* Not more than are set now, so that a timer which sets itself again cannot hold the loop. */
static void run_timers(struct loop *loop)
{
    for (size_t most = timers_count(&loop->timers); most; most--) {
        struct timer *timer = timers_take_due(&loop->timers, loop_now_ms(loop));
        if (!timer)
            return;
        timer->due(timer);
    }
}

static void end_tick(struct loop *loop)
{
    for (struct tick *tick = loop->ticks, *next; tick; tick = next) {
        next = tick->next;
        tick->ended(tick);
    }
}

void loop_run(struct loop *loop)
{
    while (!atomic_exchange(&loop->stopping, false)) {
        wait_for_events(loop);
        run_events(loop);
        deliver_mail(loop);
        run_timers(loop);
        end_tick(loop);
    }
    deliver_mail(loop);
    end_tick(loop);
}
