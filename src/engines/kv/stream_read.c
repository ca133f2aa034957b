// SPDX-License-Identifier: Apache-2.0
/*
 * Streams: records as bytes, reading them, and forgetting those that are old. A record is a format
 * byte, event, actor, time (ms) and three items with their lengths (u32, 0: none). Any thread.
 */
#include "engines/kv/inside.h"

#include "base/time.h"
#include "engines/kv/kv.records.h"
#include "store/key.h"

#include <endian.h>
#include <errno.h>

#define FORMAT 1
#define HEAD_LEN 11
#define TRIM_BATCH 512
#define SHARDS_MAX 64 /* more than rotate within the time that records are kept, twice */
#define KEPT_MS (KV_STREAM_HOURS * HOUR_MS)

/* ---- bytes ---------------------------------------------------------------------------------- */

void kv_stream_key(uint64_t id, uint64_t sequence, struct buf *out)
{
    uint64_t big[2] = {htobe64(id), htobe64(sequence)};
    buf_append_byte(out, KV_KEYSPACE_STREAMS);
    buf_append(out, span_of(big, sizeof big));
}

static void put_item(struct span item, struct buf *out)
{
    uint32_t len = htobe32((uint32_t)(item.at ? item.len : 0));
    buf_append(out, span_of(&len, sizeof len));
    buf_append(out, item);
}

void kv_stream_encode(const struct stream_record *record, struct buf *out)
{
    uint64_t time = htobe64((uint64_t)record->time_ms);
    buf_append_byte(out, FORMAT);
    buf_append_byte(out, (char)record->event);
    buf_append_byte(out, (char)record->actor);
    buf_append(out, span_of(&time, sizeof time));
    put_item(record->keys, out);
    put_item(record->old, out);
    put_item(record->new, out);
}

static bool take_item(struct span *rest, struct span *ret)
{
    uint32_t len;
    if (rest->len < sizeof len)
        return false;
    memcpy(&len, rest->at, sizeof len);
    len = be32toh(len);
    *rest = span_from(*rest, sizeof len);
    if (len > rest->len)
        return false;
    *ret = len ? span_first(*rest, len) : SPAN_NONE;
    *rest = span_from(*rest, len);
    return true;
}

bool kv_stream_decode(struct span bytes, struct stream_record *ret)
{
    uint64_t time;
    if (bytes.len < HEAD_LEN || bytes.at[0] != FORMAT)
        return false;
    if (bytes.at[1] < KV_INSERT || bytes.at[1] > KV_REMOVE || bytes.at[2] < KV_ACTOR_CALLER ||
        bytes.at[2] > KV_ACTOR_REPLICA)
        return false;
    ret->event = (enum KV_EVENT)bytes.at[1];
    ret->actor = (enum KV_ACTOR)bytes.at[2];
    memcpy(&time, bytes.at + 3, sizeof time);
    ret->time_ms = (int64_t)be64toh(time);
    bytes = span_from(bytes, HEAD_LEN);
    return take_item(&bytes, &ret->keys) && take_item(&bytes, &ret->old) &&
           take_item(&bytes, &ret->new) && !bytes.len;
}

/* ---- looking -------------------------------------------------------------------------------- */

/* Before this number everything is visible or will never be. */
static int horizon(const struct kv_access *access, uint64_t id, uint64_t last, uint64_t *ret)
{
    struct kv_stream record = {.id = id};
    struct kv_table_record table;
    struct stream *stream = NULL;
    *ret = last + 1;
    int error = kv_stream_get(access->txn, access->arena, &record);
    if (error < 0)
        return error;
    table = (struct kv_table_record){.name = record.table};
    error = kv_table_record_get(access->txn, access->arena, &table);
    if (!error && *kv_log_of(&table, (enum KV_LOG)record.log) == id)
        error = kv_stream_load(access, id, table.id, &stream);
    if (error < 0 && error != -ENOENT)
        return error;
    if (!stream)
        return 0;
    pthread_mutex_lock(&stream->mutex);
    *ret = stream->next;
    for (const struct flight *flight = stream->flights; flight; flight = flight->next)
        if (flight->low < *ret)
            *ret = flight->low;
    pthread_mutex_unlock(&stream->mutex);
    return 0;
}

