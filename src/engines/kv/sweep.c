// SPDX-License-Identifier: Apache-2.0
/*
 * Removes the items of dropped tables in batches, each a transaction of its own on a worker, so
 * that neither the control loop nor a commit grows with the table. What is to be done is in the
 * store (record `dropped`), so a restart goes on where it stopped. Key invariant: before the first
 * batch every shard's lock was held once, so a writer that had found the table open is done; no
 * later one gets past kv_lock.
 */
#include "engines/kv/inside.h"

#include "base/log.h"
#include "base/scope.h"
#include "base/time.h"
#include "engines/kv/kv.records.h"
#include "store/key.h"

#include <errno.h>
#include <stddef.h>

#define BATCH_ITEMS 2048
#define FULL_QUEUE_MS 20
#define FAILED_MS 1000
#define TICK_MS 1000
#define ARENA_FIRST 65536
#define ARENA_CEILING (16 << 20)

/* ---- on a worker ---------------------------------------------------------------------------- */

static void wait_for_writers(struct store *store, uint64_t table)
{
    char names[KV_LOCKS][KV_SHARD_KEY_LEN];
    struct span spans[KV_LOCKS];
    for (unsigned i = 0; i < KV_LOCKS; i++) {
        kv_shard_key(table, i, names[i]);
        spans[i] = span_of(names[i], KV_SHARD_KEY_LEN);
    }
    struct txn *txn = txn_begin(store);
    txn_lock(txn, spans, KV_LOCKS);
    txn_rollback(txn);
}

static int take_first(void *user, struct kv_dropped *dropped)
{
    *(uint64_t *)user = dropped->id;
    return 1;
}

static void delete_rest(struct txn *txn, uint64_t table)
{
    char name[KV_SHARD_KEY_LEN];
    for (unsigned i = 0; i < KV_SHARDS; i++) {
        kv_shard_key(table, i, name);
        txn_delete(txn, FAMILY_ITEMS, span_of(name, sizeof name));
    }
    kv_dropped_delete(txn, &(struct kv_dropped){.id = table});
}

/* Where things of a table lie, all keyed by its number first. */
static const uint8_t keyspaces[] = {KV_KEYSPACE_ITEMS, KV_KEYSPACE_COLLECTIONS, KV_KEYSPACE_STREAMS,
                                    KV_KEYSPACE_VERSIONS};

/* Deletes up to BATCH_ITEMS things from sweep->from on; *ret_more: the end was not reached. */
static int delete_things(struct txn *txn, struct arena *arena, struct sweep *sweep, bool *ret_more)
{
    struct key prefix;
    size_t found = 0;
    struct span *keys = ARENA_ARRAY(arena, struct span, BATCH_ITEMS);
    key_begin(&prefix, keyspaces[sweep->keyspace]);
    key_u64(&prefix, sweep->table);
    struct cursor *cursor = cursor_open(txn, FAMILY_ITEMS, key_span(&prefix));
    struct span from = span_of(sweep->from.bytes, sweep->from.len);
    bool more = from.len ? cursor_seek(cursor, from) : cursor_first(cursor);
    for (; more && found < BATCH_ITEMS; more = cursor_next(cursor))
        keys[found++] = arena_copy(arena, cursor_key(cursor));
    int error = cursor_error(cursor);
    cursor_close(cursor);
    for (size_t i = 0; i < found; i++)
        txn_delete(txn, FAMILY_ITEMS, keys[i]);
    if (found && keys[found - 1].len <= sizeof sweep->from.bytes) {
        /* Not from the beginning again: what was deleted is passed over one by one until it is
         * compacted away. */
        sweep->from.len = (uint16_t)keys[found - 1].len;
        memcpy(sweep->from.bytes, keys[found - 1].at, keys[found - 1].len);
    }
    *ret_more = more;
    return error;
}

static int other_chores(struct kv *kv, struct txn *txn, struct arena *arena)
{
    int result = build_batch(kv, txn, arena);
    if (!result)
        result = expire_batch(kv, txn, arena);
    if (!result)
        result = copy_batch(kv, txn, arena);
    return result ? result : kv_stream_trim_batch(txn, arena);
}

