// SPDX-License-Identifier: Apache-2.0
/*
 * Changes on their way to replicas, and replicas that come and go. A batch is read from the log of
 * one table, applied to another and noted as applied, all in one transaction, so a crash neither
 * loses nor repeats any. A replica is opened when it has all items; the log of its own begins with
 * it. When one goes, it is dropped once what it was written has reached all others.
 */
#include "services/dynamodb/replica.h"

#include "base/time.h"
#include "services/dynamodb/capacity.h"
#include "services/dynamodb/index.h"
#include "services/dynamodb/reference.h"
#include "services/dynamodb/table.h"
#include "services/dynamodb/throttle.h"
#include "services/dynamodb/transfer.h"

#include <errno.h>

#define RECORDS_AT_ONCE 200
#define BYTES_AT_ONCE (1 << 20)
#define REPLICATIONS_AT_ONCE 256
#define ARENA_FIRST 65536
#define ARENA_CEILING (256 << 20)

static struct span engine_name(struct arena *arena, const struct dynamodb_replication *replication,
                               struct span region)
{
    const struct dynamodb_table key = {
        .account = replication->account, .region = region, .name = replication->table};
    return reference_of(arena, &key);
}

static struct dynamodb_replicated replicated_of(const struct dynamodb_replication *replication)
{
    return (struct dynamodb_replicated){.account = replication->account,
                                        .region = replication->region,
                                        .table = replication->table,
                                        .peer = replication->peer};
}

/* The next changes that are not applied yet. */
static int read_next(const struct kv_access *access, const struct dynamodb_replication *replication,
                     struct dynamodb_replicated *replicated, struct kv_records *ret)
{
    *replicated = replicated_of(replication);
    int error = dynamodb_replicated_get(access->txn, access->arena, replicated);
    if (error < 0 && error != -ENOENT)
        return error;
    const struct kv_stream_range range = {.from = error ? 0 : replicated->next,
                                          .to = UINT64_MAX - 1,
                                          .records = RECORDS_AT_ONCE,
                                          .bytes = BYTES_AT_ONCE};
    return kv_stream_read(access, replication->log, &range, ret);
}

/* ---- on a worker ---------------------------------------------------------------------------- */

static int lock_items(const struct kv_access *access, struct kv_table *table,
                      const struct kv_records *records)
{
    struct kv_key *keys = ARENA_ARRAY(access->arena, struct kv_key, records->count);
    for (size_t i = 0; i < records->count; i++)
        if (!kv_record_key(table, &records->at[i], &keys[i]))
            return -EBADMSG;
    return kv_lock(access, table, keys, records->count);
}

/* The table that the peer was made of has numbers for what was copied. */
static int find_elder(const struct kv_access *access,
                      const struct dynamodb_replication *replication, struct kv_sides *sides)
{
    struct dynamodb_table peer = {
        .account = replication->account, .region = replication->peer, .name = replication->table};
    struct kv_table *elder = NULL;
    int error = dynamodb_table_get(access->txn, access->arena, &peer);
    if (!error && peer.elder.at)
        error = kv_find(access, engine_name(access->arena, replication, peer.elder), &elder);
    sides->elder = elder;
    sides->elder_name = peer.elder;
    return error == -ENOENT || error == -ESTALE ? 0 : error;
}

/* What is applied is as much written here as where it was written first ("Provisioned capacity for
 * global tables"), but never refused. */
static void charge(const struct kv_access *access, struct kv_table *table, size_t bytes)
{
    const struct throttle_target target = {access, table};
    throttle_take_write(&target, &(struct throttle_write){.units = capacity_of_write(bytes),
                                                          .factor = 1,
                                                          .changes = access->changes});
    access->changes->first = NULL;
}

struct delivery {
    const struct dynamodb_replication *replication;
    bool more;
};

/* 1: commit, 0: nothing to do now, or a negative errno. A replica that is not open yet, or not any
 * more, gets nothing. */
