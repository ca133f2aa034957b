// SPDX-License-Identifier: Apache-2.0
/*
 * Copies of tables as they were at one moment, and the history that this needs. Items are copied as
 * they are found, in batches, each a transaction of its own on a worker; then the changes that were
 * made after the moment are undone, the newest first, so that each item ends as what it was before
 * the first of them. Key invariant: all of the table's locks were held when the copy began, so what
 * counts was visible then, and again when the last item was copied, so every change that a batch
 * may have seen is in the history by then. How far it came is in the store (record `copying`).
 */
#include "engines/kv/inside.h"

#include "base/log.h"
#include "engines/kv/kv.records.h"
#include "store/key.h"

#include <endian.h>
#include <errno.h>

#define BATCH_ITEMS 512
#define BATCH_BYTES (1 << 20)
#define ARENA_FIRST 16384
#define ARENA_CEILING (16 << 20)
#define ID_AT 1 /* in an item's key: behind the keyspace */

enum COPY_STEP { COPY_ITEMS, COPY_UNDO, COPY_DONE };

/* ---- history -------------------------------------------------------------------------------- */

static int open_history(const struct kv_access *access, struct kv_table_record *table)
{
    struct stream fresh = {.log = KV_LOG_HISTORY, .view = KV_VIEW_OLD};
    return table->history ? 0 : kv_log_open(access, table, &fresh);
}

static int close_history(const struct kv_access *access, struct kv_table_record *table)
{
    uint64_t id = table->history;
    int error = kv_log_close(access, table, KV_LOG_HISTORY);
    return error < 0 ? error : kv_stream_drop(access, id);
}

struct lowest {
    uint64_t history, number;
};

static int take_lowest(void *user, struct kv_copying *copying)
{
    struct lowest *lowest = user;
    if (copying->history == lowest->history && copying->cut < lowest->number)
        lowest->number = copying->cut;
    return 0;
}

int copy_lowest(struct txn *txn, struct arena *arena, uint64_t history, uint64_t *ret)
{
    struct lowest lowest = {history, UINT64_MAX};
    int error = kv_copying_each(txn, &(struct kv_copying){0}, 0, arena, take_lowest, &lowest);
    *ret = lowest.number;
    return error;
}

/* Unless somebody needs it. */
static int settle_history(const struct kv_access *access, struct kv_table_record *table)
{
    uint64_t lowest;
    if (!table->history || table->history_kept)
        return 0;
    int error = copy_lowest(access->txn, access->arena, table->history, &lowest);
    return error < 0 || lowest != UINT64_MAX ? error : close_history(access, table);
}

int kv_history_keep(const struct kv_access *access, struct span table, int64_t kept_ms)
{
    struct kv_table_record record;
    int error = table_record_locked(access, table, &record);
    if (error < 0)
        return error;
    record.history_kept = (uint64_t)kept_ms;
    error = kept_ms ? open_history(access, &record) : settle_history(access, &record);
    if (!error)
        kv_table_record_put(access->txn, &record);
    return error;
}

int kv_history_read(const struct kv_access *access, struct span table,
                    const struct kv_stream_range *range, struct kv_records *ret)
{
    struct kv_table_record record = {.name = table};
    int error = kv_table_record_get(access->txn, access->arena, &record);
    if (!error && !record.history)
        error = -ENOENT;
    return error < 0 ? error : kv_stream_read(access, record.history, range, ret);
}

/* ---- beginning ------------------------------------------------------------------------------ */

static int cut_history(const struct kv_access *access, struct kv_table_record *table,
                       const struct kv_copy *copy, struct kv_copying *copying)
{
    struct stream *history;
    int error = open_history(access, table);
    if (!error)
        error = kv_stream_load(access, table->history, table->id, &history);
    if (error < 0)
        return error;
    uint64_t last = kv_stream_next(history) - 1, asked = (uint64_t)copy->at_ms * 1000 + 999;
    copying->history = table->history;
    copying->cut = copy->at_ms && asked < last ? asked : last;
    kv_table_record_put(access->txn, table);
    return 0;
}

