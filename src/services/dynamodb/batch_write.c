// SPDX-License-Identifier: Apache-2.0
/*
 * BatchWriteItem: up to 25 puts and deletions in one transaction of the store; what is left over is
 * what there were no units for. Checks come in the real service's order: what is asked for, each
 * value, then tables, keys, doubled keys. Loop threads.
 */
#include "services/dynamodb/attribute.h"
#include "services/dynamodb/capacity.h"
#include "services/dynamodb/collection.h"
#include "services/dynamodb/key.h"
#include "services/dynamodb/reference.h"
#include "services/dynamodb/throttle.h"
#include "services/dynamodb/write.h"

#include <errno.h>

#define REQUESTS_MAX 25

struct write {
    struct kv_table *table;
    struct kv_key key;
    struct kv_map map; /* the item, or the key of what is deleted */
    struct span item;  /* absent: deletion */
    struct span old;
    bool left; /* there were no units for it */
};

struct batch {
    struct kv_access access;
    struct kv_changes changes;
    struct write *writes;
    size_t count, done;
};

/* ---- what is asked for ---------------------------------------------------------------------- */

static RESULT read_write(struct call *c, const struct dynamodb_write_request *request,
                         struct write *ret)
{
    if ((request->put_request != NULL) == (request->delete_request != NULL))
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Supplied AttributeValue %s, must contain exactly one of the supported "
                      "datatypes",
                      request->put_request ? "has more than one datatypes set" : "is empty");
    if (request->delete_request)
        return attribute_read_map(c, ATTRIBUTE_PLAIN, ATTRIBUTE_PAIRS(request->delete_request->key),
                                  &ret->map);
    TRY(attribute_read_map(c, ATTRIBUTE_PLAIN, ATTRIBUTE_PAIRS(request->put_request->item),
                           &ret->map));
    return write_encode(c, &ret->map, &ret->item);
}

static RESULT read_writes(struct call *c, const struct dynamodb_batch_write_item_in *in,
                          struct batch *batch)
{
    for (size_t i = 0; i < in->request_items.count; i++)
        batch->count += in->request_items.at[i].value.count;
    if (batch->count > REQUESTS_MAX)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Too many items requested for the BatchWriteItem call");
    batch->writes = ARENA_ARRAY(c->arena, struct write, batch->count);
    struct write *to = batch->writes;
    for (size_t i = 0; i < in->request_items.count; i++) {
        const struct dynamodb_write_requests *requests = &in->request_items.at[i].value;
        for (size_t j = 0; j < requests->count; j++)
            TRY(read_write(c, &requests->at[j], to++));
    }
    return OK;
}

static RESULT find_keys(struct call *c, const struct dynamodb_batch_write_item_in *in,
                        struct batch *batch)
{
    struct write *write = batch->writes;
    for (size_t i = 0; i < in->request_items.count; i++) {
        struct kv_table *table;
        struct span name;
        TRY(reference_open(c, in->request_items.at[i].key, &name, &table));
        for (size_t j = 0; j < in->request_items.at[i].value.count; j++, write++) {
            write->table = table;
            if (write->item.at)
                TRY(key_of_batch_item(c, table, &write->map, &write->key));
            else
                TRY(key_of_request(c, table, &write->map, &write->key));
        }
    }
    for (size_t i = 1; i < batch->count; i++)
        for (size_t j = 0; j < i; j++)
            if (kv_key_eq(&batch->writes[i].key, &batch->writes[j].key))
                return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                              "Provided list of item keys contains duplicates");
    return OK;
}

/* ---- doing it ------------------------------------------------------------------------------- */

static double units_of(const struct write *write)
{
    size_t before = kv_item_size(write->old), after = kv_item_size(write->item);
    return write->left ? 0 : capacity_of_write(before > after ? before : after);
}

/* Puts what was told before behind what the last write told. */
static void rejoin(struct kv_changes *changes, struct kv_change *before)
{
    struct kv_change **at = &changes->first;
    while (*at)
        at = &(*at)->next;
    *at = before;
}

/* Those that there were no units for. */
static void hand_back(struct call *c, const struct dynamodb_batch_write_item_in *in,
                      const struct batch *batch, struct dynamodb_batch_write_item_request_map *ret)
{
    const struct write *write = batch->writes;
    ret->at = ARENA_ARRAY(c->arena, struct dynamodb_batch_write_item_request_map_pair,
                          in->request_items.count);
    for (size_t i = 0; i < in->request_items.count; i++) {
        const struct dynamodb_write_requests *from = &in->request_items.at[i].value;
        struct dynamodb_batch_write_item_request_map_pair *to = &ret->at[ret->count];
        to->key = in->request_items.at[i].key;
        to->value.at = ARENA_ARRAY(c->arena, struct dynamodb_write_request, from->count);
        for (size_t j = 0; j < from->count; j++, write++)
            if (write->left)
                to->value.at[to->value.count++] = from->at[j];
        ret->count += to->value.count > 0;
    }
}

