// SPDX-License-Identifier: Apache-2.0
/*
 * Numbers of items' last writes, and records of one table applied to another. Key invariant: a
 * number is written in the commit of its item and read under the lock of the item's shard, so of
 * two writes both sides keep the one with the higher number. Any thread.
 */
#include "engines/kv/inside.h"

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

void version_put(const struct kv_access *access, uint64_t log, const struct kv_key *key,
                 uint64_t number)
{
    uint64_t big = htobe64(number);
    txn_put(access->txn, FAMILY_ITEMS, version_key(access->arena, log, key_bytes(key)),
            span_of(&big, sizeof big));
}

/* 0: it was not written since there is a log. */
static int version_get(struct txn *txn, struct arena *arena, struct span key, uint64_t *ret)
{
    struct span value;
    *ret = 0;
    int error = txn_get(txn, FAMILY_ITEMS, key, arena, &value);
    if (error < 0)
        return error == -ENOENT ? 0 : error;
    if (value.len != sizeof *ret)
        return -EBADMSG;
    memcpy(ret, value.at, sizeof *ret);
    *ret = be64toh(*ret);
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
                     const struct kv_key *key, const struct kv_record *record)
{
    struct span old = SPAN_NONE;
    int error = kv_get(access, key, &old);
    if (error < 0 && error != -ENOENT)
        return error;
    if (record->event == KV_REMOVE)
        return kv_delete(access, table, key, old);
    struct buf *item = arena_buf(access->arena, 8 << 20);
    kv_item_encode(&record->new, item);
    return kv_put(access, table, key, buf_span(item), old);
}

int kv_apply(const struct kv_access *access, struct kv_table *table, const struct kv_record *record,
             enum KV_TIE tie)
{
    const struct stream *log = atomic_load(&table->logs[KV_LOG_REPLICAS]);
    struct kv_access own = *access;
    struct kv_key key;
    uint64_t last;
    own.actor = KV_ACTOR_REPLICA;
    if (!log)
        return -ENOENT;
    if (record->actor == KV_ACTOR_REPLICA)
        return 0;
    if (!kv_record_key(table, record, &key))
        return -EBADMSG;
    int error = version_get(access->txn, access->arena,
                            version_key(access->arena, log->id, key_bytes(&key)), &last);
    if (error < 0)
        return error;
    if (last > record->sequence || (last == record->sequence && tie == KV_TIE_LOSES))
        return 0;
    error = write_new(&own, table, &key, record);
    version_put(access, log->id, &key, record->sequence);
    return error < 0 ? error : 1;
}

/* ---- forgetting ----------------------------------------------------------------------------- */

int version_forget(struct txn *txn, struct arena *arena, const struct kv_stream *stream,
                   const struct stream_record *record, uint64_t number)
{
    struct kv_table_record table = {.name = stream->table};
    struct kv_map keys;
    struct buf *key = arena_buf(arena, KEY_CEILING);
    uint64_t last;
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
    if (!error && last && last <= number)
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
