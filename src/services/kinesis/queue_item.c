// SPDX-License-Identifier: Apache-2.0
/* Items of queues and the order in which they become visible: two records each, which come and go
 * together. Control thread. */
#include "services/kinesis/queue.h"

#include <errno.h>

#define DROP_MOST 1000 /* in a transaction */

static struct kinesis_queue_due due_of(const struct kinesis_queue_item *item)
{
    return (struct kinesis_queue_due){
        .queue = item->queue,
        .dead = item->dead,
        .visible_ms = (uint64_t)item->visible,
        .shard = item->shard,
        .index = item->index,
        .here = true,
    };
}

void queue_item_put(struct txn *txn, const struct kinesis_queue_item *item)
{
    const struct kinesis_queue_due due = due_of(item);
    kinesis_queue_item_put(txn, item);
    kinesis_queue_due_put(txn, &due);
}

void queue_item_delete(struct txn *txn, const struct kinesis_queue_item *item)
{
    const struct kinesis_queue_due due = due_of(item);
    kinesis_queue_item_delete(txn, item);
    kinesis_queue_due_delete(txn, &due);
}

void queue_item_move(struct txn *txn, struct kinesis_queue_item *item, int64_t visible_ms,
                     bool dead)
{
    const struct kinesis_queue_due due = due_of(item);
    kinesis_queue_due_delete(txn, &due);
    item->visible = visible_ms;
    item->dead = dead;
    queue_item_put(txn, item);
}

struct taking {
    struct txn *txn;
    struct arena *arena;
    int64_t now_ms;
    struct queue_items *items;
};

static int take(void *user, struct kinesis_queue_due *due)
{
    struct taking *taking = user;
    struct queue_items *items = taking->items;
    if ((int64_t)due->visible_ms > taking->now_ms || items->count == items->most)
        return 1;
    struct kinesis_queue_item *item = &items->at[items->count];
    *item =
        (struct kinesis_queue_item){.queue = due->queue, .shard = due->shard, .index = due->index};
    int error = kinesis_queue_item_get(taking->txn, taking->arena, item);
    items->count += !error;
    return error;
}

int queue_items_visible(struct txn *txn, struct arena *arena, const struct kinesis_queue *queue,
                        bool dead, int64_t now_ms, struct queue_items *ret)
{
    struct kinesis_queue_due from = {.queue = queue->id, .dead = dead};
    struct taking taking = {txn, arena, now_ms, ret};
    ret->at = ARENA_ARRAY(arena, struct kinesis_queue_item, ret->most);
    ret->count = 0;
    int error = kinesis_queue_due_each(txn, &from, 2, arena, take, &taking);
    return error < 0 ? error : 0;
}

struct dropping {
    struct txn *txn;
    size_t count;
};

static int drop(void *user, struct kinesis_queue_item *item)
{
    struct dropping *dropping = user;
    queue_item_delete(dropping->txn, item);
    return ++dropping->count == DROP_MOST;
}

int queue_items_drop(struct txn *txn, struct arena *arena, const struct kinesis_queue *queue)
{
    struct kinesis_queue_item from = {.queue = queue->id};
    struct dropping dropping = {.txn = txn};
    int error = kinesis_queue_item_each(txn, &from, 1, arena, drop, &dropping);
    return error < 0 ? error : dropping.count == DROP_MOST;
}
