// SPDX-License-Identifier: Apache-2.0
/*
 * Tables and indexes as something to read: their keys, starting keys, and what may be selected. Any
 * thread.
 */
#include "services/dynamodb/source.h"

#include "services/dynamodb/key.h"
#include "services/dynamodb/reference.h"

static void add_key(struct source *source, const struct kv_key_part *part)
{
    for (size_t i = 0; i < source->key_count; i++)
        if (span_eq(source->keys[i].name, part->name))
            return;
    source->keys[source->key_count++] = *part;
}

static void add_parts(struct source *source, const struct kv_key_part *hash, size_t hash_count,
                      const struct kv_key_part *range, size_t range_count)
{
    memcpy(source->hash, hash, hash_count * sizeof *hash);
    memcpy(source->range, range, range_count * sizeof *range);
    source->hash_count = hash_count;
    source->range_count = range_count;
    for (size_t i = 0; i < hash_count; i++)
        add_key(source, &hash[i]);
    for (size_t i = 0; i < range_count; i++)
        add_key(source, &range[i]);
}

static RESULT open_index(struct call *c, struct span name, struct source *source)
{
    source->index = kv_index_find(source->table, name);
    if (!source->index)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "The table does not have the specified index: %.*s", SPAN_ARG(name));
    source->schema = kv_index_schema(source->index);
    if (!kv_index_is_built(source->index))
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Cannot read from backfilling global secondary index: %.*s", SPAN_ARG(name));
    add_parts(source, source->schema->hash, source->schema->hash_count, source->schema->range,
              source->schema->range_count);
    return OK;
}

RESULT source_open(struct call *c, struct span table_name, struct span index_name,
                   struct source *ret)
{
    *ret = (struct source){.access = reference_access(c)};
    TRY(reference_open(c, table_name, &ret->table_name, &ret->table));
    const struct kv_schema *schema = kv_table_schema(ret->table);
    add_parts(ret, &schema->hash, 1, &schema->range, schema->range.name.at ? 1 : 0);
    return index_name.at ? open_index(c, index_name, ret) : OK;
}

bool source_has(const struct source *source, struct span attribute)
{
    if (!source->index || source->schema->projection == KV_PROJECT_ALL)
        return true;
    for (size_t i = 0; i < source->key_count; i++)
        if (span_eq(source->keys[i].name, attribute))
            return true;
    for (size_t i = 0;
         source->schema->projection == KV_PROJECT_INCLUDE && i < source->schema->included.count;
         i++)
        if (span_eq(source->schema->included.at[i], attribute))
            return true;
    return false;
}

/* ---- what is selected ----------------------------------------------------------------------- */

RESULT source_check_select(struct call *c, const struct source_select *select, bool index)
{
    bool count = span_eq(select->select, S("COUNT"));
    bool specific = span_eq(select->select, S("SPECIFIC_ATTRIBUTES"));
    if (!select->select.at)
        return OK;
    if (specific && !select->projection->program)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "1 validation error detected: Must specify the AttributesToGet or "
                      "ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES");
    if (!specific && select->projection->program)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "1 validation error detected: Cannot specify the %s when choosing to get "
                      "%.*s",
                      select->named ? "AttributesToGet" : "ProjectionExpression",
                      SPAN_ARG(count ? S("only the Count") : select->select));
    if (span_eq(select->select, S("ALL_PROJECTED_ATTRIBUTES")) && !index)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "1 validation error detected: ALL_PROJECTED_ATTRIBUTES can be used only when "
                      "Querying using an IndexName");
    return OK;
}

/* The first attribute that an index lacks, or absent. */
static struct span lacking(struct call *c, const struct source *source,
                           const struct expression *expression)
{
    size_t count = 0;
    const struct span *names =
        expression->program ? expression_attributes(expression, c->arena, &count) : NULL;
    for (size_t i = 0; i < count; i++)
        if (!source_has(source, names[i]))
            return names[i];
    return SPAN_NONE;
}

RESULT source_check_index(struct call *c, const struct source *source,
                          const struct source_select *select, bool *ret_fetch)
{
    *ret_fetch = false;
    if (!source->index)
        return OK;
    const struct kv_index_schema *schema = source->schema;
    bool whole = span_eq(select->select, S("ALL_ATTRIBUTES"));
    struct span lacks = lacking(c, source, select->projection);
    struct span filtered = lacking(c, source, select->filter);
    *ret_fetch = schema->projection != KV_PROJECT_ALL && (whole || lacks.at || filtered.at);
    if (schema->local)
        return OK;
    if (select->consistent)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Consistent reads are not supported on global secondary indexes");
    if (whole && schema->projection != KV_PROJECT_ALL)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is "
                      "not supported for global secondary index %.*s because its projection type "
                      "is not ALL",
                      SPAN_ARG(schema->name));
    if (lacks.at)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "One or more parameter values were invalid: Global secondary index %.*s "
                      "does not project [%.*s]",
                      SPAN_ARG(schema->name), SPAN_ARG(lacks));
    if (filtered.at)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "One or more parameter values were invalid: Global secondary index %.*s "
                      "does not project one or more filter attributes: [%.*s]",
                      SPAN_ARG(schema->name), SPAN_ARG(filtered));
    return OK;
}

/* ---- where it begins and ends --------------------------------------------------------------- */

RESULT source_check_start(struct call *c, const struct source *source, const struct kv_map *start)
{
    bool fits = start->count == source->key_count;
    for (size_t i = 0; fits && i < source->key_count; i++)
        fits = kv_map_get(start, source->keys[i].name) != NULL;
    if (!fits)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION, "The provided starting key is invalid");
    for (size_t i = 0; i < source->key_count; i++) {
        const struct kv_key_part *part = &source->keys[i];
        const struct kv_value *value = kv_map_get(start, part->name);
        if (value->type != part->type)
            return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                          "The provided starting key is invalid: The provided key element does not "
                          "match the schema");
        const struct refusal *refusal = key_check_value(c, KEY_HASH, part, value);
        if (refusal)
            return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                          "The provided starting key is invalid: %.*s", SPAN_ARG(refusal->message));
    }
    return OK;
}

struct dynamodb_key source_last(struct call *c, const struct source *source,
                                const struct kv_map *item)
{
    struct dynamodb_key last = {ARENA_ARRAY(c->arena, struct dynamodb_key_pair, source->key_count),
                                source->key_count};
    for (size_t i = 0; i < source->key_count; i++) {
        last.at[i].key = source->keys[i].name;
        attribute_show(c, kv_map_get(item, source->keys[i].name), &last.at[i].value);
    }
    return last;
}