static int deliver(struct call *c, void *user)
{
    struct delivery *delivery = user;
    const struct dynamodb_replication *replication = delivery->replication;
    struct dynamodb_replicated replicated;
    struct kv_records records;
    struct kv_table *table;
    struct kv_changes changes = {0};
    struct kv_sides sides = {.from = replication->region, .here = replication->peer};
    struct kv_access access = reference_access(c);
    access.changes = &changes;
    int error = read_next(&access, replication, &replicated, &records);
    if (error < 0 || !records.count)
        return error;
    error = kv_find(&access, engine_name(c->arena, replication, replication->peer), &table);
    if (!error)
        error = lock_items(&access, table, &records);
    if (error < 0)
        return error == -ENOENT || error == -ESTALE ? 0 : error;
    error = find_elder(&access, replication, &sides);
    if (error < 0)
        return error;
    for (size_t i = 0; i < records.count; i++) {
        size_t bytes;
        error = kv_apply(&access, table, &records.at[i], &sides, &bytes);
        if (error < 0)
            return error;
        if (error)
            charge(&access, table, bytes);
    }
    delivery->more = records.count > 1;
    replicated.next = records.next;
    dynamodb_replicated_put(c->txn, &replicated);
    return 1;
}

struct gathering {
    struct dynamodb_replication *at;
    size_t count;
};

static int take(void *user, struct dynamodb_replication *replication)
{
    struct gathering *gathering = user;
    gathering->at[gathering->count++] = *replication;
    return gathering->count == REPLICATIONS_AT_ONCE;
}

static int gather(struct txn *txn, struct arena *arena, struct gathering *ret)
{
    *ret = (struct gathering){
        .at = ARENA_ARRAY(arena, struct dynamodb_replication, REPLICATIONS_AT_ONCE)};
    return dynamodb_replication_each(txn, &(struct dynamodb_replication){0}, 0, arena, take, ret);
}

int replica_deliver(struct cloud *cloud, bool *ret_alive)
{
    struct arena arena;
    struct gathering gathering;
    arena_init(&arena, ARENA_FIRST, ARENA_CEILING);
    struct txn *txn = txn_begin(cloud->store);
    int result = gather(txn, &arena, &gathering);
    txn_rollback(txn);
    *ret_alive = gathering.count > 0;
    for (size_t i = 0; i < gathering.count && result >= 0; i++) {
        struct delivery delivery = {&gathering.at[i]};
        int delivered = transfer_run(cloud, deliver, &delivery);
        result = delivered < 0 ? delivered : result | delivery.more;
    }
    arena_done(&arena);
    return result < 0 ? result : result > 0;
}

/* ---- on the control thread ------------------------------------------------------------------ */

static int get_table(struct call *c, const struct dynamodb_replication *replication,
                     struct span region, struct dynamodb_table *ret)
{
    *ret = (struct dynamodb_table){
        .account = replication->account, .region = region, .name = replication->table};
    return dynamodb_table_get(c->txn, c->arena, ret);
}

/* What hangs on a table beside its items. */
static int adopt(struct call *there, const struct dynamodb_table *of, struct dynamodb_table *table)
{
    struct kv_access access = reference_access(there);
    const struct dynamodb_stream_specification stream = {.stream_enabled = true,
                                                         .stream_view_type = of->stream_view};
    if (table_set_stream(there, table, &stream) != OK)
        return -EIO;
    for (size_t i = 0; i < table->indexes.count; i++)
        table->indexes.at[i].state = INDEX_ACTIVE;
    if (of->ttl_state != TTL_ENABLING && of->ttl_state != TTL_ENABLED)
        return 0;
    table->ttl_attribute = of->ttl_attribute;
    table->ttl_changed = of->ttl_changed;
    table->ttl_state = TTL_ENABLING;
    return kv_expiry_set(&access, reference_of(there->arena, table), of->ttl_attribute);
}

/* From the new one to all others, and what they call it. */
static int feed_all(struct call *c, const struct dynamodb_replication *replication,
                    const struct dynamodb_table *joining, uint64_t log)
{
    int error = 0;
    for (size_t i = 0; i < joining->replicas.count && !error; i++) {
        struct dynamodb_table other;
        struct span peer = joining->replicas.at[i].region;
        dynamodb_replication_put(c->txn, &(struct dynamodb_replication){.account = joining->account,
                                                                        .region = joining->region,
                                                                        .table = joining->name,
                                                                        .peer = peer,
                                                                        .state = REPLICATION_ACTIVE,
                                                                        .log = log});
        error = get_table(c, replication, peer, &other);
        struct dynamodb_replica_link *link = error ? NULL : replica_link(&other, joining->region);
        if (!link)
            continue;
        link->state = REPLICA_ACTIVE;
        dynamodb_table_put(c->txn, &other);
    }
    return error;
}

