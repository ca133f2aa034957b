// SPDX-License-Identifier: Apache-2.0
/*
 * Streams: writing records, and the life of a stream and its shards. Key invariant: a number is
 * given out under the stream's mutex and is in flight until its transaction has ended, and readers
 * stop before the lowest in flight; so nobody sees a number before a lower one. Numbers are
 * microseconds when they can be, and one more than the last when not, so that they ascend over
 * restarts. Opening, closing and rotating hold all of the table's locks.
 */
#include "engines/kv/inside.h"

#include "base/log.h"
#include "base/scope.h"
#include "base/time.h"
#include "engines/kv/kv.records.h"
#include "store/key.h"

#include <errno.h>
#include <stdlib.h>

#define RECORD_CEILING (16 << 20) /* bytes: two images of the largest item as it is stored */
#define ROTATE_ARENA 16384

/* ---- numbers -------------------------------------------------------------------------------- */

static void land(void *thing, enum TXN_END end)
{
    struct flight *flight = thing;
    GUARD(&flight->stream->mutex);
    struct flight **at = &flight->stream->flights;
    while (*at != flight)
        at = &(*at)->next;
    *at = flight->next;
}

static uint64_t take_number(const struct kv_access *access, struct stream *stream)
{
    GUARD(&stream->mutex);
    uint64_t now = (uint64_t)clock_now_us();
    uint64_t number = stream->next > now ? stream->next : now;
    struct flight *flight = stream->flights;
    stream->next = number + 1;
    while (flight && flight->txn != access->txn)
        flight = flight->next;
    if (flight)
        return number;
    flight = ARENA_NEW(access->arena, struct flight);
    *flight = (struct flight){access->txn, number, stream, stream->flights};
    stream->flights = flight;
    txn_at_end(access->txn, land, flight);
    return number;
}

/* ---- records -------------------------------------------------------------------------------- */

static struct span keys_of(const struct kv_access *access, const struct kv_table *table,
                           struct span bytes)
{
    struct kv_map item;
    struct kv_pair pairs[2];
    struct kv_map keys = {pairs, 0};
    if (!kv_item_decode(bytes, access->arena, &item))
        return SPAN_NONE;
    for (size_t i = 0; i < item.count && keys.count < 2; i++)
        if (span_eq(item.at[i].name, table->schema.hash.name) ||
            (table->schema.range.name.at && span_eq(item.at[i].name, table->schema.range.name)))
            pairs[keys.count++] = item.at[i];
    struct buf *out = arena_buf(access->arena, RECORD_CEILING);
    kv_item_encode(&keys, out);
    return buf_span(out);
}

int kv_stream_write(const struct kv_access *access, const struct kv_write *write,
                    struct stream *stream)
{
    bool was = !span_is_absent(write->old), is = !span_is_absent(write->item);
    if (was && is && span_eq(write->old, write->item))
        return 0;
    bool again = stream->log == KV_LOG_REPLICAS && access->actor == KV_ACTOR_REPLICA;
    if (again && is) /* of a deletion the record tells when its number may be forgotten */
        return 0;
    struct stream_record record = {
        .time_ms = clock_now_ms(),
        .event = !was ? KV_INSERT
                 : is ? KV_MODIFY
                      : KV_REMOVE,
        .actor = access->actor,
        .keys = keys_of(access, write->table, is ? write->item : write->old),
    };
    if (span_is_absent(record.keys))
        return -EBADMSG;
    if (stream->view == KV_VIEW_BOTH || stream->view == KV_VIEW_NEW)
        record.new = write->item;
    if (stream->view == KV_VIEW_BOTH || stream->view == KV_VIEW_OLD)
        record.old = write->old;
    struct buf key, value;
    buf_init(&key, 64);
    buf_init(&value, RECORD_CEILING);
    uint64_t number = take_number(access, stream);
    if (stream->log == KV_LOG_REPLICAS && !again)
        version_put(access, stream->id, write->key, number);
    kv_stream_key(stream->id, number, &key);
    kv_stream_encode(&record, &value);
    txn_put(access->txn, FAMILY_ITEMS, buf_span(&key), buf_span(&value));
    buf_done(&key);
    buf_done(&value);
    return 0;
}

/* ---- in memory ------------------------------------------------------------------------------ */

static int take_last(void *user, struct kv_stream_shard_record *shard)
{
    *(struct kv_stream_shard_record *)user = *shard;
    return 0;
}

