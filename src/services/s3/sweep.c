// SPDX-License-Identifier: Apache-2.0
/*
 * When lifecycle rules are executed: a bucket's pass begins when its rules change and at every
 * midnight, since all that rules say comes due at one. It runs in batches on a worker, one at a
 * time for the whole program; the control loop sends the next one, or waits for the next midnight
 * by a timer, which follows the clock that tests move.
 */
#include "services/s3/sweep.h"

#include "base/log.h"
#include "base/time.h"
#include "loop/workers.h"
#include "services/s3/log_delivery.h"
#include "services/s3/s3.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#define FAILED_MS 1000
#define LONGEST_MS INT64_C(3600000) /* between two looks, whatever happens to the clock */
#define ARENA_FIRST 65536
#define ARENA_CEILING (256 << 20)

struct s3 {
    struct cloud *cloud;
    struct mail mail; /* rules have changed */
    atomic_bool posted;
    struct timer timer;
    struct job job;
    bool running;    /* the job is on its way; control thread */
    bool again;      /* rules have changed meanwhile */
    int64_t next_ms; /* what the job found out: when there is something to do */
    struct log_delivery *delivery;
};

/* ---- on the worker -------------------------------------------------------------------------- */

/* The buckets with rules, and which of them is due first. */
struct choice {
    struct txn *txn;
    struct arena *arena;
    struct s3_sweep first;
    int64_t now_ms;
    bool any;
};

static int consider(void *user, void *record)
{
    struct choice *choice = user;
    const struct s3_lifecycle *lifecycle = record;
    struct s3_sweep sweep = {.bucket = lifecycle->bucket};
    int result = s3_sweep_get(choice->txn, choice->arena, &sweep);
    if (result < 0 && result != -ENOENT)
        return result;
    if (result == -ENOENT || sweep.edition != lifecycle->edition)
        sweep = (struct s3_sweep){
            .bucket = lifecycle->bucket, .edition = lifecycle->edition, .due = choice->now_ms};
    if (!choice->any || sweep.due < choice->first.due)
        choice->first = sweep;
    choice->any = true;
    return 0;
}

/* The rules in force; 0 with no rules when they or the bucket are gone. */
static int load(struct sweep_bucket *sweep)
{
    struct call *c = sweep->c;
    c->txn = txn_begin(c->cloud->store);
    sweep->bucket.name = sweep->at->bucket;
    int result = s3_bucket_record_get(c->txn, c->arena, &sweep->bucket);
    if (result == 0)
        result = lifecycle_load(c, &sweep->bucket, &sweep->rules) ? -EBADMSG : 0;
    txn_rollback(c->txn);
    c->txn = NULL;
    return result == -ENOENT ? 0 : result;
}

static int choose(struct call *c, struct choice *choice)
{
    struct s3_lifecycle from = {.bucket = SPAN_NONE};
    choice->txn = txn_begin(c->cloud->store);
    choice->arena = c->arena;
    choice->now_ms = c->now_ms;
    int result =
        record_each(choice->txn, &s3_lifecycle_table, &from, 0, c->arena, consider, choice);
    txn_rollback(choice->txn);
    return result;
}

/* One batch of what is due; *ret_next says when to come back. */
static int take_batch(struct call *c, int64_t *ret_next)
{
    struct choice choice = {.any = false};
    struct sweep_bucket sweep = {.c = c, .at = &choice.first};
    *ret_next = TIME_NONE;
    int result = choose(c, &choice);
    if (result < 0 || !choice.any)
        return result;
    *ret_next = choice.first.due;
    if (choice.first.due > c->now_ms)
        return 0;
    if (sweep_is_at_start(&choice.first))
        choice.first.due = c->now_ms;
    result = load(&sweep);
    if (result < 0)
        return result;
    *ret_next = c->now_ms; /* there may be more at once */
    return sweep_batch(&sweep);
}

static void run(struct job *job)
{
    struct s3 *s3 = (struct s3 *)((char *)job - offsetof(struct s3, job));
    struct arena arena;
    arena_init(&arena, ARENA_FIRST, ARENA_CEILING);
    struct call c = {.arena = &arena,
                     .now_ms = clock_now_ms(),
                     .request_id = S("lifecycle"),
                     .service = &s3_service,
                     .cloud = s3->cloud};
    int result = take_batch(&c, &s3->next_ms);
    if (result < 0) {
        log_error("s3: executing lifecycle rules: %s", strerror(-result));
        s3->next_ms = c.now_ms + FAILED_MS;
    }
    arena_done(&arena);
}

/* ---- on the control loop -------------------------------------------------------------------- */

/* `from_ms` is clock_steady_ms, read before the time from which `ms` was reckoned: a clock that is
 * moved between the two readings makes the timer early, never late. */
static void wait_for(struct s3 *s3, int64_t from_ms, int64_t ms)
{
    int64_t wait = ms < 0 ? 0 : ms > LONGEST_MS ? LONGEST_MS : ms;
    loop_timer_set(s3->cloud->control, &s3->timer, from_ms + wait);
}

static void start(struct s3 *s3)
{
    s3->again = s3->running;
    if (s3->running)
        return;
    loop_timer_clear(s3->cloud->control, &s3->timer);
    s3->running = workers_submit(s3->cloud->workers, &s3->job) == 0;
    if (!s3->running)
        wait_for(s3, clock_steady_ms(), FAILED_MS);
}

static void done(struct job *job)
{
    struct s3 *s3 = (struct s3 *)((char *)job - offsetof(struct s3, job));
    int64_t steady = clock_steady_ms();
    int64_t now = clock_now_ms();
    s3->running = false;
    if (s3->again || (s3->next_ms != TIME_NONE && s3->next_ms <= now))
        start(s3);
    else if (s3->next_ms != TIME_NONE)
        wait_for(s3, steady, s3->next_ms - now);
}

static void on_timer(struct timer *timer)
{
    start((struct s3 *)((char *)timer - offsetof(struct s3, timer)));
}

static void on_mail(struct mail *mail)
{
    struct s3 *s3 = (struct s3 *)((char *)mail - offsetof(struct s3, mail));
    atomic_store(&s3->posted, false);
    start(s3);
}

/* On the flusher's thread. */
static void wake(void *thing)
{
    struct s3 *s3 = thing;
    if (!atomic_exchange(&s3->posted, true))
        loop_post(s3->cloud->control, &s3->mail);
}

void sweep_soon(struct call *c)
{
    txn_after_durable(c->txn, wake, c->cloud->s3);
}

struct s3 *s3_new(struct cloud *cloud)
{
    struct s3 *s3 = calloc(1, sizeof *s3);
    if (!s3)
        log_fatal("out of memory");
    s3->cloud = cloud;
    s3->delivery = log_delivery_new(cloud);
    s3->mail.deliver = on_mail;
    s3->timer.due = on_timer;
    s3->job = (struct job){.run = run, .done = done, .home = cloud->control};
    wake(s3);
    return s3;
}

void s3_free(struct s3 *s3)
{
    if (s3)
        log_delivery_free(s3->delivery);
    free(s3);
}
