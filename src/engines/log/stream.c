// SPDX-License-Identifier: Apache-2.0
/*
 * Streams: their records, and the snapshots of them that data paths read. All are in memory from
 * the start; a change makes a new snapshot, which takes the old one's place when its transaction is
 * committed and while the lanes that it closes are still locked. Lanes go from snapshot to snapshot
 * by reference. Changes come from one thread, look-ups from any.
 */
#include "engines/log/inside.h"

#include "base/scope.h"
#include "engines/log/log.records.h"

#include <errno.h>
#include <stdlib.h>

int log_hash_compare(struct log_hash a, struct log_hash b)
{
    if (a.high != b.high)
        return a.high < b.high ? -1 : 1;
    return a.low == b.low ? 0 : a.low < b.low ? -1 : 1;
}

/* ---- snapshots ------------------------------------------------------------------------------- */

static struct log_stream *stream_ref(struct log_stream *stream)
{
    atomic_fetch_add_explicit(&stream->references, 1, memory_order_relaxed);
    return stream;
}

void stream_unref(void *thing)
{
    struct log_stream *stream = thing;
    if (atomic_fetch_sub_explicit(&stream->references, 1, memory_order_acq_rel) > 1)
        return;
    for (size_t i = 0; i < stream->count; i++)
        lane_unref(stream->running[i]);
    free(stream->running);
    free(stream->lanes);
    free(stream->open);
    free(stream);
}

static int open_compare(const void *a, const void *b, void *thing)
{
    const struct log_lane *lanes = thing;
    return log_hash_compare(lanes[*(const uint32_t *)a].first, lanes[*(const uint32_t *)b].first);
}

/* The lanes of a record, without what runs them. */
static struct log_stream *stream_new(struct log *log, const struct log_stream_record *record)
{
    struct log_stream *stream = log_alloc(sizeof *stream + record->name.len);
    *stream = (struct log_stream){
        .log = log,
        .references = 1,
        .id = record->id,
        .name = span_of(stream + 1, record->name.len),
        .settings = {.retention_ms = (int64_t)record->retention_ms,
                     .bytes_in = record->bytes_in,
                     .records_in = record->records_in,
                     .bytes_out = record->bytes_out,
                     .reads = record->reads,
                     .seeks = record->seeks,
                     .entry_max = record->entry_max,
                     .shown = record->shown,
                     .spread = record->spread,
                     .sealed = record->sealed},
        .count = record->lanes.count,
    };
    memcpy(stream + 1, record->name.at, record->name.len);
    stream->lanes = log_alloc(stream->count * sizeof *stream->lanes);
    stream->running = log_alloc(stream->count * sizeof(struct lane *));
    stream->open = log_alloc(stream->count * sizeof *stream->open);
    for (size_t i = 0; i < stream->count; i++) {
        const struct log_lane_record *from = &record->lanes.at[i];
        struct log_lane *lane = &stream->lanes[i];
        *lane = (struct log_lane){
            .number = (uint32_t)i,
            .first = {from->first_high, from->first_low},
            .last = {from->last_high, from->last_low},
            .created_ms = from->created,
            .closed_ms = from->closed,
            .parent_count = (uint32_t)from->parents.count,
        };
        for (size_t j = 0; j < from->parents.count && j < LOG_PARENTS_MAX; j++)
            lane->parents[j] = (uint32_t)from->parents.at[j];
        if (!from->closed)
            stream->open[stream->open_count++] = (uint32_t)i;
    }
    qsort_r(stream->open, stream->open_count, sizeof *stream->open, open_compare, stream->lanes);
    return stream;
}

uint32_t stream_route(const struct log_stream *stream, struct log_hash hash)
{
    size_t low = 0, high = stream->open_count;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (log_hash_compare(stream->lanes[stream->open[middle]].first, hash) <= 0)
            low = middle;
        else
            high = middle;
    }
    return stream->open[low];
}

struct lane *stream_lane(const struct log_stream *stream, uint32_t number)
{
    return stream->running[number];
}