static int take_shard(void *user, struct kv_stream_shard_record *shard)
{
    struct kv_stream_state *state = user;
    if (state->shard_count == SHARDS_MAX)
        return 1;
    if (shard->last && shard->last <= state->trimmed)
        return 0;
    state->shards[state->shard_count++] = (struct kv_stream_shard){.number = shard->number,
                                                                   .first = shard->first,
                                                                   .last = shard->last,
                                                                   .opened_ms = shard->opened};
    return 0;
}

int kv_stream_look(const struct kv_access *access, uint64_t id, struct kv_stream_state *ret)
{
    struct kv_stream_trim trim = {.id = id};
    int error = kv_stream_trim_get(access->txn, access->arena, &trim);
    if (error < 0 && error != -ENOENT)
        return error;
    *ret = (struct kv_stream_state){
        .trimmed = trim.sequence,
        .shards = ARENA_ARRAY(access->arena, struct kv_stream_shard, SHARDS_MAX),
    };
    error = kv_stream_shard_record_each(access->txn, &(struct kv_stream_shard_record){.stream = id},
                                        1, access->arena, take_shard, ret);
    if (error < 0)
        return error;
    uint64_t last = ret->shard_count ? ret->shards[ret->shard_count - 1].last : 0;
    return horizon(access, id, last, &ret->next);
}

/* ---- reading -------------------------------------------------------------------------------- */

static bool show_item(const struct kv_access *access, struct span bytes, struct kv_map *ret,
                      bool *ret_has)
{
    *ret_has = !span_is_absent(bytes);
    return !*ret_has || kv_item_decode(bytes, access->arena, ret);
}

static bool show(const struct kv_access *access, struct span bytes, struct kv_record *ret)
{
    struct stream_record record;
    bool has_keys;
    if (!kv_stream_decode(bytes, &record) ||
        !show_item(access, record.keys, &ret->keys, &has_keys) ||
        !show_item(access, record.old, &ret->old, &ret->has_old) ||
        !show_item(access, record.new, &ret->new, &ret->has_new))
        return false;
    ret->time_ms = record.time_ms;
    ret->event = record.event;
    ret->actor = record.actor;
    ret->bytes = kv_item_size(record.keys) + kv_item_size(record.old) + kv_item_size(record.new);
    return true;
}

static int read_from(const struct kv_access *access, struct cursor *cursor, struct span from,
                     const struct kv_stream_range *range, struct kv_records *ret)
{
    size_t bytes = 0;
    bool more = cursor_seek(cursor, from);
    for (; more && ret->count < range->records; more = cursor_next(cursor)) {
        struct kv_record *record = &ret->at[ret->count];
        struct span rest = span_from(cursor_key(cursor), 1 + sizeof(uint64_t));
        if (!key_read_u64(&rest, &record->sequence))
            return -EBADMSG;
        if (record->sequence > range->to)
            break;
        if (!show(access, arena_copy(access->arena, cursor_value(cursor)), record))
            return -EBADMSG;
        bytes += record->bytes;
        if (ret->count && bytes > range->bytes)
            break;
        ret->count++;
        ret->next = record->sequence + 1;
    }
    return cursor_error(cursor);
}

int kv_stream_read(const struct kv_access *access, uint64_t id, const struct kv_stream_range *range,
                   struct kv_records *ret)
{
    struct key prefix;
    uint64_t end;
    struct kv_stream_range within = *range;
    *ret = (struct kv_records){.at = ARENA_ARRAY(access->arena, struct kv_record, range->records),
                               .next = range->from};
    /* First the horizon, then the records: what becomes visible between is behind it. */
    int error = horizon(access, id, range->to, &end);
    if (error < 0)
        return error;
    if (end <= within.to)
        within.to = end - 1;
    if (within.to < within.from)
        return 0;
    key_begin(&prefix, KV_KEYSPACE_STREAMS);
    key_u64(&prefix, id);
    struct cursor *cursor = cursor_open(access->txn, FAMILY_ITEMS, key_span(&prefix));
    key_u64(&prefix, range->from);
    error = read_from(access, cursor, key_span(&prefix), &within, ret);
    cursor_close(cursor);
    return error;
}

