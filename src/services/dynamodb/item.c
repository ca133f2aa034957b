// SPDX-License-Identifier: Apache-2.0
/*
 * PutItem, GetItem, DeleteItem. Key invariant: a write locks its item's key before it reads what is
 * there, and the table is looked at again under that lock. Checks come in the real service's order:
 * parameters, values, size, table, key. Loop threads.
 */
#include "services/dynamodb/attribute.h"
#include "services/dynamodb/capacity.h"
#include "services/dynamodb/collection.h"
#include "services/dynamodb/key.h"
#include "services/dynamodb/reference.h"

#include <errno.h>

#define ITEM_MAX (400 * 1024) /* bytes, names included */
#define ENCODED_MAX (4 << 20) /* bytes of the largest item as it is stored */

/* An item's place while it is being written. */
struct target {
    struct kv_access access;
    struct kv_table *table;
    struct span table_name;
    struct kv_key key;
    struct span old; /* absent: there is none */
    struct kv_changes changes;
};

static RESULT not_built(struct call *c, const char *parameter)
{
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION, "%s is not supported by kintoun yet",
                  parameter);
}

static RESULT check_names(struct call *c, bool names, bool values)
{
    if (values)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "1 validation error detected: ExpressionAttributeValues can only be "
                      "specified when using expressions");
    if (names)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "1 validation error detected: ExpressionAttributeNames can only be specified "
                      "when using expressions");
    return OK;
}

static RESULT check_return_values(struct call *c, struct span wanted)
{
    if (span_is_absent(wanted) || span_eq(wanted, S("NONE")) || span_eq(wanted, S("ALL_OLD")))
        return OK;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  "1 validation error detected: ReturnValues can only be ALL_OLD or NONE");
}

/* Under the lock; what is there now is in target->old. */
static RESULT target_lock(struct call *c, struct target *target)
{
    int error = kv_lock(&target->access, target->table, &target->key, 1);
    if (error == -ESTALE)
        return refuse(c, &DYNAMODB_RESOURCE_NOT_FOUND_EXCEPTION, "Requested resource not found");
    target->old = SPAN_NONE;
    target->access.changes = &target->changes;
    error = kv_get(&target->access, &target->key, &target->old);
    return error < 0 && error != -ENOENT ? refuse_errno(c, error, "reading an item") : OK;
}

static RESULT show_old(struct call *c, const struct target *target, struct span wanted,
                       struct dynamodb_attribute_map *ret)
{
    struct kv_map map;
    if (!span_eq(wanted, S("ALL_OLD")) || span_is_absent(target->old))
        return OK;
    if (!kv_item_decode(target->old, c->arena, &map))
        return refuse_errno(c, -EBADMSG, "decoding an item");
    *ret = attribute_show_map(c, &map);
    return OK;
}

/* `bytes`: of the larger of what was and what is. */
static struct dynamodb_consumed_capacity *show_capacity(struct call *c, const struct target *target,
                                                        struct span wanted, size_t bytes)
{
    return capacity_written(c, wanted,
                            &(struct capacity_write){.table_name = target->table_name,
                                                     .table = target->table,
                                                     .changes = &target->changes,
                                                     .units = capacity_of_write(bytes),
                                                     .factor = 1});
}

static RESULT check_put(struct call *c, const struct dynamodb_put_item_in *in)
{
    TRY(check_return_values(c, in->return_values));
    if (in->expected.at)
        return not_built(c, "Expected");
    if (in->conditional_operator.at)
        return not_built(c, "ConditionalOperator");
    if (in->condition_expression.at)
        return not_built(c, "ConditionExpression");
    return check_names(c, in->expression_attribute_names.at != NULL,
                       in->expression_attribute_values.at != NULL);
}

static RESULT store(struct call *c, struct target *target, const struct kv_map *item)
{
    struct buf bytes;
    buf_init(&bytes, ENCODED_MAX);
    kv_item_encode(item, &bytes);
    int error = bytes.over ? -E2BIG
                           : kv_put(&target->access, target->table, &target->key, buf_span(&bytes),
                                    target->old);
    buf_done(&bytes);
    return error < 0 ? collection_refuse(c, error, "storing an item") : OK;
}