static RESULT write_all(struct call *c, struct batch *batch)
{
    struct kv_place *places = ARENA_ARRAY(c->arena, struct kv_place, batch->count);
    for (size_t i = 0; i < batch->count; i++)
        places[i] = (struct kv_place){batch->writes[i].table, &batch->writes[i].key};
    int error = kv_lock_places(&batch->access, places, batch->count, SPAN_NONE);
    if (error == -ESTALE)
        return refuse(c, &DYNAMODB_RESOURCE_NOT_FOUND_EXCEPTION, "Requested resource not found");
    for (size_t i = 0; i < batch->count; i++) {
        struct write *write = &batch->writes[i];
        const struct throttle_target target = {&batch->access, write->table, &write->key};
        write->left = !throttle_is_open(&target, KV_METER_WRITE);
        if (write->left)
            continue;
        batch->done++;
        struct kv_changes before = batch->changes;
        batch->changes.first = NULL;
        error = kv_get(&batch->access, &write->key, &write->old);
        if (error < 0 && error != -ENOENT)
            return refuse_errno(c, error, "reading an item");
        error = write->item.at
                    ? kv_put(&batch->access, write->table, &write->key, write->item, write->old)
                    : kv_delete(&batch->access, write->table, &write->key, write->old);
        if (error < 0)
            return collection_refuse(c, error, "storing an item");
        TRY(throttle_write(c, &target,
                           &(struct throttle_write){units_of(write), 1, &batch->changes}));
        rejoin(&batch->changes, before.first);
    }
    const struct throttle_target first = {&batch->access, batch->writes[0].table,
                                          &batch->writes[0].key};
    return batch->done ? OK : throttle_refuse(c, &first, KV_METER_WRITE);
}

static void show_capacity(struct call *c, const struct dynamodb_batch_write_item_in *in,
                          const struct batch *batch, struct dynamodb_batch_write_item_out *out)
{
    const struct write *write = batch->writes;
    out->consumed_capacity.at =
        ARENA_ARRAY(c->arena, struct dynamodb_consumed_capacity, in->request_items.count);
    for (size_t i = 0; i < in->request_items.count; i++) {
        struct capacity_write all = {.table_name = in->request_items.at[i].key,
                                     .table = write->table,
                                     .changes = &batch->changes,
                                     .factor = 1};
        for (size_t j = 0; j < in->request_items.at[i].value.count; j++)
            all.units += units_of(write++);
        const struct dynamodb_consumed_capacity *shown =
            capacity_written(c, in->return_consumed_capacity, &all);
        if (shown)
            out->consumed_capacity.at[out->consumed_capacity.count++] = *shown;
    }
    if (!out->consumed_capacity.count)
        out->consumed_capacity.at = NULL;
}

static RESULT show_collections(struct call *c, const struct dynamodb_batch_write_item_in *in,
                               const struct batch *batch, struct dynamodb_batch_write_item_out *out)
{
    struct collections all = {.wanted = in->return_item_collection_metrics};
    const struct write *write = batch->writes;
    for (size_t i = 0; i < in->request_items.count; i++)
        for (size_t j = 0; j < in->request_items.at[i].value.count; j++, write++)
            TRY(collections_add(
                c, &all,
                &(struct collection_write){.access = &batch->access,
                                           .table_name = in->request_items.at[i].key,
                                           .table = write->table,
                                           .key = &write->key,
                                           .map = &write->map}));
    out->item_collection_metrics = all.shown;
    return OK;
}

RESULT dynamodb_batch_write_item(struct call *c, const struct dynamodb_batch_write_item_in *in,
                                 struct dynamodb_batch_write_item_out *out)
{
    struct batch batch = {.access = reference_access(c)};
    batch.access.changes = &batch.changes;
    for (size_t i = 0; i < in->request_items.count; i++)
        TRY(reference_require(c, S("dynamodb:BatchWriteItem"), in->request_items.at[i].key));
    TRY(read_writes(c, in, &batch));
    TRY(find_keys(c, in, &batch));
    TRY(write_all(c, &batch));
    hand_back(c, in, &batch, &out->unprocessed_items);
    show_capacity(c, in, &batch, out);
    return show_collections(c, in, &batch, out);
}
