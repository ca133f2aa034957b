// SPDX-License-Identifier: Apache-2.0
/*
 * Throttling of provisioned tables ("Throttling diagnosis", "Burst and adaptive capacity"): five
 * minutes of unused units are kept; a local index is written and read on the table's units, a
 * global one on its own, and a write is refused when a global index that it changes cannot take it.
 */
#include "services/dynamodb/throttle.h"

#include "services/dynamodb/capacity.h"
#include "services/dynamodb/dynamodb.api.h"
#include "services/dynamodb/reference.h"

#include <errno.h>

RESULT throttle_refuse(struct call *c)
{
    return refuse(c, &DYNAMODB_PROVISIONED_THROUGHPUT_EXCEEDED_EXCEPTION,
                  "The level of configured provisioned throughput for the table was exceeded. "
                  "Consider increasing your provisioning level with the UpdateTable API.");
}

static RESULT refuse_index(struct call *c)
{
    return refuse(c, &DYNAMODB_PROVISIONED_THROUGHPUT_EXCEEDED_EXCEPTION,
                  "The level of configured provisioned throughput for one or more global secondary "
                  "indexes of the table was exceeded. Consider increasing your provisioning level "
                  "for the under-provisioned global secondary indexes with the UpdateTable API");
}

RESULT throttle_read(struct call *c, const struct throttle_target *target,
                     const struct kv_index *index, double units)
{
    const struct kv_index *own = index && !kv_index_schema(index)->local ? index : NULL;
    if (!kv_meter_has(target->access, target->table, own, KV_METER_READ))
        return own ? refuse_index(c) : throttle_refuse(c);
    kv_meter_take(target->table, own, KV_METER_READ, units);
    return OK;
}

RESULT throttle_write(struct call *c, const struct throttle_target *target, double units,
                      const struct kv_changes *changes)
{
    const struct kv_change *change;
    if (!kv_meter_has(target->access, target->table, NULL, KV_METER_WRITE))
        return throttle_refuse(c);
    for (change = changes->first; change; change = change->next)
        if (change->table == target->table && !kv_index_schema(change->index)->local &&
            !kv_meter_has(target->access, target->table, change->index, KV_METER_WRITE))
            return refuse_index(c);
    kv_meter_take(target->table, NULL, KV_METER_WRITE, units);
    for (change = changes->first; change; change = change->next)
        if (change->table == target->table)
            kv_meter_take(target->table,
                          kv_index_schema(change->index)->local ? NULL : change->index,
                          KV_METER_WRITE, capacity_of_change(change));
    return OK;
}

bool throttle_is_open(const struct throttle_target *target, enum KV_METER which)
{
    const struct kv_index *index;
    if (!kv_meter_has(target->access, target->table, NULL, which))
        return false;
    for (size_t at = 0; which == KV_METER_WRITE && (index = kv_index_next(target->table, &at));)
        if (!kv_meter_has(target->access, target->table, index, which))
            return false;
    return true;
}

RESULT throttle_set(struct call *c, const struct dynamodb_table *table)
{
    const struct kv_access access = reference_access(c);
    struct span name = reference_of(c->arena, table);
    int error = kv_rates_set(&access, name, SPAN_NONE,
                             &(struct kv_rates){table->read_units, table->write_units});
    for (size_t i = 0; i < table->indexes.count && !error; i++) {
        const struct dynamodb_table_index *index = &table->indexes.at[i];
        error = kv_rates_set(&access, name, index->name,
                             &(struct kv_rates){index->read_units, index->write_units});
        if (error == -ENOENT) /* it is on its way out */
            error = 0;
    }
    return error < 0 ? refuse_errno(c, error, "setting a table's units") : OK;
}
