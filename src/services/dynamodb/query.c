// SPDX-License-Identifier: Apache-2.0
/*
 * Query: the items of one hash key, of a table or index, that a condition on the range key finds.
 * Checks and their order as dynalite and the conformance suites recorded them. Loop threads.
 */
#include "services/dynamodb/query.h"

#include "services/dynamodb/item.h"
#include "services/dynamodb/key.h"
#include "services/dynamodb/legacy.h"
#include "services/dynamodb/page.h"
#include "services/dynamodb/reference.h"
#include "services/dynamodb/terms.h"

/* ---- conditions on keys --------------------------------------------------------------------- */

static const struct expression_key *condition_on(const struct expression_keys *keys,
                                                 struct span attribute)
{
    for (size_t i = 0; i < keys->count; i++)
        if (span_eq(keys->at[i].attribute, attribute))
            return &keys->at[i];
    return NULL;
}

static RESULT refuse_missed(struct call *c, const struct kv_key_part *part)
{
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  "Query condition missed key schema element: %.*s", SPAN_ARG(part->name));
}

static RESULT refuse_unsupported(struct call *c)
{
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION, "Query key condition not supported");
}

static RESULT check_operand(struct call *c, enum KEY_KIND kind, const struct kv_key_part *part,
                            const struct kv_value *value)
{
    if (!value)
        return OK;
    if (value->type != part->type)
        return refuse(
            c, &DYNAMODB_VALIDATION_EXCEPTION,
            "One or more parameter values were invalid: Condition parameter type does not "
            "match schema type");
    return key_check_value(c, kind, part, value);
}

static RESULT check_condition(struct call *c, enum KEY_KIND kind, const struct kv_key_part *part,
                              const struct expression_key *key)
{
    if (key->bound == KV_ANY)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Attempted conditional constraint is not an indexable operation");
    if (part->type == KV_NUMBER && key->bound == KV_BEGINS)
        return refuse(
            c, &DYNAMODB_VALIDATION_EXCEPTION,
            "One or more parameter values were invalid: Condition parameter type does not "
            "match schema type");
    TRY(check_operand(c, kind, part, key->low));
    return check_operand(c, kind, part, key->high);
}

static RESULT take_hash(struct call *c, const struct source *source,
                        const struct expression_keys *keys, struct span *ret)
{
    for (size_t i = 0; i < source->hash_count; i++) {
        const struct kv_key_part *part = &source->hash[i];
        const struct expression_key *key = condition_on(keys, part->name);
        if (source->hash_count == 1 && !source->range_count && keys->count > 1)
            return refuse_unsupported(c);
        if (!key)
            return refuse_missed(c, part);
        TRY(check_condition(c, KEY_HASH, part, key));
        if (key->bound != KV_EQ)
            return refuse_unsupported(c);
        ret[i] = key->low->bytes;
    }
    return OK;
}

/* Range attributes without an equality in front of the one at `to`. */
static RESULT check_gap(struct call *c, const struct source *source,
                        const struct expression_keys *keys, size_t to)
{
    struct buf *names = arena_buf(c->arena, 4096);
    for (size_t i = 0; i < to; i++) {
        const struct expression_key *key = condition_on(keys, source->range[i].name);
        if (key && key->bound == KV_EQ)
            continue;
        if (names->len)
            buf_append(names, S(", "));
        buf_append(names, source->range[i].name);
    }
    if (!names->len)
        return OK;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  "RANGE key attributes %.*s must have equality conditions specified in the query "
                  "because a condition is present on key attribute %.*s",
                  SPAN_ARG(buf_span(names)), SPAN_ARG(source->range[to].name));
}

/* Equalities on the first attributes go into the beginning of the keys, the last condition makes
 * the bounds. */
static RESULT take_range(struct call *c, const struct source *source,
                         const struct expression_keys *keys, struct span *ret_equal,
                         struct kv_range *range)
{
    size_t found = source->hash_count;
    for (size_t i = 0; i < source->range_count; i++) {
        const struct kv_key_part *part = &source->range[i];
        const struct expression_key *key = condition_on(keys, part->name);
        if (!key)
            continue;
        TRY(check_gap(c, source, keys, i));
        TRY(check_condition(c, KEY_RANGE, part, key));
        found++;
        if (range->bound == KV_EQ) {
            ret_equal[range->equal_count++] = range->low;
            range->bound = KV_ANY;
        }
        range->bound = key->bound;
        range->low = key->low->bytes;
        range->high = key->high ? key->high->bytes : SPAN_NONE;
    }
    if (found == keys->count)
        return OK;
    if (keys->count > 2 && source->range_count <= 1)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION, "Conditions can be of length 1 or 2 only");
    return source->range_count ? refuse_missed(c, &source->range[0]) : refuse_unsupported(c);
}

RESULT query_range(struct call *c, const struct source *source, const struct expression_keys *keys,
                   struct kv_range *ret)
{
    struct span *hash = ARENA_ARRAY(c->arena, struct span, KV_INDEX_PARTS_MAX);
    struct span *equal = ARENA_ARRAY(c->arena, struct span, KV_INDEX_PARTS_MAX);
    *ret = (struct kv_range){
        .table = source->table, .index = source->index, .hash = hash, .equal = equal};
    TRY(take_hash(c, source, keys, hash));
    return take_range(c, source, keys, equal, ret);
}

