// SPDX-License-Identifier: Apache-2.0
/*
 * UpdateTable's GlobalSecondaryIndexUpdates. An index that is made or deleted is so in the engine
 * at once, in the table's commit; what takes time after that (filling, sweeping) the engine does by
 * itself. Rules and texts as the real service was measured to have them. Control thread.
 */
#include "services/dynamodb/index.h"

#include "services/dynamodb/allowance.h"
#include "services/dynamodb/decrease.h"
#include "services/dynamodb/reference.h"
#include "services/dynamodb/table.h"
#include "services/dynamodb/vector.h"

#define BAD "One or more parameter values were invalid: "

static struct span name_of(const struct dynamodb_global_secondary_index_update *update)
{
    return update->create   ? update->create->index_name
           : update->delete ? update->delete->index_name
                            : update->update->index_name;
}

RESULT table_check_index_updates(struct call *c, const struct dynamodb_update_table_in *in)
{
    const struct dynamodb_global_secondary_index_update_list *list =
        &in->global_secondary_index_updates;
    for (size_t i = 0; i < list->count; i++) {
        const struct dynamodb_global_secondary_index_update *at = &list->at[i];
        int actions = (at->update != NULL) + (at->create != NULL) + (at->delete != NULL);
        if (actions > 1)
            return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                          BAD "Only one global secondary index action is allowed per "
                              "GlobalSecondaryIndexUpdate object");
        if (!actions)
            return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                          BAD "One of GlobalSecondaryIndexUpdate.Update, "
                              "GlobalSecondaryIndexUpdate.Create, "
                              "GlobalSecondaryIndexUpdate.Delete must not be null");
        for (size_t j = 0; j < i; j++)
            if (span_eq(name_of(at), name_of(&list->at[j])))
                return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                              BAD "Only one global secondary index update per index is allowed "
                                  "simultaneously. Index: %.*s",
                              SPAN_ARG(name_of(at)));
        if ((at->create || at->delete) && in->provisioned_throughput)
            return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                          BAD "You cannot create or delete index while updating table IOPS");
        if ((at->create || at->delete) && in->stream_specification)
            return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                          BAD "You cannot create or delete index while changing stream status");
    }
    return OK;
}

/* ---- one at a time -------------------------------------------------------------------------- */

static RESULT check_single(struct call *c, const struct dynamodb_update_table_in *in,
                           const struct dynamodb_table *table)
{
    size_t moving = 0, asked = 0;
    for (size_t i = 0; i < table->indexes.count; i++)
        moving += table->indexes.at[i].state == INDEX_CREATING ||
                  table->indexes.at[i].state == INDEX_DELETING;
    for (size_t i = 0; i < in->global_secondary_index_updates.count; i++)
        asked += !in->global_secondary_index_updates.at[i].update;
    if (!asked || moving + asked <= 1)
        return OK;
    return refuse(c, &DYNAMODB_LIMIT_EXCEEDED_EXCEPTION,
                  "Subscriber limit exceeded: Only 1 online index can be created or deleted "
                  "simultaneously per table");
}

/* ---- Create --------------------------------------------------------------------------------- */

/* The request's definitions and those that the table has. */
static struct dynamodb_attribute_definitions
definitions_of(struct call *c, const struct dynamodb_update_table_in *in,
               const struct dynamodb_table *table)
{
    struct dynamodb_attribute_definitions all = in->attribute_definitions;
    all.at = ARENA_ARRAY(c->arena, struct dynamodb_attribute_definition,
                         all.count + table->attributes.count);
    for (size_t i = 0; i < all.count; i++)
        all.at[i] = in->attribute_definitions.at[i];
    for (size_t i = 0; i < table->attributes.count; i++)
        all.at[all.count++] = (struct dynamodb_attribute_definition){table->attributes.at[i].name,
                                                                     table->attributes.at[i].type};
    return all;
}

static bool has_attribute(const struct dynamodb_table *table, struct span name)
{
    for (size_t i = 0; i < table->attributes.count; i++)
        if (span_eq(table->attributes.at[i].name, name))
            return true;
    return false;
}

