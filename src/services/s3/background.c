// SPDX-License-Identifier: Apache-2.0
/*
 * The tasks that S3 runs by itself. All but `run` and `wake` is on the control loop.
 */
#include "services/s3/background.h"

#include "base/log.h"
#include "base/time.h"
#include "loop/workers.h"
#include "services/s3/s3.api.h"
#include "services/s3/s3.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#define FAILED_MS 1000
#define LONGEST_MS HOUR_MS /* between two looks, whatever happens to the clock */
#define LAST_STEPS 1000    /* of the delivery of logs, when the program ends */
#define ARENA_FIRST 65536
#define ARENA_CEILING (256 << 20)

/* The pieces of large objects that were deleted, some at a time. */
static int clearing_step(struct call *c, int64_t *ret_next_ms)
{
    uint64_t ticket;
    struct txn *txn = txn_begin(c->cloud->store);
    int result = object_clear_some(txn, c->arena);
    if (result <= 0) {
        txn_rollback(txn);
        return result;
    }
    *ret_next_ms = c->now_ms;
    return txn_commit(txn, &ticket);
}

static const struct kind {
    const char *name;
    background_step *step;
} kinds[] = {
    [BACKGROUND_SWEEP] = {"lifecycle", sweep_step},
    [BACKGROUND_LOG_DELIVERY] = {"log delivery", log_delivery_step},
    [BACKGROUND_INVENTORY] = {"inventory", inventory_step},
    [BACKGROUND_ANALYTICS] = {"analytics", analytics_step},
    [BACKGROUND_CLEARING] = {"clearing", clearing_step},
};

struct task {
    struct cloud *cloud;
    const struct kind *kind;
    struct mail mail; /* it was woken */
    atomic_bool posted;
    struct timer timer;
    struct job job;
    bool running;    /* the job is on its way */
    bool again;      /* woken meanwhile */
    int64_t next_ms; /* what the job found out */
};

struct s3 {
    struct object_watcher watcher;
    struct task tasks[ARRAY_LEN(kinds)];
};

/* ---- on the worker -------------------------------------------------------------------------- */

static void run(struct job *job)
{
    struct task *task = (struct task *)((char *)job - offsetof(struct task, job));
    struct arena arena;
    arena_init(&arena, ARENA_FIRST, ARENA_CEILING);
    struct call c = {.arena = &arena,
                     .now_ms = clock_now_ms(),
                     .request_id = span_of_cstr(task->kind->name),
                     .service = &s3_service,
                     .protocol = s3_service.protocol,
                     .cloud = task->cloud};
    task->next_ms = TIME_NONE;
    int result = task->kind->step(&c, &task->next_ms);
    if (result < 0) {
        log_error("s3: %s: %s", task->kind->name, strerror(-result));
        task->next_ms = c.now_ms + FAILED_MS;
    }
    arena_done(&arena);
}

int background_end(struct txn *txn, int result)
{
    uint64_t ticket;
    if (result == 0)
        return txn_commit(txn, &ticket);
    txn_rollback(txn);
    return result;
}

/* ---- on the control loop -------------------------------------------------------------------- */

/* `from_ms` is clock_steady_ms, read before the time from which `ms` was reckoned: a clock that is
 * moved between the two readings makes the timer early, never late. */
static void wait_for(struct task *task, int64_t from_ms, int64_t ms)
{
    int64_t wait = ms < 0 ? 0 : ms > LONGEST_MS ? LONGEST_MS : ms;
    loop_timer_set(task->cloud->control, &task->timer, from_ms + wait);
}

static void start(struct task *task)
{
    task->again = task->running;
    if (task->running)
        return;
    loop_timer_clear(task->cloud->control, &task->timer);
    task->running = workers_submit(task->cloud->workers, &task->job) == 0;
    if (!task->running)
        wait_for(task, clock_steady_ms(), FAILED_MS);
}

static void done(struct job *job)
{
    struct task *task = (struct task *)((char *)job - offsetof(struct task, job));
    int64_t steady = clock_steady_ms();
    int64_t now = clock_now_ms();
    task->running = false;
    if (task->again || (task->next_ms != TIME_NONE && task->next_ms <= now))
        start(task);
    else if (task->next_ms != TIME_NONE)
        wait_for(task, steady, task->next_ms - now);
}

static void on_timer(struct timer *timer)
{
    start((struct task *)((char *)timer - offsetof(struct task, timer)));
}

static void on_mail(struct mail *mail)
{
    struct task *task = (struct task *)((char *)mail - offsetof(struct task, mail));
    atomic_store(&task->posted, false);
    start(task);
}

/* On the flusher's thread, too. */
static void wake(void *thing)
{
    struct task *task = thing;
    if (!atomic_exchange(&task->posted, true))
        loop_post(task->cloud->control, &task->mail);
}

void background_wake(struct call *c, enum BACKGROUND which)
{
    txn_after_durable(c->txn, wake, &c->cloud->s3->tasks[which]);
}

static void wake_clearing(void *user, struct txn *txn)
{
    struct s3 *s3 = user;
    txn_after_durable(txn, wake, &s3->tasks[BACKGROUND_CLEARING]);
}

const struct object_watcher *background_watcher(struct cloud *cloud)
{
    return &cloud->s3->watcher;
}

struct s3 *s3_new(struct cloud *cloud)
{
    struct s3 *s3 = calloc(1, sizeof *s3);
    if (!s3)
        log_fatal("out of memory");
    s3->watcher = (struct object_watcher){.left = wake_clearing, .user = s3};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct task *task = &s3->tasks[i];
        task->cloud = cloud;
        task->kind = &kinds[i];
        task->mail.deliver = on_mail;
        task->timer.due = on_timer;
        task->job = (struct job){.run = run, .done = done, .home = cloud->control};
        wake(task);
    }
    return s3;
}

void s3_finish(struct s3 *s3)
{
    if (!s3)
        return;
    struct task *delivery = &s3->tasks[BACKGROUND_LOG_DELIVERY];
    for (int i = 0; i < LAST_STEPS; i++) {
        run(&delivery->job);
        if (delivery->next_ms == TIME_NONE || delivery->next_ms > clock_now_ms())
            return;
    }
}

void s3_free(struct s3 *s3)
{
    free(s3);
}
