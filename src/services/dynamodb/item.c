// SPDX-License-Identifier: Apache-2.0
/*
 * What all writers of items do. Key invariant: a write locks its item's key before it reads what is
 * there, and the table is looked at again under that lock. Any thread.
 */
#include "services/dynamodb/item.h"

#include "services/dynamodb/attribute.h"
#include "services/dynamodb/collection.h"
#include "services/dynamodb/key.h"
#include "services/dynamodb/throttle.h"
#include "services/dynamodb/transact.h"
#include "services/dynamodb/vector.h"

#include <errno.h>

#define ENCODED_MAX (4 << 20) /* bytes of the largest item as it is stored */

RESULT item_read(struct call *c, struct item_target *target)
{
    target->bytes = SPAN_NONE;
    target->decoded = false;
    target->access.changes = &target->changes;
    int error = kv_get(&target->access, &target->key, &target->bytes);
    return error < 0 && error != -ENOENT ? refuse_errno(c, error, "reading an item") : OK;
}

RESULT item_lock(struct call *c, struct item_target *target)
{
    int error = kv_lock(&target->access, target->table, &target->key, 1);
    if (error == -ESTALE)
        return refuse(c, &DYNAMODB_RESOURCE_NOT_FOUND_EXCEPTION, "Requested resource not found");
    return item_read(c, target);
}

RESULT item_decode(struct call *c, struct item_target *target)
{
    if (target->decoded)
        return OK;
    target->decoded = true;
    target->old = (struct kv_map){NULL, 0};
    if (!span_is_absent(target->bytes) && !kv_item_decode(target->bytes, c->arena, &target->old))
        return refuse_errno(c, -EBADMSG, "decoding an item");
    return OK;
}

static double factor_of(const struct item_target *target)
{
    return target->transacted ? TRANSACT_FACTOR : 1;
}

RESULT item_charge(struct call *c, struct item_target *target)
{
    return throttle_failed_write(
        c, &(struct throttle_target){&target->access, target->table, &target->key},
        factor_of(target) * capacity_of_write(kv_item_size(target->bytes)));
}

/* One that fails is charged like a write of the item that is there ("Condition expressions"). */
RESULT item_check(struct call *c, struct item_target *target, const struct expression *condition,
                  struct span wanted)
{
    if (!condition->program)
        return OK;
    TRY(item_decode(c, target));
    if (expression_holds(condition, &target->old, c->arena))
        return OK;
    TRY(item_charge(c, target));
    const struct refusal *refusal =
        refuse(c, &DYNAMODB_CONDITIONAL_CHECK_FAILED_EXCEPTION, "The conditional request failed");
    return span_eq(wanted, S("ALL_OLD")) && !span_is_absent(target->bytes)
               ? refusal_add_json(c, refusal, S("Item"), attribute_json(c, &target->old))
               : refusal;
}

static RESULT throttle(struct call *c, struct item_target *target, size_t after)
{
    size_t before = kv_item_size(target->bytes);
    double factor = factor_of(target);
    return throttle_write(c,
                          &(struct throttle_target){&target->access, target->table, &target->key},
                          &(struct throttle_write){
                              .units = factor * capacity_of_write(before > after ? before : after),
                              .factor = factor,
                              .changes = &target->changes});
}

RESULT item_store(struct call *c, struct item_target *target, const struct kv_map *item)
{
    struct buf bytes;
    buf_init(&bytes, ENCODED_MAX);
    kv_item_encode(item, &bytes);
    int error = bytes.over ? -E2BIG
                           : kv_put(&target->access, target->table, &target->key, buf_span(&bytes),
                                    target->bytes);
    buf_done(&bytes);
    if (error < 0)
        return collection_refuse(c, error, "storing an item");
    return throttle(c, target, kv_map_size(item));
}

RESULT item_remove(struct call *c, struct item_target *target)
{
    int error = kv_delete(&target->access, target->table, &target->key, target->bytes);
    return error < 0 ? refuse_errno(c, error, "deleting an item") : throttle(c, target, 0);
}

/* ---- updates -------------------------------------------------------------------------------- */

/* The fee per action was measured on the real service: "attributes that are written + fees" must
 * not pass 400 KB, nor must the finished item. */
