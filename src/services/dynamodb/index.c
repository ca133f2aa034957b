// SPDX-License-Identifier: Apache-2.0
/*
 * What a secondary index may be. Texts, and which comes first, as the real service was measured to
 * answer; an index of several key attributes has up to four of each kind ("Multi-attribute keys").
 * Control thread.
 */
#include "services/dynamodb/index.h"

#include "services/dynamodb/allowance.h"
#include "services/dynamodb/attribute.h"
#include "services/dynamodb/table.h"

#include <stdlib.h>

#define INCLUDED_MAX 100 /* NonKeyAttributes of all indexes of a table together ("Quotas") */

#define BAD "One or more parameter values were invalid: "

static bool is_hash(const struct dynamodb_key_schema_element *element)
{
    return span_eq(element->key_type, S("HASH"));
}

/* ---- what is asked for ---------------------------------------------------------------------- */

RESULT index_check_warm(struct call *c, const struct index_warm *wish)
{
    const struct dynamodb_provisioned_throughput *units = wish->units;
    return allowance_check_warm(
        c, &(struct warm_wish){
               .wanted = wish->wanted,
               .index = wish->name,
               .read = units ? (uint64_t)units->read_capacity_units : WARM_READ_UNITS,
               .write = units ? (uint64_t)units->write_capacity_units : WARM_WRITE_UNITS});
}

RESULT index_wishes_of(struct call *c, const struct dynamodb_create_table_in *in,
                       struct index_wishes *ret)
{
    const struct dynamodb_global_secondary_index_list *global = &in->global_secondary_indexes;
    const struct dynamodb_local_secondary_index_list *local = &in->local_secondary_indexes;
    ret->at = ARENA_ARRAY(c->arena, struct index_wish, global->count + local->count);
    ret->count = 0;
    for (size_t i = 0; i < global->count; i++) {
        const struct dynamodb_global_secondary_index *index = &global->at[i];
        TRY(allowance_check(c, &(struct allowance_wish){.wanted = index->on_demand_throughput,
                                                        .index = index->index_name,
                                                        .on_demand = !in->provisioned_throughput}));
        TRY(index_check_warm(c, &(struct index_warm){index->index_name, index->warm_throughput,
                                                     index->provisioned_throughput}));
        ret->at[ret->count++] = (struct index_wish){.name = index->index_name,
                                                    .keys = &index->key_schema,
                                                    .projection = index->projection,
                                                    .units = index->provisioned_throughput,
                                                    .most = index->on_demand_throughput,
                                                    .warm = index->warm_throughput};
    }
    for (size_t i = 0; i < local->count; i++)
        ret->at[ret->count++] = (struct index_wish){.name = local->at[i].index_name,
                                                    .keys = &local->at[i].key_schema,
                                                    .projection = local->at[i].projection,
                                                    .local = true};
    if (global->at && !global->count)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      BAD "List of GlobalSecondaryIndexes is empty");
    if (local->at && !local->count)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      BAD "List of LocalSecondaryIndexes is empty");
    return OK;
}

/* ---- keys ----------------------------------------------------------------------------------- */

static bool is_defined(const struct dynamodb_attribute_definitions *all, struct span name)
{
    for (size_t i = 0; i < all->count; i++)
        if (span_eq(all->at[i].attribute_name, name))
            return true;
    return false;
}

RESULT index_check_defined(struct call *c, const struct dynamodb_key_schema *keys,
                           const struct dynamodb_attribute_definitions *definitions)
{
    for (size_t i = 0; i < keys->count; i++)
        if (!is_defined(definitions, keys->at[i].attribute_name))
            return refuse(
                c, &DYNAMODB_VALIDATION_EXCEPTION,
                BAD "Some index key attributes are not defined in AttributeDefinitions. Keys: "
                    "%.*s, AttributeDefinitions: %.*s",
                SPAN_ARG(table_join_names(c, keys->at, keys->count, sizeof *keys->at)),
                SPAN_ARG(table_join_names(c, definitions->at, definitions->count,
                                          sizeof *definitions->at)));
    return OK;
}

static RESULT check_repeats(struct call *c, const struct dynamodb_key_schema *keys)
{
    for (size_t i = 1; i < keys->count; i++)
        for (size_t j = 0; j < i; j++)
            if (span_eq(keys->at[i].attribute_name, keys->at[j].attribute_name))
                return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION, "%s",
                              keys->count == 2 ? "Both the Hash Key and the Range Key element in "
                                                 "the KeySchema have the same name"
                                               : "The KeySchema contains multiple key attributes "
                                                 "with the same name");
    return OK;
}

RESULT index_check_keys(struct call *c, const struct dynamodb_key_schema *keys)
{
    TRY(check_repeats(c, keys));
    if (!is_hash(&keys->at[0]))
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Invalid KeySchema: The first KeySchemaElement is not a HASH key type");
    return OK;
}

