// SPDX-License-Identifier: Apache-2.0
/*
 * The states of tables. A handler writes the record in a moving state and a `pending` record in one
 * commit; once that is durable the control thread takes the step and drops the `pending` record:
 *
 *   CREATING  the engine has copied what is restored: its table is opened -> ACTIVE (that of a
 *             replica by replica_step.c)
 *   UPDATING  indexes that go leave the record   -> ACTIVE
 *   ACTIVE    the engine has filled an index     -> that is ACTIVE; else the step stays pending
 *   DELETING  the engine drops the table, or keeps its items as a backup -> the record is gone
 *
 * A step is one transaction of its own, so after a crash it is either still pending or done, and
 * the same pass over `pending` at start takes up what was left. There is no delay in it: what a
 * waiter waits for is the durable log, not a clock. Control thread; the wake comes from the
 * flusher's.
 */
#include "services/dynamodb/dynamodb.h"

#include "base/hash.h"
#include "base/id.h"
#include "base/log.h"
#include "base/time.h"
#include "loop/loop.h"
#include "services/dynamodb/backup.h"
#include "services/dynamodb/index.h"
#include "services/dynamodb/insight.h"
#include "services/dynamodb/reference.h"
#include "services/dynamodb/table.h"
#include "services/dynamodb/transfer.h"
#include "services/dynamodb/vector.h"

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
    struct transfers *transfers;
    struct hmac_key secret;
};

const struct hmac_key *dynamodb_secret(const struct call *c)
{
    return &c->cloud->dynamodb->secret;
}

/* On the flusher's thread, and on this one when an index is filled. */
static void wake(void *thing)
{
    struct dynamodb *dynamodb = thing;
    if (!atomic_exchange(&dynamodb->posted, true))
        loop_post(dynamodb->cloud->control, &dynamodb->mail);
}

void table_wake_after(struct call *c)
{
    txn_after_durable(c->txn, wake, c->cloud->dynamodb);
}

void table_put_moving(struct call *c, const struct dynamodb_table *table)
{
    struct dynamodb_pending pending = {
        .account = table->account, .region = table->region, .name = table->name, .here = true};
    dynamodb_table_put(c->txn, table);
    dynamodb_pending_put(c->txn, &pending);
    table_wake_after(c);
}

/* 1: the index is still being filled, 0: it is in a state that lasts, or gone (state 0). */
static int settle_index(const struct kv_access *access, const struct dynamodb_table *table,
                        struct span name, uint64_t *state)
{
    struct kv_index_state filled;
    if (*state == INDEX_DELETING) {
        *state = 0;
        return 0;
    }
    if (*state == INDEX_CREATING) {
        int error = kv_index_look(access, reference_of(access->arena, table), name, &filled);
        if (error < 0 || !filled.built)
            return error < 0 ? error : 1;
    }
    *state = INDEX_ACTIVE;
    return 0;
}

static int settle_indexes(const struct kv_access *access, struct dynamodb_table *table)
{
    int waiting = 0, result = 0;
    for (size_t i = 0; i < table->indexes.count && result >= 0; i++) {
        struct dynamodb_table_index *index = &table->indexes.at[i];
        result = settle_index(access, table, index->name, &index->state);
        waiting |= result;
        index->warming &= result > 0;
    }
    for (size_t i = 0; i < table->vectors.count && result >= 0; i++) {
        struct dynamodb_table_vector *vector = &table->vectors.at[i];
        result = settle_index(access, table, vector->name, &vector->state);
        waiting |= result;
    }
    return result < 0 ? result : waiting;
}

static bool is_key_attribute(const struct dynamodb_table *table, struct span name)
{
    bool used = vector_uses(table, name);
    used |= span_eq(name, table->hash_name) || span_eq(name, table->range_name);
    for (size_t i = 0; i < table->indexes.count; i++) {
        const struct dynamodb_table_index *index = &table->indexes.at[i];
        for (size_t j = 0; j < index->hash.count; j++)
            used |= span_eq(name, index->hash.at[j]);
        for (size_t j = 0; j < index->range.count; j++)
            used |= span_eq(name, index->range.at[j]);
    }
    return used;
}