/* Only what the new keys need; an attribute that is there keeps its type. */
static void add_attributes(struct call *c, const struct dynamodb_key_schema *keys,
                           const struct dynamodb_attribute_definitions *definitions,
                           struct dynamodb_table *table)
{
    for (size_t i = 0; i < keys->count; i++)
        for (size_t j = 0; j < definitions->count; j++)
            if (span_eq(definitions->at[j].attribute_name, keys->at[i].attribute_name) &&
                !has_attribute(table, keys->at[i].attribute_name))
                table_add_attribute(c, table, &definitions->at[j]);
}

static RESULT check_room(struct call *c, const struct dynamodb_table *table,
                         const struct index_wish *wish)
{
    size_t global = 0, included = wish->projection->non_key_attributes.count;
    for (size_t i = 0; i < table->indexes.count; i++) {
        global += !table->indexes.at[i].local;
        included += table->indexes.at[i].included.count;
    }
    if (global >= INDEX_GLOBAL_MAX)
        return refuse(c, &DYNAMODB_LIMIT_EXCEEDED_EXCEPTION,
                      BAD "GlobalSecondaryIndex count exceeds the per-table limit of %d",
                      INDEX_GLOBAL_MAX);
    return index_check_included(c, included);
}

static RESULT create_index(struct call *c, const struct dynamodb_update_table_in *in,
                           const struct dynamodb_create_global_secondary_index_action *action,
                           struct dynamodb_table *table)
{
    const struct index_wish wish = {.name = action->index_name,
                                    .keys = &action->key_schema,
                                    .projection = action->projection,
                                    .units = action->provisioned_throughput,
                                    .most = action->on_demand_throughput,
                                    .warm = action->warm_throughput};
    if (index_named(table, wish.name) || vector_named(table, wish.name))
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Attempting to create an index which already exists");
    TRY(index_check_warm(c, &(struct index_warm){wish.name, action->warm_throughput, wish.units}));
    TRY(allowance_check(c, &(struct allowance_wish){.wanted = action->on_demand_throughput,
                                                    .index = wish.name,
                                                    .on_demand = table->on_demand}));
    if (!in->attribute_definitions.count)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      BAD "AttributeDefinitions is not specified for index: %.*s",
                      SPAN_ARG(wish.name));
    struct dynamodb_attribute_definitions definitions = definitions_of(c, in, table);
    const struct index_table as_it_will_be = {NULL, &definitions, table->on_demand};
    TRY(index_check_added(c, &as_it_will_be, &wish));
    TRY(check_room(c, table, &wish));
    add_attributes(c, wish.keys, &definitions, table);

    struct dynamodb_table_index_list list = {.count = table->indexes.count + 1};
    list.at = ARENA_ARRAY(c->arena, struct dynamodb_table_index, list.count);
    for (size_t i = 0; i < table->indexes.count; i++)
        list.at[i] = table->indexes.at[i];
    list.at[list.count - 1] = index_record(c, &wish);
    table->indexes = list;

    struct kv_access access = reference_access(c);
    struct kv_index_schema schema = index_schema(c, table, &list.at[list.count - 1]);
    int error = kv_index_create(&access, reference_of(c->arena, table), &schema);
    return error < 0 ? refuse_errno(c, error, "making an index") : OK;
}

/* ---- Delete, Update ------------------------------------------------------------------------- */

static RESULT find_global(struct call *c, const struct dynamodb_table *table, struct span name,
                          const char *doing, struct dynamodb_table_index **ret)
{
    *ret = index_named(table, name);
    if (!*ret)
        return refuse(c, &DYNAMODB_RESOURCE_NOT_FOUND_EXCEPTION, "Requested resource not found");
    if ((*ret)->local)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Cannot %s an index that is not a GlobalSecondaryIndex: %.*s", doing,
                      SPAN_ARG(name));
    return OK;
}

static RESULT delete_index(struct call *c, struct span name, struct dynamodb_table *table)
{
    struct dynamodb_table_index *index;
    struct kv_access access = reference_access(c);
    TRY(find_global(c, table, name, "delete", &index));
    index->state = INDEX_DELETING;
    int error = kv_index_drop(&access, reference_of(c->arena, table), name);
    return error < 0 ? refuse_errno(c, error, "deleting an index") : OK;
}