/* It has all items that the one it is made of had when it was asked for. */
static int join(struct call *c, const struct dynamodb_replication *replication,
                const struct dynamodb_table *source, struct dynamodb_table *joining)
{
    struct kv_access access = reference_access(c);
    struct span name = reference_of(c->arena, joining);
    struct call there = *c;
    uint64_t log;
    there.account = joining->account;
    there.region = joining->region;
    int error = kv_table_open(&access, name);
    if (!error)
        error = kv_stream_open(&access, name, KV_LOG_REPLICAS, KV_VIEW_NEW, &log);
    if (!error)
        error = adopt(&there, source, joining);
    if (!error)
        error = feed_all(c, replication, joining, log);
    if (error < 0)
        return error;
    joining->joining = false;
    joining->state = TABLE_ACTIVE;
    table_put_moving(&there, joining);
    return 1;
}

/* Where the replication is that from the table which the peer is made of. */
static int try_join(struct call *c, const struct dynamodb_replication *replication)
{
    struct kv_access access = reference_access(c);
    struct dynamodb_table source, joining;
    int error = get_table(c, replication, replication->peer, &joining);
    if (error < 0 || !joining.joining || !span_eq(joining.elder, replication->region))
        return error == -ENOENT ? 0 : error;
    int copying = kv_copying(&access, reference_of(c->arena, &joining));
    if (copying != KV_COPYING_NONE)
        return copying < 0 ? copying : 0;
    error = get_table(c, replication, replication->region, &source);
    return error < 0 ? error : join(c, replication, &source, &joining);
}

static void forget(struct call *c, const struct dynamodb_replication *replication)
{
    struct dynamodb_replicated replicated = replicated_of(replication);
    dynamodb_replication_delete(c->txn, replication);
    dynamodb_replicated_delete(c->txn, &replicated);
}

/* A table that is no global one any more needs no log. */
static int close_log(struct call *c, const struct dynamodb_table *table, uint64_t log)
{
    struct kv_access access = reference_access(c);
    int error = 0;
    if (table->replicas.count)
        return 0;
    if (table->state != TABLE_DELETING) /* which has shut its own */
        error = kv_stream_close(&access, reference_of(c->arena, table), KV_LOG_REPLICAS);
    return error < 0 ? error : kv_stream_drop(&access, log);
}

/* `back` is what the leaving one was written. */
static int end(struct call *c, const struct dynamodb_replication *replication,
               const struct dynamodb_replication *back, struct dynamodb_table *leaving)
{
    struct dynamodb_table staying;
    struct call there = *c;
    int error = get_table(c, replication, replication->region, &staying);
    if (error < 0)
        return error;
    forget(c, replication);
    forget(c, back);
    replica_unlink(&staying, leaving->region);
    replica_unlink(leaving, staying.region);
    error = close_log(c, &staying, replication->log);
    if (!error)
        error = close_log(c, leaving, back->log);
    if (error < 0)
        return error;
    dynamodb_table_put(c->txn, &staying);
    there.account = leaving->account;
    there.region = leaving->region;
    table_put_moving(&there, leaving);
    return 1;
}

static int try_end(struct call *c, const struct dynamodb_replication *replication)
{
    struct kv_access access = reference_access(c);
    struct dynamodb_replicated replicated;
    struct dynamodb_table leaving;
    struct kv_records left;
    struct dynamodb_replication back = {.account = replication->account,
                                        .region = replication->peer,
                                        .table = replication->table,
                                        .peer = replication->region};
    int error = get_table(c, replication, replication->peer, &leaving);
    if (!error)
        error = dynamodb_replication_get(c->txn, c->arena, &back);
    if (!error)
        error = read_next(&access, &back, &replicated, &left);
    if (error < 0 || left.count)
        return error;
    return end(c, replication, &back, &leaving);
}

/* One at a time, for each locks a table. */
int replica_settle(struct call *c)
{
    struct gathering gathering;
    int result = gather(c->txn, c->arena, &gathering);
    for (size_t i = 0; i < gathering.count && result >= 0; i++) {
        const struct dynamodb_replication *replication = &gathering.at[i];
        result = replication->state == REPLICATION_ENDING ? try_end(c, replication)
                                                          : try_join(c, replication);
        if (result > 0)
            return 1;
    }
    return result < 0 ? result : 0;
}