/* What comes after all that was ever written. */
static int next_of(const struct kv_access *access, uint64_t id, uint64_t first, uint64_t *ret)
{
    struct kv_stream_trim trim = {.id = id};
    struct key prefix;
    int error = kv_stream_trim_get(access->txn, access->arena, &trim);
    if (error < 0 && error != -ENOENT)
        return error;
    *ret = trim.sequence >= first ? trim.sequence + 1 : first;
    key_begin(&prefix, KV_KEYSPACE_STREAMS);
    key_u64(&prefix, id);
    struct cursor *cursor = cursor_open(access->txn, FAMILY_ITEMS, key_span(&prefix));
    if (cursor_last(cursor)) {
        struct span rest = span_from(cursor_key(cursor), prefix.len);
        uint64_t last;
        if (key_read_u64(&rest, &last) && last >= *ret)
            *ret = last + 1;
    }
    error = cursor_error(cursor);
    cursor_close(cursor);
    return error;
}

static struct stream *find_loaded(struct kv *kv, uint64_t id)
{
    struct stream *stream = kv->streams;
    while (stream && stream->id != id)
        stream = stream->older;
    return stream;
}

/* Enters it, unless another thread was faster. */
static struct stream *enter(struct kv *kv, const struct stream *loaded)
{
    GUARD(&kv->mutex);
    struct stream *stream = find_loaded(kv, loaded->id);
    if (stream)
        return stream;
    stream = malloc(sizeof *stream);
    if (!stream)
        log_fatal("out of memory");
    *stream = *loaded;
    pthread_mutex_init(&stream->mutex, NULL);
    stream->older = kv->streams;
    kv->streams = stream;
    return stream;
}

static struct stream *look_up(struct kv *kv, uint64_t id)
{
    GUARD(&kv->mutex);
    return find_loaded(kv, id);
}

int kv_stream_load(const struct kv_access *access, uint64_t id, uint64_t table, struct stream **ret)
{
    struct kv_stream record = {.id = id};
    struct kv_stream_shard_record shard = {.number = 0};
    *ret = look_up(access->kv, id);
    if (*ret)
        return 0;
    int error = kv_stream_get(access->txn, access->arena, &record);
    if (!error)
        error =
            kv_stream_shard_record_each(access->txn, &(struct kv_stream_shard_record){.stream = id},
                                        1, access->arena, take_last, &shard);
    struct stream loaded = {.id = id,
                            .table = table,
                            .log = (enum KV_LOG)record.log,
                            .view = (enum KV_VIEW)record.view,
                            .shard = shard.number,
                            .shard_first = shard.first,
                            .shard_opened_ms = shard.opened};
    if (!error)
        error = next_of(access, id, shard.first, &loaded.next);
    if (!error)
        *ret = enter(access->kv, &loaded);
    return error;
}

void kv_stream_free_all(struct kv *kv)
{
    for (struct stream *stream; (stream = kv->streams);) {
        kv->streams = stream->older;
        pthread_mutex_destroy(&stream->mutex);
        free(stream);
    }
}

/* ---- opening and closing -------------------------------------------------------------------- */

/* What becomes of a table in the cache when the record that says so is visible. */
struct turn {
    struct kv *kv;
    struct span table;
    enum KV_LOG log;
    struct stream *stream; /* NULL: none any more */
    struct stream *gone;   /* NULL: there was none */
};

static void turn_now(void *thing, enum TXN_END end)
{
    const struct turn *turn = thing;
    struct stream *over = end == TXN_COMMITTED ? turn->gone : turn->stream;
    if (over)
        over->closed = true;
    if (end != TXN_COMMITTED)
        return;
    GUARD(&turn->kv->mutex);
    struct kv_table *table = kv_table_changed(turn->kv, turn->table);
    if (table)
        atomic_store(&table->logs[turn->log], turn->stream);
}

static void turn_at_end(const struct kv_access *access, const struct turn *turn)
{
    struct turn *kept = ARENA_NEW(access->arena, struct turn);
    *kept = *turn;
    kept->kv = access->kv;
    kept->table = arena_copy(access->arena, turn->table);
    txn_at_end(access->txn, turn_now, kept);
}

uint64_t *kv_log_of(struct kv_table_record *record, enum KV_LOG log)
{
    return log == KV_LOG_STREAM     ? &record->stream
           : log == KV_LOG_DELIVERY ? &record->delivery
           : log == KV_LOG_REPLICAS ? &record->replicas
                                    : &record->history;
}

int kv_log_open(const struct kv_access *access, struct kv_table_record *record,
                struct stream *fresh)
{
    int error = kv_next_id(access, &fresh->id);
    if (error < 0)
        return error;
    fresh->table = record->id;
    fresh->next = fresh->shard_first = (uint64_t)clock_now_us();
    fresh->shard = 1;
    fresh->shard_opened_ms = clock_now_ms();
    *kv_log_of(record, fresh->log) = fresh->id;
    kv_stream_put(access->txn, &(struct kv_stream){.id = fresh->id,
                                                   .table = record->name,
                                                   .view = fresh->view,
                                                   .log = fresh->log});
    kv_stream_shard_record_put(access->txn,
                               &(struct kv_stream_shard_record){.stream = fresh->id,
                                                                .number = fresh->shard,
                                                                .first = fresh->shard_first,
                                                                .opened = fresh->shard_opened_ms});
    turn_at_end(access, &(struct turn){.table = record->name,
                                       .log = fresh->log,
                                       .stream = enter(access->kv, fresh)});
    return 0;
}

