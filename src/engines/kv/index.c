// SPDX-License-Identifier: Apache-2.0
/*
 * Which indexes a table has. An index has a number of its own, like a table, so that its entries,
 * its counters and the sweeping of what a dropped one leaves are those of tables. Key invariant:
 * the set of a table in the cache changes only with all of the table's locks held, when the record
 * that says so is visible. Changes on the tables' thread, look-ups on any.
 */
#include "engines/kv/inside.h"

#include "base/scope.h"
#include "engines/kv/kv.records.h"

#include <errno.h>

/* ---- records -------------------------------------------------------------------------------- */

static struct kv_attribute_list keep_parts(struct arena *arena, const struct kv_key_part *parts,
                                           size_t count)
{
    struct kv_attribute_list list = {ARENA_ARRAY(arena, struct kv_attribute, count), count};
    for (size_t i = 0; i < count; i++)
        list.at[i] = (struct kv_attribute){parts[i].name, parts[i].type};
    return list;
}

static struct kv_index_record record_of(struct arena *arena, const struct kv_index_schema *schema,
                                        uint64_t id)
{
    return (struct kv_index_record){
        .id = id,
        .name = schema->name,
        .local = schema->local,
        .expiry = schema->expiry,
        .hash = keep_parts(arena, schema->hash, schema->hash_count),
        .range = keep_parts(arena, schema->range, schema->range_count),
        .projection = schema->projection,
        .included = schema->included,
        .vector = schema->vector,
        .dimensions = schema->dimensions,
        .distance = schema->distance,
        .filters = keep_parts(arena, schema->filters, schema->filter_count),
    };
}

int indexes_keep(const struct kv_access *access, const struct kv_schema *schema,
                 struct kv_index_record_list *ret)
{
    ret->at = ARENA_ARRAY(access->arena, struct kv_index_record, schema->index_count);
    ret->count = schema->index_count;
    for (size_t i = 0; i < schema->index_count; i++) {
        uint64_t id;
        int error = kv_next_id(access, &id);
        if (error < 0)
            return error;
        ret->at[i] = record_of(access->arena, &schema->indexes[i], id);
        ret->at[i].built = true; /* there are no items yet */
    }
    return 0;
}

static void copy_parts(struct arena *arena, const struct kv_attribute_list *list,
                       struct kv_key_part *to)
{
    for (size_t i = 0; i < list->count; i++)
        to[i] = (struct kv_key_part){arena_copy(arena, list->at[i].name),
                                     (enum KV_TYPE)list->at[i].type};
}

static bool read_parts(struct arena *arena, const struct kv_attribute_list *list,
                       struct kv_key_part *to, uint8_t *ret_count)
{
    if (list->count > KV_INDEX_PARTS_MAX)
        return false;
    copy_parts(arena, list, to);
    *ret_count = (uint8_t)list->count;
    return true;
}

static void read_vector(struct arena *arena, const struct kv_index_record *record,
                        struct kv_index_schema *schema)
{
    struct kv_key_part *filters = ARENA_ARRAY(arena, struct kv_key_part, record->filters.count);
    copy_parts(arena, &record->filters, filters);
    schema->vector = arena_copy(arena, record->vector);
    schema->dimensions = (uint16_t)record->dimensions;
    schema->distance = (uint8_t)record->distance;
    schema->filters = filters;
    schema->filter_count = record->filters.count;
}

/* In the table's arena, without counts. */
static struct kv_index *index_new(struct arena *arena, const struct kv_index_record *record)
{
    struct kv_index *index = ARENA_NEW(arena, struct kv_index);
    struct kv_index_schema *schema = &index->schema;
    index->id = record->id;
    atomic_init(&index->built, record->built);
    schema->name = arena_copy(arena, record->name);
    schema->local = record->local;
    schema->expiry = record->expiry;
    schema->projection = (uint8_t)record->projection;
    read_vector(arena, record, schema);
    schema->included.at = ARENA_ARRAY(arena, struct span, record->included.count);
    schema->included.count = record->included.count;
    for (size_t i = 0; i < record->included.count; i++)
        schema->included.at[i] = arena_copy(arena, record->included.at[i]);
    meter_set(&index->meters[KV_METER_READ],
              &(struct meter_rate){record->read_rate, record->read_grows});
    meter_set(&index->meters[KV_METER_WRITE],
              &(struct meter_rate){record->write_rate, record->write_grows});
    meter_set_parts(index->parts);
    kv_ranking_begin(arena, &index->ranking, record->watched);
    bool good = read_parts(arena, &record->hash, schema->hash, &schema->hash_count) &&
                read_parts(arena, &record->range, schema->range, &schema->range_count);
    return good ? index : NULL;
}

