// SPDX-License-Identifier: Apache-2.0
/*
 * TransactWriteItems: up to 100 actions on different items, all or none. Key invariant: all items
 * (and the token) are locked in one call before anything is read, so transactions are serial in
 * the order of their locks and never meet a conflict. Every action is looked at even when one has
 * failed, so that each reason is told. Loop threads.
 */
#include "services/dynamodb/attribute.h"
#include "services/dynamodb/capacity.h"
#include "services/dynamodb/collection.h"
#include "services/dynamodb/item.h"
#include "services/dynamodb/key.h"
#include "services/dynamodb/parameter.h"
#include "services/dynamodb/reference.h"
#include "services/dynamodb/token.h"
#include "services/dynamodb/transact.h"

#include <errno.h>

#define ASKED_CEILING (64 << 20) /* bytes of what is digested for the token */

enum ACTION { ACTION_CHECK, ACTION_PUT, ACTION_DELETE, ACTION_UPDATE };

/* One action, whatever the shape that asks for it. */
struct action {
    enum ACTION kind;
    struct span table_name;
    struct attribute_pairs pairs; /* item or key */
    struct span condition_text, update_text, on_failure;
    const struct dynamodb_expression_attribute_name_map *names;
    const struct dynamodb_expression_attribute_value_map *values;
    struct kv_map map;
    struct expression condition, update;
    struct item_target target;
    size_t after; /* bytes of the item when it is done */
};

struct actions {
    struct action *at;
    size_t count;
    struct transact_reasons reasons;
};

/* ---- what is asked for ---------------------------------------------------------------------- */

/* The four shapes have these members. */
#define ACTION_OF(which, shape, member)                                                            \
    ((struct action){                                                                              \
        .kind = (which),                                                                           \
        .table_name = (shape)->table_name,                                                         \
        .pairs = ATTRIBUTE_PAIRS((shape)->member),                                                 \
        .condition_text = (shape)->condition_expression,                                           \
        .on_failure = (shape)->return_values_on_condition_check_failure,                           \
        .names = &(shape)->expression_attribute_names,                                             \
        .values = &(shape)->expression_attribute_values,                                           \
    })

static RESULT action_of(struct call *c, const struct dynamodb_transact_write_item *in,
                        struct action *ret)
{
    int kinds = (in->condition_check != NULL) + (in->put != NULL) + (in->delete != NULL) +
                (in->update != NULL);
    if (kinds != 1)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "TransactItems can only contain one of Check, Put, Update or Delete");
    if (in->put)
        *ret = ACTION_OF(ACTION_PUT, in->put, item);
    else if (in->delete)
        *ret = ACTION_OF(ACTION_DELETE, in->delete, key);
    else if (in->condition_check)
        *ret = ACTION_OF(ACTION_CHECK, in->condition_check, key);
    else
        *ret = ACTION_OF(ACTION_UPDATE, in->update, key);
    if (in->update)
        ret->update_text = in->update->update_expression;
    return OK;
}

static RESULT require(struct call *c, const struct action *action)
{
    static const struct span names[] = {
        [ACTION_CHECK] = S_INIT("dynamodb:ConditionCheckItem"),
        [ACTION_PUT] = S_INIT("dynamodb:PutItem"),
        [ACTION_DELETE] = S_INIT("dynamodb:DeleteItem"),
        [ACTION_UPDATE] = S_INIT("dynamodb:UpdateItem"),
    };
    return reference_require(c, names[action->kind], action->table_name);
}

static RESULT read_action(struct call *c, struct action *action)
{
    struct expression_scope scope;
    const struct parameter expressions[] = {
        PARAMETER(action, condition_text, "ConditionExpression"),
        PARAMETER(action, update_text, "UpdateExpression"),
        {NULL}};
    const struct parameter others[] = {{NULL}};
    TRY(attribute_read_map(c, ATTRIBUTE_PLAIN, action->pairs, &action->map));
    if (action->kind == ACTION_PUT && kv_map_size(&action->map) > ITEM_MAX)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Item size has exceeded the maximum allowed size");
    TRY(parameter_check(c, &(struct parameter_set){.words = ATTRIBUTE_PLAIN,
                                                   .expressions = expressions,
                                                   .others = others,
                                                   .names = action->names->at != NULL,
                                                   .values = action->values->at != NULL}));
    TRY(expression_scope_open(c, ATTRIBUTE_PLAIN, action->names, action->values, &scope));
    TRY(expression_bind(&scope, EXPRESSION_UPDATE, action->update_text, &action->update));
    TRY(expression_bind(&scope, EXPRESSION_CONDITION, action->condition_text, &action->condition));
    return expression_scope_close(&scope);
}

