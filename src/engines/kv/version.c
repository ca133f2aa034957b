// SPDX-License-Identifier: Apache-2.0
/*
 * Numbers of items' last writes, and records of one table applied to another. Key invariant: a
 * number is written in the commit of its item and read under the lock of the item's shard, so of
 * two writes both sides keep the one with the higher number. Any thread.
 */
#include "engines/kv/inside.h"

#include "base/scope.h"
#include "engines/kv/kv.records.h"

#include <endian.h>
#include <errno.h>

#define ID_AT 1 /* in an item's key: behind the keyspace */
#define HASH_AT (ID_AT + sizeof(uint64_t))
#define KEY_CEILING 4096

static struct span version_key(struct arena *arena, uint64_t log, struct span item_key)
{
    struct buf *key = arena_buf(arena, KEY_CEILING);
    uint64_t big = htobe64(log);
    buf_append_byte(key, KV_KEYSPACE_VERSIONS);
    buf_append(key, span_of(&big, sizeof big));
    buf_append(key, span_from(item_key, HASH_AT));
    return buf_span(key);
}

/* What an item was last written as: its number and, where it came from another table, the name of
 * that one. */
struct version {
    uint64_t number; /* 0: it was not written since there is a log */
    struct span from;
};

static void put(const struct kv_access *access, uint64_t log, const struct kv_key *key,
                const struct version *version)
{
    struct buf *value = arena_buf(access->arena, KEY_CEILING);
    uint64_t big = htobe64(version->number);
    buf_append(value, span_of(&big, sizeof big));
    buf_append(value, version->from);
    txn_put(access->txn, FAMILY_ITEMS, version_key(access->arena, log, key_bytes(key)),
            buf_span(value));
}

void version_put(const struct kv_access *access, uint64_t log, const struct kv_key *key,
                 uint64_t number)
{
    put(access, log, key, &(struct version){.number = number});
}

static int version_get(struct txn *txn, struct arena *arena, struct span key, struct version *ret)
{
    struct span value;
    *ret = (struct version){0};
    int error = txn_get(txn, FAMILY_ITEMS, key, arena, &value);
    if (error < 0)
        return error == -ENOENT ? 0 : error;
    if (value.len < sizeof ret->number)
        return -EBADMSG;
    memcpy(&ret->number, value.at, sizeof ret->number);
    ret->number = be64toh(ret->number);
    if (value.len > sizeof ret->number)
        ret->from = span_from(value, sizeof ret->number);
    return 0;
}

/* ---- applying ------------------------------------------------------------------------------- */

bool kv_record_key(const struct kv_table *table, const struct kv_record *record, struct kv_key *ret)
{
    const struct kv_schema *schema = &table->schema;
    const struct kv_value *hash = kv_map_get(&record->keys, schema->hash.name);
    const struct kv_value *range =
        schema->range.name.at ? kv_map_get(&record->keys, schema->range.name) : NULL;
    if (!hash || (schema->range.name.at && !range))
        return false;
    kv_key_make(table, hash->bytes, range ? range->bytes : SPAN_NONE, ret);
    return true;
}

static int write_new(const struct kv_access *access, struct kv_table *table,
                     const struct kv_key *key, const struct kv_record *record, size_t *ret_bytes)
{
    struct span old = SPAN_NONE;
    int error = kv_get(access, key, &old);
    if (error < 0 && error != -ENOENT)
        return error;
    *ret_bytes = kv_item_size(old);
    if (record->event == KV_REMOVE)
        return kv_delete(access, table, key, old);
    struct buf *item = arena_buf(access->arena, 8 << 20);
    kv_item_encode(&record->new, item);
    size_t after = kv_item_size(buf_span(item));
    *ret_bytes = after > *ret_bytes ? after : *ret_bytes;
    return kv_put(access, table, key, buf_span(item), old);
}