/* Takes the place of the newest snapshot of that name; NULL takes it out. */
static void enter(struct log *log, struct span name, struct log_stream *stream)
{
    pthread_mutex_lock(&log->mutex);
    struct log_stream *old = map_remove(&log->streams, name);
    if (stream)
        map_set(&log->streams, stream->name, stream);
    pthread_mutex_unlock(&log->mutex);
    if (old)
        stream_unref(old);
}

struct log_stream *stream_named(struct log *log, struct span name)
{
    GUARD(&log->mutex);
    struct log_stream *stream = map_get(&log->streams, name);
    return stream ? stream_ref(stream) : NULL;
}

struct log_stream **stream_all(struct log *log, struct arena *arena, size_t *ret_count)
{
    size_t at = 0, count = 0;
    struct span name;
    void *stream;
    GUARD(&log->mutex);
    struct log_stream **all = ARENA_ARRAY(arena, struct log_stream *, log->streams.count);
    while (map_next(&log->streams, &at, &name, &stream))
        all[count++] = stream_ref(stream);
    *ret_count = count;
    return all;
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* The stream's key is made when it is first needed, and stays as long as there may be records. */
static void make_key(const struct log_access *access, struct log_stream_record *record)
{
    struct sealing sealing;
    if (!record->sealed || record->wrapped.len)
        return;
    seal_begin(&sealing);
    seal_wrap(&sealing, store_master_key(access->log->options.store));
    record->wrapped = arena_copy(access->arena, span_of(sealing.wrapped, sizeof sealing.wrapped));
}

/* Each lane gets one that follows from it; before anybody can have a snapshot that needs it. */
static int give_keys(struct log *log, struct log_stream *stream,
                     const struct log_stream_record *record)
{
    struct sealing sealing = {.sealed = true};
    if (!record->wrapped.len)
        return 0;
    if (record->wrapped.len != sizeof sealing.wrapped)
        return -EBADMSG;
    memcpy(sealing.wrapped, record->wrapped.at, sizeof sealing.wrapped);
    if (!seal_open(&sealing, store_master_key(log->options.store)))
        return -EBADMSG;
    for (size_t i = 0; i < stream->count; i++) {
        struct lane *lane = stream->running[i];
        if (!lane->keyed)
            seal_derive(&sealing.key, span_of(&lane->id, sizeof lane->id), &lane->key);
        lane->keyed = true;
    }
    return 0;
}

/* ---- start-up -------------------------------------------------------------------------------- */

struct loading {
    struct log *log;
    struct txn *txn;
    struct arena *arena;
};

static uint64_t lane_id(const struct log_stream *stream, size_t number)
{
    return stream->id << 32 | (uint32_t)number;
}

static int load(void *user, struct log_stream_record *record)
{
    struct loading *loading = user;
    struct log_stream *stream = stream_new(loading->log, record);
    int error = 0;
    for (size_t i = 0; i < stream->count; i++) {
        stream->running[i] = lane_new(lane_id(stream, i));
        stream->running[i]->closed = stream->lanes[i].closed_ms != 0;
        if (!error)
            error = lane_load(loading->log, loading->txn, loading->arena, stream->running[i]);
    }
    if (!error)
        error = give_keys(loading->log, stream, record);
    enter(loading->log, stream->name, stream);
    return error;
}

int stream_load_all(struct log *log)
{
    struct arena arena;
    uint64_t ticket;
    arena_init(&arena, 65536, (size_t)1 << 30);
    struct loading loading = {log, txn_begin(log->options.store), &arena};
    int error = log_stream_record_each(loading.txn, &(struct log_stream_record){0}, 0, &arena, load,
                                       &loading);
    if (error < 0)
        txn_rollback(loading.txn);
    else
        error = txn_commit(loading.txn, &ticket);
    arena_done(&arena);
    return error;
}

/* ---- changes --------------------------------------------------------------------------------- */

/* A snapshot on its way in; lives in the caller's arena. */
struct change {
    struct log *log;
    struct span name;
    struct log_stream *stream; /* NULL: the stream goes */
    struct lane **locked;      /* and closed when it is committed */
    size_t locked_count;
};

static void change_ended(void *thing, enum TXN_END end)
{
    struct change *change = thing;
    for (size_t i = 0; i < change->locked_count && end == TXN_COMMITTED; i++) {
        struct tail tail = lane_tail(change->locked[i]);
        change->locked[i]->closed = true;
        if (!change->stream && change->locked[i]->segment)
            segment_retire(TAKE(change->locked[i]->segment), tail.end);
        lane_publish(change->log, change->locked[i], &tail); /* tells who watches */
    }
    if (end == TXN_COMMITTED)
        enter(change->log, change->name, change->stream);
    else if (change->stream)
        stream_unref(change->stream);
    for (size_t i = 0; i < change->locked_count; i++)
        pthread_mutex_unlock(&change->locked[i]->append);
}

/* Writes a changed record and makes its snapshot: lanes of the old one go on, others are new. */
static int change_new(const struct log_access *access, struct log_stream_record *record,
                      struct log_stream *old, struct change **ret)
{
    make_key(access, record);
    log_stream_record_put(access->txn, record);
    struct change *change = ARENA_NEW(access->arena, struct change);
    *change = (struct change){.log = access->log, .name = arena_copy(access->arena, record->name)};
    change->stream = stream_new(access->log, record);
    for (size_t i = 0; i < change->stream->count; i++)
        change->stream->running[i] = old && i < old->count ? lane_ref(old->running[i])
                                                           : lane_new(lane_id(change->stream, i));
    txn_at_end(access->txn, change_ended, change);
    *ret = change;
    return give_keys(access->log, change->stream, record);
}

static int lock_compare(const void *a, const void *b)
{
    const struct lane *left = *(struct lane *const *)a, *right = *(struct lane *const *)b;
    return left->id < right->id ? -1 : left->id > right->id;
}

/* In the order in which appends lock. */
static void change_lock(struct change *change, struct lane **lanes, size_t count)
{
    qsort(lanes, count, sizeof(struct lane *), lock_compare);
    for (size_t i = 0; i < count; i++)
        pthread_mutex_lock(&lanes[i]->append);
    change->locked = lanes;
    change->locked_count = count;
}

static int next_id(const struct log_access *access, uint64_t *ret)
{
    struct log_sequence sequence = {.name = S("stream")};
    int error = log_sequence_get(access->txn, access->arena, &sequence);
    if (error < 0 && error != -ENOENT)
        return error;
    *ret = ++sequence.next;
    log_sequence_put(access->txn, &sequence);
    return 0;
}

static void fill_settings(struct log_stream_record *record, const struct log_settings *settings)
{
    record->retention_ms = (uint64_t)settings->retention_ms;
    record->bytes_in = settings->bytes_in;
    record->records_in = settings->records_in;
    record->bytes_out = settings->bytes_out;
    record->reads = settings->reads;
    record->seeks = settings->seeks;
    record->entry_max = settings->entry_max;
    record->shown = settings->shown;
    record->spread = settings->spread;
    record->sealed = settings->sealed;
}

/* Appends lanes to the record and fills in what the caller left open. */
static void add_lanes(const struct log_access *access, struct log_stream_record *record,
                      struct log_lane *lanes, size_t count, int64_t now_ms)
{
    struct log_lane_record *all =
        ARENA_ARRAY(access->arena, struct log_lane_record, record->lanes.count + count);
    if (record->lanes.count)
        memcpy(all, record->lanes.at, record->lanes.count * sizeof *all);
    for (size_t i = 0; i < count; i++) {
        struct log_lane *lane = &lanes[i];
        lane->number = (uint32_t)(record->lanes.count + i);
        lane->created_ms = now_ms;
        lane->closed_ms = 0;
        uint64_t *parents = ARENA_ARRAY(access->arena, uint64_t, LOG_PARENTS_MAX);
        for (uint32_t j = 0; j < lane->parent_count; j++)
            parents[j] = lane->parents[j];
        all[lane->number] = (struct log_lane_record){
            .first_high = lane->first.high,
            .first_low = lane->first.low,
            .last_high = lane->last.high,
            .last_low = lane->last.low,
            .created = now_ms,
            .parents = {parents, lane->parent_count},
        };
    }
    record->lanes.at = all;
    record->lanes.count += count;
}

int log_create(const struct log_access *access, struct span name,
               const struct log_settings *settings, struct log_lane *lanes, size_t count,
               int64_t now_ms)
{
    struct change *change;
    struct log_stream_record record = {.name = name};
    int error = log_stream_record_get(access->txn, access->arena, &record);
    if (error != -ENOENT)
        return error < 0 ? error : -EEXIST;
    record = (struct log_stream_record){.name = name};
    fill_settings(&record, settings);
    error = next_id(access, &record.id);
    if (error < 0)
        return error;
    add_lanes(access, &record, lanes, count, now_ms);
    return change_new(access, &record, NULL, &change);
}

/* What a change begins with: the snapshot and the record. */
static int read_old(const struct log_access *access, struct span name, struct log_stream **ret_old,
                    struct log_stream_record *ret_record)
{
    int error = log_find(access, name, ret_old);
    *ret_record = (struct log_stream_record){.name = name};
    return error < 0 ? error : log_stream_record_get(access->txn, access->arena, ret_record);
}

int log_adjust(const struct log_access *access, struct span name,
               const struct log_settings *settings)
{
    struct log_stream *old;
    struct log_stream_record record;
    struct change *change;
    int error = read_old(access, name, &old, &record);
    if (error < 0)
        return error;
    fill_settings(&record, settings);
    txn_after_durable(access->txn, trim_wake, access->log);
    return change_new(access, &record, old, &change);
}

int log_reshape(const struct log_access *access, struct span name, const struct log_change *wanted,
                int64_t now_ms)
{
    struct log_stream *old;
    struct log_stream_record record;
    struct change *change;
    int error = read_old(access, name, &old, &record);
    if (error < 0)
        return error;
    struct lane **closed = ARENA_ARRAY(access->arena, struct lane *, wanted->closed_count);
    for (size_t i = 0; i < wanted->closed_count; i++) {
        struct log_lane_record *lane = &record.lanes.at[wanted->closed[i]];
        if (lane->closed)
            return -ESTALE;
        lane->closed = now_ms;
        closed[i] = old->running[wanted->closed[i]];
    }
    add_lanes(access, &record, wanted->opened, wanted->opened_count, now_ms);
    error = change_new(access, &record, old, &change);
    change_lock(change, closed, wanted->closed_count);
    return error;
}

int log_drop(const struct log_access *access, struct span name)
{
    struct log_stream *old;
    int error = log_find(access, name, &old);
    if (error < 0)
        return error;
    log_stream_record_delete(access->txn, &(struct log_stream_record){.name = name});
    log_dropped_put(access->txn,
                    &(struct log_dropped){.id = old->id, .lanes = old->count, .here = true});
    struct change *change = ARENA_NEW(access->arena, struct change);
    *change = (struct change){.log = access->log, .name = arena_copy(access->arena, name)};
    txn_at_end(access->txn, change_ended, change);
    struct lane **lanes = ARENA_ARRAY(access->arena, struct lane *, old->count);
    memcpy(lanes, old->running, old->count * sizeof(struct lane *));
    change_lock(change, lanes, old->count);
    txn_after_durable(access->txn, trim_wake, access->log);
    return 0;
}

/* ---- looking at them ------------------------------------------------------------------------- */

int log_find(const struct log_access *access, struct span name, struct log_stream **ret)
{
    *ret = stream_named(access->log, name);
    if (!*ret)
        return -ENOENT;
    arena_defer(access->arena, stream_unref, *ret);
    return 0;
}

const struct log_lane *log_lanes(const struct log_stream *stream, size_t *ret_count)
{
    *ret_count = stream->count;
    return stream->lanes;
}

const struct log_lane *log_lane_numbered(const struct log_stream *stream, uint32_t number)
{
    return number < stream->count ? &stream->lanes[number] : NULL;
}

const struct log_settings *log_settings_of(const struct log_stream *stream)
{
    return &stream->settings;
}

int64_t log_horizon(const struct log_stream *stream, int64_t now_ms)
{
    return now_ms - stream->settings.retention_ms;
}
