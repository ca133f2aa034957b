// SPDX-License-Identifier: Apache-2.0
/*
 * PutItem, GetItem, UpdateItem, DeleteItem. Checks come in the real service's order: parameters,
 * values, expressions, table, key. Loop threads.
 */
#include "services/dynamodb/attribute.h"
#include "services/dynamodb/collection.h"
#include "services/dynamodb/item.h"
#include "services/dynamodb/key.h"
#include "services/dynamodb/legacy.h"
#include "services/dynamodb/parameter.h"
#include "services/dynamodb/reference.h"
#include "services/dynamodb/throttle.h"
#include "services/dynamodb/view.h"

#include <errno.h>

/* The condition of a write, in either form. */
struct wish {
    struct span expression, on_failure;
    const struct dynamodb_expected_attribute_map *expected;
    struct span conditional_operator;
    const struct dynamodb_expression_attribute_name_map *names;
    const struct dynamodb_expression_attribute_value_map *values;
};

/* Every write has these members. */
#define WISH(in)                                                                                   \
    ((struct wish){                                                                                \
        .expression = (in)->condition_expression,                                                  \
        .on_failure = (in)->return_values_on_condition_check_failure,                              \
        .expected = &(in)->expected,                                                               \
        .conditional_operator = (in)->conditional_operator,                                        \
        .names = &(in)->expression_attribute_names,                                                \
        .values = &(in)->expression_attribute_values,                                              \
    })

static RESULT check_return_values(struct call *c, struct span wanted)
{
    if (span_is_absent(wanted) || span_eq(wanted, S("NONE")) || span_eq(wanted, S("ALL_OLD")))
        return OK;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  "1 validation error detected: ReturnValues can only be ALL_OLD or NONE");
}

static RESULT check_parameters(struct call *c, const struct wish *wish)
{
    const struct parameter expressions[] = {PARAMETER(wish, expression, "ConditionExpression"),
                                            {NULL}};
    const struct parameter others[] = {{"Expected", wish->expected->at != NULL},
                                       PARAMETER(wish, conditional_operator, "ConditionalOperator"),
                                       {NULL}};
    return parameter_check(c, &(struct parameter_set){.words = ATTRIBUTE_WRAPPED,
                                                      .expressions = expressions,
                                                      .others = others,
                                                      .names = wish->names->at != NULL,
                                                      .values = wish->values->at != NULL});
}

/* Both forms; the scope is open when there are expressions. */
static RESULT read_condition(struct call *c, const struct wish *wish,
                             struct expression_scope *scope, struct expression *ret)
{
    if (wish->expression.at)
        return expression_bind(scope, EXPRESSION_CONDITION, wish->expression, ret);
    return legacy_expected(c, wish->expected, wish->conditional_operator, ret);
}

static RESULT read_wish(struct call *c, const struct wish *wish, struct expression *ret)
{
    struct expression_scope scope;
    TRY(expression_scope_open(c, ATTRIBUTE_WRAPPED, wish->names, wish->values, &scope));
    TRY(read_condition(c, wish, &scope, ret));
    return expression_scope_close(&scope);
}

static RESULT show_old(struct call *c, struct item_target *target, struct span wanted,
                       struct dynamodb_attribute_map *ret)
{
    if (!span_eq(wanted, S("ALL_OLD")) || span_is_absent(target->bytes))
        return OK;
    TRY(item_decode(c, target));
    *ret = attribute_show_map(c, &target->old);
    return OK;
}

/* A whole item that is put, or the key of one that is deleted. */
struct replacing {
    struct wish wish;
    struct span return_values, table_name;
    struct attribute_pairs pairs;
    const struct refusal *(*key)(struct call *c, const struct kv_table *table,
                                 const struct kv_map *map, struct kv_key *ret);
};

