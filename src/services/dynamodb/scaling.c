// SPDX-License-Identifier: Apache-2.0
/*
 * The provisioned units of a table or a global index, looked at and set from outside: what
 * Application Auto Scaling moves. A change is an UpdateTable like any other; reads of a global
 * table change in one region alone. Control thread.
 */
#include "services/dynamodb/dynamodb.h"
#include "services/dynamodb/reference.h"
#include "services/dynamodb/replica.h"
#include "services/dynamodb/table.h"

#include <errno.h>

static const struct dynamodb_table_index *index_of(const struct dynamodb_table *table,
                                                   struct span name)
{
    for (size_t i = 0; i < table->indexes.count; i++)
        if (!table->indexes.at[i].local && span_eq(table->indexes.at[i].name, name))
            return &table->indexes.at[i];
    return NULL;
}

/* The units of both meters. */
static int find(struct call *c, const struct dynamodb_units *of, struct dynamodb_table *table,
                uint64_t ret_units[2])
{
    *table = reference_key(c, of->table);
    int error = dynamodb_table_get(c->txn, c->arena, table);
    if (error < 0)
        return error;
    const struct dynamodb_table_index *index = index_of(table, of->index);
    if (!span_is_absent(of->index) && !index)
        return -ENOENT;
    ret_units[KV_METER_READ] = index ? index->read_units : table->read_units;
    ret_units[KV_METER_WRITE] = index ? index->write_units : table->write_units;
    return 0;
}

int dynamodb_units_look(struct call *c, const struct dynamodb_units *of,
                        struct dynamodb_units_state *ret)
{
    const struct kv_access access = reference_access(c);
    struct dynamodb_table table;
    uint64_t units[2];
    int error = find(c, of, &table, units);
    if (error < 0)
        return error;
    int settled = replica_units_settled(c, &table);
    if (settled < 0)
        return settled;
    *ret = (struct dynamodb_units_state){
        .on_demand = table.on_demand,
        .settled = settled && table.state == TABLE_ACTIVE,
        .units = units[of->which],
        .taken = kv_meter_taken(&access, reference_of(c->arena, &table), of->index, of->which)};
    return 0;
}

RESULT dynamodb_units_set(struct call *c, const struct dynamodb_units *of, uint64_t units)
{
    struct dynamodb_table table;
    uint64_t both[2];
    int error = find(c, of, &table, both);
    if (error < 0)
        return error == -ENOENT ? refuse(c, &DYNAMODB_RESOURCE_NOT_FOUND_EXCEPTION,
                                         "Requested resource not found: Table: %.*s not found",
                                         SPAN_ARG(of->table))
                                : refuse_errno(c, error, "reading a table's record");
    both[of->which] = units;
    struct dynamodb_provisioned_throughput wanted = {
        .read_capacity_units = (int64_t)both[KV_METER_READ],
        .write_capacity_units = (int64_t)both[KV_METER_WRITE]};
    struct dynamodb_update_global_secondary_index_action action = {
        .index_name = of->index, .provisioned_throughput = &wanted};
    struct dynamodb_global_secondary_index_update update = {.update = &action};
    struct dynamodb_update_table_in in = {.table_name = of->table};
    if (span_is_absent(of->index))
        in.provisioned_throughput = &wanted;
    else
        in.global_secondary_index_updates =
            (struct dynamodb_global_secondary_index_update_list){&update, 1};
    return table_update(c, &in, of->which == KV_METER_READ ? TABLE_HERE : TABLE_EVERYWHERE);
}
