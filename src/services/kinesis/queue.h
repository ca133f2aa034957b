// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Queues: they deliver the records of an on-demand stream one by one to whoever asks, again and
 * again until they are acknowledged ("Consume records from a stream with queues" of the developer
 * guide). What was never received is a place in each shard; what was received and not acknowledged
 * is an item. Control thread.
 */
#include "services/kinesis/stream.h"

/* In records: for ever. */
enum QUEUE_STATE { QUEUE_CREATING = 1, QUEUE_ACTIVE, QUEUE_UPDATING, QUEUE_DELETING };

/* ---- queue.c ---- */
struct span queue_arn(struct call *c, const struct kinesis_queue *queue);
RESULT queue_find(struct call *c, struct span arn, struct kinesis_queue *ret);
RESULT queue_count(struct call *c, const struct kinesis_stream *stream, size_t *ret);
/* Refused while the stream has queues: `doing` completes "cannot be …". */
RESULT queue_check_none(struct call *c, const struct kinesis_stream *stream, const char *doing);
/* For step.c: one step between its states, in a transaction. 1: more is to do, or negative errno.
 */
MUST_CHECK int queue_step(const struct log_access *access, struct kinesis_queue *queue,
                          int64_t now_ms);

/* ---- queue_item.c ---- */
/* Its record is visible from `visible` on: kept in that order, too. */
void queue_item_put(struct txn *txn, const struct kinesis_queue_item *item);
void queue_item_delete(struct txn *txn, const struct kinesis_queue_item *item);
/* Changes when it is visible, or whether it is dead. */
void queue_item_move(struct txn *txn, struct kinesis_queue_item *item, int64_t visible_ms,
                     bool dead);
/* The first that are visible, at most `most`; negative errno. */
struct queue_items {
    struct kinesis_queue_item *at;
    size_t count, most;
};
MUST_CHECK int queue_items_visible(struct txn *txn, struct arena *arena,
                                   const struct kinesis_queue *queue, bool dead, int64_t now_ms,
                                   struct queue_items *ret);
/* Some of them; 1: there were more. */
MUST_CHECK int queue_items_drop(struct txn *txn, struct arena *arena,
                                const struct kinesis_queue *queue);

/* step.c */
void step_put_queue(struct call *c, const struct kinesis_queue *queue);