int kv_stream_open(const struct kv_access *access, struct span table, enum KV_LOG log,
                   enum KV_VIEW view, uint64_t *ret_id)
{
    struct kv_table_record record;
    struct stream fresh = {.log = log, .view = view};
    int error = table_record_locked(access, table, &record);
    if (!error && *kv_log_of(&record, log))
        error = -EEXIST;
    if (!error)
        error = kv_log_open(access, &record, &fresh);
    if (error < 0)
        return error;
    kv_table_record_put(access->txn, &record);
    *ret_id = fresh.id;
    return 0;
}

uint64_t kv_stream_next(struct stream *stream)
{
    GUARD(&stream->mutex);
    return stream->next;
}

/* With all of the table's locks, so nothing is in flight. */
static int close_shard(const struct kv_access *access, struct stream *stream)
{
    struct kv_stream_shard_record shard = {.stream = stream->id, .number = stream->shard};
    int error = kv_stream_shard_record_get(access->txn, access->arena, &shard);
    if (error < 0)
        return error;
    uint64_t next = kv_stream_next(stream);
    shard.last = next > shard.first ? next - 1 : shard.first;
    kv_stream_shard_record_put(access->txn, &shard);
    return 0;
}

int kv_log_close(const struct kv_access *access, struct kv_table_record *record, enum KV_LOG log)
{
    struct stream *stream;
    uint64_t *id = kv_log_of(record, log);
    int error = *id ? kv_stream_load(access, *id, record->id, &stream) : -ENOENT;
    if (!error)
        error = close_shard(access, stream);
    if (error < 0)
        return error;
    *id = 0;
    turn_at_end(access, &(struct turn){.table = record->name, .log = log, .gone = stream});
    return 0;
}

int kv_stream_close(const struct kv_access *access, struct span table, enum KV_LOG log)
{
    struct kv_table_record record;
    int error = table_record_locked(access, table, &record);
    if (!error)
        error = kv_log_close(access, &record, log);
    if (error < 0)
        return error;
    kv_table_record_put(access->txn, &record);
    return 0;
}

static int drop_shard(void *user, struct kv_stream_shard_record *shard)
{
    kv_stream_shard_record_delete(user, shard);
    return 0;
}

int kv_stream_drop(const struct kv_access *access, uint64_t id)
{
    kv_stream_delete(access->txn, &(struct kv_stream){.id = id});
    kv_stream_trim_delete(access->txn, &(struct kv_stream_trim){.id = id});
    kv_dropped_put(access->txn, &(struct kv_dropped){.id = id, .here = true});
    txn_after_durable(access->txn, sweep_wake, access->kv);
    return kv_stream_shard_record_each(access->txn, &(struct kv_stream_shard_record){.stream = id},
                                       1, access->arena, drop_shard, access->txn);
}

/* ---- shards --------------------------------------------------------------------------------- */

static int rotate(struct kv *kv, struct stream *stream, struct arena *arena)
{
    uint64_t ticket;
    struct kv_access access = {.kv = kv, .txn = txn_begin(kv->store), .arena = arena};
    kv_lock_shards(&access, stream->table, UINT64_MAX);
    int error = close_shard(&access, stream);
    if (error < 0) {
        txn_rollback(access.txn);
        return error;
    }
    uint64_t first = kv_stream_next(stream);
    int64_t now_ms = clock_now_ms();
    kv_stream_shard_record_put(
        access.txn,
        &(struct kv_stream_shard_record){
            .stream = stream->id, .number = stream->shard + 1, .first = first, .opened = now_ms});
    error = txn_commit(access.txn, &ticket);
    if (error < 0)
        return error;
    stream->shard++;
    stream->shard_first = first;
    stream->shard_opened_ms = now_ms;
    return 0;
}

/* One that has had no record stays as it is, and a history has one shard. */
void kv_stream_rotate(struct kv *kv)
{
    pthread_mutex_lock(&kv->mutex);
    struct stream *stream = kv->streams;
    pthread_mutex_unlock(&kv->mutex);
    for (; stream; stream = stream->older) {
        bool due = !stream->closed && stream->log == KV_LOG_STREAM &&
                   kv_stream_next(stream) > stream->shard_first &&
                   clock_now_ms() - stream->shard_opened_ms >= KV_SHARD_HOURS * HOUR_MS;
        if (!due)
            continue;
        struct arena arena;
        arena_init(&arena, ROTATE_ARENA, RECORD_CEILING);
        int error = rotate(kv, stream, &arena);
        arena_done(&arena);
        if (error < 0)
            log_error("beginning a stream's next shard: %s", strerror(-error));
    }
}