static struct index_set *set_new(struct arena *arena, size_t count)
{
    struct index_set *set = arena_zalloc(arena, 1, sizeof *set + count * sizeof(struct kv_index *));
    set->count = 0;
    return set;
}

static void set_add(struct index_set *set, struct kv_index *index)
{
    set->at[set->count++] = index;
    set->any_local |= index->schema.local;
}

int indexes_load(const struct kv_access *access, struct kv_table *table,
                 const struct kv_index_record_list *list)
{
    if (!list->count)
        return 0;
    struct index_set *set = set_new(&table->arena, list->count);
    for (size_t i = 0; i < list->count; i++) {
        struct kv_index *index = index_new(&table->arena, &list->at[i]);
        if (!index)
            return -EBADMSG;
        int error = kv_each_shard(access->txn, index->id, kv_take_shards, index->shards);
        if (error < 0)
            return error;
        set_add(set, index);
    }
    atomic_store(&table->indexes, set);
    return 0;
}

/* ---- changes -------------------------------------------------------------------------------- */

/* Of the set of a table in the cache, once the record that says so is visible. In the caller's
 * arena. */
struct swap {
    struct kv *kv;
    struct span table, gone;
    const struct kv_index_record *added; /* NULL: none */
};

static struct index_set *next_set(struct kv_table *table, const struct swap *swap)
{
    const struct index_set *old = atomic_load(&table->indexes);
    struct index_set *set = set_new(&table->arena, (old ? old->count : 0) + 1);
    for (size_t i = 0; old && i < old->count; i++)
        if (!swap->gone.at || !span_eq(old->at[i]->schema.name, swap->gone))
            set_add(set, old->at[i]);
    if (swap->added)
        set_add(set, index_new(&table->arena, swap->added));
    return set->count ? set : NULL;
}

static void swap_now(void *thing, enum TXN_END end)
{
    const struct swap *swap = thing;
    if (end != TXN_COMMITTED)
        return;
    GUARD(&swap->kv->mutex);
    struct kv_table *table = kv_table_changed(swap->kv, swap->table);
    if (table)
        atomic_store(&table->indexes, next_set(table, swap));
}

static void swap_at_end(const struct kv_access *access, const struct kv_table_record *record,
                        const struct swap *swap)
{
    struct swap *kept = ARENA_NEW(access->arena, struct swap);
    *kept = *swap;
    kept->kv = access->kv;
    kept->table = arena_copy(access->arena, record->name);
    kept->gone = arena_copy(access->arena, swap->gone);
    txn_at_end(access->txn, swap_now, kept);
    txn_after_durable(access->txn, sweep_wake, access->kv);
}

static struct kv_index_record *record_named(const struct kv_table_record *record, struct span name)
{
    for (size_t i = 0; i < record->indexes.count; i++)
        if (span_eq(record->indexes.at[i].name, name))
            return &record->indexes.at[i];
    return NULL;
}

int table_record_locked(const struct kv_access *access, struct span table,
                        struct kv_table_record *ret)
{
    *ret = (struct kv_table_record){.name = table};
    int error = kv_table_record_get(access->txn, access->arena, ret);
    if (!error)
        kv_lock_shards(access, ret->id, UINT64_MAX);
    return error;
}

