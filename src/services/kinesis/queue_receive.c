// SPDX-License-Identifier: Apache-2.0
/*
 * ReceiveQueueRecords and ReceiveDeadLetterQueueRecords: items whose time has come, then records
 * that nobody has received. What was received as often as it may be becomes dead when its time has
 * come again. Who finds nothing waits, by being asked again. Control thread.
 */
#include "services/kinesis/queue.h"

#include "base/id.h"
#include "base/time.h"
#include "services/kinesis/bookmark.h"
#include "services/kinesis/secret.h"

#include <errno.h>

#define LIMIT_DEFAULT 10
#define WAIT_DEFAULT 9 /* seconds */
#define LOOK_MS 100    /* between looks while it waits */
#define BYTES_MOST (10 << 20)
#define DYING_MOST 1000 /* items that become dead in one call */

struct receiving {
    struct call *c;
    struct kinesis_queue queue;
    struct log_stream *log;
    bool dead;
    size_t limit, bytes;
    int64_t visible_ms; /* again */
    struct kinesis_queue_record_list *list;
};

/* ---- one record ------------------------------------------------------------------------------ */

static struct span receipt_of(struct call *c, const struct kinesis_queue_item *item)
{
    const struct bookmark token = {.kind = BOOKMARK_RECEIPT,
                                   .issued_ms = c->now_ms,
                                   .stream = item->queue,
                                   .shard = (uint32_t)item->shard,
                                   .place.index = item->index,
                                   .limit = item->receipt};
    return bookmark_print(c->arena, secret_key(c), &token);
}

/* The same in every queue of the stream. */
static struct span record_id(struct call *c, const struct receiving *r,
                             const struct kinesis_queue_item *item)
{
    return arena_printf(c->arena, "%012llx%08x%016llx", (unsigned long long)r->queue.stream_created,
                        (unsigned)item->shard, (unsigned long long)item->index);
}

static void give(struct receiving *r, struct kinesis_queue_item *item,
                 const struct log_record *record)
{
    struct call *c = r->c;
    struct kinesis_queue_record *shown = &r->list->at[r->list->count++];
    item->receipt = random_u64();
    item->received += !r->dead;
    item->first = item->first ? item->first : c->now_ms;
    queue_item_move(c->txn, item, r->visible_ms, r->dead);
    *shown = (struct kinesis_queue_record){
        .receipt_handle = receipt_of(c, item),
        .record_id = record_id(c, r, item),
        .partition_key = record->key.len ? record->key : SPAN_NONE,
        .data = record->data,
    };
    SET(shown, approximate_arrival_timestamp, record->time_ms);
    SET(shown, first_receive_timestamp, item->first);
    SET(shown, receive_count, (int32_t)item->received);
    r->bytes += record->data.len;
}

static bool is_full(const struct receiving *r)
{
    return r->list->count == r->limit || r->bytes >= BYTES_MOST;
}

static int read_lane(const struct receiving *r, uint32_t lane, uint64_t from,
                     struct log_reading *ret)
{
    struct log_access access = target_access(r->c);
    *ret = (struct log_reading){.from = log_place_of(from),
                                .lane = lane,
                                .pace = LOG_OWN,
                                .most_records = r->limit - r->list->count,
                                .most_bytes = BYTES_MOST - r->bytes,
                                .now_ms = r->c->now_ms};
    return log_read(&access, r->log, ret);
}

/* ---- items ----------------------------------------------------------------------------------- */

/* What the stream does not keep any more is none of the queue's. */
static int give_item(struct receiving *r, struct kinesis_queue_item *item)
{
    struct log_reading reading = {.count = 0};
    int error = 0;
    if (log_lane_numbered(r->log, (uint32_t)item->shard))
        error = read_lane(r, (uint32_t)item->shard, item->index, &reading);
    if (error < 0)
        return error;
    if (reading.count && reading.records[0].index == item->index)
        give(r, item, &reading.records[0]);
    else
        queue_item_delete(r->c->txn, item);
    return 0;
}

static int give_items(struct receiving *r)
{
    struct call *c = r->c;
    struct queue_items items = {.most = r->limit};
    int error = queue_items_visible(c->txn, c->arena, &r->queue, r->dead, c->now_ms, &items);
    for (size_t i = 0; i < items.count && !error && !is_full(r); i++)
        error = give_item(r, &items.at[i]);
    return error;
}

