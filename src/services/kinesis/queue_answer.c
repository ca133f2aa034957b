// SPDX-License-Identifier: Apache-2.0
/*
 * What consumers say of records that they received: acknowledged, visible again at another time, or
 * back from the dead. Entry by entry: a receipt that is not the record's newest one fails alone.
 * Control thread.
 */
#include "services/kinesis/queue.h"

#include "services/kinesis/bookmark.h"
#include "services/kinesis/secret.h"

#include <errno.h>

enum ANSWER { ANSWER_ACKNOWLEDGE, ANSWER_HIDE, ANSWER_RESTORE };

struct answering {
    struct call *c;
    struct kinesis_queue queue;
    enum ANSWER what;
    bool dead;
};

/* What became of an entry; code absent: all is well. */
struct outcome {
    struct span code, message;
};

static struct outcome failed(const struct error_kind *kind, struct span message)
{
    return (struct outcome){span_of(kind->code, strlen(kind->code)), message};
}

static struct outcome find_item(struct answering *a, struct span receipt,
                                struct kinesis_queue_item *ret)
{
    struct bookmark token;
    struct call *c = a->c;
    if (!bookmark_read(c->arena, secret_key(c), BOOKMARK_RECEIPT, receipt, &token) ||
        !span_eq(token.stream, a->queue.id))
        return failed(&KINESIS_INVALID_ARGUMENT_EXCEPTION, S("The receipt handle is not valid."));
    *ret = (struct kinesis_queue_item){
        .queue = a->queue.id, .shard = token.shard, .index = token.place.index};
    int error = kinesis_queue_item_get(c->txn, c->arena, ret);
    if (error < 0 && error != -ENOENT)
        return failed(&KINESIS_INTERNAL_FAILURE_EXCEPTION, S("The record could not be read."));
    if (error || ret->dead != a->dead)
        return failed(&KINESIS_RESOURCE_NOT_FOUND_EXCEPTION,
                      S("The record is not in the queue any more."));
    if (ret->receipt != token.limit)
        return failed(&KINESIS_INVALID_ARGUMENT_EXCEPTION,
                      S("The receipt handle has expired: the record was received again."));
    return (struct outcome){SPAN_NONE, SPAN_NONE};
}

static struct outcome answer(struct answering *a, struct span receipt, int32_t hidden_s)
{
    struct kinesis_queue_item item;
    struct txn *txn = a->c->txn;
    struct outcome outcome = find_item(a, receipt, &item);
    if (outcome.code.at)
        return outcome;
    switch (a->what) {
    case ANSWER_ACKNOWLEDGE:
        queue_item_delete(txn, &item);
        break;
    case ANSWER_HIDE:
        queue_item_move(txn, &item, a->c->now_ms + hidden_s * 1000LL, a->dead);
        break;
    case ANSWER_RESTORE:
        item.received = 0;
        queue_item_move(txn, &item, a->c->now_ms, false);
        break;
    }
    return outcome;
}

/* The lists of all operations look alike but for the names of their types. */
#define ANSWER_ALL(a, in, out, hidden)                                                             \
    do {                                                                                           \
        size_t count = (in)->entries.count;                                                        \
        (out)->successful.at = arena_alloc((a)->c->arena, count * sizeof *(out)->successful.at);   \
        (out)->failed.at = arena_alloc((a)->c->arena, count * sizeof *(out)->failed.at);           \
        for (size_t i = 0; i < count; i++) {                                                       \
            struct span receipt = (in)->entries.at[i].receipt_handle;                              \
            struct outcome outcome = answer((a), receipt, (hidden));                               \
            if (span_is_absent(outcome.code))                                                      \
                (out)->successful.at[(out)->successful.count++].receipt_handle = receipt;          \
            else                                                                                   \
                (out)->failed.at[(out)->failed.count++] =                                          \
                    (typeof(*(out)->failed.at)){receipt, outcome.code, outcome.message};           \
        }                                                                                          \
    } while (0)

static RESULT begin(struct call *c, struct span arn, struct answering *a)
{
    a->c = c;
    return queue_find(c, arn, &a->queue);
}

RESULT kinesis_acknowledge_queue_records(struct call *c,
                                         const struct kinesis_acknowledge_queue_records_in *in,
                                         struct kinesis_acknowledge_queue_records_out *out)
{
    struct answering a = {.what = ANSWER_ACKNOWLEDGE};
    TRY(begin(c, in->queue_arn, &a));
    ANSWER_ALL(&a, in, out, 0);
    return OK;
}

RESULT kinesis_acknowledge_dead_letter_queue_records(
    struct call *c, const struct kinesis_acknowledge_dead_letter_queue_records_in *in,
    struct kinesis_acknowledge_dead_letter_queue_records_out *out)
{
    struct answering a = {.what = ANSWER_ACKNOWLEDGE, .dead = true};
    TRY(begin(c, in->queue_arn, &a));
    ANSWER_ALL(&a, in, out, 0);
    return OK;
}

RESULT
kinesis_update_queue_records_visibility(struct call *c,
                                        const struct kinesis_update_queue_records_visibility_in *in,
                                        struct kinesis_update_queue_records_visibility_out *out)
{
    struct answering a = {.what = ANSWER_HIDE};
    TRY(begin(c, in->queue_arn, &a));
    ANSWER_ALL(&a, in, out, in->entries.at[i].visibility_timeout_seconds);
    return OK;
}

RESULT kinesis_update_dead_letter_queue_records_visibility(
    struct call *c, const struct kinesis_update_dead_letter_queue_records_visibility_in *in,
    struct kinesis_update_dead_letter_queue_records_visibility_out *out)
{
    struct answering a = {.what = ANSWER_HIDE, .dead = true};
    TRY(begin(c, in->queue_arn, &a));
    ANSWER_ALL(&a, in, out, in->entries.at[i].visibility_timeout_seconds);
    return OK;
}

RESULT kinesis_restore_dead_letter_queue_records(
    struct call *c, const struct kinesis_restore_dead_letter_queue_records_in *in,
    struct kinesis_restore_dead_letter_queue_records_out *out)
{
    struct answering a = {.what = ANSWER_RESTORE, .dead = true};
    TRY(begin(c, in->queue_arn, &a));
    ANSWER_ALL(&a, in, out, 0);
    return OK;
}
