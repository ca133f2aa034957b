// SPDX-License-Identifier: Apache-2.0
/*
 * Which keys of a table or index are used most: counted while it is watched, for so many keys at a
 * time ("space-saving": a key that is not among them takes the place of the least and its count,
 * so a heavy one is never missed and its count too large by no more than the least is). What is
 * watched is in the tables' records; the counts are memory's alone.
 */
#include "engines/kv/inside.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/scope.h"
#include "engines/kv/kv.records.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>

#define HEAD (1 + 8 + 4)       /* bytes of a key before the length of its hash key */
#define KEY_CEILING (16 << 10) /* bytes */

struct counted {
    uint32_t check; /* of the key */
    double units;
    struct buf key; /* from the length of the hash key on */
};

struct sketch {
    size_t count;
    struct counted at[KV_RANKED_KEYS];
};

struct kv_ranking {
    atomic_uint which; /* bits by enum KV_RANKING */
    pthread_mutex_t mutex;
    struct sketch sketches[KV_RANKINGS][KV_RANKED_PARTS];
};

/* ---- counting ------------------------------------------------------------------------------- */

static void clear(struct kv_ranking *ranking)
{
    for (size_t i = 0; i < KV_RANKINGS; i++)
        for (size_t j = 0; j < KV_RANKED_PARTS; j++) {
            struct sketch *sketch = &ranking->sketches[i][j];
            for (size_t k = 0; k < sketch->count; k++)
                buf_done(&sketch->at[k].key);
            sketch->count = 0;
        }
}

static struct counted *find(struct sketch *sketch, uint32_t check, struct span key)
{
    for (size_t i = 0; i < sketch->count; i++)
        if (sketch->at[i].check == check && span_eq(buf_span(&sketch->at[i].key), key))
            return &sketch->at[i];
    return NULL;
}

static struct counted *least(struct sketch *sketch)
{
    struct counted *least = &sketch->at[0];
    for (size_t i = 1; i < sketch->count; i++)
        if (sketch->at[i].units < least->units)
            least = &sketch->at[i];
    return least;
}

static void count(struct sketch *sketch, struct span key, double units)
{
    uint32_t check = crc32c_feed(0, key);
    struct counted *at = find(sketch, check, key);
    if (!at) {
        bool room = sketch->count < KV_RANKED_KEYS;
        at = room ? &sketch->at[sketch->count++] : least(sketch);
        if (room) {
            at->units = 0;
            buf_init(&at->key, KEY_CEILING);
        }
        buf_clear(&at->key);
        buf_append(&at->key, key);
        at->check = check;
    }
    at->units += units;
}

/* The length of the hash key and it, of a key from that length on. */
static struct span hash_part(struct span key)
{
    uint16_t len;
    memcpy(&len, key.at, sizeof len);
    return span_first(key, sizeof len + be16toh(len));
}

/* An entry's key up to the key of its item: each value of its range key ends with two zeros. */
static struct span own_part(const struct kv_index *index, struct span key, struct span hash)
{
    struct span rest = span_from(key, hash.len);
    size_t values = index ? index->schema.range_count : 0, at = 0;
    if (!index)
        return key;
    for (; values && at + 1 < rest.len; at++)
        if (!rest.at[at] && !rest.at[++at])
            values--;
    return span_first(key, hash.len + at);
}

static struct kv_ranking *ranking_of(const struct kv_table *table, const struct kv_index *index)
{
    return index ? atomic_load(&index->ranking) : atomic_load(&table->ranking);
}

void kv_ranking_count(const struct kv_table *table, const struct kv_index *index,
                      const struct kv_use *use)
{
    struct kv_ranking *ranking = ranking_of(table, index);
    if (!ranking || !(atomic_load(&ranking->which) & 1U << use->which) || use->key.len < HEAD + 2)
        return;
    struct span hash = hash_part(span_from(use->key, HEAD));
    struct span key = own_part(index, span_from(use->key, HEAD), hash);
    GUARD(&ranking->mutex);
    count(&ranking->sketches[use->which][KV_RANKED_HASH], hash, use->units);
    if (key.len > hash.len)
        count(&ranking->sketches[use->which][KV_RANKED_WHOLE], key, use->units);
}

