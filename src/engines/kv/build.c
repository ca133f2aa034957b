// SPDX-License-Identifier: Apache-2.0
/*
 * Fills indexes that were made while their table had items: its items are gone through in batches,
 * each a transaction of its own on a worker that locks the items' shards and adds the entries that
 * are missing. How far it came is in the store (record `building`), so a restart goes on there. Key
 * invariant: writers maintain the index from the commit that made it, so an item is either passed
 * later or already has its entry. That an index is complete is written on the home loop, where all
 * changes of tables' records are.
 */
#include "engines/kv/inside.h"

#include "base/log.h"
#include "engines/kv/kv.records.h"
#include "store/key.h"

#include <errno.h>

#define BATCH_ITEMS 64 /* as long as writers have to wait for */
#define ARENA_FIRST 16384
#define ARENA_CEILING (16 << 20)

/* ---- on a worker ---------------------------------------------------------------------------- */

static int take_first(void *user, struct kv_building *building)
{
    *(struct kv_building *)user = *building;
    return 1;
}

static int add_item(const struct kv_access *access, struct kv_table *table, struct kv_index *index,
                    struct span key)
{
    struct kv_key place = {.len = (uint16_t)key.len, .shard = (uint8_t)kv_shard_of(key)};
    struct kv_write write = {.table = table, .key = &place};
    int error = txn_get(access->txn, FAMILY_ITEMS, key, access->arena, &write.item);
    if (error < 0)
        return error == -ENOENT ? 0 : error;
    return entry_add(access, &write, index);
}

static int add_items(const struct kv_access *access, struct kv_table *table, struct kv_index *index,
                     struct kv_building *building)
{
    struct key_batch batch = {.keys = ARENA_ARRAY(access->arena, struct span, BATCH_ITEMS),
                              .room = BATCH_ITEMS};
    uint64_t shards = 0;
    int error = kv_read_batch(access, table->id, building->from, &batch);
    for (size_t i = 0; i < batch.count; i++)
        shards |= (uint64_t)1 << kv_shard_of(batch.keys[i]);
    kv_lock_shards(access, table->id, shards);
    for (size_t i = 0; i < batch.count && !error; i++)
        error = add_item(access, table, index, batch.keys[i]);
    if (error < 0)
        return error;
    if (!batch.more)
        access->kv->sweep.built = building->id;
    if (batch.count)
        building->from = batch.keys[batch.count - 1];
    kv_building_put(access->txn, building);
    return 1;
}

static struct kv_index *index_of(const struct kv_table *table, uint64_t id)
{
    const struct index_set *set = atomic_load(&table->indexes);
    for (size_t i = 0; set && i < set->count; i++)
        if (set->at[i]->id == id)
            return set->at[i];
    return NULL;
}

int build_batch(struct kv *kv, struct txn *txn, struct arena *arena)
{
    struct kv_access access = {.kv = kv, .txn = txn, .arena = arena};
    struct kv_building building = {0};
    struct kv_table *table;
    int error = kv_building_each(txn, &(struct kv_building){0}, 0, arena, take_first, &building);
    if (error < 0 || !building.id)
        return error;
    error = kv_find(&access, building.table, &table);
    if (error < 0 && error != -ENOENT)
        return error;
    struct kv_index *index = error ? NULL : index_of(table, building.id);
    if (index)
        return add_items(&access, table, index, &building);
    kv_building_delete(txn, &building);
    return 1;
}

/* ---- on the home loop ----------------------------------------------------------------------- */

static int set_built(const struct kv_access *access, uint64_t id)
{
    struct kv_building building = {.id = id};
    int error = kv_building_get(access->txn, access->arena, &building);
    if (error < 0)
        return error;
    struct kv_table_record record = {.name = building.table};
    error = kv_table_record_get(access->txn, access->arena, &record);
    if (error < 0)
        return error;
    kv_building_delete(access->txn, &building);
    for (size_t i = 0; i < record.indexes.count; i++)
        if (record.indexes.at[i].id == id)
            record.indexes.at[i].built = true;
    kv_table_record_put(access->txn, &record);
    struct kv_table *table = kv_cached(access->kv, building.table);
    struct kv_index *index = table ? index_of(table, id) : NULL;
    if (index)
        atomic_store(&index->built, true);
    return 0;
}

/* The table may be gone by now; then there is nothing left to say. */
void build_finish(struct kv *kv)
{
    struct arena arena;
    uint64_t ticket;
    arena_init(&arena, ARENA_FIRST, ARENA_CEILING);
    struct kv_access access = {.kv = kv, .txn = txn_begin(kv->store), .arena = &arena};
    int error = set_built(&access, kv->sweep.built);
    kv->sweep.built = 0;
    if (error < 0) {
        txn_rollback(access.txn);
    } else {
        error = txn_commit(access.txn, &ticket);
        if (!error && kv->built)
            kv->built(kv->built_thing);
    }
    arena_done(&arena);
    if (error < 0 && error != -ENOENT)
        log_error("completing an index: %s", strerror(-error));
}
