// SPDX-License-Identifier: Apache-2.0
/*
 * SearchVectors. What a search is charged is what the real service was measured to charge one of a
 * whole index (ExtendDB, 2026-08-11). Workers: a search reads every entry that it may find.
 */
#include "services/dynamodb/attribute.h"
#include "services/dynamodb/dynamodb.api.h"
#include "services/dynamodb/expression/expression.h"
#include "services/dynamodb/reference.h"

#include <stdio.h>
#include <stdlib.h>

#define TOP_MAX 100
#define REPLY_MAX (16 << 20) /* bytes of items */
#define FLOAT_DIGITS_MAX 9

/* Bytes that are charged: of each dimension, of a result, of each dimension of a vector that is
 * given back; and at least. */
#define CHARGE_DIMENSION 30.6875
#define CHARGE_RESULT 65.0
#define CHARGE_VECTOR 4.0
#define CHARGE_MIN 1024.0

struct search {
    struct kv_access access;
    struct kv_table *table;
    const struct kv_index *index;
    const struct kv_index_schema *schema;
    struct expression projection, condition;
    struct expression_equals equals;
    struct kv_vector_query query;
    struct kv_vector_hit *hits;
    size_t count;
};

/* ---- what is asked for ---------------------------------------------------------------------- */

static RESULT read_vector(struct call *c, const struct dynamodb_search_vectors_in *in,
                          const float **ret)
{
    float *floats = ARENA_ARRAY(c->arena, float, in->search_vector.count);
    for (size_t i = 0; i < in->search_vector.count; i++) {
        struct kv_value value;
        const struct refusal *refusal =
            attribute_read(c, ATTRIBUTE_PLAIN, &in->search_vector.at[i], &value);
        if (refusal || value.type != KV_NUMBER || !kv_float_of(value.bytes, &floats[i]))
            return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                          "Search vector contains invalid values");
    }
    *ret = floats;
    return OK;
}

static RESULT read_expressions(struct call *c, const struct dynamodb_search_vectors_in *in,
                               struct search *search)
{
    struct expression_scope scope;
    TRY(expression_scope_open(c, ATTRIBUTE_PLAIN, &in->expression_attribute_names,
                              &in->expression_attribute_values, &scope));
    TRY(expression_bind(&scope, EXPRESSION_PROJECTION, in->projection_expression,
                        &search->projection));
    TRY(expression_bind(&scope, EXPRESSION_SEARCH, in->search_condition_expression,
                        &search->condition));
    if (search->condition.program)
        TRY(expression_take_equals(c, &search->condition, &search->equals));
    return expression_scope_close(&scope);
}

static RESULT open_index(struct call *c, const struct dynamodb_search_vectors_in *in,
                         struct search *search)
{
    struct span name;
    TRY(reference_open(c, in->table_name, &name, &search->table));
    search->index = kv_vector_index_find(search->table, in->index_name);
    if (!search->index || !kv_index_is_built(search->index))
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "The table does not have the specified index: %.*s",
                      SPAN_ARG(in->index_name));
    search->schema = kv_index_schema(search->index);
    if (in->search_vector.count == search->schema->dimensions)
        return OK;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  "Input search vector dimension %zu does not match vector index dimension %u",
                  in->search_vector.count, (unsigned)search->schema->dimensions);
}

static const struct kv_key_part *part_named(const struct kv_index_schema *schema, struct span name)
{
    if (schema->hash_count && span_eq(schema->hash[0].name, name))
        return &schema->hash[0];
    for (size_t i = 0; i < schema->filter_count; i++)
        if (span_eq(schema->filters[i].name, name))
            return &schema->filters[i];
    return NULL;
}

static bool is_typed(const struct kv_index_schema *schema, const struct expression_equal *equal)
{
    const struct kv_key_part *part = part_named(schema, equal->attribute);
    return part && part->type == equal->value->type;
}

static RESULT check_conditions(struct call *c, struct search *search)
{
    const struct expression_equals *equals = &search->equals;
    for (size_t i = 0; i < equals->count; i++)
        if (!part_named(search->schema, equals->at[i].attribute))
            return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                          "SearchConditionExpression must not contain any attributes outside the "
                          "vector index search schema");
    for (size_t i = 0; i < equals->count && search->schema->hash_count; i++)
        if (span_eq(equals->at[i].attribute, search->schema->hash[0].name))
            search->query.hash = equals->at[i].value->bytes;
    if (search->schema->hash_count && !search->query.hash.at)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "SearchConditionExpression must have all HASH attributes");
    for (size_t i = 0; i < equals->count; i++)
        if (!is_typed(search->schema, &equals->at[i]))
            return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                          "Search condition value for attribute '%.*s' does not match type in "
                          "search schema",
                          SPAN_ARG(equals->at[i].attribute));
    return OK;
}

/* ---- what is found -------------------------------------------------------------------------- */

static bool is_wanted(void *user, const struct kv_map *item)
{
    const struct search *search = user;
    for (size_t i = 0; i < search->equals.count; i++) {
        const struct expression_equal *equal = &search->equals.at[i];
        const struct kv_value *value = kv_map_get(item, equal->attribute);
        if (!value || !kv_value_eq(value, equal->value))
            return false;
    }
    return true;
}