static RESULT read_actions(struct call *c, const struct dynamodb_transact_write_items_in *in,
                           struct actions *actions)
{
    actions->count = in->transact_items.count;
    actions->at = ARENA_ARRAY(c->arena, struct action, actions->count);
    actions->reasons = (struct transact_reasons){
        ARENA_ARRAY(c->arena, const struct refusal *, actions->count), actions->count};
    for (size_t i = 0; i < actions->count; i++) {
        TRY(action_of(c, &in->transact_items.at[i], &actions->at[i]));
        TRY(require(c, &actions->at[i]));
    }
    for (size_t i = 0; i < actions->count; i++)
        TRY(read_action(c, &actions->at[i]));
    return OK;
}

/* ---- the token ------------------------------------------------------------------------------ */

static void digest_text(struct span text, struct buf *out)
{
    buf_append_u64(out, text.at ? text.len : 0);
    buf_append_byte(out, text.at ? ':' : '-');
    buf_append(out, text);
}

/* Equal for requests that ask for the same, whatever the order of their members. */
static struct span asked_for(struct call *c, const struct actions *actions)
{
    struct buf *out = arena_buf(c->arena, ASKED_CEILING);
    for (size_t i = 0; i < actions->count; i++) {
        const struct action *action = &actions->at[i];
        buf_append_byte(out, (char)('0' + (int)action->kind));
        digest_text(action->table_name, out);
        kv_item_encode(&action->map, out);
        digest_text(action->condition_text, out);
        digest_text(action->update_text, out);
        digest_text(action->on_failure, out);
        for (size_t j = 0; j < action->names->count; j++) {
            digest_text(action->names->at[j].key, out);
            digest_text(action->names->at[j].value, out);
        }
        struct kv_map values;
        if (!attribute_read_map(c, ATTRIBUTE_PLAIN, ATTRIBUTE_PAIRS(*action->values), &values))
            kv_item_encode(&values, out);
    }
    return buf_span(out);
}

/* ---- keys, locks ---------------------------------------------------------------------------- */

static RESULT key_of(struct call *c, struct action *action)
{
    struct item_target *target = &action->target;
    if (action->kind == ACTION_PUT)
        return key_of_item(c, target->table, &action->map, &target->key);
    return key_of_request(c, target->table, &action->map, &target->key);
}

static RESULT find_keys(struct call *c, struct actions *actions)
{
    const struct kv_key **keys = ARENA_ARRAY(c->arena, const struct kv_key *, actions->count);
    size_t found = 0;
    for (size_t i = 0; i < actions->count; i++) {
        struct item_target *target = &actions->at[i].target;
        target->access = reference_access(c);
        target->transacted = true;
        TRY(reference_open(c, actions->at[i].table_name, &target->table_name, &target->table));
        TRY(item_check_key_paths(c, target->table, &actions->at[i].condition));
        TRY(item_check_key_paths(c, target->table, &actions->at[i].update));
        if (actions->at[i].update.program)
            TRY(item_check_key_kept(c, target->table, &actions->at[i].update));
    }
    for (size_t i = 0; i < actions->count; i++) {
        TRY(transact_keep(&actions->reasons, i, key_of(c, &actions->at[i])));
        if (!actions->reasons.at[i])
            keys[found++] = &actions->at[i].target.key;
    }
    TRY(transact_check_keys(c, keys, found));
    return transact_cancel(c, &actions->reasons);
}

static RESULT lock_all(struct call *c, struct actions *actions, struct span token)
{
    const struct kv_access access = reference_access(c);
    struct kv_place *places = ARENA_ARRAY(c->arena, struct kv_place, actions->count);
    for (size_t i = 0; i < actions->count; i++)
        places[i] = (struct kv_place){actions->at[i].target.table, &actions->at[i].target.key};
    int error = kv_lock_places(&access, places, actions->count, token_lock_name(c, token));
    if (error == -ESTALE)
        return refuse(c, &DYNAMODB_RESOURCE_NOT_FOUND_EXCEPTION, "Requested resource not found");
    return OK;
}

/* ---- doing it ------------------------------------------------------------------------------- */

static RESULT do_action(struct call *c, struct action *action)
{
    struct item_target *target = &action->target;
    const struct item_update update = {&action->update, &action->map, ITEM_MEASURE_WHOLE};
    struct kv_map item;
    bool stored;
    TRY(item_check(c, target, &action->condition, action->on_failure));
    switch (action->kind) {
    case ACTION_CHECK:
        action->after = kv_item_size(target->bytes);
        return item_charge(c, target);
    case ACTION_PUT:
        action->after = kv_map_size(&action->map);
        return item_store(c, target, &action->map);
    case ACTION_DELETE:
        return item_remove(c, target);
    case ACTION_UPDATE:
        break;
    }
    TRY(item_change(c, target, &update, &item, &stored));
    action->after = stored ? kv_map_size(&item) : 0;
    return OK;
}

