// SPDX-License-Identifier: Apache-2.0
/* Items on their way into indexes of vectors. Any thread. */
#include "services/dynamodb/vector.h"

#include "services/dynamodb/attribute.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define DIGITS_MAX 16  /* behind the point, which any double is told apart by */
#define WRITE_MIN 1024 /* bytes that are charged at least */
#define HASH_MAX 2048  /* bytes of values */
#define FILTER_MAX 10240

#define TWICE                                                                                      \
    "One or more parameter values are not valid. One or more parameter values were invalid . "
#define ONCE "One or more parameter values were invalid. "
#define INVALID "One or more parameter values were invalid: "

/* As Double.toString has numbers of that size: 1.0E39. */
static struct span show_double(struct call *c, struct span number)
{
    char text[KV_NUMBER_TEXT_MAX + 1], shown[64];
    text[kv_number_print(number, text)] = '\0';
    double value = strtod(text, NULL);
    for (int digits = 1; digits <= DIGITS_MAX; digits++) {
        snprintf(shown, sizeof shown, "%.*e", digits, value);
        if (fpclassify(strtod(shown, NULL) - value) == FP_ZERO)
            break;
    }
    struct span rest = span_of_cstr(shown), mantissa = span_cut(&rest, 'e');
    return arena_printf(c->arena, "%.*sE%ld", SPAN_ARG(mantissa), strtol(rest.at, NULL, 10));
}

static RESULT check_element(struct call *c, const struct kv_index_schema *schema, size_t i,
                            const struct kv_value *value)
{
    float ignored;
    if (value->type != KV_NUMBER)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      ONCE "Invalid type for parameter %.*s[%zu], Expected: 32-bit floating point "
                           "number, Actual: %.*s. IndexName: %.*s",
                      SPAN_ARG(schema->vector), i, SPAN_ARG(attribute_type_name(value->type)),
                      SPAN_ARG(schema->name));
    if (kv_float_of(value->bytes, &ignored))
        return OK;
    struct span shown = show_double(c, value->bytes);
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  TWICE "Invalid value for parameter %.*s[%zu], Value: %.*s is outside valid range "
                        "[-3.4028235E38, 3.4028235E38]. IndexName: %.*s",
                  SPAN_ARG(schema->vector), i, SPAN_ARG(shown), SPAN_ARG(schema->name));
}

static RESULT check_vector(struct call *c, const struct kv_index_schema *schema,
                           const struct kv_value *value)
{
    if (value->type != KV_LIST)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      TWICE "Invalid type for parameter %.*s, Expected: L, Actual: %.*s. "
                            "IndexName: %.*s",
                      SPAN_ARG(schema->vector), SPAN_ARG(attribute_type_name(value->type)),
                      SPAN_ARG(schema->name));
    if (value->list.count != schema->dimensions)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      TWICE "Invalid size for parameter %.*s, Expected: %u, Actual: %zu. "
                            "IndexName: %.*s",
                      SPAN_ARG(schema->vector), (unsigned)schema->dimensions, value->list.count,
                      SPAN_ARG(schema->name));
    for (size_t i = 0; i < value->list.count; i++)
        TRY(check_element(c, schema, i, &value->list.at[i]));
    return OK;
}

static RESULT check_type(struct call *c, const struct kv_index_schema *schema,
                         const struct kv_key_part *part, const struct kv_value *value)
{
    if (value->type == part->type)
        return OK;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  ONCE "Attribute '%.*s' type mismatch. Expected: %.*s, Actual: %.*s. IndexName: "
                       "%.*s",
                  SPAN_ARG(part->name), SPAN_ARG(attribute_type_name(part->type)),
                  SPAN_ARG(attribute_type_name(value->type)), SPAN_ARG(schema->name));
}

static RESULT check_hash(struct call *c, const struct kv_index_schema *schema,
                         const struct kv_key_part *part, const struct kv_value *value)
{
    TRY(check_type(c, schema, part, value));
    if (!value->bytes.len)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "One or more parameter values are not valid. A value specified for a "
                      "secondary index key is not supported. The AttributeValue for a key "
                      "attribute cannot contain an empty %s value. IndexName: %.*s, IndexKey: "
                      "%.*s",
                      part->type == KV_STRING ? "string" : "binary", SPAN_ARG(schema->name),
                      SPAN_ARG(part->name));
    if (kv_value_size(value) <= HASH_MAX)
        return OK;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  INVALID "Aggregate size for HASH key attributes exceeds the maximum of %d bytes",
                  HASH_MAX);
}

static RESULT check_filter(struct call *c, const struct kv_index_schema *schema,
                           const struct kv_key_part *part, const struct kv_value *value)
{
    TRY(check_type(c, schema, part, value));
    if (kv_value_size(value) <= FILTER_MAX)
        return OK;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  INVALID "Size limit exceeded for SearchSchema attribute '%.*s': maximum %d bytes",
                  SPAN_ARG(part->name), FILTER_MAX);
}

/* The attribute's value if it is there and another one than before. */
static const struct kv_value *changed(const struct kv_map *item, const struct kv_map *before,
                                      struct span name)
{
    const struct kv_value *value = kv_map_get(item, name);
    const struct kv_value *old = before && value ? kv_map_get(before, name) : NULL;
    return old && kv_value_eq(old, value) ? NULL : value;
}

RESULT vector_check_item(struct call *c, const struct kv_table *table, const struct kv_map *item,
                         const struct kv_map *before)
{
    const struct kv_index *index;
    for (size_t at = 0; (index = kv_vector_index_next(table, &at));) {
        const struct kv_index_schema *schema = kv_index_schema(index);
        const struct kv_value *value = changed(item, before, schema->vector);
        if (value)
            TRY(check_vector(c, schema, value));
        for (size_t i = 0; i < schema->hash_count; i++)
            if ((value = changed(item, before, schema->hash[i].name)))
                TRY(check_hash(c, schema, &schema->hash[i], value));
        for (size_t i = 0; i < schema->filter_count; i++)
            if ((value = changed(item, before, schema->filters[i].name)))
                TRY(check_filter(c, schema, &schema->filters[i], value));
    }
    return OK;
}

/* A move to another hash key is a deletion and an insertion. */
double vector_bytes_of(const struct kv_change *change)
{
    size_t bytes = change->after ? change->after : change->before;
    double charged = bytes > WRITE_MIN ? (double)bytes : WRITE_MIN;
    return change->moved ? 2 * charged : charged;
}
