// SPDX-License-Identifier: Apache-2.0
/*
 * What statements do. One item: the whole key stands in WHERE as equalities, everything else there
 * is its condition. Many: the equality on a hash key makes a range of it, else all is gone through,
 * and WHERE is the filter. Any thread.
 */
#include "services/dynamodb/key.h"
#include "services/dynamodb/partiql/inside.h"
#include "services/dynamodb/query.h"
#include "services/dynamodb/reference.h"

/* ---- one item ------------------------------------------------------------------------------- */

static const struct expression_key *equality_on(const struct expression_keys *keys,
                                                struct span attribute)
{
    for (size_t i = 0; i < keys->count; i++)
        if (keys->at[i].bound == KV_EQ && span_eq(keys->at[i].attribute, attribute))
            return &keys->at[i];
    return NULL;
}

/* The key's attributes as WHERE gives them; false when it lacks one. */
static bool key_of_where(struct call *c, const struct partiql *statement,
                         const struct kv_schema *schema, struct kv_map *ret, bool *ret_only)
{
    const struct kv_key_part *parts[] = {&schema->hash, &schema->range};
    struct expression_keys keys;
    partiql_conjuncts(statement, &keys, ret_only);
    *ret = (struct kv_map){ARENA_ARRAY(c->arena, struct kv_pair, 2), 0};
    for (size_t i = 0; i < 2 && parts[i]->name.at; i++) {
        const struct expression_key *key = equality_on(&keys, parts[i]->name);
        if (!key)
            return false;
        ret->at[ret->count++] = (struct kv_pair){parts[i]->name, *key->low};
    }
    *ret_only = *ret_only && keys.count == ret->count;
    kv_sort_pairs(ret->at, ret->count);
    return true;
}

RESULT partiql_aim(struct call *c, const struct partiql *statement, struct item_target *ret)
{
    struct kv_map key;
    bool only;
    *ret = (struct item_target){.access = reference_access(c)};
    TRY(reference_open(c, statement->table, &ret->table_name, &ret->table));
    if (statement->kind == PARTIQL_INSERT) {
        if (kv_map_size(&statement->item) > ITEM_MAX)
            return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                          "Item size has exceeded the maximum allowed size");
        return key_of_item(c, ret->table, &statement->item, &ret->key);
    }
    if (!key_of_where(c, statement, kv_table_schema(ret->table), &key, &only))
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Where clause does not contain a mandatory equality on all key attributes");
    if (statement->update.program)
        TRY(item_check_key_kept(c, ret->table, &statement->update));
    return key_of_request(c, ret->table, &key, &ret->key);
}

static RESULT insert(struct call *c, const struct partiql *statement, struct item_target *target,
                     struct partiql_result *ret)
{
    if (!span_is_absent(target->bytes))
        return refuse(c, &DYNAMODB_DUPLICATE_ITEM_EXCEPTION,
                      "Duplicate primary key exists in table");
    ret->bytes = kv_map_size(&statement->item);
    return item_store(c, target, &statement->item);
}

static RESULT update(struct call *c, const struct partiql *statement, struct item_target *target,
                     struct partiql_result *ret)
{
    const struct item_update change = {&statement->update, &target->old, ITEM_MEASURE_WHOLE};
    struct kv_map item;
    bool stored;
    TRY(item_change(c, target, &change, &item, &stored));
    size_t before = kv_item_size(target->bytes), after = kv_map_size(&item);
    ret->bytes = before > after ? before : after;
    switch (statement->returning) {
    case PARTIQL_NOTHING:
        return OK;
    case PARTIQL_ALL_OLD:
        ret->item = target->old;
        return OK;
    case PARTIQL_ALL_NEW:
        ret->item = item;
        return OK;
    case PARTIQL_MODIFIED_OLD:
        expression_project(&statement->update, &target->old, c->arena, &ret->item);
        return OK;
    case PARTIQL_MODIFIED_NEW:
        expression_project(&statement->update, &item, c->arena, &ret->item);
        return OK;
    }
    return OK;
}

static RESULT delete (struct call *c, const struct partiql *statement, struct item_target *target,
                      struct partiql_result *ret)
{
    ret->bytes = kv_item_size(target->bytes);
    if (statement->returning == PARTIQL_ALL_OLD)
        ret->item = target->old;
    return item_remove(c, target);
}

/* A deletion of what is not there does nothing, unless it has a condition besides the key. */
static RESULT check(struct call *c, const struct partiql *statement, struct item_target *target,
                    struct span on_failure)
{
    struct kv_map key;
    bool only;
    if (statement->kind == PARTIQL_DELETE && span_is_absent(target->bytes) &&
        key_of_where(c, statement, kv_table_schema(target->table), &key, &only) && only)
        return OK;
    return item_check(c, target, &statement->where, on_failure);
}