/* "When a record has been received MaxReceiveCount times without being acknowledged". */
static int bury(struct call *c, const struct kinesis_queue *queue)
{
    struct queue_items items = {.most = queue->receives ? DYING_MOST : 0};
    int error = queue_items_visible(c->txn, c->arena, queue, false, c->now_ms, &items);
    for (size_t i = 0; i < items.count && !error; i++)
        if (items.at[i].received >= queue->receives)
            queue_item_move(c->txn, &items.at[i], items.at[i].visible, true);
    return error;
}

/* ---- what nobody has received ---------------------------------------------------------------- */

static int give_lane(struct receiving *r, uint32_t lane)
{
    struct log_reading reading;
    struct kinesis_queue_place place = {.queue = r->queue.id, .shard = lane};
    int error = kinesis_queue_place_get(r->c->txn, r->c->arena, &place);
    if (error < 0 && error != -ENOENT)
        return error;
    error = read_lane(r, lane, place.next, &reading);
    if (error < 0 || !reading.count)
        return error;
    for (size_t i = 0; i < reading.count; i++) {
        struct kinesis_queue_item item = {
            .queue = r->queue.id, .shard = lane, .index = reading.records[i].index};
        give(r, &item, &reading.records[i]);
    }
    place.next = reading.next.index;
    kinesis_queue_place_put(r->c->txn, &place);
    return 0;
}

static int give_new(struct receiving *r)
{
    size_t count;
    int error = 0;
    const struct log_lane *lanes = log_lanes(r->log, &count);
    for (size_t i = 0; i < count && !error && !is_full(r); i++)
        error = give_lane(r, lanes[i].number);
    return error;
}

/* ---- the calls ------------------------------------------------------------------------------- */

/* Both operations' inputs have the same members. */
struct wish {
    struct span arn;
    size_t limit;
    int64_t wait_s;
    bool has_visibility;
    int32_t visibility_s;
};
#define WISH(in)                                                                                   \
    ((struct wish){(in)->queue_arn, (in)->has.limit ? (size_t)(in)->limit : LIMIT_DEFAULT,         \
                   (in)->has.wait_time_seconds ? (in)->wait_time_seconds : WAIT_DEFAULT,           \
                   (in)->has.visibility_timeout_seconds, (in)->visibility_timeout_seconds})

/* "A queue delivers records while it is in the ACTIVE state"; and while it is being updated. */
static RESULT open_queue(struct receiving *r, struct span arn)
{
    TRY(queue_find(r->c, arn, &r->queue));
    if (r->queue.state == QUEUE_CREATING || r->queue.state == QUEUE_DELETING)
        return refuse(r->c, &KINESIS_INVALID_ARGUMENT_EXCEPTION,
                      "Queue %.*s under account %.*s is not ACTIVE.", SPAN_ARG(r->queue.name),
                      SPAN_ARG(r->queue.account));
    return target_log(r->c,
                      &(struct kinesis_stream){.account = r->queue.account,
                                               .region = r->queue.region,
                                               .name = r->queue.stream},
                      &r->log);
}

static RESULT receive(struct receiving *r, const struct wish *wish)
{
    struct call *c = r->c;
    c->now_ms = clock_now_ms(); /* it may be asked again */
    r->limit = wish->limit;
    r->list->at = ARENA_ARRAY(c->arena, struct kinesis_queue_record, r->limit);
    r->list->count = 0;
    TRY(open_queue(r, wish->arn));
    int64_t hidden_s = wish->has_visibility ? wish->visibility_s : (int64_t)r->queue.visibility_s;
    r->visible_ms = c->now_ms + hidden_s * 1000;
    int error = bury(c, &r->queue);
    if (!error)
        error = give_items(r);
    if (!error && !r->dead && !is_full(r))
        error = give_new(r);
    if (error < 0)
        return refuse_errno(c, error, "receiving records of a queue");
    if (!r->list->count)
        call_again(c, wish->wait_s * 1000, LOOK_MS);
    return OK;
}

RESULT kinesis_receive_queue_records(struct call *c,
                                     const struct kinesis_receive_queue_records_in *in,
                                     struct kinesis_receive_queue_records_out *out)
{
    struct receiving r = {.c = c, .list = &out->queue_records};
    const struct wish wish = WISH(in);
    return receive(&r, &wish);
}

RESULT kinesis_receive_dead_letter_queue_records(
    struct call *c, const struct kinesis_receive_dead_letter_queue_records_in *in,
    struct kinesis_receive_dead_letter_queue_records_out *out)
{
    struct receiving r = {.c = c, .dead = true, .list = &out->queue_records};
    const struct wish wish = WISH(in);
    return receive(&r, &wish);
}
