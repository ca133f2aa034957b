// SPDX-License-Identifier: Apache-2.0
/*
 * Tables: their records, and a cache of descriptors that the data path reads. Key invariant: a
 * descriptor is in the cache only while its table is open, and it is the only one of its table, for
 * it holds the table's counters. A change of what the records say bumps the generation after it is
 * visible, and whoever read records before that does not enter them. Changes come from one thread,
 * look-ups from any; what was found is kept by a reference until the caller's arena is reset.
 */
#include "engines/kv/inside.h"

#include "base/log.h"
#include "base/scope.h"
#include "engines/kv/kv.records.h"
#include "store/key.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>

#define INDEXES_FIRST 256
#define INDEXES_CEILING (1 << 30) /* a changed set leaves a few KB until the table is shut */

int kv_new(struct kv **ret, struct store *store, struct workers *workers, struct loop *home)
{
    struct kv *kv = calloc(1, sizeof *kv);
    if (!kv)
        return -ENOMEM;
    kv->store = store;
    kv->workers = workers;
    kv->home = home;
    kv->collection_max = KV_COLLECTION_MAX;
    pthread_mutex_init(&kv->mutex, NULL);
    sweep_start(kv);
    *ret = kv;
    return 0;
}

static void table_free(struct kv_table *table)
{
    arena_done(&table->arena);
    free(table);
}

static void table_unref(void *thing)
{
    struct kv_table *table = thing;
    if (atomic_fetch_sub_explicit(&table->references, 1, memory_order_acq_rel) == 1)
        table_free(table);
}

static struct kv_table *table_ref(struct kv_table *table)
{
    atomic_fetch_add_explicit(&table->references, 1, memory_order_relaxed);
    return table;
}

void kv_free(struct kv *kv)
{
    size_t at = 0;
    void *table;
    if (!kv)
        return;
    while (map_next(&kv->tables, &at, &(struct span){NULL, 0}, &table))
        table_unref(table);
    map_done(&kv->tables);
    kv_stream_free_all(kv);
    pthread_mutex_destroy(&kv->mutex);
    free(kv);
}

void kv_shard_key(uint64_t table, unsigned shard, char to[KV_SHARD_KEY_LEN])
{
    uint64_t big = htobe64(table);
    to[0] = KV_KEYSPACE_TOTALS;
    memcpy(to + 1, &big, sizeof big);
    to[9] = (char)shard;
}

/* ---- records -------------------------------------------------------------------------------- */

int kv_next_id(const struct kv_access *access, uint64_t *ret)
{
    struct kv_counter counter = {.name = S("table")};
    int error = kv_counter_get(access->txn, access->arena, &counter);
    if (error < 0 && error != -ENOENT)
        return error;
    *ret = ++counter.value;
    kv_counter_put(access->txn, &counter);
    return 0;
}

int kv_table_create(const struct kv_access *access, struct span name,
                    const struct kv_schema *schema)
{
    struct kv_table_record record = {.name = name};
    int error = kv_table_record_get(access->txn, access->arena, &record);
    if (error != -ENOENT)
        return error < 0 ? error : -EEXIST;
    record = (struct kv_table_record){
        .name = name,
        .hash_name = schema->hash.name,
        .hash_type = schema->hash.type,
        .range_name = schema->range.name,
        .range_type = schema->range.type,
    };
    error = kv_next_id(access, &record.id);
    if (!error)
        error = indexes_keep(access, schema, &record.indexes);
    if (error < 0)
        return error;
    kv_table_record_put(access->txn, &record);
    return 0;
}

int kv_table_open(const struct kv_access *access, struct span name)
{
    struct kv_table_record record = {.name = name};
    int error = kv_table_record_get(access->txn, access->arena, &record);
    if (error < 0)
        return error;
    record.open = true;
    kv_table_record_put(access->txn, &record);
    return 0;
}

struct kv_table *kv_table_changed(struct kv *kv, struct span name)
{
    kv->generation++;
    return map_get(&kv->tables, name);
}

/* A removal from the cache, once the record that says so is visible. In the caller's arena. */
struct removal {
    struct kv *kv;
    struct span name;
};

static void remove_now(void *thing, enum TXN_END end)
{
    const struct removal *removal = thing;
    struct kv *kv = removal->kv;
    if (end != TXN_COMMITTED)
        return;
    pthread_mutex_lock(&kv->mutex);
    struct kv_table *table = map_remove(&kv->tables, removal->name);
    kv->generation++;
    if (table)
        atomic_store(&table->shut, true);
    pthread_mutex_unlock(&kv->mutex);
    if (table)
        table_unref(table);
}

