// SPDX-License-Identifier: Apache-2.0
/* A table's record as a TableDescription. Field presence as in recorded answers. Control thread. */
#include "services/dynamodb/allowance.h"
#include "services/dynamodb/index.h"
#include "services/dynamodb/reference.h"
#include "services/dynamodb/replica.h"
#include "services/dynamodb/table.h"
#include "services/dynamodb/vector.h"

#include "services/cloud.h"

#include <errno.h>

struct span table_state_name(uint64_t state)
{
    static const struct span names[] = {
        [TABLE_CREATING] = S_INIT("CREATING"),
        [TABLE_ACTIVE] = S_INIT("ACTIVE"),
        [TABLE_UPDATING] = S_INIT("UPDATING"),
        [TABLE_DELETING] = S_INIT("DELETING"),
    };
    return names[state];
}

static struct span index_arn(struct call *c, const struct dynamodb_table *table, struct span name)
{
    return arena_printf(c->arena, "%.*s/index/%.*s", SPAN_ARG(reference_arn(c, table->name)),
                        SPAN_ARG(name));
}

struct dynamodb_key_schema table_key_schema(struct call *c, struct span hash_name,
                                            struct span range_name)
{
    struct dynamodb_key_schema keys = {
        .at = ARENA_ARRAY(c->arena, struct dynamodb_key_schema_element, 2),
        .count = range_name.at ? 2 : 1};
    keys.at[0] = (struct dynamodb_key_schema_element){hash_name, S("HASH")};
    keys.at[1] = (struct dynamodb_key_schema_element){range_name, S("RANGE")};
    return keys;
}

static void describe_keys(struct call *c, const struct dynamodb_table *table,
                          struct dynamodb_table_description *to)
{
    const struct dynamodb_attribute_list *from = &table->attributes;
    to->attribute_definitions.at =
        ARENA_ARRAY(c->arena, struct dynamodb_attribute_definition, from->count);
    to->attribute_definitions.count = from->count;
    for (size_t i = 0; i < from->count; i++)
        to->attribute_definitions.at[i] =
            (struct dynamodb_attribute_definition){from->at[i].name, from->at[i].type};
    to->key_schema = table_key_schema(c, table->hash_name, table->range_name);
}

/* Of a table or an index. */
struct throughput {
    uint64_t read_units, write_units, decreases_today;
    int64_t increased, decreased;
};

static struct dynamodb_provisioned_throughput_description *
describe_units(struct call *c, const struct throughput *from)
{
    struct dynamodb_provisioned_throughput_description *units =
        ARENA_NEW(c->arena, struct dynamodb_provisioned_throughput_description);
    SET(units, read_capacity_units, (int64_t)from->read_units);
    SET(units, write_capacity_units, (int64_t)from->write_units);
    SET(units, number_of_decreases_today, (int64_t)from->decreases_today);
    if (from->increased)
        SET(units, last_increase_date_time, from->increased);
    if (from->decreased)
        SET(units, last_decrease_date_time, from->decreased);
    return units;
}

uint64_t table_warm_now(const struct dynamodb_table *table, uint64_t warmed, uint64_t provisioned,
                        uint64_t initial)
{
    uint64_t own = table->on_demand ? initial : provisioned;
    return warmed > own ? warmed : own;
}

static void describe_throughput(struct call *c, const struct dynamodb_table *table,
                                struct dynamodb_table_description *to)
{
    to->provisioned_throughput = describe_units(
        c, &(struct throughput){table->read_units, table->write_units, table->decreases_today,
                                table->increased, table->decreased});
    struct dynamodb_table_warm_throughput_description *warm =
        ARENA_NEW(c->arena, struct dynamodb_table_warm_throughput_description);
    SET(warm, read_units_per_second,
        (int64_t)table_warm_now(table, table->warm_read, table->read_units, WARM_READ_UNITS));
    SET(warm, write_units_per_second,
        (int64_t)table_warm_now(table, table->warm_write, table->write_units, WARM_WRITE_UNITS));
    warm->status = table->warming ? S("UPDATING") : S("ACTIVE");
    to->warm_throughput = warm;
    to->on_demand_throughput = allowance_shown(c, table->max_read, table->max_write);
}

