// SPDX-License-Identifier: Apache-2.0
/*
 * Definitions of vector indexes in CreateTable and UpdateTable, and their descriptions. The order
 * of the checks is that of each index, of the table, of the attributes. Control thread.
 */
#include "services/dynamodb/vector.h"

#include "services/dynamodb/index.h"
#include "services/dynamodb/reference.h"
#include "services/dynamodb/table.h"

#include <errno.h>
#include <stdlib.h>

#define VECTORS_MAX 5 /* of a table */
#define HASHES_MAX 1
#define FILTERS_MAX 18 /* of a definition; a search may have 20 */

#define BAD "One or more parameter values were invalid: "

static bool is_filter(const struct dynamodb_search_schema_element *element)
{
    return span_eq(element->search_schema_element_type, S("INLINE_FILTER"));
}

/* ---- one by itself -------------------------------------------------------------------------- */

static RESULT check_search_schema(struct call *c, const struct dynamodb_search_schema *schema)
{
    size_t filters = 0;
    for (size_t i = 0; i < schema->count; i++)
        filters += is_filter(&schema->at[i]);
    size_t hashes = schema->count - filters;
    if (hashes <= HASHES_MAX && filters <= FILTERS_MAX)
        return OK;
    bool many_hashes = hashes > HASHES_MAX;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  BAD "Value '%zu' at 'SearchSchema' failed to satisfy constraint: Member must "
                      "have %s count less than or equal to %d",
                  many_hashes ? hashes : filters, many_hashes ? "HASH" : "INLINE_FILTER",
                  many_hashes ? HASHES_MAX : FILTERS_MAX);
}

static RESULT check_one(struct call *c, const struct dynamodb_vector_index *index)
{
    TRY(check_search_schema(c, &index->search_schema));
    if (index->dimensions > KV_DIMENSIONS_MAX)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      BAD "Number of dimensions must be between 1 and %d inclusive.",
                      KV_DIMENSIONS_MAX);
    return index_check_projection(c, index->projection);
}

static bool is_defined(const struct dynamodb_attribute_definitions *definitions, struct span name)
{
    for (size_t i = 0; i < definitions->count; i++)
        if (span_eq(definitions->at[i].attribute_name, name))
            return true;
    return false;
}

static RESULT check_attributes(struct call *c, const struct dynamodb_vector_index *index,
                               const struct dynamodb_attribute_definitions *definitions)
{
    struct span vector = index->vector_attribute->attribute_name;
    if (is_defined(definitions, vector))
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      BAD "Conflicting attribute definition for '%.*s'. An attribute cannot be "
                          "defined in AttributeDefinitions when used as a VectorAttribute.",
                      SPAN_ARG(vector));
    for (size_t i = 0; i < index->search_schema.count; i++)
        if (!is_defined(definitions, index->search_schema.at[i].attribute_name))
            return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                          BAD "One element in SearchSchema is not defined in attribute "
                              "definitions");
    return OK;
}

/* Indexes of one attribute agree on what a vector is ("CreateVectorIndexAction"). */
static RESULT check_dimensions(struct call *c, const struct dynamodb_table *table)
{
    const struct dynamodb_table_vector_list *all = &table->vectors;
    for (size_t i = 1; i < all->count; i++)
        for (size_t j = 0; j < i; j++)
            if (span_eq(all->at[i].attribute, all->at[j].attribute) &&
                all->at[i].dimensions != all->at[j].dimensions)
                return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                              BAD "Vector indexes of attribute '%.*s' must have the same number "
                                  "of dimensions",
                              SPAN_ARG(all->at[i].attribute));
    return OK;
}

static RESULT refuse_provisioned(struct call *c)
{
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  BAD "Vector indexes are only supported for PAY_PER_REQUEST tables");
}

RESULT vector_check_billing(struct call *c, const struct dynamodb_table *table, bool on_demand)
{
    return table->vectors.count && !on_demand ? refuse_provisioned(c) : OK;
}