/* ---- forgetting ----------------------------------------------------------------------------- */

struct trim {
    struct txn *txn;
    struct arena *arena;
    struct span keys[TRIM_BATCH];
    size_t count;
    uint64_t last;
    int64_t before_ms;
    uint64_t needed; /* this number and those behind it stay */
    const struct kv_stream *stream;
    int error;
};

/* A history is kept for as long as its table says, and while a copy is going to undo it. */
static int set_bounds(struct trim *trim, const struct kv_stream *stream)
{
    struct kv_table_record table = {.name = stream->table};
    int64_t kept_ms = KEPT_MS;
    trim->needed = UINT64_MAX;
    if (stream->log == KV_LOG_HISTORY) {
        int error = kv_table_record_get(trim->txn, trim->arena, &table);
        if (error < 0 && error != -ENOENT)
            return error;
        kept_ms = (int64_t)table.history_kept;
        error = copy_lowest(trim->txn, trim->arena, stream->id, &trim->needed);
        if (error < 0)
            return error;
    }
    trim->before_ms = clock_now_ms() - kept_ms;
    return 0;
}

static bool is_old(struct trim *trim, struct span key, struct span value)
{
    struct stream_record record;
    uint64_t number;
    if (!kv_stream_decode(value, &record) || record.time_ms >= trim->before_ms ||
        !key_read_u64(&key, &number) || number >= trim->needed)
        return false;
    trim->last = number;
    if (trim->stream->log == KV_LOG_REPLICAS && record.event == KV_REMOVE)
        trim->error = version_forget(trim->txn, trim->arena, trim->stream, &record, number);
    return trim->error >= 0;
}

static int find_old(struct trim *trim, uint64_t id)
{
    struct key prefix;
    key_begin(&prefix, KV_KEYSPACE_STREAMS);
    key_u64(&prefix, id);
    trim->count = 0;
    struct cursor *cursor = cursor_open(trim->txn, FAMILY_ITEMS, key_span(&prefix));
    for (bool more = cursor_first(cursor); more && trim->count < TRIM_BATCH;
         more = cursor_next(cursor)) {
        struct span key = arena_copy(trim->arena, cursor_key(cursor));
        if (!is_old(trim, span_from(key, prefix.len), cursor_value(cursor)))
            break;
        trim->keys[trim->count++] = key;
    }
    int error = cursor_error(cursor);
    cursor_close(cursor);
    return error < 0 ? error : trim->error;
}

static int forget_shard(void *user, struct kv_stream_shard_record *shard)
{
    struct trim *trim = user;
    if (shard->last && shard->last <= trim->last)
        kv_stream_shard_record_delete(trim->txn, shard);
    return 0;
}

static int trim_stream(void *user, struct kv_stream *stream)
{
    struct trim *trim = user;
    trim->stream = stream;
    int error = set_bounds(trim, stream);
    if (!error)
        error = find_old(trim, stream->id);
    if (error < 0 || !trim->count)
        return error;
    for (size_t i = 0; i < trim->count; i++)
        txn_delete(trim->txn, FAMILY_ITEMS, trim->keys[i]);
    kv_stream_trim_put(trim->txn,
                       &(struct kv_stream_trim){.id = stream->id, .sequence = trim->last});
    error = kv_stream_shard_record_each(trim->txn,
                                        &(struct kv_stream_shard_record){.stream = stream->id}, 1,
                                        trim->arena, forget_shard, trim);
    return error < 0 ? error : 1;
}

int kv_stream_trim_batch(struct txn *txn, struct arena *arena)
{
    struct trim *trim = ARENA_NEW(arena, struct trim);
    trim->txn = txn;
    trim->arena = arena;
    int error = kv_stream_each(txn, &(struct kv_stream){0}, 0, arena, trim_stream, trim);
    return error < 0 ? error : trim->count > 0;
}