static RESULT do_all(struct call *c, struct actions *actions)
{
    size_t bytes = 0;
    for (size_t i = 0; i < actions->count; i++) {
        struct action *action = &actions->at[i];
        TRY(item_read(c, &action->target));
        TRY(transact_keep(&actions->reasons, i, do_action(c, action)));
        size_t before = kv_item_size(action->target.bytes);
        bytes += before > action->after ? before : action->after;
    }
    TRY(transact_cancel(c, &actions->reasons));
    return transact_check_size(c, bytes);
}

/* ---- what is told --------------------------------------------------------------------------- */

static double units_of(const struct action *action, enum TOKEN token)
{
    size_t before = kv_item_size(action->target.bytes);
    size_t larger = before > action->after ? before : action->after;
    return TRANSACT_FACTOR *
           (token == TOKEN_DONE ? capacity_of_read(before, true) : capacity_of_write(larger));
}

/* The first action of each table tells of all of that table. */
static bool is_first(const struct actions *actions, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (actions->at[j].target.table == actions->at[i].target.table)
            return false;
    return true;
}

static struct kv_changes changes_of(struct call *c, const struct actions *actions)
{
    struct kv_changes all = {0};
    for (size_t i = 0; i < actions->count; i++)
        for (const struct kv_change *at = actions->at[i].target.changes.first; at; at = at->next) {
            struct kv_change *copy = ARENA_NEW(c->arena, struct kv_change);
            *copy = *at;
            copy->next = all.first;
            all.first = copy;
        }
    return all;
}

static void show_capacity(struct call *c, const struct actions *actions, struct span wanted,
                          enum TOKEN token, struct dynamodb_consumed_capacity_multiple *ret)
{
    struct kv_changes changes = changes_of(c, actions);
    ret->at = ARENA_ARRAY(c->arena, struct dynamodb_consumed_capacity, actions->count);
    for (size_t i = 0; i < actions->count; i++) {
        const struct item_target *target = &actions->at[i].target;
        struct capacity_write all = {.table_name = target->table_name,
                                     .table = target->table,
                                     .changes = &changes,
                                     .factor = TRANSACT_FACTOR};
        for (size_t j = i; j < actions->count; j++)
            if (actions->at[j].target.table == target->table)
                all.units += units_of(&actions->at[j], token);
        struct dynamodb_consumed_capacity *shown =
            is_first(actions, i) ? capacity_written(c, wanted, &all) : NULL;
        if (!shown)
            continue;
        if (token == TOKEN_DONE)
            SET(shown, read_capacity_units, shown->capacity_units);
        else
            SET(shown, write_capacity_units, shown->capacity_units);
        ret->at[ret->count++] = *shown;
    }
    if (!ret->count)
        ret->at = NULL;
}

static RESULT show_collections(struct call *c, const struct actions *actions, struct span wanted,
                               struct dynamodb_item_collection_metrics_per_table *ret)
{
    struct collections all = {.wanted = wanted};
    for (size_t i = 0; i < actions->count; i++) {
        const struct item_target *target = &actions->at[i].target;
        if (actions->at[i].kind != ACTION_CHECK)
            TRY(collections_add(c, &all,
                                &(struct collection_write){.access = &target->access,
                                                           .table_name = target->table_name,
                                                           .table = target->table,
                                                           .key = &target->key,
                                                           .map = &actions->at[i].map}));
    }
    *ret = all.shown;
    return OK;
}

RESULT dynamodb_transact_write_items(struct call *c,
                                     const struct dynamodb_transact_write_items_in *in,
                                     struct dynamodb_transact_write_items_out *out)
{
    struct actions actions;
    enum TOKEN token;
    TRY(read_actions(c, in, &actions));
    struct span asked = asked_for(c, &actions);
    TRY(find_keys(c, &actions));
    TRY(lock_all(c, &actions, in->client_request_token));
    TRY(token_look(c, in->client_request_token, asked, &token));
    if (token == TOKEN_NEW) {
        TRY(do_all(c, &actions));
        TRY(token_keep(c, in->client_request_token, asked));
    } else {
        for (size_t i = 0; i < actions.count; i++)
            TRY(item_read(c, &actions.at[i].target));
    }
    show_capacity(c, &actions, in->return_consumed_capacity, token, &out->consumed_capacity);
    return show_collections(c, &actions, in->return_item_collection_metrics,
                            &out->item_collection_metrics);
}
