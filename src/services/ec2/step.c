// SPDX-License-Identifier: Apache-2.0
/*
 * States that move on by themselves. A handler writes its record in a moving state and a `pending`
 * record in one commit; once that is durable and due, the control thread calls the step of the
 * resource's kind in a transaction of its own, which drops the `pending` record or sets the next.
 * So after a crash a step is either still pending or done, and the pass over `pending` at start
 * takes up what was left. Control thread; the wake comes from the flusher's.
 */
#include "services/ec2/step.h"

#include "base/log.h"
#include "base/time.h"
#include "loop/loop.h"
#include "services/ec2/resource.h"
#include "store/store.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#define STEPS_AT_ONCE 32
#define FAILED_MS 1000
#define ARENA_FIRST 16384
#define ARENA_CEILING (64 << 20)

struct steps {
    struct cloud *cloud;
    struct mail mail;
    struct timer next;
    atomic_bool posted;
};

/* On the flusher's thread, and on this one. */
static void wake(void *thing)
{
    struct steps *steps = thing;
    if (!atomic_exchange(&steps->posted, true))
        loop_post(steps->cloud->control, &steps->mail);
}

void step_await(struct call *c, struct span id, int64_t due_ms)
{
    struct stored_pending pending = {.account = c->account,
                                     .region = c->region,
                                     .id = id,
                                     .due = (uint64_t)due_ms,
                                     .here = true};
    stored_pending_put(c->txn, &pending);
    txn_after_durable(c->txn, wake, ec2_steps(c->cloud->ec2));
}

/* ---- one step ----------------------------------------------------------------------------------
 */

static int step_in(struct call *c, const struct stored_pending *pending)
{
    int64_t due = 0;
    const struct resource_kind *kind = resource_kind_of(pending->id);
    stored_pending_delete(c->txn, pending);
    if (!kind || !kind->step)
        return 0;
    void *record = arena_zalloc(c->arena, 1, kind->record->size);
    int error = resource_find(c, kind, pending->id, record);
    if (error < 0)
        return error == -ENOENT ? 0 : error;
    const struct refusal *refusal = kind->step(c, record, &due);
    if (refusal) {
        log_error("ec2: the next step of %.*s: %.*s", SPAN_ARG(pending->id),
                  SPAN_ARG(refusal->message));
        return -EIO;
    }
    if (due)
        step_await(c, pending->id, due);
    return 0;
}

static int take_step(struct steps *steps, struct arena *arena, const struct stored_pending *pending)
{
    uint64_t ticket;
    struct call c = {.arena = arena,
                     .now_ms = clock_now_ms(),
                     .account = pending->account,
                     .region = pending->region,
                     .request_id = pending->id,
                     .service = &ec2_service,
                     .txn = txn_begin(steps->cloud->store),
                     .cloud = steps->cloud};
    int error = step_in(&c, pending);
    if (error < 0) {
        txn_rollback(c.txn);
        return error;
    }
    error = txn_commit(c.txn, &ticket);
    if (!error)
        store_want(steps->cloud->store, ticket); /* nobody else waits for the next step */
    return error;
}

void step_take_now(struct steps *steps, struct span account, struct span region, struct span id)
{
    struct arena arena;
    struct stored_pending pending = {.account = account, .region = region, .id = id};
    arena_init(&arena, ARENA_FIRST, ARENA_CEILING);
    int error = take_step(steps, &arena, &pending);
    if (error < 0)
        log_error("ec2: the next step of %.*s: %s", SPAN_ARG(id), strerror(-error));
    arena_done(&arena);
}

/* ---- all that are due --------------------------------------------------------------------------
 */

struct batch {
    struct arena *arena;
    uint64_t now, next; /* next: of the first that waits, where there are more */
    bool more;
    struct stored_pending at[STEPS_AT_ONCE];
    size_t count;
};

static int take_pending(void *user, struct stored_pending *pending)
{
    struct batch *batch = user;
    if (pending->due > batch->now || batch->count == STEPS_AT_ONCE) {
        batch->next = pending->due;
        batch->more = true;
        return 1;
    }
    batch->at[batch->count++] = *pending;
    return 0;
}

static int find_pending(struct steps *steps, struct batch *batch)
{
    struct txn *txn = txn_begin(steps->cloud->store);
    int error =
        stored_pending_each(txn, &(struct stored_pending){0}, 0, batch->arena, take_pending, batch);
    txn_rollback(txn);
    return error;
}

static void await_next(struct steps *steps, int64_t in_ms)
{
    loop_timer_set(steps->cloud->control, &steps->next,
                   clock_steady_ms() + (in_ms > 0 ? in_ms : 0));
}

static int take_steps(struct steps *steps, struct arena *arena)
{
    struct batch *batch = ARENA_NEW(arena, struct batch);
    batch->arena = arena;
    batch->now = (uint64_t)clock_now_ms();
    int error = find_pending(steps, batch);
    /* One that fails is tried again and does not hold the others up. */
    for (size_t i = 0; i < batch->count; i++) {
        int result = take_step(steps, arena, &batch->at[i]);
        error = result < 0 ? result : error;
    }
    if (error >= 0 && batch->more)
        await_next(steps, (int64_t)(batch->next - batch->now));
    return error;
}

static void on_wake(struct mail *mail)
{
    struct steps *steps = (struct steps *)((char *)mail - offsetof(struct steps, mail));
    struct arena arena;
    atomic_store(&steps->posted, false);
    arena_init(&arena, ARENA_FIRST, ARENA_CEILING);
    if (take_steps(steps, &arena) < 0)
        await_next(steps, FAILED_MS);
    arena_done(&arena);
}

static void on_next(struct timer *timer)
{
    wake((struct steps *)((char *)timer - offsetof(struct steps, next)));
}

struct steps *steps_new(struct cloud *cloud)
{
    struct steps *steps = calloc(1, sizeof *steps);
    if (!steps)
        log_fatal("out of memory");
    steps->cloud = cloud;
    steps->mail.deliver = on_wake;
    steps->next.due = on_next;
    wake(steps);
    return steps;
}

void steps_free(struct steps *steps)
{
    free(steps);
}
