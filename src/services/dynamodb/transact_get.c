// SPDX-License-Identifier: Apache-2.0
/*
 * TransactGetItems: up to 100 items as of one moment, which is had by locking all of them. Loop
 * threads.
 */
#include "services/dynamodb/attribute.h"
#include "services/dynamodb/capacity.h"
#include "services/dynamodb/key.h"
#include "services/dynamodb/reference.h"
#include "services/dynamodb/throttle.h"
#include "services/dynamodb/transact.h"
#include "services/dynamodb/view.h"

#include <errno.h>

struct read {
    const struct dynamodb_get *in;
    struct kv_map map; /* of the key */
    struct view view;
    struct span name; /* of the table */
    struct kv_table *table;
    struct kv_key key;
    struct span bytes; /* absent: there is none */
};

struct reads {
    struct kv_access access;
    struct read *at;
    size_t count;
    struct transact_reasons reasons;
};

static RESULT read_actions(struct call *c, const struct dynamodb_transact_get_items_in *in,
                           struct reads *reads)
{
    reads->count = in->transact_items.count;
    reads->at = ARENA_ARRAY(c->arena, struct read, reads->count);
    reads->reasons = (struct transact_reasons){
        ARENA_ARRAY(c->arena, const struct refusal *, reads->count), reads->count};
    for (size_t i = 0; i < reads->count; i++) {
        struct read *read = &reads->at[i];
        read->in = in->transact_items.at[i].get;
        TRY(reference_require(c, S("dynamodb:GetItem"), read->in->table_name));
    }
    for (size_t i = 0; i < reads->count; i++) {
        struct read *read = &reads->at[i];
        TRY(attribute_read_map(c, ATTRIBUTE_PLAIN, ATTRIBUTE_PAIRS(read->in->key), &read->map));
        TRY(view_open(c,
                      &(struct view_wish){.projection = read->in->projection_expression,
                                          .names = &read->in->expression_attribute_names},
                      &read->view));
    }
    return OK;
}

static RESULT find_keys(struct call *c, struct reads *reads)
{
    const struct kv_key **keys = ARENA_ARRAY(c->arena, const struct kv_key *, reads->count);
    size_t found = 0;
    for (size_t i = 0; i < reads->count; i++)
        TRY(reference_open(c, reads->at[i].in->table_name, &reads->at[i].name,
                           &reads->at[i].table));
    for (size_t i = 0; i < reads->count; i++) {
        struct read *read = &reads->at[i];
        TRY(transact_keep(&reads->reasons, i,
                          key_of_request(c, read->table, &read->map, &read->key)));
        if (!reads->reasons.at[i])
            keys[found++] = &read->key;
    }
    TRY(transact_check_keys(c, keys, found));
    return transact_cancel(c, &reads->reasons);
}

static RESULT read_items(struct call *c, struct reads *reads)
{
    struct kv_place *places = ARENA_ARRAY(c->arena, struct kv_place, reads->count);
    size_t bytes = 0;
    for (size_t i = 0; i < reads->count; i++)
        places[i] = (struct kv_place){reads->at[i].table, &reads->at[i].key};
    int error = kv_lock_places(&reads->access, places, reads->count, SPAN_NONE);
    if (error == -ESTALE)
        return refuse(c, &DYNAMODB_RESOURCE_NOT_FOUND_EXCEPTION, "Requested resource not found");
    for (size_t i = 0; i < reads->count; i++) {
        error = kv_get(&reads->access, &reads->at[i].key, &reads->at[i].bytes);
        if (error < 0 && error != -ENOENT)
            return refuse_errno(c, error, "reading an item");
        const struct throttle_target target = {&reads->access, reads->at[i].table,
                                               &reads->at[i].key};
        if (!throttle_is_open(&target, KV_METER_READ))
            TRY(transact_keep(&reads->reasons, i, throttle_refuse(c, &target, KV_METER_READ)));
        bytes += kv_item_size(reads->at[i].bytes);
    }
    TRY(transact_cancel(c, &reads->reasons));
    return transact_check_size(c, bytes);
}

static void show_capacity(struct call *c, const struct reads *reads, struct span wanted,
                          struct dynamodb_consumed_capacity_multiple *ret)
{
    ret->at = ARENA_ARRAY(c->arena, struct dynamodb_consumed_capacity, reads->count);
    for (size_t i = 0; i < reads->count; i++) {
        const struct kv_table *table = reads->at[i].table;
        double units = 0;
        bool told = false;
        for (size_t j = 0; j < reads->count; j++) {
            told |= j < i && reads->at[j].table == table;
            if (reads->at[j].table == table)
                units += TRANSACT_FACTOR * capacity_of_read(kv_item_size(reads->at[j].bytes), true);
        }
        if (!told)
            kv_meter_take(&reads->access, reads->at[i].table, NULL, KV_METER_READ, units);
        struct dynamodb_consumed_capacity *shown =
            told ? NULL : capacity_shown(c, wanted, reads->at[i].name, units);
        if (!shown)
            continue;
        SET(shown, read_capacity_units, units);
        if (shown->table)
            SET(shown->table, read_capacity_units, units);
        ret->at[ret->count++] = *shown;
    }
    if (!ret->count)
        ret->at = NULL;
}

RESULT dynamodb_transact_get_items(struct call *c, const struct dynamodb_transact_get_items_in *in,
                                   struct dynamodb_transact_get_items_out *out)
{
    struct reads reads = {.access = reference_access(c)};
    TRY(read_actions(c, in, &reads));
    TRY(find_keys(c, &reads));
    TRY(read_items(c, &reads));
    out->responses.at = ARENA_ARRAY(c->arena, struct dynamodb_item_response, reads.count);
    out->responses.count = reads.count;
    for (size_t i = 0; i < reads.count; i++) {
        struct kv_map item;
        if (span_is_absent(reads.at[i].bytes))
            continue;
        if (!kv_item_decode(reads.at[i].bytes, c->arena, &item))
            return refuse_errno(c, -EBADMSG, "decoding an item");
        out->responses.at[i].item = view_show(c, &reads.at[i].view, &item);
    }
    show_capacity(c, &reads, in->return_consumed_capacity, &out->consumed_capacity);
    return OK;
}
