// SPDX-License-Identifier: Apache-2.0
/*
 * The states of tables. A handler writes the record in a moving state and a `pending` record in one
 * commit; once that is durable the control thread takes the step and drops the `pending` record:
 *
 *   CREATING  the engine's table is opened       -> ACTIVE
 *   UPDATING  nothing is left to do              -> ACTIVE
 *   DELETING  the engine drops the table         -> the record is gone
 *
 * A step is one transaction of its own, so after a crash it is either still pending or done, and
 * the same pass over `pending` at start takes up what was left. There is no delay in it: what a
 * waiter waits for is the durable log, not a clock. Control thread; the wake comes from the
 * flusher's.
 */
#include "services/dynamodb/dynamodb.h"

#include "base/log.h"
#include "base/time.h"
#include "loop/loop.h"
#include "services/dynamodb/reference.h"
#include "services/dynamodb/table.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#define STEPS_AT_ONCE 32
#define FAILED_MS 1000
#define ARENA_FIRST 16384
#define ARENA_CEILING (16 << 20)

struct dynamodb {
    struct cloud *cloud;
    struct mail mail;
    struct timer again;
    atomic_bool posted;
};

/* On the flusher's thread. */
static void wake(void *thing)
{
    struct dynamodb *dynamodb = thing;
    if (!atomic_exchange(&dynamodb->posted, true))
        loop_post(dynamodb->cloud->control, &dynamodb->mail);
}

void table_put_moving(struct call *c, const struct dynamodb_table *table)
{
    struct dynamodb_pending pending = {
        .account = table->account, .region = table->region, .name = table->name, .here = true};
    dynamodb_table_put(c->txn, table);
    dynamodb_pending_put(c->txn, &pending);
    txn_after_durable(c->txn, wake, c->cloud->dynamodb);
}

static int step_open(const struct kv_access *access, struct dynamodb_table *table)
{
    table->state = TABLE_ACTIVE;
    dynamodb_table_put(access->txn, table);
    return kv_table_open(access, reference_of(access->arena, table));
}

static int step_settle(const struct kv_access *access, struct dynamodb_table *table)
{
    table->state = TABLE_ACTIVE;
    dynamodb_table_put(access->txn, table);
    return 0;
}

static int step_drop(const struct kv_access *access, struct dynamodb_table *table)
{
    dynamodb_table_delete(access->txn, table);
    return kv_table_drop(access, reference_of(access->arena, table));
}

static int (*const steps[])(const struct kv_access *access, struct dynamodb_table *table) = {
    [TABLE_CREATING] = step_open,
    [TABLE_UPDATING] = step_settle,
    [TABLE_DELETING] = step_drop,
};

static int take_step(const struct kv_access *access, const struct dynamodb_pending *pending)
{
    struct dynamodb_table table = {
        .account = pending->account, .region = pending->region, .name = pending->name};
    dynamodb_pending_delete(access->txn, pending);
    int error = dynamodb_table_get(access->txn, access->arena, &table);
    if (error < 0)
        return error == -ENOENT ? 0 : error;
    return table.state < ARRAY_LEN(steps) && steps[table.state] ? steps[table.state](access, &table)
                                                                : 0;
}

struct batch {
    struct arena *arena;
    struct dynamodb_pending at[STEPS_AT_ONCE];
    size_t count;
};

static int take_pending(void *user, struct dynamodb_pending *pending)
{
    struct batch *batch = user;
    batch->at[batch->count++] = (struct dynamodb_pending){
        .account = arena_copy(batch->arena, pending->account),
        .region = arena_copy(batch->arena, pending->region),
        .name = arena_copy(batch->arena, pending->name),
    };
    return batch->count == STEPS_AT_ONCE;
}

/* How many were taken, or a negative errno with nothing changed. */
static int take_steps(struct dynamodb *dynamodb, struct arena *arena)
{
    struct batch batch = {.arena = arena};
    uint64_t ticket;
    struct kv_access access = {
        .kv = dynamodb->cloud->kv, .txn = txn_begin(dynamodb->cloud->store), .arena = arena};
    int error = dynamodb_pending_each(access.txn, &(struct dynamodb_pending){0}, 0, arena,
                                      take_pending, &batch);
    for (size_t i = 0; i < batch.count && error >= 0; i++)
        error = take_step(&access, &batch.at[i]);
    if (error < 0 || !batch.count) {
        txn_rollback(access.txn);
        return error;
    }
    error = txn_commit(access.txn, &ticket);
    return error < 0 ? error : (int)batch.count;
}

static void on_wake(struct mail *mail)
{
    struct dynamodb *dynamodb = (struct dynamodb *)((char *)mail - offsetof(struct dynamodb, mail));
    struct arena arena;
    atomic_store(&dynamodb->posted, false);
    arena_init(&arena, ARENA_FIRST, ARENA_CEILING);
    int taken = take_steps(dynamodb, &arena);
    arena_done(&arena);
    if (taken == STEPS_AT_ONCE)
        wake(dynamodb);
    if (taken < 0) {
        log_error("dynamodb: the next step of a table: %s", strerror(-taken));
        loop_timer_set(dynamodb->cloud->control, &dynamodb->again, clock_steady_ms() + FAILED_MS);
    }
}

static void on_again(struct timer *timer)
{
    wake((struct dynamodb *)((char *)timer - offsetof(struct dynamodb, again)));
}

struct dynamodb *dynamodb_new(struct cloud *cloud)
{
    struct dynamodb *dynamodb = calloc(1, sizeof *dynamodb);
    if (!dynamodb)
        log_fatal("out of memory");
    dynamodb->cloud = cloud;
    dynamodb->mail.deliver = on_wake;
    dynamodb->again.due = on_again;
    wake(dynamodb);
    return dynamodb;
}

void dynamodb_free(struct dynamodb *dynamodb)
{
    free(dynamodb);
}