static int batch(struct kv *kv, struct txn *txn, struct arena *arena)
{
    struct sweep *sweep = &kv->sweep;
    uint64_t table = 0;
    bool more;
    int error = kv_dropped_each(txn, &(struct kv_dropped){0}, 0, arena, take_first, &table);
    if (error < 0)
        return error;
    if (!table)
        return other_chores(kv, txn, arena);
    if (table != sweep->table) {
        wait_for_writers(kv->store, table);
        sweep->table = table;
        sweep->keyspace = 0;
        sweep->from.len = 0;
    }
    error = delete_things(txn, arena, sweep, &more);
    if (error < 0)
        return error;
    if (!more) {
        sweep->from.len = 0;
        if (++sweep->keyspace == ARRAY_LEN(keyspaces)) {
            delete_rest(txn, table);
            sweep->table = 0;
        }
    }
    return 1;
}

static void run(struct job *job)
{
    struct kv *kv = (struct kv *)((char *)job - offsetof(struct kv, sweep.job));
    struct arena arena;
    uint64_t ticket;
    arena_init(&arena, ARENA_FIRST, ARENA_CEILING);
    struct txn *txn = txn_begin(kv->store);
    kv->sweep.result = batch(kv, txn, &arena);
    if (kv->sweep.result == 1) {
        int error = txn_commit(txn, &ticket);
        kv->sweep.result = error < 0 ? error : 1;
    } else {
        txn_rollback(txn);
    }
    if (kv->sweep.result < 0)
        kv->sweep.built = kv->sweep.copied = 0;
    arena_done(&arena);
}

/* ---- on the home loop ----------------------------------------------------------------------- */

static void submit(struct kv *kv)
{
    struct sweep *sweep = &kv->sweep;
    sweep->busy = true;
    if (workers_submit(kv->workers, &sweep->job) < 0)
        loop_timer_set(kv->home, &sweep->timer, clock_steady_ms() + FULL_QUEUE_MS);
}

static void on_timer(struct timer *timer)
{
    submit((struct kv *)((char *)timer - offsetof(struct kv, sweep.timer)));
}

static void on_done(struct job *job)
{
    struct kv *kv = (struct kv *)((char *)job - offsetof(struct kv, sweep.job));
    struct sweep *sweep = &kv->sweep;
    if (sweep->built)
        build_finish(kv);
    if (sweep->copied)
        copy_finish(kv);
    if (sweep->result < 0) {
        log_error("going through a table in the background: %s", strerror(-sweep->result));
        loop_timer_set(kv->home, &sweep->timer, clock_steady_ms() + FAILED_MS);
    } else if (sweep->result == 1 || sweep->again) {
        sweep->again = false;
        submit(kv);
    } else {
        sweep->busy = false;
    }
}

/* Items end as time goes by. */
static void on_tick(struct timer *timer)
{
    struct kv *kv = (struct kv *)((char *)timer - offsetof(struct kv, sweep.tick));
    kv_stream_rotate(kv);
    if (!kv->sweep.busy)
        submit(kv);
    loop_timer_set(kv->home, timer, clock_steady_ms() + TICK_MS);
}

static void on_wake(struct mail *mail)
{
    struct kv *kv = (struct kv *)((char *)mail - offsetof(struct kv, sweep.mail));
    atomic_store(&kv->sweep.posted, false);
    if (!kv->sweep.ticking)
        loop_timer_set(kv->home, &kv->sweep.tick, clock_steady_ms() + TICK_MS);
    kv->sweep.ticking = true;
    if (kv->sweep.busy)
        kv->sweep.again = true;
    else
        submit(kv);
}

void sweep_wake(void *thing)
{
    struct kv *kv = thing;
    if (!atomic_exchange(&kv->sweep.posted, true))
        loop_post(kv->home, &kv->sweep.mail);
}

void sweep_start(struct kv *kv)
{
    kv->sweep.job = (struct job){.run = run, .done = on_done, .home = kv->home};
    kv->sweep.mail.deliver = on_wake;
    kv->sweep.timer.due = on_timer;
    kv->sweep.tick.due = on_tick;
    sweep_wake(kv);
}
