// SPDX-License-Identifier: Apache-2.0
/*
 * BatchGetItem: up to 100 items of several tables; what would make the answer larger than 16 MB is
 * handed back as unprocessed. Loop threads.
 */
#include "services/dynamodb/attribute.h"
#include "services/dynamodb/capacity.h"
#include "services/dynamodb/key.h"
#include "services/dynamodb/reference.h"
#include "services/dynamodb/throttle.h"
#include "services/dynamodb/view.h"

#include <errno.h>

#define KEYS_MAX 100
#define ANSWER_MAX (16 << 20) /* bytes of items as capacity reckons them */

/* What is asked of one table. */
struct block {
    const struct dynamodb_keys_and_attributes *in;
    struct kv_table *table;
    struct view view;
    struct kv_map *maps; /* of the keys */
    struct kv_key *keys;
};

/* What reading one block came to. */
struct total {
    size_t done; /* keys */
    double units;
};

struct batch {
    struct block *blocks;
    size_t count;
    size_t bytes; /* of the answer so far */
    size_t done;  /* keys */
    bool full;
};

static RESULT read_blocks(struct call *c, const struct dynamodb_batch_get_item_in *in,
                          struct batch *batch)
{
    size_t keys = 0;
    batch->count = in->request_items.count;
    batch->blocks = ARENA_ARRAY(c->arena, struct block, batch->count);
    for (size_t i = 0; i < batch->count; i++)
        keys += in->request_items.at[i].value.keys.count;
    if (keys > KEYS_MAX)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Too many items requested for the BatchGetItem call");
    for (size_t i = 0; i < batch->count; i++) {
        struct block *block = &batch->blocks[i];
        block->in = &in->request_items.at[i].value;
        block->maps = ARENA_ARRAY(c->arena, struct kv_map, block->in->keys.count);
        block->keys = ARENA_ARRAY(c->arena, struct kv_key, block->in->keys.count);
        for (size_t j = 0; j < block->in->keys.count; j++)
            TRY(attribute_read_map(c, ATTRIBUTE_PLAIN, ATTRIBUTE_PAIRS(block->in->keys.at[j]),
                                   &block->maps[j]));
        TRY(view_open(c,
                      &(struct view_wish){block->in->attributes_to_get,
                                          block->in->projection_expression,
                                          &block->in->expression_attribute_names},
                      &block->view));
    }
    return OK;
}

static RESULT check_repeats(struct call *c, const struct batch *batch)
{
    const struct kv_key *all[KEYS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++)
        for (size_t j = 0; j < batch->blocks[i].in->keys.count; j++) {
            all[count] = &batch->blocks[i].keys[j];
            for (size_t k = 0; k < count; k++)
                if (kv_key_eq(all[k], all[count]))
                    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                                  "Provided list of item keys contains duplicates");
            count++;
        }
    return OK;
}

static RESULT find_keys(struct call *c, const struct dynamodb_batch_get_item_in *in,
                        struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct block *block = &batch->blocks[i];
        struct span name;
        TRY(reference_open(c, in->request_items.at[i].key, &name, &block->table));
        for (size_t j = 0; j < block->in->keys.count; j++)
            TRY(key_of_request(c, block->table, &block->maps[j], &block->keys[j]));
    }
    return check_repeats(c, batch);
}

/* Those from `first` on are not read. */
static void hand_back(struct call *c, const struct dynamodb_batch_get_request_map_pair *in,
                      size_t first, struct dynamodb_batch_get_request_map *to)
{
    if (first == in->value.keys.count)
        return;
    struct dynamodb_batch_get_request_map_pair *rest = &to->at[to->count++];
    *rest = *in;
    rest->value.keys.at += first;
    rest->value.keys.count -= first;
}

static RESULT get_block(struct call *c, const struct block *block, struct batch *batch,
                        struct dynamodb_item_list *ret, struct total *total)
{
    const struct kv_access access = reference_access(c);
    ret->at = ARENA_ARRAY(c->arena, struct dynamodb_attribute_map, block->in->keys.count);
    for (total->done = 0; total->done < block->in->keys.count; total->done++) {
        struct span bytes = SPAN_NONE;
        struct kv_map item;
        const struct throttle_target target = {&access, block->table, &block->keys[total->done]};
        if (!throttle_is_open(&target, KV_METER_READ))
            return OK;
        int error = kv_get(&access, &block->keys[total->done], &bytes);
        if (error < 0 && error != -ENOENT)
            return refuse_errno(c, error, "reading an item");
        size_t size = kv_item_size(bytes);
        batch->full |= batch->bytes + size > ANSWER_MAX;
        if (batch->full)
            return OK;
        batch->bytes += size;
        double units = capacity_of_read(size, block->in->consistent_read);
        TRY(throttle_read(c, &target, NULL, units));
        total->units += units;
        batch->done++;
        if (error == -ENOENT)
            continue;
        if (!kv_item_decode(bytes, c->arena, &item))
            return refuse_errno(c, -EBADMSG, "decoding an item");
        ret->at[ret->count++] = view_show(c, &block->view, &item);
    }
    return OK;
}

RESULT dynamodb_batch_get_item(struct call *c, const struct dynamodb_batch_get_item_in *in,
                               struct dynamodb_batch_get_item_out *out)
{
    struct batch batch = {0};
    for (size_t i = 0; i < in->request_items.count; i++)
        TRY(reference_require(c, S("dynamodb:BatchGetItem"), in->request_items.at[i].key));
    TRY(read_blocks(c, in, &batch));
    TRY(find_keys(c, in, &batch));

    size_t count = batch.count;
    out->responses.at = ARENA_ARRAY(c->arena, struct dynamodb_batch_get_response_map_pair, count);
    out->unprocessed_keys.at =
        ARENA_ARRAY(c->arena, struct dynamodb_batch_get_request_map_pair, count);
    struct dynamodb_consumed_capacity *consumed =
        ARENA_ARRAY(c->arena, struct dynamodb_consumed_capacity, count);
    for (size_t i = 0; i < count; i++) {
        struct total total = {0};
        struct dynamodb_batch_get_response_map_pair *to =
            &out->responses.at[out->responses.count++];
        to->key = in->request_items.at[i].key;
        TRY(get_block(c, &batch.blocks[i], &batch, &to->value, &total));
        hand_back(c, &in->request_items.at[i], total.done, &out->unprocessed_keys);
        const struct dynamodb_consumed_capacity *shown =
            capacity_shown(c, in->return_consumed_capacity, to->key, total.units);
        if (shown)
            consumed[out->consumed_capacity.count++] = *shown;
    }
    if (out->consumed_capacity.count)
        out->consumed_capacity.at = consumed;
    const struct kv_access access = reference_access(c);
    const struct throttle_target first = {&access, batch.blocks[0].table, &batch.blocks[0].keys[0]};
    return batch.done ? OK : throttle_refuse(c, &first, KV_METER_READ);
}