/* ---- indexes -------------------------------------------------------------------------------- */

struct span index_state_name(uint64_t state)
{
    static const struct span names[] = {
        [INDEX_ACTIVE] = S_INIT("ACTIVE"),
        [INDEX_CREATING] = S_INIT("CREATING"),
        [INDEX_UPDATING] = S_INIT("UPDATING"),
        [INDEX_DELETING] = S_INIT("DELETING"),
    };
    return names[state];
}

struct dynamodb_key_schema index_keys(struct call *c, const struct dynamodb_table_index *index)
{
    struct dynamodb_key_schema keys = {.count = index->hash.count + index->range.count};
    keys.at = ARENA_ARRAY(c->arena, struct dynamodb_key_schema_element, keys.count);
    for (size_t i = 0; i < index->hash.count; i++)
        keys.at[i] = (struct dynamodb_key_schema_element){index->hash.at[i], S("HASH")};
    for (size_t i = 0; i < index->range.count; i++)
        keys.at[index->hash.count + i] =
            (struct dynamodb_key_schema_element){index->range.at[i], S("RANGE")};
    return keys;
}

struct dynamodb_projection *index_projection(struct call *c,
                                             const struct dynamodb_table_index *index)
{
    struct dynamodb_projection *projection = ARENA_NEW(c->arena, struct dynamodb_projection);
    projection->projection_type = index->projection;
    if (index->included.count) {
        projection->non_key_attributes.at = index->included.at;
        projection->non_key_attributes.count = index->included.count;
    }
    return projection;
}

static void describe_local(struct call *c, const struct dynamodb_table *table,
                           const struct dynamodb_table_index *index, const struct kv_totals *totals,
                           struct dynamodb_local_secondary_index_description *to)
{
    to->index_name = index->name;
    to->index_arn = index_arn(c, table, index->name);
    to->key_schema = index_keys(c, index);
    to->projection = index_projection(c, index);
    SET(to, index_size_bytes, (int64_t)totals->bytes);
    SET(to, item_count, (int64_t)totals->items);
}

struct dynamodb_global_secondary_index_warm_throughput_description *
index_warm_throughput(struct call *c, const struct dynamodb_table *table,
                      const struct dynamodb_table_index *index)
{
    struct dynamodb_global_secondary_index_warm_throughput_description *warm =
        ARENA_NEW(c->arena, struct dynamodb_global_secondary_index_warm_throughput_description);
    SET(warm, read_units_per_second,
        (int64_t)table_warm_now(table, index->warm_read, index->read_units, WARM_READ_UNITS));
    SET(warm, write_units_per_second,
        (int64_t)table_warm_now(table, index->warm_write, index->write_units, WARM_WRITE_UNITS));
    warm->status = index->warming ? S("UPDATING") : S("ACTIVE");
    return warm;
}

static void describe_global(struct call *c, const struct dynamodb_table *table,
                            const struct dynamodb_table_index *index,
                            const struct kv_index_state *state,
                            struct dynamodb_global_secondary_index_description *to)
{
    to->index_name = index->name;
    to->index_arn = index_arn(c, table, index->name);
    to->key_schema = index_keys(c, index);
    to->projection = index_projection(c, index);
    to->index_status = index_state_name(index->state);
    if (index->state == INDEX_CREATING && table->state == TABLE_ACTIVE)
        SET(to, backfilling, !state->built);
    to->provisioned_throughput = describe_units(
        c, &(struct throughput){index->read_units, index->write_units, index->decreases_today,
                                index->increased, index->decreased});
    to->warm_throughput = index_warm_throughput(c, table, index);
    to->on_demand_throughput = allowance_shown(c, index->max_read, index->max_write);
    SET(to, index_size_bytes, (int64_t)state->totals.bytes);
    SET(to, item_count, (int64_t)state->totals.items);
}