/* Up to where the item may be written: checked, locked, and its condition holds. */
static RESULT begin(struct call *c, const struct replacing *replacing, struct item_target *target,
                    struct kv_map *ret_map)
{
    struct expression condition;
    *target = (struct item_target){.access = reference_access(c)};
    TRY(check_return_values(c, replacing->return_values));
    TRY(check_parameters(c, &replacing->wish));
    TRY(attribute_read_map(c, ATTRIBUTE_WRAPPED, replacing->pairs, ret_map));
    if (replacing->key == key_of_item && kv_map_size(ret_map) > ITEM_MAX)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Item size has exceeded the maximum allowed size");
    TRY(read_wish(c, &replacing->wish, &condition));
    TRY(reference_open(c, replacing->table_name, &target->table_name, &target->table));
    TRY(item_check_key_paths(c, target->table, &condition));
    TRY(replacing->key(c, target->table, ret_map, &target->key));
    TRY(item_lock(c, target));
    return item_check(c, target, &condition, replacing->wish.on_failure);
}

RESULT dynamodb_put_item(struct call *c, const struct dynamodb_put_item_in *in,
                         struct dynamodb_put_item_out *out)
{
    const struct replacing replacing = {WISH(in), in->return_values, in->table_name,
                                        ATTRIBUTE_PAIRS(in->item), key_of_item};
    struct item_target target;
    struct kv_map item;
    TRY(begin(c, &replacing, &target, &item));
    TRY(item_store(c, &target, &item));

    size_t size = kv_map_size(&item), old_size = kv_item_size(target.bytes);
    out->consumed_capacity =
        item_capacity(c, &target, in->return_consumed_capacity, size > old_size ? size : old_size);
    out->item_collection_metrics = collection_shown(c, in->return_item_collection_metrics,
                                                    target.table, &item, &target.changes);
    return show_old(c, &target, in->return_values, &out->attributes);
}

RESULT dynamodb_delete_item(struct call *c, const struct dynamodb_delete_item_in *in,
                            struct dynamodb_delete_item_out *out)
{
    const struct replacing replacing = {WISH(in), in->return_values, in->table_name,
                                        ATTRIBUTE_PAIRS(in->key), key_of_request};
    struct item_target target;
    struct kv_map key;
    TRY(begin(c, &replacing, &target, &key));
    TRY(item_remove(c, &target));

    out->consumed_capacity =
        item_capacity(c, &target, in->return_consumed_capacity, kv_item_size(target.bytes));
    out->item_collection_metrics = collection_shown(c, in->return_item_collection_metrics,
                                                    target.table, &key, &target.changes);
    return show_old(c, &target, in->return_values, &out->attributes);
}

/* ---- UpdateItem ----------------------------------------------------------------------------- */

static RESULT check_update_parameters(struct call *c, const struct dynamodb_update_item_in *in)
{
    const struct parameter expressions[] = {
        PARAMETER(in, update_expression, "UpdateExpression"),
        PARAMETER(in, condition_expression, "ConditionExpression"),
        {NULL}};
    const struct parameter others[] = {PARAMETER(in, attribute_updates, "AttributeUpdates"),
                                       PARAMETER(in, expected, "Expected"),
                                       PARAMETER(in, conditional_operator, "ConditionalOperator"),
                                       {NULL}};
    return parameter_check(
        c, &(struct parameter_set){.words = ATTRIBUTE_WRAPPED,
                                   .expressions = expressions,
                                   .others = others,
                                   .names = in->expression_attribute_names.at != NULL,
                                   .values = in->expression_attribute_values.at != NULL});
}

static RESULT read_update(struct call *c, const struct dynamodb_update_item_in *in,
                          struct expression *ret_update, struct expression *ret_condition)
{
    struct wish wish = WISH(in);
    struct expression_scope scope;
    if (in->attribute_updates.at) {
        TRY(legacy_updates(c, &in->attribute_updates, ret_update));
        return legacy_expected(c, wish.expected, wish.conditional_operator, ret_condition);
    }
    TRY(expression_scope_open(c, ATTRIBUTE_WRAPPED, wish.names, wish.values, &scope));
    TRY(expression_bind(&scope, EXPRESSION_UPDATE, in->update_expression, ret_update));
    TRY(read_condition(c, &wish, &scope, ret_condition));
    return expression_scope_close(&scope);
}

