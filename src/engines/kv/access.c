// SPDX-License-Identifier: Apache-2.0
/*
 * Reading and writing items inside a transaction. Key invariant: whoever changes an item holds the
 * lock of its shard, and the shard's counters are written in the same commit, so that they are
 * exact after a crash too; in memory they follow when the commit is visible, with the lock still
 * held. Any thread.
 */
#include "engines/kv/inside.h"

#include "base/hash.h"

#include <endian.h>
#include <errno.h>

/* The whole 32 bits are spread evenly, so that ranges of hashes are equal parts of a table. */
static uint32_t hash_of(struct span hash_key)
{
    uint32_t h = crc32c_feed(0, hash_key);
    h ^= h >> 16;
    h *= 0x85ebca6bU;
    h ^= h >> 13;
    h *= 0xc2b2ae35U;
    return h ^ h >> 16;
}

static char *put(char *to, const void *bytes, size_t len)
{
    if (len)
        memcpy(to, bytes, len);
    return to + len;
}

/* Hash keys are only ever equal or not, so a length is enough to tell where one ends; the range key
 * is last and sorts by its bytes as they are. */
void kv_key_make(const struct kv_table *table, struct span hash, struct span range,
                 struct kv_key *ret)
{
    uint32_t number = hash_of(hash);
    uint64_t id = htobe64(table->id);
    uint32_t big = htobe32(number);
    uint16_t len = htobe16((uint16_t)hash.len);
    char *to = ret->bytes;
    *to++ = KV_KEYSPACE_ITEMS;
    to = put(to, &id, sizeof id);
    to = put(to, &big, sizeof big);
    to = put(to, &len, sizeof len);
    to = put(to, hash.at, hash.len);
    to = put(to, range.at, range.len);
    ret->len = (uint16_t)(to - ret->bytes);
    ret->shard = (uint8_t)(number % KV_SHARDS);
}

void kv_key_begin(uint8_t keyspace, uint64_t id, struct span hash, struct buf *out)
{
    uint64_t big_id = htobe64(id);
    uint32_t big = htobe32(hash_of(hash));
    uint16_t len = htobe16((uint16_t)hash.len);
    buf_append_byte(out, (char)keyspace);
    buf_append(out, span_of(&big_id, sizeof big_id));
    buf_append(out, span_of(&big, sizeof big));
    buf_append(out, span_of(&len, sizeof len));
    buf_append(out, hash);
}

unsigned kv_shard_of(struct span key)
{
    uint32_t big;
    memcpy(&big, key.at + 1 + sizeof(uint64_t), sizeof big);
    return be32toh(big) % KV_SHARDS;
}

int kv_get(const struct kv_access *access, const struct kv_key *key, struct span *ret_item)
{
    return txn_get(access->txn, FAMILY_ITEMS, key_bytes(key), access->arena, ret_item);
}

int kv_lock(const struct kv_access *access, struct kv_table *table, const struct kv_key *keys,
            size_t count)
{
    struct span *names = ARENA_ARRAY(access->arena, struct span, count);
    for (size_t i = 0; i < count; i++) {
        char *name = arena_alloc(access->arena, KV_SHARD_KEY_LEN);
        kv_shard_key(table->id, keys[i].shard % KV_LOCKS, name);
        names[i] = span_of(name, KV_SHARD_KEY_LEN);
    }
    txn_lock(access->txn, names, count);
    return atomic_load(&table->shut) ? -ESTALE : 0;
}

int kv_lock_places(const struct kv_access *access, const struct kv_place *places, size_t count,
                   struct span beside)
{
    struct span *names = ARENA_ARRAY(access->arena, struct span, count + 1);
    for (size_t i = 0; i < count; i++) {
        char *name = arena_alloc(access->arena, KV_SHARD_KEY_LEN);
        kv_shard_key(places[i].table->id, places[i].key->shard % KV_LOCKS, name);
        names[i] = span_of(name, KV_SHARD_KEY_LEN);
    }
    names[count] = beside;
    txn_lock(access->txn, names, count + !span_is_absent(beside));
    for (size_t i = 0; i < count; i++)
        if (atomic_load(&places[i].table->shut))
            return -ESTALE;
    return 0;
}