int kv_copy_start(const struct kv_access *access, const struct kv_copy *copy)
{
    struct kv_table_record table, target = {.name = copy->copy};
    struct kv_copying copying = {.source = copy->table, .copy = copy->copy, .step = COPY_ITEMS};
    int error = table_record_locked(access, copy->table, &table);
    if (!error)
        error = kv_table_record_get(access->txn, access->arena, &target);
    if (!error && table.open)
        error = cut_history(access, &table, copy, &copying);
    if (error < 0)
        return error;
    copying.id = target.id;
    kv_copying_put(access->txn, &copying);
    txn_after_durable(access->txn, sweep_wake, access->kv);
    return 0;
}

struct question {
    struct span table;
    enum KV_COPYING answer;
};

static int take_answer(void *user, struct kv_copying *copying)
{
    struct question *question = user;
    question->answer = span_eq(copying->copy, question->table)     ? KV_COPYING_TO
                       : span_eq(copying->source, question->table) ? KV_COPYING_FROM
                                                                   : KV_COPYING_NONE;
    return question->answer != KV_COPYING_NONE;
}

int kv_copying(const struct kv_access *access, struct span table)
{
    struct question question = {table, KV_COPYING_NONE};
    int error = kv_copying_each(access->txn, &(struct kv_copying){0}, 0, access->arena, take_answer,
                                &question);
    return error < 0 ? error : (int)question.answer;
}

/* ---- on a worker ---------------------------------------------------------------------------- */

struct place {
    struct kv_access access;
    struct kv_copying copying;
    struct kv_table_record source;
    struct kv_table *copy;
};

static void key_in_copy(const struct place *place, struct span key, struct kv_key *ret)
{
    uint64_t id = htobe64(place->copy->id);
    memcpy(ret->bytes, key.at, key.len);
    memcpy(ret->bytes + ID_AT, &id, sizeof id);
    ret->len = (uint16_t)key.len;
    ret->shard = (uint8_t)kv_shard_of(key);
}

/* The last item was copied; what is before the end of the history is visible. */
static int begin_undo(struct place *place)
{
    struct stream *history;
    struct kv_copying *copying = &place->copying;
    copying->step = copying->history ? COPY_UNDO : COPY_DONE;
    if (!copying->history)
        return 0;
    kv_lock_shards(&place->access, place->source.id, UINT64_MAX);
    int error = kv_stream_load(&place->access, copying->history, place->source.id, &history);
    if (!error)
        copying->end = kv_stream_next(history);
    return error;
}

static int copy_items(struct place *place)
{
    struct kv_key key;
    struct arena *arena = place->access.arena;
    struct key_batch batch = {.keys = ARENA_ARRAY(arena, struct span, BATCH_ITEMS),
                              .items = ARENA_ARRAY(arena, struct span, BATCH_ITEMS),
                              .room = BATCH_ITEMS,
                              .bytes = BATCH_BYTES};
    int error = kv_read_batch(&place->access, place->source.id, place->copying.from, &batch);
    if (!error && !batch.more)
        error = begin_undo(place);
    for (size_t i = 0; i < batch.count && !error; i++) {
        key_in_copy(place, batch.keys[i], &key);
        error = kv_put(&place->access, place->copy, &key, batch.items[i], SPAN_NONE);
    }
    if (batch.count)
        place->copying.from = batch.keys[batch.count - 1];
    return error;
}

static int undo_change(struct place *place, const struct stream_record *record)
{
    const struct kv_schema *schema = &place->copy->schema;
    struct kv_map keys;
    struct kv_key key;
    struct span now = SPAN_NONE;
    if (!kv_item_decode(record->keys, place->access.arena, &keys))
        return -EBADMSG;
    const struct kv_value *hash = kv_map_get(&keys, schema->hash.name);
    const struct kv_value *range =
        schema->range.name.at ? kv_map_get(&keys, schema->range.name) : NULL;
    if (!hash || (schema->range.name.at && !range))
        return -EBADMSG;
    kv_key_make(place->copy, hash->bytes, range ? range->bytes : SPAN_NONE, &key);
    int error = kv_get(&place->access, &key, &now);
    if (error < 0 && error != -ENOENT)
        return error;
    if (span_is_absent(record->old))
        return kv_delete(&place->access, place->copy, &key, now);
    return kv_put(&place->access, place->copy, &key, record->old, now);
}