static void forget_gone(struct dynamodb_table *table)
{
    size_t indexes = 0, vectors = 0, attributes = 0;
    for (size_t i = 0; i < table->indexes.count; i++)
        if (table->indexes.at[i].state)
            table->indexes.at[indexes++] = table->indexes.at[i];
    table->indexes.count = indexes;
    for (size_t i = 0; i < table->vectors.count; i++)
        if (table->vectors.at[i].state)
            table->vectors.at[vectors++] = table->vectors.at[i];
    table->vectors.count = vectors;
    for (size_t i = 0; i < table->attributes.count; i++)
        if (is_key_attribute(table, table->attributes.at[i].name))
            table->attributes.at[attributes++] = table->attributes.at[i];
    table->attributes.count = attributes;
}

/* 1: not all items are known yet. */
static int settle_ttl(const struct kv_access *access, struct dynamodb_table *table)
{
    int known = 1;
    if (table->ttl_state == TTL_ENABLING)
        known = kv_expiry_is_set(access, reference_of(access->arena, table));
    if (known < 0)
        return known;
    if (table->ttl_state == TTL_ENABLING && known)
        table->ttl_state = TTL_ENABLED;
    if (table->ttl_state == TTL_DISABLING)
        table->ttl_state = TTL_DISABLED;
    return !known;
}

static int step_settle(const struct kv_access *access, struct dynamodb_table *table)
{
    int waiting = settle_ttl(access, table);
    int filling = waiting < 0 ? waiting : settle_indexes(access, table);
    if (filling < 0)
        return filling;
    waiting |= filling;
    forget_gone(table);
    insight_settle(table);
    table->warming = false;
    table->state = TABLE_ACTIVE;
    dynamodb_table_put(access->txn, table);
    return waiting;
}

static int step_open(const struct kv_access *access, struct dynamodb_table *table)
{
    struct span name = reference_of(access->arena, table);
    if (table->importing || table->joining)
        return 1;
    int copying = kv_copying(access, name);
    if (copying != KV_COPYING_NONE)
        return copying < 0 ? copying : 1;
    int error = kv_table_open(access, name);
    return error < 0 ? error : step_settle(access, table);
}

/* What was written to a replica still goes to the other one. */
static int step_drop(const struct kv_access *access, struct dynamodb_table *table)
{
    if (table->replicas.count)
        return 1;
    dynamodb_table_delete(access->txn, table);
    if (table->recovery_days)
        return backup_keep_deleted(access, table, clock_now_ms());
    return kv_table_drop(access, reference_of(access->arena, table));
}

/* 1: not done, 0: done. */
static int (*const steps[])(const struct kv_access *access, struct dynamodb_table *table) = {
    [TABLE_CREATING] = step_open,
    [TABLE_ACTIVE] = step_settle,
    [TABLE_UPDATING] = step_settle,
    [TABLE_DELETING] = step_drop,
};

static int take_step(const struct kv_access *access, const struct dynamodb_pending *pending)
{
    struct dynamodb_table table = {
        .account = pending->account, .region = pending->region, .name = pending->name};
    int error = dynamodb_table_get(access->txn, access->arena, &table);
    if (!error && table.state < ARRAY_LEN(steps) && steps[table.state])
        error = steps[table.state](access, &table);
    if (!error || error == -ENOENT)
        dynamodb_pending_delete(access->txn, pending);
    return error == -ENOENT ? 0 : error;
}

struct batch {
    struct arena *arena;
    struct dynamodb_pending from; /* the last one taken */
    struct dynamodb_pending at[STEPS_AT_ONCE];
    size_t count;
};

static bool same_table(const struct dynamodb_pending *a, const struct dynamodb_pending *b)
{
    return span_eq(a->account, b->account) && span_eq(a->region, b->region) &&
           span_eq(a->name, b->name);
}