/* The shortest text that reads as this float again. */
static void number_of(struct arena *arena, float value, struct kv_value *ret)
{
    char text[32], number[KV_NUMBER_MAX];
    size_t len = 0;
    for (int digits = 1; digits <= FLOAT_DIGITS_MAX; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        float again = strtof(text, NULL);
        if (memcmp(&again, &value, sizeof value) == 0)
            break;
    }
    if (kv_number_read(span_of_cstr(text), number, &len) != KV_NUMBER_GOOD)
        len = 0;
    *ret = (struct kv_value){.type = KV_NUMBER, .bytes = arena_copy(arena, span_of(number, len))};
}

/* The item with its vector, as the index has it. */
static struct kv_map with_vector(struct call *c, const struct search *search,
                                 const struct kv_vector_hit *hit)
{
    size_t count = search->schema->dimensions;
    struct kv_map map = {ARENA_ARRAY(c->arena, struct kv_pair, hit->item.count + 1),
                         hit->item.count + 1};
    memcpy(map.at, hit->item.at, hit->item.count * sizeof *map.at);
    struct kv_pair *pair = &map.at[hit->item.count];
    pair->name = search->schema->vector;
    pair->value = (struct kv_value){.type = KV_LIST,
                                    .list = {ARENA_ARRAY(c->arena, struct kv_value, count), count}};
    for (size_t i = 0; i < count; i++) {
        float value;
        memcpy(&value, hit->vector + i * sizeof value, sizeof value);
        number_of(c->arena, value, &pair->value.list.at[i]);
    }
    kv_sort_pairs(map.at, map.count);
    return map;
}

static bool asks_for_vector(const struct search *search)
{
    return search->projection.program &&
           expression_names(&search->projection, search->schema->vector, EXPRESSION_ANY_DEPTH);
}

/* The vector is given back only where it is asked for by name. */
static struct dynamodb_attribute_map show_item(struct call *c, const struct search *search,
                                               const struct kv_vector_hit *hit)
{
    struct kv_map part = hit->item;
    if (!search->projection.program)
        return attribute_show_map(c, &part);
    struct kv_map whole = asks_for_vector(search) ? with_vector(c, search, hit) : hit->item;
    expression_project(&search->projection, &whole, c->arena, &part);
    return attribute_show_map(c, &part);
}

static double charge_of(const struct search *search)
{
    double dimensions = search->schema->dimensions, count = (double)search->count;
    double bytes = CHARGE_DIMENSION * dimensions + CHARGE_RESULT * count;
    for (size_t i = 0; i < search->count; i++)
        bytes += (double)(kv_map_size(&search->hits[i].item) + search->schema->vector.len);
    if (asks_for_vector(search))
        bytes += CHARGE_VECTOR * dimensions * count;
    return bytes > CHARGE_MIN ? bytes : CHARGE_MIN;
}

static RESULT show(struct call *c, const struct dynamodb_search_vectors_in *in,
                   const struct search *search, struct dynamodb_search_vectors_out *out)
{
    size_t bytes = 0;
    out->search_results.at =
        ARENA_ARRAY(c->arena, struct dynamodb_search_result_item, search->count);
    out->search_results.count = search->count;
    for (size_t i = 0; i < search->count; i++) {
        bytes += kv_map_size(&search->hits[i].item);
        if (bytes > REPLY_MAX)
            return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                          "The response of SearchVectors is larger than 16 MB: use a smaller TopK "
                          "or a narrower projection");
        out->search_results.at[i].item = show_item(c, search, &search->hits[i]);
        SET(&out->search_results.at[i], score, search->hits[i].score);
    }
    if (span_eq(in->return_consumed_capacity, S("TOTAL")) ||
        span_eq(in->return_consumed_capacity, S("INDEXES"))) {
        out->consumed_capacity = ARENA_NEW(c->arena, struct dynamodb_vector_capacity);
        SET(out->consumed_capacity, vector_search_request_bytes, charge_of(search));
    }
    return OK;
}

RESULT dynamodb_search_vectors(struct call *c, const struct dynamodb_search_vectors_in *in,
                               struct dynamodb_search_vectors_out *out)
{
    struct search search = {.access = reference_access(c)};
    TRY(reference_require_index(c, S("dynamodb:SearchVectors"), in->table_name, in->index_name));
    TRY(read_vector(c, in, &search.query.vector));
    if (in->top_k > TOP_MAX)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Provided TopK value '%d' is out of valid range. The value must be between 1 "
                      "and %d inclusive",
                      in->top_k, TOP_MAX);
    TRY(read_expressions(c, in, &search));
    TRY(open_index(c, in, &search));
    TRY(check_conditions(c, &search));
    search.query.table = search.table;
    search.query.index = search.index;
    search.query.most = (size_t)in->top_k;
    search.query.user = &search;
    search.query.wanted = search.equals.count ? is_wanted : NULL;
    search.hits = ARENA_ARRAY(c->arena, struct kv_vector_hit, search.query.most);
    int error = kv_vector_search(&search.access, &search.query, search.hits, &search.count);
    if (error < 0)
        return refuse_errno(c, error, "searching vectors");
    return show(c, in, &search, out);
}