/* ---- CreateTable ---------------------------------------------------------------------------- */

static RESULT check_names(struct call *c, const struct dynamodb_create_table_in *in)
{
    const struct dynamodb_vector_index_list *all = &in->vector_indexes;
    for (size_t i = 0; i < all->count; i++) {
        struct span name = all->at[i].index_name;
        size_t same = 0;
        for (size_t j = 0; j < i; j++)
            same += span_eq(name, all->at[j].index_name);
        for (size_t j = 0; j < in->global_secondary_indexes.count; j++)
            same += span_eq(name, in->global_secondary_indexes.at[j].index_name);
        for (size_t j = 0; j < in->local_secondary_indexes.count; j++)
            same += span_eq(name, in->local_secondary_indexes.at[j].index_name);
        if (same)
            return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION, BAD "Duplicate index name: %.*s",
                          SPAN_ARG(name));
    }
    return OK;
}

RESULT vector_check_new(struct call *c, const struct dynamodb_create_table_in *in)
{
    const struct dynamodb_vector_index_list *all = &in->vector_indexes;
    struct dynamodb_table made = {0};
    for (size_t i = 0; i < all->count; i++)
        TRY(check_one(c, &all->at[i]));
    if (all->count && in->provisioned_throughput)
        return refuse_provisioned(c);
    if (all->count > VECTORS_MAX)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      BAD "VectorIndex count exceeds the per-table limit of %d", VECTORS_MAX);
    for (size_t i = 0; i < all->count; i++)
        TRY(check_attributes(c, &all->at[i], &in->attribute_definitions));
    TRY(check_names(c, in));
    vector_fill(c, all, &made);
    return check_dimensions(c, &made);
}

static bool schema_has(const struct dynamodb_search_schema *schema, struct span name)
{
    for (size_t i = 0; i < schema->count; i++)
        if (span_eq(schema->at[i].attribute_name, name))
            return true;
    return false;
}

static bool keys_have(const struct dynamodb_key_schema *keys, struct span name)
{
    for (size_t i = 0; i < keys->count; i++)
        if (span_eq(keys->at[i].attribute_name, name))
            return true;
    return false;
}

static bool is_key(const struct dynamodb_create_table_in *in, struct span name)
{
    bool used = keys_have(&in->key_schema, name);
    for (size_t i = 0; i < in->global_secondary_indexes.count; i++)
        used |= keys_have(&in->global_secondary_indexes.at[i].key_schema, name);
    for (size_t i = 0; i < in->local_secondary_indexes.count; i++)
        used |= keys_have(&in->local_secondary_indexes.at[i].key_schema, name);
    return used;
}

struct dynamodb_attribute_definitions
vector_other_definitions(struct call *c, const struct dynamodb_create_table_in *in)
{
    const struct dynamodb_attribute_definitions *all = &in->attribute_definitions;
    struct dynamodb_attribute_definitions kept = *all;
    if (!in->vector_indexes.count)
        return kept;
    kept.at = ARENA_ARRAY(c->arena, struct dynamodb_attribute_definition, all->count);
    kept.count = 0;
    for (size_t i = 0; i < all->count; i++) {
        bool searched = false;
        for (size_t j = 0; j < in->vector_indexes.count; j++)
            searched |=
                schema_has(&in->vector_indexes.at[j].search_schema, all->at[i].attribute_name);
        if (!searched || is_key(in, all->at[i].attribute_name))
            kept.at[kept.count++] = all->at[i];
    }
    return kept;
}

static int compare_spans(const void *a, const void *b)
{
    return span_compare(*(const struct span *)a, *(const struct span *)b);
}

