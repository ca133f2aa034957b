// SPDX-License-Identifier: Apache-2.0
/* A table's record as a TableDescription. Field presence as in recorded answers. Control thread. */
#include "services/dynamodb/reference.h"
#include "services/dynamodb/table.h"

#include "services/cloud.h"

#include <errno.h>

/* What a table on demand takes from its first second ("Understanding warm throughput"). */
#define WARM_READ_UNITS 12000
#define WARM_WRITE_UNITS 4000

static struct span state_name(uint64_t state)
{
    static const struct span names[] = {
        [TABLE_CREATING] = S_INIT("CREATING"),
        [TABLE_ACTIVE] = S_INIT("ACTIVE"),
        [TABLE_UPDATING] = S_INIT("UPDATING"),
        [TABLE_DELETING] = S_INIT("DELETING"),
    };
    return names[state];
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
    to->key_schema.at = ARENA_ARRAY(c->arena, struct dynamodb_key_schema_element, 2);
    to->key_schema.at[0] = (struct dynamodb_key_schema_element){table->hash_name, S("HASH")};
    to->key_schema.at[1] = (struct dynamodb_key_schema_element){table->range_name, S("RANGE")};
    to->key_schema.count = table->range_name.at ? 2 : 1;
}

static void describe_throughput(struct call *c, const struct dynamodb_table *table,
                                struct dynamodb_table_description *to)
{
    struct dynamodb_provisioned_throughput_description *units =
        ARENA_NEW(c->arena, struct dynamodb_provisioned_throughput_description);
    SET(units, read_capacity_units, (int64_t)table->read_units);
    SET(units, write_capacity_units, (int64_t)table->write_units);
    SET(units, number_of_decreases_today, (int64_t)table->decreases_today);
    if (table->increased)
        SET(units, last_increase_date_time, table->increased);
    if (table->decreased)
        SET(units, last_decrease_date_time, table->decreased);
    to->provisioned_throughput = units;
    struct dynamodb_table_warm_throughput_description *warm =
        ARENA_NEW(c->arena, struct dynamodb_table_warm_throughput_description);
    SET(warm, read_units_per_second,
        table->on_demand ? WARM_READ_UNITS : (int64_t)table->read_units);
    SET(warm, write_units_per_second,
        table->on_demand ? WARM_WRITE_UNITS : (int64_t)table->write_units);
    warm->status = S("ACTIVE");
    to->warm_throughput = warm;
}

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
    to->table_status = state_name(table->state);
    SET(to, creation_date_time, table->created);
    SET(to, item_count, (int64_t)totals.items);
    SET(to, table_size_bytes, (int64_t)totals.bytes);
    SET(to, deletion_protection_enabled, table->protected);
    describe_keys(c, table, to);
    describe_throughput(c, table, to);
    describe_billing(c, table, to);
    describe_class(c, table, to);
    *ret = to;
    return OK;
}