void kv_lock_shards(const struct kv_access *access, uint64_t table, uint64_t mask)
{
    char names[KV_LOCKS][KV_SHARD_KEY_LEN];
    struct span spans[KV_LOCKS];
    size_t count = 0;
    uint64_t locks = mask | mask >> KV_LOCKS;
    for (unsigned i = 0; i < KV_LOCKS; i++) {
        if (!(locks >> i & 1))
            continue;
        kv_shard_key(table, i, names[count]);
        spans[count] = span_of(names[count], KV_SHARD_KEY_LEN);
        count++;
    }
    txn_lock(access->txn, spans, count);
}

/* What a write does to a shard's counters once it is committed; unsigned arithmetic wraps. */
static void apply(void *thing, enum TXN_END end)
{
    const struct change *change = thing;
    if (end != TXN_COMMITTED)
        return;
    atomic_fetch_add_explicit(&change->shard->items, change->items, memory_order_relaxed);
    atomic_fetch_add_explicit(&change->shard->bytes, change->bytes, memory_order_relaxed);
}

/* The shard's counters within this transaction: its own earlier writes are not in memory yet. */
static int current(const struct kv_access *access, struct span key, const struct shard *shard,
                   uint64_t ret[2])
{
    struct span value;
    ret[0] = atomic_load_explicit(&shard->items, memory_order_relaxed);
    ret[1] = atomic_load_explicit(&shard->bytes, memory_order_relaxed);
    if (!txn_has_writes(access->txn))
        return 0;
    int error = txn_get(access->txn, FAMILY_ITEMS, key, access->arena, &value);
    if (error < 0)
        return error == -ENOENT ? 0 : error;
    if (value.len != 2 * sizeof(uint64_t))
        return -EBADMSG;
    memcpy(ret, value.at, value.len);
    ret[0] = be64toh(ret[0]);
    ret[1] = be64toh(ret[1]);
    return 0;
}

int kv_count(const struct kv_access *access, uint64_t id, unsigned shard, struct change change)
{
    char name[KV_SHARD_KEY_LEN];
    uint64_t totals[2];
    if (!change.items && !change.bytes)
        return 0;
    kv_shard_key(id, shard, name);
    int error = current(access, span_of(name, sizeof name), change.shard, totals);
    if (error < 0)
        return error;
    totals[0] = htobe64(totals[0] + change.items);
    totals[1] = htobe64(totals[1] + change.bytes);
    txn_put(access->txn, FAMILY_ITEMS, span_of(name, sizeof name), span_of(totals, sizeof totals));
    struct change *kept = ARENA_NEW(access->arena, struct change);
    *kept = change;
    txn_at_end(access->txn, apply, kept);
    return 0;
}

/* What else a write changes, in the same commit. */
static int write_beside(const struct kv_access *access, const struct kv_write *write)
{
    int error = atomic_load(&write->table->indexes) ? entries_write(access, write) : 0;
    for (int i = 0; i < KV_LOG_COUNT && !error; i++) {
        struct stream *log = atomic_load(&write->table->logs[i]);
        if (log)
            error = kv_stream_write(access, write, log);
    }
    return error;
}

int kv_put(const struct kv_access *access, struct kv_table *table, const struct kv_key *key,
           struct span item, struct span old)
{
    struct change change = {
        .shard = &table->shards[key->shard],
        .items = span_is_absent(old) ? 1 : 0,
        .bytes = kv_item_size(item) - kv_item_size(old),
    };
    int error = kv_count(access, table->id, key->shard, change);
    if (error < 0)
        return error;
    txn_put(access->txn, FAMILY_ITEMS, key_bytes(key), item);
    return write_beside(access, &(struct kv_write){table, key, item, old});
}

int kv_delete(const struct kv_access *access, struct kv_table *table, const struct kv_key *key,
              struct span old)
{
    struct change change = {
        .shard = &table->shards[key->shard],
        .items = UINT64_MAX,
        .bytes = 0 - (uint64_t)kv_item_size(old),
    };
    if (span_is_absent(old))
        return 0;
    int error = kv_count(access, table->id, key->shard, change);
    if (error < 0)
        return error;
    txn_delete(access->txn, FAMILY_ITEMS, key_bytes(key));
    return write_beside(access, &(struct kv_write){table, key, SPAN_NONE, old});
}