/* ---- what else is checked ------------------------------------------------------------------- */

static RESULT check_start(struct call *c, const struct source *source, const struct kv_range *range)
{
    if (!range->after)
        return OK;
    TRY(source_check_start(c, source, range->after));
    if (kv_range_has(range, range->after))
        return OK;
    struct kv_range all = {
        .table = range->table, .index = range->index, .hash = range->hash, .equal = range->equal};
    const char *message = "The provided starting key is outside query boundaries based on provided "
                          "conditions";
    if (range->bound != KV_ANY || range->equal_count)
        message = kv_range_has(&all, range->after)
                      ? "The provided starting key does not match the range key predicate"
                      : "The query can return at most one row and cannot be restarted";
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION, "%s", message);
}

static RESULT check_filter(struct call *c, const struct source *source,
                           const struct expression *filter, const char *name)
{
    const struct kv_key_part *parts[] = {source->hash, source->range};
    size_t counts[] = {source->hash_count, source->range_count};
    for (size_t kind = 0; filter->program && kind < 2; kind++)
        for (size_t i = 0; i < counts[kind]; i++)
            if (expression_names(filter, parts[kind][i].name, EXPRESSION_ANY_DEPTH))
                return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                              "%s can only contain non-primary key attributes: Primary key "
                              "attribute: %.*s",
                              name, SPAN_ARG(parts[kind][i].name));
    return OK;
}

static RESULT read_terms(struct call *c, const struct dynamodb_query_in *in, struct terms *ret)
{
    /* KeyConditions are an older parameter only beside the expression that replaced them. */
    bool both = in->key_conditions.at && in->key_condition_expression.at;
    const struct parameter expressions[] = {
        PARAMETER(in, projection_expression, "ProjectionExpression"),
        PARAMETER(in, filter_expression, "FilterExpression"),
        PARAMETER(in, key_condition_expression, "KeyConditionExpression"),
        {NULL}};
    const struct parameter others[] = {PARAMETER(in, attributes_to_get, "AttributesToGet"),
                                       PARAMETER(in, query_filter, "QueryFilter"),
                                       PARAMETER(in, conditional_operator, "ConditionalOperator"),
                                       {"KeyConditions", both},
                                       {NULL}};
    const struct parameter_set set = {.expressions = expressions,
                                      .others = others,
                                      .valued = expressions + 1,
                                      .names = in->expression_attribute_names.at != NULL,
                                      .values = in->expression_attribute_values.at != NULL};
    return terms_read(c,
                      &(struct terms_wish){.parameters = &set,
                                           .conditions = &in->query_filter,
                                           .key = in->key_condition_expression,
                                           .needs_key = !in->key_conditions.at,
                                           TERMS_OF(in)},
                      ret);
}

/* The range, with everything about it checked. */
static RESULT read_range(struct call *c, const struct dynamodb_query_in *in,
                         const struct source *source, const struct terms *terms,
                         const struct expression_keys *keys, struct kv_range *ret)
{
    TRY(query_range(c, source, keys, ret));
    ret->order =
        in->has.scan_index_forward && !in->scan_index_forward ? KV_DESCENDING : KV_ASCENDING;
    ret->after = terms->has_start ? &terms->start : NULL;
    TRY(check_start(c, source, ret));
    TRY(item_check_key_paths(c, source->table, &terms->projection));
    TRY(check_filter(c, source, &terms->filter,
                     in->query_filter.at ? "QueryFilter" : "Filter Expression"));
    return item_check_key_paths(c, source->table, &terms->filter);
}

RESULT dynamodb_query(struct call *c, const struct dynamodb_query_in *in,
                      struct dynamodb_query_out *out)
{
    struct terms terms;
    struct expression_keys keys;
    struct source source;
    struct kv_range range;
    struct page_wish wish = {.source = &source, .range = &range, .filter = &terms.filter};
    struct page page;
    TRY(reference_require_index(c, S("dynamodb:Query"), in->table_name, in->index_name));
    TRY(parameter_check_number(c,
                               &(struct parameter_number){"Limit", in->has.limit, in->limit, 1}));
    TRY(read_terms(c, in, &terms));
    TRY(terms.key.program ? expression_take_keys(c, &terms.key, &keys)
                          : legacy_keys(c, &in->key_conditions, &keys));
    TRY(source_open(c, in->table_name, in->index_name, &source));
    TRY(source_check_index(c, &source, &terms.select, &wish.fetch));
    TRY(read_range(c, in, &source, &terms, &keys, &range));

    wish.projection = &terms.projection;
    wish.limit = in->has.limit ? (size_t)in->limit : 0;
    wish.count = span_eq(in->select, S("COUNT"));
    wish.consistent = in->consistent_read;
    TRY(page_read(c, &wish, &page));
    if (!wish.count)
        out->items = page_items(c, &page);
    SET(out, count, (int32_t)page.count);
    SET(out, scanned_count, (int32_t)page.scanned);
    if (page.last.count)
        out->last_evaluated_key = source_last(c, &source, &page.last);
    out->consumed_capacity = page_capacity(c, in->return_consumed_capacity, &wish, &page);
    return OK;
}