/* ---- what is watched ------------------------------------------------------------------------ */

static void ranking_free(void *thing)
{
    struct kv_ranking *ranking = thing;
    clear(ranking);
    pthread_mutex_destroy(&ranking->mutex);
    free(ranking);
}

void kv_ranking_begin(struct arena *arena, struct kv_ranking *_Atomic *at, uint64_t which)
{
    struct kv_ranking *ranking = atomic_load(at);
    if (!ranking && which) {
        ranking = calloc(1, sizeof *ranking);
        if (!ranking)
            log_fatal("out of memory");
        pthread_mutex_init(&ranking->mutex, NULL);
        arena_defer(arena, ranking_free, ranking);
        atomic_store(at, ranking);
    }
    if (!ranking)
        return;
    GUARD(&ranking->mutex);
    clear(ranking);
    atomic_store(&ranking->which, (unsigned)which);
}

/* Of a table in the cache, once the record that says so is visible. In the caller's arena. */
struct setting {
    struct kv *kv;
    struct span table, index;
    unsigned which;
};

static void set_now(void *thing, enum TXN_END end)
{
    const struct setting *setting = thing;
    if (end != TXN_COMMITTED)
        return;
    GUARD(&setting->kv->mutex);
    struct kv_table *table = kv_table_changed(setting->kv, setting->table);
    if (!table)
        return;
    struct kv_index *index = kv_index_named(table, setting->index);
    if (span_is_absent(setting->index))
        kv_ranking_begin(&table->arena, &table->ranking, setting->which);
    else if (index)
        kv_ranking_begin(&table->arena, &index->ranking, setting->which);
}

int kv_ranking_set(const struct kv_access *access, struct span table, struct span index,
                   unsigned which)
{
    struct kv_table_record record = {.name = table};
    int error = kv_table_record_get(access->txn, access->arena, &record);
    bool found = span_is_absent(index);
    if (error < 0)
        return error;
    if (found)
        record.watched = which;
    for (size_t i = 0; i < record.indexes.count; i++)
        if (span_eq(record.indexes.at[i].name, index)) {
            record.indexes.at[i].watched = which;
            found = true;
        }
    if (!found)
        return -ENOENT;
    kv_table_record_put(access->txn, &record);
    struct setting *setting = ARENA_NEW(access->arena, struct setting);
    *setting = (struct setting){access->kv, arena_copy(access->arena, table),
                                arena_copy(access->arena, index), which};
    txn_at_end(access->txn, set_now, setting);
    return 0;
}

/* ---- reading -------------------------------------------------------------------------------- */

static int compare_counted(const void *a, const void *b)
{
    double x = ((const struct kv_ranked *)a)->units, y = ((const struct kv_ranked *)b)->units;
    return (x < y) - (x > y);
}

size_t kv_ranking_read(const struct kv_table *table, const struct kv_index *index,
                       const struct kv_ranking_query *query, struct arena *arena,
                       struct kv_ranked to[KV_RANKED_KEYS])
{
    struct kv_ranking *ranking = ranking_of(table, index);
    if (!ranking)
        return 0;
    GUARD(&ranking->mutex);
    const struct sketch *sketch = &ranking->sketches[query->which][query->part];
    for (size_t i = 0; i < sketch->count; i++) {
        struct span key = arena_copy(arena, buf_span(&sketch->at[i].key));
        struct span hash = hash_part(key);
        to[i] = (struct kv_ranked){.hash = span_from(hash, sizeof(uint16_t)),
                                   .range = span_from(key, hash.len),
                                   .units = sketch->at[i].units};
    }
    qsort(to, sketch->count, sizeof *to, compare_counted);
    return sketch->count;
}