static RESULT check_many_keys(struct call *c, const struct dynamodb_key_schema *keys)
{
    size_t hashes = 0, ranges = 0;
    for (size_t i = 0; i < keys->count; i++) {
        if (is_hash(&keys->at[i]) && ranges)
            return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                          BAD "All HASH key attributes must precede RANGE key attributes in the "
                              "KeySchema");
        *(is_hash(&keys->at[i]) ? &hashes : &ranges) += 1;
    }
    if (hashes <= KV_INDEX_PARTS_MAX && ranges <= KV_INDEX_PARTS_MAX)
        return OK;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  BAD "The KeySchema exceeds the maximum allowed number of %s key attributes",
                  hashes > KV_INDEX_PARTS_MAX ? "HASH" : "RANGE");
}

static RESULT check_local_keys(struct call *c, const struct index_table *table,
                               const struct index_wish *wish)
{
    const struct dynamodb_key_schema *keys = wish->keys;
    if (keys->count > 1 && is_hash(&keys->at[1]))
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type");
    if (keys->count > 2)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      BAD "The KeySchema exceeds the maximum allowed number of RANGE key "
                          "attributes");
    if (keys->count != 2)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      BAD "Index KeySchema does not have a range key for index: %.*s",
                      SPAN_ARG(wish->name));
    struct span own = keys->at[0].attribute_name, main = table->keys->at[0].attribute_name;
    if (span_eq(own, main))
        return OK;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  BAD "Index KeySchema does not have the same leading hash key as table KeySchema "
                      "for index: %.*s. index hash key: %.*s, table hash key: %.*s",
                  SPAN_ARG(wish->name), SPAN_ARG(own), SPAN_ARG(main));
}

/* ---- the rest of one ------------------------------------------------------------------------ */

RESULT index_check_projection(struct call *c, const struct dynamodb_projection *projection)
{
    const struct dynamodb_non_key_attribute_name_list *names = &projection->non_key_attributes;
    if (span_is_absent(projection->projection_type))
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION, BAD "Unknown ProjectionType: null");
    bool include = span_eq(projection->projection_type, S("INCLUDE"));
    if (include != (names->count > 0))
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      BAD "ProjectionType is %.*s, but NonKeyAttributes is %s",
                      SPAN_ARG(projection->projection_type),
                      include ? "not specified" : "specified");
    for (size_t i = 1; i < names->count; i++)
        for (size_t j = 0; j < i; j++)
            if (span_eq(names->at[i], names->at[j]))
                return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                              BAD "Duplicate element in NonKeyAttributes: %.*s",
                              SPAN_ARG(names->at[i]));
    return OK;
}

static RESULT check_one(struct call *c, const struct index_table *table,
                        const struct index_wish *wish)
{
    TRY(index_check_defined(c, wish->keys, table->definitions));
    TRY(index_check_keys(c, wish->keys));
    if (wish->local)
        TRY(check_local_keys(c, table, wish));
    else
        TRY(check_many_keys(c, wish->keys));
    return index_check_projection(c, wish->projection);
}

RESULT index_check_added(struct call *c, const struct index_table *table,
                         const struct index_wish *wish)
{
    TRY(check_one(c, table, wish));
    if (table->on_demand && wish->units)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      BAD "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified for "
                          "index: %.*s when BillingMode is PAY_PER_REQUEST",
                      SPAN_ARG(wish->name));
    if (!table->on_demand && !wish->units)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      BAD "Both ReadCapacityUnits and WriteCapacityUnits must be specified for "
                          "index: %.*s",
                      SPAN_ARG(wish->name));
    return wish->units ? table_check_units(c, wish->units) : OK;
}

static RESULT check_units(struct call *c, const struct index_table *table,
                          const struct index_wish *wish)
{
    if (wish->local || table->on_demand == !wish->units)
        return wish->units ? table_check_units(c, wish->units) : OK;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  BAD "ProvisionedThroughput %s specified for index: %.*s%s",
                  wish->units ? "should not be" : "is not", SPAN_ARG(wish->name),
                  wish->units ? " when BillingMode is PAY_PER_REQUEST" : "");
}

/* ---- all of a new table --------------------------------------------------------------------- */

static RESULT check_unused(struct call *c, const struct index_table *table,
                           const struct index_wishes *wishes)
{
    const struct dynamodb_attribute_definitions *all = table->definitions;
    size_t most = table->keys->count;
    for (size_t i = 0; i < wishes->count; i++)
        most += wishes->at[i].keys->count;
    struct dynamodb_attribute_definitions used = {
        ARENA_ARRAY(c->arena, struct dynamodb_attribute_definition, most), 0};
    for (size_t i = 0; i <= wishes->count; i++) {
        const struct dynamodb_key_schema *keys = i ? wishes->at[i - 1].keys : table->keys;
        for (size_t j = 0; j < keys->count; j++)
            if (!is_defined(&used, keys->at[j].attribute_name))
                used.at[used.count++].attribute_name = keys->at[j].attribute_name;
    }
    for (size_t i = 0; i < all->count; i++)
        if (!is_defined(&used, all->at[i].attribute_name))
            return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                          BAD "Some AttributeDefinitions are not used. AttributeDefinitions: "
                              "%.*s, keys used: %.*s",
                          SPAN_ARG(table_join_names(c, all->at, all->count, sizeof *all->at)),
                          SPAN_ARG(table_join_names(c, used.at, used.count, sizeof *used.at)));
    return OK;
}