int kv_table_shut(const struct kv_access *access, struct span name)
{
    struct kv_table_record record = {.name = name};
    int error = kv_table_record_get(access->txn, access->arena, &record);
    if (error < 0)
        return error;
    record.open = false;
    kv_table_record_put(access->txn, &record);
    struct removal *removal = ARENA_NEW(access->arena, struct removal);
    *removal = (struct removal){access->kv, arena_copy(access->arena, name)};
    txn_at_end(access->txn, remove_now, removal);
    return 0;
}

static void drop_indexes(const struct kv_access *access, const struct kv_table_record *record)
{
    for (size_t i = 0; i < record->indexes.count; i++) {
        uint64_t index = record->indexes.at[i].id;
        kv_dropped_put(access->txn, &(struct kv_dropped){.id = index, .here = true});
        kv_expiring_delete(access->txn, &(struct kv_expiring){.id = index});
    }
    txn_after_durable(access->txn, sweep_wake, access->kv);
}

int kv_table_drop(const struct kv_access *access, struct span name)
{
    struct kv_table_record record = {.name = name};
    int error = kv_table_record_get(access->txn, access->arena, &record);
    if (error < 0)
        return error;
    if (record.open)
        return -EBUSY;
    kv_table_record_delete(access->txn, &record);
    kv_copying_delete(access->txn, &(struct kv_copying){.id = record.id});
    kv_dropped_put(access->txn, &(struct kv_dropped){.id = record.id, .here = true});
    drop_indexes(access, &record);
    return 0;
}

int kv_table_keep(const struct kv_access *access, struct span name, struct span as)
{
    struct kv_table_record record = {.name = name}, other = {.name = as};
    int error = kv_table_record_get(access->txn, access->arena, &record);
    if (error < 0)
        return error;
    if (record.open)
        return -EBUSY;
    error = kv_table_record_get(access->txn, access->arena, &other);
    if (error != -ENOENT)
        return error < 0 ? error : -EEXIST;
    kv_table_record_delete(access->txn, &record);
    drop_indexes(access, &record);
    record.name = as;
    record.indexes.count = 0;
    kv_table_record_put(access->txn, &record);
    return 0;
}

/* ---- counters ------------------------------------------------------------------------------- */

static bool read_totals(struct span value, uint64_t *ret_items, uint64_t *ret_bytes)
{
    uint64_t big[2];
    if (value.len != sizeof big)
        return false;
    memcpy(big, value.at, sizeof big);
    *ret_items = be64toh(big[0]);
    *ret_bytes = be64toh(big[1]);
    return true;
}

/* Calls `take` with each shard's counters. */
int kv_each_shard(struct txn *txn, uint64_t id, kv_take_shard take, void *user)
{
    char prefix[KV_SHARD_KEY_LEN];
    uint64_t items, bytes;
    int error = 0;
    kv_shard_key(id, 0, prefix);
    struct cursor *cursor = cursor_open(txn, FAMILY_ITEMS, span_of(prefix, KV_SHARD_KEY_LEN - 1));
    for (bool more = cursor_first(cursor); more && !error; more = cursor_next(cursor)) {
        struct span key = cursor_key(cursor);
        unsigned shard = key.len == KV_SHARD_KEY_LEN ? (unsigned char)key.at[key.len - 1] : 255;
        if (shard >= KV_SHARDS || !read_totals(cursor_value(cursor), &items, &bytes))
            error = -EBADMSG;
        else
            take(user, shard, items, bytes);
    }
    if (!error)
        error = cursor_error(cursor);
    cursor_close(cursor);
    return error;
}

void kv_take_shards(void *user, unsigned shard, uint64_t items, uint64_t bytes)
{
    struct shard *shards = user;
    atomic_init(&shards[shard].items, items);
    atomic_init(&shards[shard].bytes, bytes);
}

void kv_add_shards(void *user, unsigned shard, uint64_t items, uint64_t bytes)
{
    struct kv_totals *totals = user;
    totals->items += items;
    totals->bytes += bytes;
}

int kv_table_totals(const struct kv_access *access, struct span name, struct kv_totals *ret)
{
    struct kv_table_record record = {.name = name};
    *ret = (struct kv_totals){0};
    int error = kv_table_record_get(access->txn, access->arena, &record);
    return error < 0 ? error : kv_each_shard(access->txn, record.id, kv_add_shards, ret);
}

/* ---- finding -------------------------------------------------------------------------------- */

static bool is_key_type(uint64_t type)
{
    return type == KV_STRING || type == KV_NUMBER || type == KV_BINARY;
}

static struct span keep(char **to, struct span text)
{
    if (span_is_absent(text))
        return SPAN_NONE;
    char *at = *to;
    memcpy(at, text.at, text.len);
    *to += text.len;
    return span_of(at, text.len);
}