RESULT dynamodb_put_item(struct call *c, const struct dynamodb_put_item_in *in,
                         struct dynamodb_put_item_out *out)
{
    struct target target = {.access = reference_access(c)};
    struct kv_map item;
    TRY(check_put(c, in));
    TRY(attribute_read_map(c, ATTRIBUTE_WRAPPED, ATTRIBUTE_PAIRS(in->item), &item));
    size_t size = kv_map_size(&item);
    if (size > ITEM_MAX)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Item size has exceeded the maximum allowed size");
    TRY(reference_open(c, in->table_name, &target.table_name, &target.table));
    TRY(key_of_item(c, target.table, &item, &target.key));

    TRY(target_lock(c, &target));
    TRY(store(c, &target, &item));

    size_t old_size = kv_item_size(target.old);
    out->consumed_capacity =
        show_capacity(c, &target, in->return_consumed_capacity, size > old_size ? size : old_size);
    out->item_collection_metrics = collection_shown(c, in->return_item_collection_metrics,
                                                    target.table, &item, &target.changes);
    return show_old(c, &target, in->return_values, &out->attributes);
}

static RESULT check_get(struct call *c, const struct dynamodb_get_item_in *in)
{
    if (in->attributes_to_get.at)
        return not_built(c, "AttributesToGet");
    if (in->projection_expression.at)
        return not_built(c, "ProjectionExpression");
    if (in->expression_attribute_names.at)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "ExpressionAttributeNames can only be specified when using expressions");
    return OK;
}

RESULT dynamodb_get_item(struct call *c, const struct dynamodb_get_item_in *in,
                         struct dynamodb_get_item_out *out)
{
    struct kv_access access = reference_access(c);
    struct kv_table *table;
    struct kv_map key_map, item;
    struct kv_key key;
    struct span name, bytes = SPAN_NONE;
    TRY(check_get(c, in));
    TRY(attribute_read_map(c, ATTRIBUTE_PLAIN, ATTRIBUTE_PAIRS(in->key), &key_map));
    TRY(reference_open(c, in->table_name, &name, &table));
    TRY(key_of_request(c, table, &key_map, &key));

    int error = kv_get(&access, &key, &bytes);
    if (error < 0 && error != -ENOENT)
        return refuse_errno(c, error, "reading an item");
    if (!error && !kv_item_decode(bytes, c->arena, &item))
        return refuse_errno(c, -EBADMSG, "decoding an item");
    if (!error)
        out->item = attribute_show_map(c, &item);
    out->consumed_capacity =
        capacity_shown(c, in->return_consumed_capacity, name,
                       capacity_of_read(kv_item_size(bytes), in->consistent_read));
    return OK;
}

static RESULT check_delete(struct call *c, const struct dynamodb_delete_item_in *in)
{
    TRY(check_return_values(c, in->return_values));
    if (in->expected.at)
        return not_built(c, "Expected");
    if (in->conditional_operator.at)
        return not_built(c, "ConditionalOperator");
    if (in->condition_expression.at)
        return not_built(c, "ConditionExpression");
    return check_names(c, in->expression_attribute_names.at != NULL,
                       in->expression_attribute_values.at != NULL);
}

RESULT dynamodb_delete_item(struct call *c, const struct dynamodb_delete_item_in *in,
                            struct dynamodb_delete_item_out *out)
{
    struct target target = {.access = reference_access(c)};
    struct kv_map key_map;
    TRY(check_delete(c, in));
    TRY(attribute_read_map(c, ATTRIBUTE_WRAPPED, ATTRIBUTE_PAIRS(in->key), &key_map));
    TRY(reference_open(c, in->table_name, &target.table_name, &target.table));
    TRY(key_of_request(c, target.table, &key_map, &target.key));

    TRY(target_lock(c, &target));
    int error = kv_delete(&target.access, target.table, &target.key, target.old);
    if (error < 0)
        return refuse_errno(c, error, "deleting an item");

    out->consumed_capacity =
        show_capacity(c, &target, in->return_consumed_capacity, kv_item_size(target.old));
    out->item_collection_metrics = collection_shown(c, in->return_item_collection_metrics,
                                                    target.table, &key_map, &target.changes);
    return show_old(c, &target, in->return_values, &out->attributes);
}