static RESULT set_units(struct call *c, struct dynamodb_table_index *index,
                        const struct dynamodb_provisioned_throughput *units)
{
    uint64_t reads = (uint64_t)units->read_capacity_units;
    uint64_t writes = (uint64_t)units->write_capacity_units;
    if (reads > index->read_units || writes > index->write_units)
        index->increased = c->now_ms;
    if (reads < index->read_units || writes < index->write_units)
        TRY(decrease_count(c, &index->decreased, &index->decreases_today));
    index->read_units = reads;
    index->write_units = writes;
    index->state = INDEX_UPDATING;
    return OK;
}

static RESULT update_index(struct call *c,
                           const struct dynamodb_update_global_secondary_index_action *action,
                           struct dynamodb_table *table)
{
    struct dynamodb_table_index *index;
    const struct dynamodb_provisioned_throughput *units = action->provisioned_throughput;
    TRY(find_global(c, table, action->index_name, "update", &index));
    TRY(allowance_check_warm(
        c,
        &(struct warm_wish){
            .wanted = action->warm_throughput,
            .index = index->name,
            .read = table_warm_now(table, index->warm_read, index->read_units, WARM_READ_UNITS),
            .write = table_warm_now(table, index->warm_write, index->write_units, WARM_WRITE_UNITS),
            .made = true}));
    TRY(allowance_check(c, &(struct allowance_wish){.wanted = action->on_demand_throughput,
                                                    .index = index->name,
                                                    .on_demand = table->on_demand,
                                                    .made = true}));
    allowance_set_warm(action->warm_throughput, &index->warm_read, &index->warm_write);
    index->warming |= action->warm_throughput != NULL;
    if ((action->on_demand_throughput || action->warm_throughput) && !units) {
        allowance_set(action->on_demand_throughput, &index->max_read, &index->max_write);
        index->state = INDEX_UPDATING;
        return OK;
    }
    if (!units)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      BAD "ProvisionedThroughput must be specified for index: %.*s",
                      SPAN_ARG(index->name));
    if (table->on_demand)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      BAD "The only Updates for index: %.*s when TableThroughputMode is "
                          "PAY_PER_REQUEST can be to OnDemandThroughput, WarmThroughput",
                      SPAN_ARG(index->name));
    TRY(table_check_units(c, units));
    if (index->read_units == (uint64_t)units->read_capacity_units &&
        index->write_units == (uint64_t)units->write_capacity_units)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "The provisioned throughput for the index %.*s will not change. The "
                      "requested value equals the current value. Current ReadCapacityUnits "
                      "provisioned for the index: %llu. Requested ReadCapacityUnits: %llu. Current "
                      "WriteCapacityUnits provisioned for the index: %llu. Requested "
                      "WriteCapacityUnits: %llu. Refer to the Amazon DynamoDB Developer Guide for "
                      "current limits and how to request higher limits.",
                      SPAN_ARG(index->name), (unsigned long long)index->read_units,
                      (unsigned long long)index->read_units, (unsigned long long)index->write_units,
                      (unsigned long long)index->write_units);
    return set_units(c, index, units);
}

/* A table that becomes provisioned needs units for every index. */
static RESULT check_all_provisioned(struct call *c, const struct dynamodb_table *table)
{
    for (size_t i = 0; i < table->indexes.count && !table->on_demand; i++)
        if (!table->indexes.at[i].local && !table->indexes.at[i].read_units)
            return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                          BAD "ProvisionedThroughput must be specified for index: %.*s",
                          SPAN_ARG(table->indexes.at[i].name));
    return OK;
}

RESULT table_update_indexes(struct call *c, const struct dynamodb_update_table_in *in,
                            struct dynamodb_table *table)
{
    const struct dynamodb_global_secondary_index_update_list *list =
        &in->global_secondary_index_updates;
    TRY(check_single(c, in, table));
    for (size_t i = 0; i < list->count; i++) {
        const struct dynamodb_global_secondary_index_update *at = &list->at[i];
        if (at->create)
            TRY(create_index(c, in, at->create, table));
        else if (at->delete)
            TRY(delete_index(c, at->delete->index_name, table));
        else
            TRY(update_index(c, at->update, table));
    }
    return check_all_provisioned(c, table);
}
