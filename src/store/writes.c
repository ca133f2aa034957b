// SPDX-License-Identifier: Apache-2.0
/*
 * The writes of one transaction. Bytes lie only once, in the batch that RocksDB will apply: a put
 * ends with the value, before which stand the value's length as a varint and the key, so the entry
 * can note where both are (write_batch.cc documents the layout: records are appended whole). The
 * index is a chained hash table over entries; an overwrite leaves the older entry behind the newer
 * one. Much cheaper than RocksDB's own indexed batch for a handful of keys. The transaction's
 * thread.
 */
#include "store/inside.h"

#include "base/log.h"

#include <stdlib.h>

#define FIRST_HEADS 16
#define KEPT_BATCH_BYTES (1 << 20) /* a recycled transaction keeps at most this */
#define KEPT_WRITES 4096

void writes_init(struct writes *writes)
{
    *writes = (struct writes){.batch = rocksdb_writebatch_create(), .head_count = FIRST_HEADS};
    writes->heads = store_alloc(FIRST_HEADS * sizeof *writes->heads);
    memset(writes->heads, 0, FIRST_HEADS * sizeof *writes->heads);
}

void writes_done(struct writes *writes)
{
    rocksdb_writebatch_destroy(writes->batch);
    free(writes->at);
    free(writes->heads);
}

size_t writes_size(const struct writes *writes)
{
    size_t size;
    rocksdb_writebatch_data(writes->batch, &size);
    return size;
}

void writes_clear(struct writes *writes)
{
    if (!writes->count)
        return;
    if (writes->cap > KEPT_WRITES || writes_size(writes) > KEPT_BATCH_BYTES) {
        writes_done(writes);
        writes_init(writes);
        return;
    }
    rocksdb_writebatch_clear(writes->batch);
    memset(writes->heads, 0, writes->head_count * sizeof *writes->heads);
    writes->count = writes->put_count = 0;
}

static uint64_t hash_of(enum FAMILY family, struct span key)
{
    return span_hash(key) + family * 0x9e3779b97f4a7c15ULL;
}

static void chain(struct writes *writes, uint32_t index)
{
    uint32_t *head = &writes->heads[writes->at[index].hash & (writes->head_count - 1)];
    writes->at[index].older = *head;
    *head = index + 1;
}

static void grow(struct writes *writes)
{
    writes->cap = writes->cap ? writes->cap * 2 : FIRST_HEADS;
    writes->at = store_grow(writes->at, writes->cap * sizeof *writes->at);
    if (writes->cap <= writes->head_count)
        return;
    writes->head_count = writes->cap;
    writes->heads = store_grow(writes->heads, writes->head_count * sizeof *writes->heads);
    memset(writes->heads, 0, writes->head_count * sizeof *writes->heads);
    for (uint32_t i = 0; i < writes->count; i++)
        chain(writes, i);
}

static uint32_t varint32_len(size_t value)
{
    uint32_t len = 1;
    while (value >>= 7)
        len++;
    return len;
}

/* Indexes the record that was just appended to the batch. */
static void note(struct writes *writes, enum FAMILY family, struct span key, struct write write)
{
    size_t size = writes_size(writes);
    if (size > UINT32_MAX)
        log_fatal("a transaction of more than 4 GiB");
    if (writes->count == writes->cap)
        grow(writes);
    write.value_at = (uint32_t)size - write.value_len;
    write.key_at =
        write.value_at - (uint32_t)key.len - (write.deleted ? 0 : varint32_len(write.value_len));
    write.key_len = (uint32_t)key.len;
    write.family = (uint8_t)family;
    write.hash = hash_of(family, key);
    writes->at[writes->count] = write;
    chain(writes, writes->count++);
}

void writes_put(struct writes *writes, struct store *store, enum FAMILY family, struct span key,
                struct span value)
{
    rocksdb_writebatch_put_cf(writes->batch, store->families[family], key.at, key.len, value.at,
                              value.len);
    note(writes, family, key, (struct write){.value_len = (uint32_t)value.len});
    writes->put_count++;
}

void writes_delete(struct writes *writes, struct store *store, enum FAMILY family, struct span key)
{
    rocksdb_writebatch_delete_cf(writes->batch, store->families[family], key.at, key.len);
    note(writes, family, key, (struct write){.deleted = true});
}

struct span write_key(const struct writes *writes, const struct write *write)
{
    size_t size;
    return span_of(rocksdb_writebatch_data(writes->batch, &size) + write->key_at, write->key_len);
}

struct span write_value(const struct writes *writes, const struct write *write)
{
    size_t size;
    return span_of(rocksdb_writebatch_data(writes->batch, &size) + write->value_at,
                   write->value_len);
}

const struct write *writes_find(const struct writes *writes, enum FAMILY family, struct span key)
{
    if (!writes->count)
        return NULL;
    uint64_t hash = hash_of(family, key);
    for (uint32_t at = writes->heads[hash & (writes->head_count - 1)]; at;
         at = writes->at[at - 1].older) {
        const struct write *write = &writes->at[at - 1];
        if (write->hash == hash && write->family == family &&
            span_eq(write_key(writes, write), key))
            return write;
    }
    return NULL;
}