/* The attributes that ReturnValues asks for; UPDATED_… are those that the update names. */
static RESULT show_updated(struct call *c, const struct item_target *target, struct span wanted,
                           const struct expression *update, const struct kv_map *item,
                           struct dynamodb_attribute_map *ret)
{
    bool new = span_ends(wanted, S("_NEW"));
    bool part = span_starts(wanted, S("UPDATED_"));
    const struct kv_map *from = new ? item : &target->old;
    struct kv_map shown = *from;
    bool nothing = !from->count || (new ? !item->count : span_is_absent(target->bytes));
    if (!wanted.len || span_eq(wanted, S("NONE")) || nothing || (part && !update->program))
        return OK;
    if (part)
        expression_project(update, from, c->arena, &shown);
    if (shown.count)
        *ret = attribute_show_map(c, &shown);
    return OK;
}

RESULT dynamodb_update_item(struct call *c, const struct dynamodb_update_item_in *in,
                            struct dynamodb_update_item_out *out)
{
    struct item_target target = {.access = reference_access(c)};
    struct expression update = {.program = NULL}, condition = {.program = NULL};
    struct kv_map key, item;
    bool stored;
    TRY(check_update_parameters(c, in));
    TRY(attribute_read_map(c, ATTRIBUTE_WRAPPED, ATTRIBUTE_PAIRS(in->key), &key));
    TRY(read_update(c, in, &update, &condition));
    TRY(reference_open(c, in->table_name, &target.table_name, &target.table));
    TRY(item_check_key_paths(c, target.table, &condition));
    TRY(key_of_request(c, target.table, &key, &target.key));
    TRY(item_check_key_kept(c, target.table, &update));

    TRY(item_lock(c, &target));
    TRY(item_check(c, &target, &condition, in->return_values_on_condition_check_failure));
    TRY(item_change(c, &target, &(struct item_update){&update, &key, ITEM_MEASURE_ACTIONS}, &item,
                    &stored));

    size_t size = kv_map_size(&item), old_size = kv_item_size(target.bytes);
    out->consumed_capacity =
        item_capacity(c, &target, in->return_consumed_capacity, size > old_size ? size : old_size);
    out->item_collection_metrics = collection_shown(c, in->return_item_collection_metrics,
                                                    target.table, &key, &target.changes);
    if (!stored)
        item = (struct kv_map){NULL, 0};
    return show_updated(c, &target, in->return_values, &update, &item, &out->attributes);
}

/* ---- GetItem -------------------------------------------------------------------------------- */

RESULT dynamodb_get_item(struct call *c, const struct dynamodb_get_item_in *in,
                         struct dynamodb_get_item_out *out)
{
    struct item_target target = {.access = reference_access(c)};
    struct view_wish wish = {in->attributes_to_get, in->projection_expression,
                             &in->expression_attribute_names};
    struct view view;
    struct kv_map key;
    TRY(view_open(c, &wish, &view));
    TRY(attribute_read_map(c, ATTRIBUTE_PLAIN, ATTRIBUTE_PAIRS(in->key), &key));
    TRY(reference_open(c, in->table_name, &target.table_name, &target.table));
    TRY(item_check_key_paths(c, target.table, &view.projection));
    TRY(key_of_request(c, target.table, &key, &target.key));

    TRY(item_read(c, &target));
    TRY(item_decode(c, &target));
    if (!span_is_absent(target.bytes))
        out->item = view_show(c, &view, &target.old);
    double units = capacity_of_read(kv_item_size(target.bytes), in->consistent_read);
    out->consumed_capacity =
        capacity_shown(c, in->return_consumed_capacity, target.table_name, units);
    return throttle_read(c, &(struct throttle_target){&target.access, target.table, &target.key},
                         NULL, units);
}