RESULT partiql_apply(struct call *c, const struct partiql *statement, struct item_target *target,
                     struct span on_failure, struct partiql_result *ret)
{
    *ret = (struct partiql_result){.bytes = 0};
    TRY(item_decode(c, target));
    TRY(check(c, statement, target, on_failure));
    switch (statement->kind) {
    case PARTIQL_INSERT:
        return insert(c, statement, target, ret);
    case PARTIQL_UPDATE:
        return update(c, statement, target, ret);
    case PARTIQL_DELETE:
        return delete (c, statement, target, ret);
    case PARTIQL_SELECT:
    case PARTIQL_EXISTS:
        break;
    }
    ret->bytes = kv_item_size(target->bytes);
    return OK;
}

RESULT partiql_look(struct call *c, const struct partiql *statement, struct item_target *target,
                    struct partiql_result *ret)
{
    TRY(item_decode(c, target));
    *ret = (struct partiql_result){.item = target->old, .bytes = kv_item_size(target->bytes)};
    if (statement->projection.program)
        expression_project_flat(&statement->projection, statement->labels, &target->old, c->arena,
                                &ret->item);
    return OK;
}

/* ---- many items ----------------------------------------------------------------------------- */

static RESULT open_source(struct call *c, const struct partiql_query *query, struct source *ret)
{
    const struct partiql *statement = query->statement;
    TRY(source_open(c, statement->table, SPAN_NONE, ret));
    if (!statement->index.at)
        return OK;
    const struct kv_index *index = kv_index_find(ret->table, statement->index);
    if (!index)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "The table does not have the specified index");
    if (query->consistent && !kv_index_schema(index)->local)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Strongly consistent read is not supported on Global Secondary Indexes");
    return source_open(c, statement->table, statement->index, ret);
}

static RESULT check_filter(struct call *c, const struct source *source,
                           const struct partiql *statement)
{
    size_t count = 0;
    const struct span *names = statement->where.program
                                   ? expression_attributes(&statement->where, c->arena, &count)
                                   : NULL;
    for (size_t i = 0; i < count; i++)
        if (!source_has(source, names[i]))
            return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                          "One or more parameter values were invalid: Secondary index %.*s does "
                          "not project one or more filter attributes: [%.*s]",
                          SPAN_ARG(statement->index), SPAN_ARG(names[i]));
    return OK;
}

/* Of what WHERE demands, what a range can be made of: equalities on the hash key, and on the range
 * key one condition behind equalities. */
static bool take_keys(const struct source *source, const struct expression_keys *all,
                      struct expression_keys *ret)
{
    ret->count = 0;
    for (size_t i = 0; i < source->hash_count; i++) {
        const struct expression_key *key = equality_on(all, source->hash[i].name);
        if (!key)
            return false;
        ret->at[ret->count++] = *key;
    }
    for (size_t i = 0; i < source->range_count; i++) {
        const struct expression_key *key = equality_on(all, source->range[i].name);
        for (size_t j = 0; !key && j < all->count; j++)
            if (span_eq(all->at[j].attribute, source->range[i].name))
                key = &all->at[j];
        if (!key)
            break;
        ret->at[ret->count++] = *key;
        if (key->bound != KV_EQ)
            break;
    }
    return true;
}

static RESULT make_range(struct call *c, const struct source *source,
                         const struct partiql *statement, struct kv_range *ret)
{
    struct expression_keys all, keys;
    bool only, found;
    partiql_conjuncts(statement, &all, &only);
    found = take_keys(source, &all, &keys);
    *ret = (struct kv_range){.table = source->table, .index = source->index};
    if (found)
        TRY(query_range(c, source, &keys, ret));
    if (!statement->order.at)
        return OK;
    if (!found)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Must have at least one non-optional hash key condition in WHERE clause when "
                      "using ORDER BY clause.");
    bool is_key = span_eq(statement->order, source->hash[0].name) ||
                  (source->range_count && span_eq(statement->order, source->range[0].name));
    if (!is_key)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Variable reference %.*s in ORDER BY clause must be part of the primary key",
                      SPAN_ARG(statement->order));
    ret->order = statement->direction;
    return OK;
}

RESULT partiql_select(struct call *c, const struct partiql_query *query, struct source *source,
                      struct page_wish *wish, struct page *ret)
{
    const struct partiql *statement = query->statement;
    struct kv_range *range = ARENA_NEW(c->arena, struct kv_range);
    const struct source_select select = {.projection = &statement->projection,
                                         .filter = &(struct expression){.program = NULL},
                                         .consistent = query->consistent};
    *wish = (struct page_wish){.source = source,
                               .range = range,
                               .filter = &statement->where,
                               .projection = &statement->projection,
                               .labels = statement->labels,
                               .limit = query->limit,
                               .consistent = query->consistent};
    TRY(open_source(c, query, source));
    TRY(check_filter(c, source, statement));
    TRY(source_check_index(c, source, &select, &wish->fetch));
    TRY(make_range(c, source, statement, range));
    range->after = query->after;
    if (range->after && !kv_range_has(range, range->after))
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION, "NextToken does not match request");
    return page_read(c, wish, ret);
}