/* Of the item in the table, or as it was when it was copied. */
static int last_version(const struct kv_access *access, uint64_t log, const struct kv_key *key,
                        const struct kv_sides *sides, struct version *ret)
{
    const struct stream *elder =
        sides->elder ? atomic_load(&sides->elder->logs[KV_LOG_REPLICAS]) : NULL;
    struct span name = sides->here;
    int error = version_get(access->txn, access->arena,
                            version_key(access->arena, log, key_bytes(key)), ret);
    if (!error && !ret->number && elder) {
        name = sides->elder_name;
        error = version_get(access->txn, access->arena,
                            version_key(access->arena, elder->id, key_bytes(key)), ret);
    }
    if (span_is_absent(ret->from))
        ret->from = name;
    return error;
}

/* What is written here from now on is later, whatever clocks say. */
static void pass(struct stream *log, uint64_t number)
{
    GUARD(&log->mutex);
    if (log->next <= number)
        log->next = number + 1;
}

int kv_apply(const struct kv_access *access, struct kv_table *table, const struct kv_record *record,
             const struct kv_sides *sides, size_t *ret_bytes)
{
    struct stream *log = atomic_load(&table->logs[KV_LOG_REPLICAS]);
    const struct version version = {record->sequence, sides->from};
    struct kv_access own = *access;
    struct kv_key key;
    struct version last;
    own.actor = KV_ACTOR_REPLICA;
    if (!log)
        return -ENOENT;
    if (record->actor == KV_ACTOR_REPLICA)
        return 0;
    if (!kv_record_key(table, record, &key))
        return -EBADMSG;
    int error = last_version(access, log->id, &key, sides, &last);
    if (error < 0)
        return error;
    if (last.number > version.number ||
        (last.number == version.number && span_compare(last.from, version.from) > 0))
        return 0;
    pass(log, version.number);
    error = write_new(&own, table, &key, record, ret_bytes);
    put(access, log->id, &key, &version);
    return error < 0 ? error : 1;
}

/* ---- forgetting ----------------------------------------------------------------------------- */

int version_forget(struct txn *txn, struct arena *arena, const struct kv_stream *stream,
                   const struct stream_record *record, uint64_t number)
{
    struct kv_table_record table = {.name = stream->table};
    struct kv_map keys;
    struct buf *key = arena_buf(arena, KEY_CEILING);
    struct version last;
    int error = kv_table_record_get(txn, arena, &table);
    if (error < 0)
        return error == -ENOENT ? 0 : error;
    if (!kv_item_decode(record->keys, arena, &keys))
        return -EBADMSG;
    const struct kv_value *hash = kv_map_get(&keys, table.hash_name);
    const struct kv_value *range = table.range_name.at ? kv_map_get(&keys, table.range_name) : NULL;
    if (!hash)
        return -EBADMSG;
    kv_key_begin(KV_KEYSPACE_VERSIONS, stream->id, hash->bytes, key);
    if (range)
        buf_append(key, range->bytes);
    error = version_get(txn, arena, buf_span(key), &last);
    if (!error && last.number && last.number <= number)
        txn_delete(txn, FAMILY_ITEMS, buf_span(key));
    return error;
}

/* ---- locks ---------------------------------------------------------------------------------- */

int kv_lock_tables(const struct kv_access *access, const struct span *names, size_t count)
{
    struct span *all = ARENA_ARRAY(access->arena, struct span, count * KV_LOCKS);
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        struct kv_table_record record = {.name = names[i]};
        int error = kv_table_record_get(access->txn, access->arena, &record);
        if (error < 0)
            return error;
        for (unsigned shard = 0; shard < KV_LOCKS; shard++) {
            char *name = arena_alloc(access->arena, KV_SHARD_KEY_LEN);
            kv_shard_key(record.id, shard, name);
            all[found++] = span_of(name, KV_SHARD_KEY_LEN);
        }
    }
    txn_lock(access->txn, all, found);
    return 0;
}