int kv_index_create(const struct kv_access *access, struct span table,
                    const struct kv_index_schema *schema)
{
    struct kv_table_record record;
    uint64_t id;
    int error = table_record_locked(access, table, &record);
    if (!error && record_named(&record, schema->name))
        error = -EEXIST;
    if (!error)
        error = kv_next_id(access, &id);
    if (error < 0)
        return error;
    struct kv_index_record_list list = {.count = record.indexes.count + 1};
    list.at = ARENA_ARRAY(access->arena, struct kv_index_record, list.count);
    for (size_t i = 0; i < record.indexes.count; i++)
        list.at[i] = record.indexes.at[i];
    list.at[record.indexes.count] = record_of(access->arena, schema, id);
    record.indexes = list;
    kv_table_record_put(access->txn, &record);
    kv_building_put(access->txn, &(struct kv_building){.id = id, .table = table});
    if (schema->expiry)
        kv_expiring_put(access->txn, &(struct kv_expiring){.id = id, .table = table});
    swap_at_end(access, &record, &(struct swap){.added = &list.at[list.count - 1]});
    return 0;
}

int kv_index_drop(const struct kv_access *access, struct span table, struct span name)
{
    struct kv_table_record record;
    int error = table_record_locked(access, table, &record);
    if (error < 0)
        return error;
    struct kv_index_record *gone = record_named(&record, name);
    if (!gone)
        return -ENOENT;
    kv_building_delete(access->txn, &(struct kv_building){.id = gone->id});
    if (gone->expiry)
        kv_expiring_delete(access->txn, &(struct kv_expiring){.id = gone->id});
    kv_dropped_put(access->txn, &(struct kv_dropped){.id = gone->id, .here = true});
    size_t at = (size_t)(gone - record.indexes.at);
    memmove(gone, gone + 1, (record.indexes.count - at - 1) * sizeof *gone);
    record.indexes.count--;
    kv_table_record_put(access->txn, &record);
    swap_at_end(access, &record, &(struct swap){.gone = name});
    return 0;
}

void kv_on_built(struct kv *kv, void (*built)(void *thing), void *thing)
{
    kv->built = built;
    kv->built_thing = thing;
}

int kv_index_look(const struct kv_access *access, struct span table, struct span name,
                  struct kv_index_state *ret)
{
    struct kv_table_record record = {.name = table};
    *ret = (struct kv_index_state){0};
    int error = kv_table_record_get(access->txn, access->arena, &record);
    if (error < 0)
        return error;
    const struct kv_index_record *index = record_named(&record, name);
    if (!index)
        return -ENOENT;
    ret->built = index->built;
    return kv_each_shard(access->txn, index->id, kv_add_shards, &ret->totals);
}

/* ---- finding -------------------------------------------------------------------------------- */

enum FINDING { FINDING_KEYS, FINDING_VECTORS };

static const struct kv_index *next_of(const struct kv_table *table, enum FINDING finding,
                                      size_t *at)
{
    const struct index_set *set = atomic_load(&table->indexes);
    while (set && *at < set->count) {
        const struct kv_index *index = set->at[(*at)++];
        if (!index->schema.expiry && (index->schema.vector.at != NULL) == finding)
            return index;
    }
    return NULL;
}

const struct kv_index *kv_index_next(const struct kv_table *table, size_t *at)
{
    return next_of(table, FINDING_KEYS, at);
}

const struct kv_index *kv_vector_index_next(const struct kv_table *table, size_t *at)
{
    return next_of(table, FINDING_VECTORS, at);
}

struct kv_index *kv_index_named(const struct kv_table *table, struct span name)
{
    const struct index_set *set = atomic_load(&table->indexes);
    for (size_t i = 0; set && i < set->count; i++)
        if (span_eq(set->at[i]->schema.name, name))
            return set->at[i];
    return NULL;
}

const struct kv_index *kv_vector_index_find(const struct kv_table *table, struct span name)
{
    const struct kv_index *index;
    for (size_t at = 0; (index = kv_vector_index_next(table, &at));)
        if (span_eq(index->schema.name, name))
            return index;
    return NULL;
}

const struct kv_index *kv_index_find(const struct kv_table *table, struct span name)
{
    const struct kv_index *index;
    for (size_t at = 0; (index = kv_index_next(table, &at));)
        if (span_eq(index->schema.name, name))
            return index;
    return NULL;
}

const struct kv_index_schema *kv_index_schema(const struct kv_index *index)
{
    return &index->schema;
}

bool kv_index_is_built(const struct kv_index *index)
{
    return atomic_load(&index->built);
}