static struct dynamodb_table_vector record_of(struct call *c,
                                              const struct dynamodb_vector_index *in)
{
    const struct dynamodb_non_key_attribute_name_list *names = &in->projection->non_key_attributes;
    struct dynamodb_table_vector record = {
        .name = in->index_name,
        .state = INDEX_CREATING,
        .attribute = in->vector_attribute->attribute_name,
        .dimensions = (uint64_t)in->dimensions,
        .distance = in->distance_function,
        .filters.at = ARENA_ARRAY(c->arena, struct span, in->search_schema.count),
        .projection = in->projection->projection_type,
        .included = {ARENA_ARRAY(c->arena, struct span, names->count), names->count},
    };
    for (size_t i = 0; i < in->search_schema.count; i++) {
        const struct dynamodb_search_schema_element *element = &in->search_schema.at[i];
        if (is_filter(element))
            record.filters.at[record.filters.count++] = element->attribute_name;
        else
            record.hash = element->attribute_name;
    }
    for (size_t i = 0; i < names->count; i++)
        record.included.at[i] = names->at[i];
    qsort(record.included.at, names->count, sizeof *record.included.at, compare_spans);
    return record;
}

static void add(struct call *c, const struct dynamodb_vector_index *in,
                struct dynamodb_table *table)
{
    struct dynamodb_table_vector_list list = {.count = table->vectors.count + 1};
    list.at = ARENA_ARRAY(c->arena, struct dynamodb_table_vector, list.count);
    for (size_t i = 0; i < table->vectors.count; i++)
        list.at[i] = table->vectors.at[i];
    list.at[list.count - 1] = record_of(c, in);
    table->vectors = list;
}

void vector_fill(struct call *c, const struct dynamodb_vector_index_list *in,
                 struct dynamodb_table *table)
{
    for (size_t i = 0; i < in->count; i++)
        add(c, &in->at[i], table);
}

struct kv_index_schema vector_schema(struct call *c, const struct dynamodb_table *table,
                                     const struct dynamodb_table_vector *vector)
{
    struct kv_key_part *filters = ARENA_ARRAY(c->arena, struct kv_key_part, vector->filters.count);
    for (size_t i = 0; i < vector->filters.count; i++)
        filters[i] = table_key_part(table, vector->filters.at[i]);
    struct kv_index_schema schema = {
        .name = vector->name,
        .projection = index_projection_kind(vector->projection),
        .included = vector->included,
        .vector = vector->attribute,
        .dimensions = (uint16_t)vector->dimensions,
        .distance = span_eq(vector->distance, S("COSINE"))      ? KV_COSINE
                    : span_eq(vector->distance, S("EUCLIDEAN")) ? KV_EUCLIDEAN
                                                                : KV_DOT_PRODUCT,
        .filters = filters,
        .filter_count = vector->filters.count,
    };
    if (vector->hash.at)
        schema.hash[schema.hash_count++] = table_key_part(table, vector->hash);
    return schema;
}

struct dynamodb_table_vector_list vector_restored(struct call *c,
                                                  const struct dynamodb_table_vector_list *of)
{
    struct dynamodb_table_vector_list list = {
        ARENA_ARRAY(c->arena, struct dynamodb_table_vector, of->count), 0};
    for (size_t i = 0; i < of->count; i++) {
        if (of->at[i].state == INDEX_DELETING)
            continue;
        list.at[list.count] = of->at[i];
        list.at[list.count++].state = INDEX_CREATING;
    }
    return list;
}

/* ---- UpdateTable ---------------------------------------------------------------------------- */

bool vector_uses(const struct dynamodb_table *table, struct span attribute)
{
    for (size_t i = 0; i < table->vectors.count; i++) {
        const struct dynamodb_table_vector *vector = &table->vectors.at[i];
        if (vector->hash.at && span_eq(vector->hash, attribute))
            return true;
        for (size_t j = 0; j < vector->filters.count; j++)
            if (span_eq(vector->filters.at[j], attribute))
                return true;
    }
    return false;
}

struct dynamodb_table_vector *vector_named(const struct dynamodb_table *table, struct span name)
{
    for (size_t i = 0; i < table->vectors.count; i++)
        if (span_eq(table->vectors.at[i].name, name))
            return &table->vectors.at[i];
    return NULL;
}