static RESULT describe_indexes(struct call *c, const struct dynamodb_table *table,
                               struct dynamodb_table_description *to)
{
    struct kv_access access = reference_access(c);
    struct dynamodb_global_secondary_index_description_list *global = &to->global_secondary_indexes;
    struct dynamodb_local_secondary_index_description_list *local = &to->local_secondary_indexes;
    for (size_t i = 0; i < table->indexes.count; i++) {
        const struct dynamodb_table_index *index = &table->indexes.at[i];
        struct kv_index_state state = {0};
        int error = kv_index_look(&access, reference_of(c->arena, table), index->name, &state);
        if (error < 0 && error != -ENOENT) /* one that is going has left the engine */
            return refuse_errno(c, error, "counting an index's items");
        if (index->local && !local->at)
            local->at = ARENA_ARRAY(c->arena, struct dynamodb_local_secondary_index_description,
                                    table->indexes.count);
        if (!index->local && !global->at)
            global->at = ARENA_ARRAY(c->arena, struct dynamodb_global_secondary_index_description,
                                     table->indexes.count);
        if (index->local)
            describe_local(c, table, index, &state.totals, &local->at[local->count++]);
        else
            describe_global(c, table, index, &state, &global->at[global->count++]);
    }
    return OK;
}

/* ---- the rest ------------------------------------------------------------------------------- */

/* A table that was never on demand has no summary of it. */
static void describe_billing(struct call *c, const struct dynamodb_table *table,
                             struct dynamodb_table_description *to)
{
    if (!table->on_demand && !table->on_demand_since)
        return;
    struct dynamodb_billing_mode_summary *summary =
        ARENA_NEW(c->arena, struct dynamodb_billing_mode_summary);
    summary->billing_mode = table->on_demand ? S("PAY_PER_REQUEST") : S("PROVISIONED");
    if (table->on_demand_since)
        SET(summary, last_update_to_pay_per_request_date_time, table->on_demand_since);
    to->billing_mode_summary = summary;
}

static void describe_class(struct call *c, const struct dynamodb_table *table,
                           struct dynamodb_table_description *to)
{
    if (!table->table_class.at)
        return;
    struct dynamodb_table_class_summary *summary =
        ARENA_NEW(c->arena, struct dynamodb_table_class_summary);
    summary->table_class = table->table_class;
    if (table->class_changed)
        SET(summary, last_update_date_time, table->class_changed);
    to->table_class_summary = summary;
}

/* Told only while it lasts. */
static void describe_restore(struct call *c, const struct dynamodb_table *table,
                             struct dynamodb_table_description *to)
{
    if (!table->restored_at || table->state != TABLE_CREATING)
        return;
    to->restore_summary = ARENA_NEW(c->arena, struct dynamodb_restore_summary);
    to->restore_summary->source_backup_arn = table->restored_backup;
    to->restore_summary->source_table_arn = table->restored_table;
    to->restore_summary->restore_date_time = table->restored_at;
    to->restore_summary->restore_in_progress = true;
}

RESULT table_describe(struct call *c, const struct dynamodb_table *table,
                      struct dynamodb_table_description **ret)
{
    struct kv_access access = reference_access(c);
    struct kv_totals totals;
    int error = kv_table_totals(&access, reference_of(c->arena, table), &totals);
    if (error < 0)
        return refuse_errno(c, error, "counting a table's items");
    struct dynamodb_table_description *to = ARENA_NEW(c->arena, struct dynamodb_table_description);
    to->table_name = table->name;
    to->table_arn = reference_arn(c, table->name);
    to->table_id = table->id;
    to->table_status = table_state_name(table->state);
    SET(to, creation_date_time, table->created);
    SET(to, item_count, (int64_t)totals.items);
    SET(to, table_size_bytes, (int64_t)totals.bytes);
    SET(to, deletion_protection_enabled, table->protected);
    describe_keys(c, table, to);
    describe_throughput(c, table, to);
    describe_billing(c, table, to);
    describe_class(c, table, to);
    table_describe_stream(c, table, to);
    describe_restore(c, table, to);
    TRY(replica_describe(c, table, to));
    *ret = to;
    TRY(vector_describe(c, table, to));
    return describe_indexes(c, table, to);
}