struct undo_batch {
    struct stream_record records[BATCH_ITEMS];
    size_t count, bytes;
    uint64_t end; /* before this number nothing was read yet */
};

/* Backwards, as long as they are behind the cut. */
static int read_changes(struct place *place, struct undo_batch *batch)
{
    struct key prefix, from;
    int error = 0;
    key_begin(&prefix, KV_KEYSPACE_STREAMS);
    key_u64(&prefix, place->copying.history);
    from = prefix;
    key_u64(&from, batch->end - 1);
    struct cursor *cursor = cursor_open(place->access.txn, FAMILY_ITEMS, key_span(&prefix));
    bool more = cursor_seek_back(cursor, key_span(&from));
    for (; more && batch->count < BATCH_ITEMS && batch->bytes < BATCH_BYTES && !error;
         more = cursor_previous(cursor)) {
        struct span rest = span_from(cursor_key(cursor), prefix.len);
        struct span value = arena_copy(place->access.arena, cursor_value(cursor));
        if (!key_read_u64(&rest, &batch->end) ||
            !kv_stream_decode(value, &batch->records[batch->count]))
            error = -EBADMSG;
        else if (batch->end <= place->copying.cut)
            break;
        batch->bytes += value.len;
        batch->count++;
    }
    if (!more)
        batch->end = 0;
    if (!error)
        error = cursor_error(cursor);
    cursor_close(cursor);
    return error;
}

static int undo_changes(struct place *place)
{
    struct undo_batch *batch = ARENA_NEW(place->access.arena, struct undo_batch);
    batch->end = place->copying.end;
    int error = read_changes(place, batch);
    for (size_t i = 0; i < batch->count && !error; i++)
        error = undo_change(place, &batch->records[i]);
    place->copying.end = batch->end;
    if (batch->end <= place->copying.cut)
        place->copying.step = COPY_DONE;
    return error;
}

static int take_first(void *user, struct kv_copying *copying)
{
    *(struct kv_copying *)user = *copying;
    return 1;
}

int copy_batch(struct kv *kv, struct txn *txn, struct arena *arena)
{
    struct place place = {.access = {.kv = kv, .txn = txn, .arena = arena}};
    struct kv_copying *copying = &place.copying;
    int error = kv_copying_each(txn, &(struct kv_copying){0}, 0, arena, take_first, copying);
    if (error < 0 || !copying->id)
        return error;
    place.source.name = copying->source;
    error = kv_table_record_get(txn, arena, &place.source);
    if (!error)
        error = kv_find_shut(&place.access, copying->copy, &place.copy);
    if (!error && copying->step == COPY_ITEMS)
        error = copy_items(&place);
    else if (!error && copying->step == COPY_UNDO)
        error = undo_changes(&place);
    if (error < 0)
        return error;
    if (copying->step == COPY_DONE)
        kv->sweep.copied = copying->id;
    kv_copying_put(txn, copying);
    return 1;
}

/* ---- on the home loop ----------------------------------------------------------------------- */

static int forget(const struct kv_access *access, uint64_t id)
{
    struct kv_copying copying = {.id = id};
    int error = kv_copying_get(access->txn, access->arena, &copying);
    if (error < 0)
        return error;
    kv_copying_delete(access->txn, &copying);
    struct kv_table_record source;
    error = table_record_locked(access, copying.source, &source);
    if (!error)
        error = settle_history(access, &source);
    if (!error)
        kv_table_record_put(access->txn, &source);
    return error;
}

void copy_finish(struct kv *kv)
{
    struct arena arena;
    uint64_t ticket;
    arena_init(&arena, ARENA_FIRST, ARENA_CEILING);
    struct kv_access access = {.kv = kv, .txn = txn_begin(kv->store), .arena = &arena};
    int error = forget(&access, kv->sweep.copied);
    kv->sweep.copied = 0;
    if (error < 0) {
        txn_rollback(access.txn);
    } else {
        error = txn_commit(access.txn, &ticket);
        if (!error && kv->built)
            kv->built(kv->built_thing);
    }
    arena_done(&arena);
    if (error < 0)
        log_error("completing a copy of a table: %s", strerror(-error));
}