/* One allocation; the texts lie behind the struct. */
static struct kv_table *table_new(const struct kv_table_record *record)
{
    size_t text = record->name.len + record->hash_name.len + record->range_name.len;
    struct kv_table *table = calloc(1, sizeof *table + text);
    if (!table)
        log_fatal("out of memory");
    char *to = (char *)(table + 1);
    table->id = record->id;
    table->name = keep(&to, record->name);
    table->schema.hash =
        (struct kv_key_part){keep(&to, record->hash_name), (enum KV_TYPE)record->hash_type};
    table->schema.range =
        (struct kv_key_part){keep(&to, record->range_name), (enum KV_TYPE)record->range_type};
    atomic_init(&table->references, 1);
    meter_set(&table->meters[KV_METER_READ],
              &(struct meter_rate){record->read_rate, record->read_grows});
    meter_set(&table->meters[KV_METER_WRITE],
              &(struct meter_rate){record->write_rate, record->write_grows});
    atomic_init(&table->rates_kind, record->rates_kind);
    meter_set_parts(table->parts);
    arena_init(&table->arena, INDEXES_FIRST, INDEXES_CEILING);
    kv_ranking_begin(&table->arena, &table->ranking, record->watched);
    return table;
}

static int load(const struct kv_access *access, struct kv_table_record *record,
                struct kv_table **ret)
{
    if (!is_key_type(record->hash_type) ||
        (record->range_name.at && !is_key_type(record->range_type)))
        return -EBADMSG;
    struct kv_table *table = table_new(record);
    int error = kv_each_shard(access->txn, record->id, kv_take_shards, table->shards);
    if (!error)
        error = indexes_load(access, table, &record->indexes);
    for (enum KV_LOG log = 0; log < KV_LOG_COUNT && !error; log++) {
        struct stream *stream = NULL;
        uint64_t id = *kv_log_of(record, log);
        if (id)
            error = kv_stream_load(access, id, record->id, &stream);
        atomic_store(&table->logs[log], stream);
    }
    if (error < 0)
        table_free(table);
    else
        *ret = table;
    return error;
}

static int load_open(const struct kv_access *access, struct span name, struct kv_table **ret)
{
    struct kv_table_record record = {.name = name};
    int error = kv_table_record_get(access->txn, access->arena, &record);
    if (!error && !record.open)
        error = -ENOENT;
    return error < 0 ? error : load(access, &record, ret);
}

/* Not in the cache: its counters are this one's alone. */
int kv_find_shut(const struct kv_access *access, struct span name, struct kv_table **ret)
{
    struct kv_table_record record = {.name = name};
    int error = kv_table_record_get(access->txn, access->arena, &record);
    if (!error && record.open)
        error = -ENOENT;
    if (!error)
        error = load(access, &record, ret);
    if (!error)
        arena_defer(access->arena, table_unref, *ret);
    return error;
}

/* The cached one with a reference for the caller, or NULL and the generation to enter with. */
static struct kv_table *look_up(struct kv *kv, struct span name, uint64_t *ret_generation)
{
    GUARD(&kv->mutex);
    struct kv_table *table = map_get(&kv->tables, name);
    *ret_generation = kv->generation;
    return table ? table_ref(table) : NULL;
}

struct kv_table *kv_cached(struct kv *kv, struct span name)
{
    GUARD(&kv->mutex);
    return map_get(&kv->tables, name);
}

/* Enters what was loaded, unless another thread was faster. NULL when it may be out of date. */
static struct kv_table *enter(struct kv *kv, struct kv_table *table, uint64_t generation)
{
    GUARD(&kv->mutex);
    struct kv_table *other = map_get(&kv->tables, table->name);
    bool usable = other || kv->generation == generation;
    if (other || !usable)
        table_free(table);
    if (!usable)
        return NULL;
    if (!other)
        map_set(&kv->tables, table->name, table);
    return table_ref(other ? other : table);
}

int kv_find(const struct kv_access *access, struct span name, struct kv_table **ret)
{
    uint64_t generation;
    struct kv_table *table = look_up(access->kv, name, &generation);
    while (!table) {
        int error = load_open(access, name, &table);
        if (error < 0)
            return error;
        table = enter(access->kv, table, generation);
        if (!table)
            table = look_up(access->kv, name, &generation);
    }
    arena_defer(access->arena, table_unref, table);
    *ret = table;
    return 0;
}

const struct kv_schema *kv_table_schema(const struct kv_table *table)
{
    return &table->schema;
}

struct span kv_table_name(const struct kv_table *table)
{
    return table->name;
}