static RESULT check_free(struct call *c, const struct dynamodb_table *table, struct span name)
{
    const struct dynamodb_table_vector *there = vector_named(table, name);
    if (there && there->state == INDEX_CREATING)
        return refuse(c, &DYNAMODB_RESOURCE_IN_USE_EXCEPTION,
                      "Attempt to change a resource which is still in use: Index is being "
                      "created.  Table: %.*s Index: %.*s",
                      SPAN_ARG(table->name), SPAN_ARG(name));
    if (there || index_named(table, name))
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Attempting to create an index which already exists");
    if (table->vectors.count < VECTORS_MAX)
        return OK;
    return refuse(c, &DYNAMODB_LIMIT_EXCEEDED_EXCEPTION,
                  "Subscriber limit exceeded: Number of vector secondary indexes exceeds per-table "
                  "limit of %d",
                  VECTORS_MAX);
}

static RESULT check_no_key(struct call *c, const struct dynamodb_table *table,
                           const struct dynamodb_vector_index *index)
{
    struct span name = index->vector_attribute->attribute_name;
    bool hash = span_eq(name, table->hash_name);
    if (!hash && (!table->range_name.at || !span_eq(name, table->range_name)))
        return OK;
    struct kv_key_part part = table_key_part(table, name);
    static const char *const types[] = {[KV_STRING] = "S", [KV_NUMBER] = "N", [KV_BINARY] = "B"};
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  BAD "Attributes cannot be redefined. Please check that your attribute has the "
                      "same type as previously defined. Existing schema: Schema:[SchemaElement: "
                      "key{%.*s:%s:%s}] New schema: VectorIndexSchema:[VectorAttribute: "
                      "key{%.*s:L:%lld}]",
                  SPAN_ARG(name), types[part.type], hash ? "HASH" : "RANGE", SPAN_ARG(name),
                  (long long)index->dimensions);
}

static void add_definitions(struct call *c, const struct dynamodb_update_table_in *in,
                            const struct dynamodb_vector_index *index, struct dynamodb_table *table)
{
    for (size_t i = 0; i < in->attribute_definitions.count; i++) {
        const struct dynamodb_attribute_definition *definition = &in->attribute_definitions.at[i];
        bool there = false;
        for (size_t j = 0; j < table->attributes.count; j++)
            there |= span_eq(table->attributes.at[j].name, definition->attribute_name);
        if (!there && schema_has(&index->search_schema, definition->attribute_name))
            table_add_attribute(c, table, definition);
    }
}

static RESULT create(struct call *c, const struct dynamodb_update_table_in *in,
                     const struct dynamodb_create_vector_index_action *action,
                     struct dynamodb_table *table)
{
    const struct dynamodb_vector_index index = {
        .index_name = action->index_name,
        .vector_attribute = action->vector_attribute,
        .search_schema = action->search_schema,
        .projection = action->projection,
        .dimensions = action->dimensions,
        .distance_function = action->distance_function,
    };
    struct kv_access access = reference_access(c);
    TRY(check_one(c, &index));
    TRY(check_attributes(c, &index, &in->attribute_definitions));
    if (!table->on_demand)
        return refuse_provisioned(c);
    TRY(check_free(c, table, index.index_name));
    TRY(check_no_key(c, table, &index));
    add_definitions(c, in, &index, table);
    add(c, &index, table);
    TRY(check_dimensions(c, table));
    struct kv_index_schema schema =
        vector_schema(c, table, &table->vectors.at[table->vectors.count - 1]);
    int error = kv_index_create(&access, reference_of(c->arena, table), &schema);
    return error < 0 ? refuse_errno(c, error, "making an index") : OK;
}

static RESULT drop(struct call *c, struct span name, struct dynamodb_table *table)
{
    struct kv_access access = reference_access(c);
    struct dynamodb_table_vector *vector = vector_named(table, name);
    if (!vector)
        return refuse(c, &DYNAMODB_RESOURCE_NOT_FOUND_EXCEPTION, "Requested resource not found");
    vector->state = INDEX_DELETING;
    int error = kv_index_drop(&access, reference_of(c->arena, table), name);
    return error < 0 ? refuse_errno(c, error, "deleting an index") : OK;
}

