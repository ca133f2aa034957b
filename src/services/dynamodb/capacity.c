// SPDX-License-Identifier: Apache-2.0
/*
 * Capacity units ("DynamoDB read and write operations"): a read unit is 4 KB read consistently,
 * half of it is enough for an eventually consistent read; a write unit is 1 KB. Even nothing is
 * charged as one.
 */
#include "services/dynamodb/capacity.h"

#include "services/dynamodb/vector.h"

#define READ_UNIT 4096 /* bytes */
#define WRITE_UNIT 1024

static double units_of(size_t bytes, size_t unit)
{
    return bytes ? (double)((bytes + unit - 1) / unit) : 1;
}

double capacity_of_read(size_t bytes, bool consistent)
{
    return units_of(bytes, READ_UNIT) * (consistent ? 1 : 0.5);
}

double capacity_of_write(size_t bytes)
{
    return units_of(bytes, WRITE_UNIT);
}

struct dynamodb_consumed_capacity *capacity_shown(struct call *c, struct span wanted,
                                                  struct span table_name, double units)
{
    bool indexes = span_eq(wanted, S("INDEXES"));
    if (!indexes && !span_eq(wanted, S("TOTAL")))
        return NULL;
    struct dynamodb_consumed_capacity *shown =
        ARENA_NEW(c->arena, struct dynamodb_consumed_capacity);
    shown->table_name = table_name;
    SET(shown, capacity_units, units);
    if (indexes) {
        shown->table = ARENA_NEW(c->arena, struct dynamodb_capacity);
        SET(shown->table, capacity_units, units);
    }
    return shown;
}

/* A new key is a deletion and an insertion ("Considerations for provisioned throughput capacity of
 * global secondary indexes"). */
double capacity_of_change(const struct kv_change *change)
{
    size_t larger = change->before > change->after ? change->before : change->after;
    return change->moved ? capacity_of_write(change->before) + capacity_of_write(change->after)
                         : capacity_of_write(larger);
}

static void add_to(struct dynamodb_secondary_indexes_capacity_map *map, struct span name,
                   double units)
{
    size_t at = 0;
    while (at < map->count && !span_eq(map->at[at].key, name))
        at++;
    if (at == map->count)
        map->at[map->count++].key = name;
    SET(&map->at[at].value, capacity_units, map->at[at].value.capacity_units + units);
}

static void add_vector(struct call *c, const struct kv_change *change, size_t most,
                       struct dynamodb_vector_indexes_capacity_map *map)
{
    struct span name = kv_index_schema(change->index)->name;
    size_t at = 0;
    if (!map->at)
        map->at = ARENA_ARRAY(c->arena, struct dynamodb_vector_indexes_capacity_map_pair, most);
    while (at < map->count && !span_eq(map->at[at].key, name))
        at++;
    if (at == map->count)
        map->at[map->count++].key = name;
    SET(&map->at[at].value, vector_write_request_bytes,
        map->at[at].value.vector_write_request_bytes + vector_bytes_of(change));
}

struct dynamodb_consumed_capacity *capacity_written(struct call *c, struct span wanted,
                                                    const struct capacity_write *write)
{
    const struct kv_change *change;
    size_t count = 0;
    struct dynamodb_consumed_capacity *shown =
        capacity_shown(c, wanted, write->table_name, write->units);
    for (change = write->changes->first; change; change = change->next)
        count += change->table == write->table;
    if (!shown || !count)
        return shown;
    struct dynamodb_secondary_indexes_capacity_map maps[2] = {{0}};
    struct dynamodb_vector_indexes_capacity_map vectors = {0};
    for (change = write->changes->first; change; change = change->next) {
        const struct kv_index_schema *index = kv_index_schema(change->index);
        double units = capacity_of_change(change) * write->factor;
        if (change->table != write->table)
            continue;
        if (index->vector.at) {
            add_vector(c, change, count, &vectors);
            continue;
        }
        shown->capacity_units += units;
        if (!maps[index->local].at)
            maps[index->local].at =
                ARENA_ARRAY(c->arena, struct dynamodb_secondary_indexes_capacity_map_pair, count);
        add_to(&maps[index->local], index->name, units);
    }
    if (shown->table) {
        shown->global_secondary_indexes = maps[0];
        shown->local_secondary_indexes = maps[1];
        shown->vector_indexes = vectors;
    }
    return shown;
}