static RESULT check_size(struct call *c, const struct item_update *update,
                         const struct kv_map *item)
{
    size_t size = kv_map_size(item);
    if (size <= ITEM_MAX && update->update->program && update->measure == ITEM_MEASURE_ACTIONS &&
        size > ITEM_MAX / 2)
        size = expression_update_weight(update->update, item);
    if (size <= ITEM_MAX)
        return OK;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  "Item size to update has exceeded the maximum allowed size");
}

/* A key of an index may be taken away, but not made something that is none. */
static RESULT check_index_part(struct call *c, const struct kv_key_part *part,
                               const struct item_update *update, const struct kv_map *item)
{
    const struct kv_value *value = kv_map_get(item, part->name);
    if (!value || value->type == part->type || !expression_updates(update->update, part->name))
        return OK;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  "The update expression attempted to update the secondary index key to "
                  "unsupported type");
}

static RESULT check_indexes(struct call *c, const struct kv_table *table,
                            const struct item_update *update, const struct kv_map *item)
{
    const struct kv_index *index;
    for (size_t at = 0; (index = kv_index_next(table, &at));) {
        const struct kv_index_schema *keys = kv_index_schema(index);
        for (uint8_t i = 0; i < keys->hash_count; i++)
            TRY(check_index_part(c, &keys->hash[i], update, item));
        for (uint8_t i = 0; i < keys->range_count; i++)
            TRY(check_index_part(c, &keys->range[i], update, item));
    }
    return key_check_indexes(c, table, item);
}

RESULT item_change(struct call *c, struct item_target *target, const struct item_update *update,
                   struct kv_map *ret_item, bool *ret_stored)
{
    bool absent = span_is_absent(target->bytes);
    TRY(item_decode(c, target));
    const struct kv_map *before = absent ? update->key : &target->old;
    *ret_item = *before;
    if (update->update->program)
        TRY(expression_update(c, update->update, before, ret_item));
    TRY(check_size(c, update, ret_item));
    TRY(vector_check_item(c, target->table, ret_item, &target->old));
    TRY(check_indexes(c, target->table, update, ret_item));
    *ret_stored = !absent || !update->update->program || expression_creates(update->update);
    return *ret_stored ? item_store(c, target, ret_item) : OK;
}

/* ---- key attributes ------------------------------------------------------------------------- */

static RESULT check_part_path(struct call *c, const struct kv_key_part *part, const char *what,
                              const struct expression *expression)
{
    if (!part->name.at || !expression_names(expression, part->name, EXPRESSION_NESTED))
        return OK;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  "Key attributes must be scalars; list random access '[]' and map lookup '.' are "
                  "not allowed: %s: %.*s",
                  what, SPAN_ARG(part->name));
}

RESULT item_check_key_paths(struct call *c, const struct kv_table *table,
                            const struct expression *expression)
{
    const struct kv_schema *schema = kv_table_schema(table);
    const struct kv_index *index;
    if (!expression->program)
        return OK;
    TRY(check_part_path(c, &schema->hash, "Key", expression));
    TRY(check_part_path(c, &schema->range, "Key", expression));
    for (size_t at = 0; (index = kv_index_next(table, &at));) {
        const struct kv_index_schema *keys = kv_index_schema(index);
        for (uint8_t i = 0; i < keys->hash_count; i++)
            TRY(check_part_path(c, &keys->hash[i], "IndexKey", expression));
        for (uint8_t i = 0; i < keys->range_count; i++)
            TRY(check_part_path(c, &keys->range[i], "IndexKey", expression));
    }
    return OK;
}

static RESULT check_part_kept(struct call *c, const struct kv_key_part *part,
                              const struct expression *update)
{
    if (!part->name.at || !expression_updates(update, part->name))
        return OK;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  "One or more parameter values were invalid: Cannot update attribute %.*s. This "
                  "attribute is part of the key",
                  SPAN_ARG(part->name));
}

RESULT item_check_key_kept(struct call *c, const struct kv_table *table,
                           const struct expression *update)
{
    const struct kv_schema *schema = kv_table_schema(table);
    TRY(check_part_kept(c, &schema->hash, update));
    return check_part_kept(c, &schema->range, update);
}

struct dynamodb_consumed_capacity *item_capacity(struct call *c, const struct item_target *target,
                                                 struct span wanted, size_t bytes)
{
    return capacity_written(c, wanted,
                            &(struct capacity_write){.table_name = target->table_name,
                                                     .table = target->table,
                                                     .changes = &target->changes,
                                                     .units = capacity_of_write(bytes),
                                                     .factor = 1});
}