RESULT vector_update(struct call *c, const struct dynamodb_update_table_in *in,
                     struct dynamodb_table *table)
{
    if (in->vector_index_updates.count && table->replicas.count)
        return table_not_built(c, "VectorIndexUpdates of a global table");
    for (size_t i = 0; i < in->vector_index_updates.count; i++) {
        const struct dynamodb_vector_index_update *update = &in->vector_index_updates.at[i];
        if ((update->create != NULL) == (update->delete != NULL))
            return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                          BAD "One of VectorIndexUpdate.Create, VectorIndexUpdate.Delete must "
                              "not be null");
        if (update->create)
            TRY(create(c, in, update->create, table));
        else
            TRY(drop(c, update->delete->index_name, table));
    }
    return OK;
}

/* ---- descriptions --------------------------------------------------------------------------- */

struct dynamodb_search_schema vector_search_schema(struct call *c,
                                                   const struct dynamodb_table_vector *vector)
{
    struct dynamodb_search_schema schema = {.at = NULL};
    if (!vector->hash.at && !vector->filters.count)
        return schema;
    schema.at =
        ARENA_ARRAY(c->arena, struct dynamodb_search_schema_element, vector->filters.count + 1);
    if (vector->hash.at)
        schema.at[schema.count++] =
            (struct dynamodb_search_schema_element){vector->hash, S("HASH")};
    for (size_t i = 0; i < vector->filters.count; i++)
        schema.at[schema.count++] =
            (struct dynamodb_search_schema_element){vector->filters.at[i], S("INLINE_FILTER")};
    return schema;
}

struct dynamodb_vector_attribute_definition *
vector_attribute(struct call *c, const struct dynamodb_table_vector *vector)
{
    struct dynamodb_vector_attribute_definition *shown =
        ARENA_NEW(c->arena, struct dynamodb_vector_attribute_definition);
    shown->attribute_name = vector->attribute;
    return shown;
}

struct dynamodb_projection *vector_projection(struct call *c,
                                              const struct dynamodb_table_vector *vector)
{
    return index_projection(c, &(struct dynamodb_table_index){.projection = vector->projection,
                                                              .included = vector->included});
}

static RESULT describe_one(struct call *c, const struct dynamodb_table *table,
                           const struct dynamodb_table_vector *vector,
                           struct dynamodb_vector_index_description *to)
{
    struct kv_access access = reference_access(c);
    struct kv_index_state state = {0};
    int error = kv_index_look(&access, reference_of(c->arena, table), vector->name, &state);
    if (error < 0 && error != -ENOENT)
        return refuse_errno(c, error, "counting an index's items");
    VECTOR_SHOW(c, vector, to);
    to->index_status = index_state_name(vector->state);
    if (vector->state == INDEX_CREATING)
        SET(to, backfilling, table->state == TABLE_ACTIVE && !state.built);
    SET(to, index_size_bytes, (int64_t)state.totals.bytes);
    SET(to, item_count, (int64_t)state.totals.items);
    to->index_arn = arena_printf(c->arena, "%.*s/index/%.*s",
                                 SPAN_ARG(reference_arn(c, table->name)), SPAN_ARG(vector->name));
    return OK;
}

RESULT vector_describe(struct call *c, const struct dynamodb_table *table,
                       struct dynamodb_table_description *to)
{
    if (!table->vectors.count)
        return OK;
    to->vector_indexes.count = table->vectors.count;
    to->vector_indexes.at =
        ARENA_ARRAY(c->arena, struct dynamodb_vector_index_description, table->vectors.count);
    for (size_t i = 0; i < table->vectors.count; i++)
        TRY(describe_one(c, table, &table->vectors.at[i], &to->vector_indexes.at[i]));
    return OK;
}