static RESULT check_counts(struct call *c, const struct index_table *table,
                           const struct index_wishes *wishes)
{
    size_t global = 0, local = 0, included = 0;
    for (size_t i = 0; i < wishes->count; i++) {
        *(wishes->at[i].local ? &local : &global) += 1;
        included += wishes->at[i].projection->non_key_attributes.count;
        for (size_t j = 0; j < i; j++)
            if (span_eq(wishes->at[i].name, wishes->at[j].name))
                return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION, BAD "Duplicate index name: %.*s",
                              SPAN_ARG(wishes->at[i].name));
    }
    if (local && table->keys->count != 2)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      BAD "Table KeySchema does not have a range key, which is required when "
                          "specifying a LocalSecondaryIndex");
    if (global > INDEX_GLOBAL_MAX)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      BAD "GlobalSecondaryIndex count exceeds the per-table limit of %d",
                      INDEX_GLOBAL_MAX);
    if (local > INDEX_LOCAL_MAX)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      BAD "Number of LocalSecondaryIndexes exceeds per-table limit of %d",
                      INDEX_LOCAL_MAX);
    return index_check_included(c, included);
}

RESULT index_check_included(struct call *c, size_t included)
{
    if (included <= INCLUDED_MAX)
        return OK;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  BAD "Number of user-specified projected attributes in all indexes exceeds the "
                      "per-table limit of %d",
                  INCLUDED_MAX);
}

RESULT index_check_all(struct call *c, const struct index_table *table,
                       const struct index_wishes *wishes)
{
    for (size_t i = 0; i < wishes->count; i++)
        TRY(index_check_defined(c, wishes->at[i].keys, table->definitions));
    TRY(check_unused(c, table, wishes));
    TRY(check_counts(c, table, wishes));
    for (size_t i = 0; i < wishes->count; i++) {
        TRY(check_one(c, table, &wishes->at[i]));
        TRY(check_units(c, table, &wishes->at[i]));
    }
    return OK;
}

/* ---- records -------------------------------------------------------------------------------- */

static int compare_spans(const void *a, const void *b)
{
    return span_compare(*(const struct span *)a, *(const struct span *)b);
}

struct dynamodb_table_index index_record(struct call *c, const struct index_wish *wish)
{
    const struct dynamodb_non_key_attribute_name_list *names =
        &wish->projection->non_key_attributes;
    struct dynamodb_table_index record = {
        .name = wish->name,
        .local = wish->local,
        .state = INDEX_CREATING,
        .projection = wish->projection->projection_type,
        .hash.at = ARENA_ARRAY(c->arena, struct span, wish->keys->count),
        .range.at = ARENA_ARRAY(c->arena, struct span, wish->keys->count),
        .included = {ARENA_ARRAY(c->arena, struct span, names->count), names->count},
    };
    for (size_t i = 0; i < wish->keys->count; i++) {
        struct record_texts *to = is_hash(&wish->keys->at[i]) ? &record.hash : &record.range;
        to->at[to->count++] = wish->keys->at[i].attribute_name;
    }
    for (size_t i = 0; i < names->count; i++)
        record.included.at[i] = names->at[i];
    qsort(record.included.at, names->count, sizeof *record.included.at, compare_spans);
    allowance_set(wish->most, &record.max_read, &record.max_write);
    allowance_set_warm(wish->warm, &record.warm_read, &record.warm_write);
    record.warming = wish->warm != NULL;
    if (wish->units) {
        record.read_units = (uint64_t)wish->units->read_capacity_units;
        record.write_units = (uint64_t)wish->units->write_capacity_units;
    }
    return record;
}

uint8_t index_projection_kind(struct span name)
{
    return span_eq(name, S("ALL"))         ? KV_PROJECT_ALL
           : span_eq(name, S("KEYS_ONLY")) ? KV_PROJECT_KEYS
                                           : KV_PROJECT_INCLUDE;
}

struct kv_index_schema index_schema(struct call *c, const struct dynamodb_table *table,
                                    const struct dynamodb_table_index *index)
{
    struct kv_index_schema schema = {
        .name = index->name,
        .local = index->local,
        .hash_count = (uint8_t)index->hash.count,
        .range_count = (uint8_t)index->range.count,
        .projection = index_projection_kind(index->projection),
        .included = index->included,
    };
    for (size_t i = 0; i < index->hash.count; i++)
        schema.hash[i] = table_key_part(table, index->hash.at[i]);
    for (size_t i = 0; i < index->range.count; i++)
        schema.range[i] = table_key_part(table, index->range.at[i]);
    return schema;
}

struct dynamodb_table_index *index_named(const struct dynamodb_table *table, struct span name)
{
    for (size_t i = 0; i < table->indexes.count; i++)
        if (span_eq(table->indexes.at[i].name, name))
            return &table->indexes.at[i];
    return NULL;
}