static int take_pending(void *user, struct dynamodb_pending *pending)
{
    struct batch *batch = user;
    if (same_table(pending, &batch->from))
        return 0;
    batch->at[batch->count++] = (struct dynamodb_pending){
        .account = arena_copy(batch->arena, pending->account),
        .region = arena_copy(batch->arena, pending->region),
        .name = arena_copy(batch->arena, pending->name),
    };
    return batch->count == STEPS_AT_ONCE;
}

/* The next steps after batch->from. 1: there may be more, 0: that was all, or a negative errno with
 * nothing changed. */
static int take_steps(struct dynamodb *dynamodb, struct batch *batch)
{
    uint64_t ticket;
    struct kv_access access = {
        .kv = dynamodb->cloud->kv, .txn = txn_begin(dynamodb->cloud->store), .arena = batch->arena};
    batch->count = 0;
    int error =
        dynamodb_pending_each(access.txn, &batch->from, 0, batch->arena, take_pending, batch);
    for (size_t i = 0; i < batch->count && error >= 0; i++)
        error = take_step(&access, &batch->at[i]);
    if (error < 0 || !batch->count) {
        txn_rollback(access.txn);
        return error;
    }
    batch->from = batch->at[batch->count - 1];
    error = txn_commit(access.txn, &ticket);
    return error < 0 ? error : batch->count == STEPS_AT_ONCE;
}

static void on_wake(struct mail *mail)
{
    struct dynamodb *dynamodb = (struct dynamodb *)((char *)mail - offsetof(struct dynamodb, mail));
    struct arena arena;
    struct batch batch = {.arena = &arena};
    atomic_store(&dynamodb->posted, false);
    arena_init(&arena, ARENA_FIRST, ARENA_CEILING);
    int more;
    do
        more = take_steps(dynamodb, &batch);
    while (more > 0);
    arena_done(&arena);
    transfers_wake(dynamodb->transfers);
    if (more < 0) {
        log_error("dynamodb: the next step of a table: %s", strerror(-more));
        loop_timer_set(dynamodb->cloud->control, &dynamodb->again, clock_steady_ms() + FAILED_MS);
    }
}

static void on_again(struct timer *timer)
{
    wake((struct dynamodb *)((char *)timer - offsetof(struct dynamodb, again)));
}

static int load_secret(struct dynamodb *dynamodb, struct arena *arena)
{
    char bytes[SHA256_SIZE];
    uint64_t ticket;
    struct dynamodb_secret secret = {.id = 1};
    struct txn *txn = txn_begin(dynamodb->cloud->store);
    int error = dynamodb_secret_get(txn, arena, &secret);
    if (error == -ENOENT) {
        random_bytes(bytes, sizeof bytes);
        secret.bytes = span_of(bytes, sizeof bytes);
        dynamodb_secret_put(txn, &secret);
        error = 0;
    }
    if (error < 0) {
        txn_rollback(txn);
        return error;
    }
    hmac_key_init(&dynamodb->secret, secret.bytes);
    return txn_commit(txn, &ticket);
}

struct dynamodb *dynamodb_new(struct cloud *cloud)
{
    struct arena arena;
    struct dynamodb *dynamodb = calloc(1, sizeof *dynamodb);
    if (!dynamodb)
        log_fatal("out of memory");
    dynamodb->cloud = cloud;
    arena_init(&arena, ARENA_FIRST, ARENA_CEILING);
    if (load_secret(dynamodb, &arena) < 0)
        log_fatal("dynamodb: the secret of iterators cannot be read");
    arena_done(&arena);
    dynamodb->mail.deliver = on_wake;
    dynamodb->again.due = on_again;
    dynamodb->transfers = transfers_new(cloud);
    kv_on_built(cloud->kv, wake, dynamodb);
    wake(dynamodb);
    return dynamodb;
}

void dynamodb_free(struct dynamodb *dynamodb)
{
    if (dynamodb)
        transfers_free(dynamodb->transfers);
    free(dynamodb);
}
