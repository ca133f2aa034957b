// SPDX-License-Identifier: Apache-2.0
/*
 * SubscribeToShard: a consumer's own pipe of one shard, 2 MiB a second, for five minutes. The
 * engine says when there are records; an empty event says that the pipe is alive. A second call for
 * the same shard is refused within five seconds and takes over afterwards. Loop thread.
 */
#include "base/log.h"
#include "base/scope.h"
#include "base/time.h"
#include "services/kinesis/get.h"
#include "services/kinesis/sequence.h"
#include "wire/event_stream.h"
#include "wire/feed.h"
#include "wire/slot.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define LIFE_MS 300000
#define QUIET_MS 5000         /* between two subscriptions of a consumer */
#define ALIVE_MS 5000         /* without records: an empty event */
#define EVENT_BYTES (1 << 20) /* of records in one event */
#define EVENT_MAX (24 << 20)  /* of one record of 10 MiB, too */
#define WINDOW_MS 4           /* what comes within it goes as one event */
#define BYTES_A_SECOND (2 << 20)
#define NAME_MAX 512
#define RECORD_TEXT 256 /* of an event, beside a record's data; a guess that saves growing */
#define EVENT_TEXT 1024

/* Lives on the heap, since a mail may be under way when the exchange has ended. */
struct subscription {
    struct feed feed;
    struct log_watch watch;
    struct kinesis_stream key; /* its texts are in the call's arena */
    uint32_t shard;
    int64_t created_ms; /* of the shard */
    struct log_place at;
    struct log_shared *event;           /* being sent */
    int64_t end_ms, alive_ms, paced_ms; /* on clock_steady_ms */
    int64_t told_ms;                    /* when the newest event was made; 0: the next at once */
    bool ended;                         /* the exchange has */
    char name[NAME_MAX];
};

static void on_changed(struct log_watch *watch)
{
    struct subscription *sub =
        (struct subscription *)((char *)watch - offsetof(struct subscription, watch));
    if (sub->ended)
        free(sub);
    else if (sub->feed.wake)
        sub->feed.wake(&sub->feed, sub->told_ms + WINDOW_MS);
}

static void end(struct feed *feed)
{
    struct subscription *sub = (struct subscription *)feed;
    sub->ended = true;
    log_shared_drop(TAKE(sub->event));
    if (log_watch_end(&sub->watch))
        free(sub);
}

/* ---- events ---------------------------------------------------------------------------------- */

static uint16_t stream_shape(const struct call *c)
{
    return first_field(c->service, shape_at(c->service, c->operation->output))->shape;
}

static enum FEED refuse_on(struct call *c, const struct refusal *refusal, struct buf *out)
{
    event_stream_append_refusal(c, stream_shape(c), refusal, out);
    return FEED_ENDED;
}

/* AFTER this number goes on where the event ends. */
static struct span continuation(struct call *c, const struct log_lane *lane,
                                const struct log_reading *reading)
{
    if (reading->count)
        return sequence_of_record(c->arena, lane, reading->records[reading->count - 1].index,
                                  reading->records[reading->count - 1].time_ms);
    return reading->next.index
               ? sequence_of_record(c->arena, lane, reading->next.index - 1, c->now_ms)
               : sequence_of_begin(c->arena, lane);
}

static struct log_shared *make(struct call *c, struct subscription *sub, struct log_stream *log,
                               const struct log_reading *reading)
{
    const struct log_lane *lane = log_lane_numbered(log, sub->shard);
    struct log_shared *shared = log_shared_new(reading, c->protocol, EVENT_MAX);
    struct kinesis_subscribe_to_shard_event event = {.records = get_show(c, lane, reading),
                                                     .millis_behind_latest = reading->behind_ms};
    if (reading->ended)
        event.child_shards = shard_children(c->arena, log, sub->shard);
    else
        event.continuation_sequence_number = continuation(c, lane, reading);
    struct kinesis_subscribe_to_shard_event_stream stream = {.subscribe_to_shard_event = &event};
    (void)buf_room(&shared->bytes,
                   reading->bytes / 3 * 4 + reading->count * RECORD_TEXT + EVENT_TEXT);
    event_stream_append_event(c, stream_shape(c), &stream, &shared->bytes);
    return shared;
}

static void pace(struct call *c, struct subscription *sub, size_t bytes, int64_t now_ms)
{
    if (log_is_unlimited(target_access(c).log))
        return;
    int64_t from_ms = sub->paced_ms > now_ms - 1000 ? sub->paced_ms : now_ms - 1000;
    sub->paced_ms = from_ms + (int64_t)bytes * 1000 / BYTES_A_SECOND;
}

/* What there is now becomes `event`: of another consumer's making, or made for others too. */
static int next_event(struct call *c, struct subscription *sub, struct log_stream *log,
                      struct log_reading *reading, int64_t now_ms)
{
    struct log_access access = target_access(c);
    *reading = (struct log_reading){.from = sub->at,
                                    .lane = sub->shard,
                                    .pace = LOG_OWN,
                                    .most_records = 10000,
                                    .most_bytes = EVENT_BYTES,
                                    .now_ms = c->now_ms};
    log_watch_arm(&sub->watch);
    int error = log_shared_take(&access, log, reading, c->protocol, &sub->event);
    if (error != -ENOENT)
        return error;
    error = log_read(&access, log, reading);
    if (error < 0 || (!reading->count && !reading->ended && now_ms < sub->alive_ms))
        return error;
    sub->event = make(c, sub, log, reading);
    log_shared_give(log, sub->event);
    return 0;
}

static int64_t soonest(const struct subscription *sub, int64_t now_ms)
{
    int64_t next_ms = sub->alive_ms < sub->end_ms ? sub->alive_ms : sub->end_ms;
    return sub->paced_ms > now_ms && sub->paced_ms < next_ms ? sub->paced_ms : next_ms;
}

static enum FEED send(struct call *c, struct subscription *sub, const struct log_reading *reading,
                      int64_t now_ms)
{
    sub->feed.lent = buf_span(&sub->event->bytes);
    sub->alive_ms = now_ms + ALIVE_MS;
    sub->told_ms = reading->behind_ms ? 0 : now_ms;
    sub->at = reading->next;
    pace(c, sub, reading->bytes, now_ms);
    return reading->ended ? FEED_ENDED : FEED_GOES_ON;
}

static RESULT check(struct call *c, struct subscription *sub, struct log_stream **ret)
{
    TRY(target_log(c, &sub->key, ret));
    if (__atomic_load_n(&sub->watch.replaced, __ATOMIC_SEQ_CST))
        return refuse(c, &KINESIS_RESOURCE_IN_USE_EXCEPTION,
                      "Another active subscription exists for this consumer: %s", sub->name);
    return OK;
}

static enum FEED pump(struct feed *feed, struct call *c, struct buf *out, int64_t *ret_next_ms)
{
    struct subscription *sub = (struct subscription *)feed;
    struct log_stream *log;
    struct log_reading reading;
    int64_t now_ms = clock_steady_ms();
    log_shared_drop(TAKE(sub->event));
    const struct refusal *refusal = check(c, sub, &log);
    if (refusal)
        return refuse_on(c, refusal, out);
    if (now_ms >= sub->end_ms)
        return FEED_ENDED;
    *ret_next_ms = soonest(sub, now_ms);
    if (sub->paced_ms > now_ms)
        return FEED_GOES_ON;
    if (now_ms < sub->told_ms + WINDOW_MS) {
        *ret_next_ms = sub->told_ms + WINDOW_MS;
        return FEED_GOES_ON;
    }
    int error = next_event(c, sub, log, &reading, now_ms);
    if (error == -EBUSY)
        *ret_next_ms = now_ms + 1;
    else if (error < 0)
        return refuse_on(c, refuse(c, &KINESIS_INTERNAL_FAILURE_EXCEPTION, "%s", strerror(-error)),
                         out);
    if (!sub->event)
        return FEED_GOES_ON;
    enum FEED goes = send(c, sub, &reading, now_ms);
    *ret_next_ms = reading.behind_ms ? now_ms : soonest(sub, now_ms);
    return goes;
}

/* ---- the call -------------------------------------------------------------------------------- */

static RESULT find_consumer(struct call *c, struct span text, struct kinesis_fanout *consumer)
{
    struct kinesis_arn arn;
    if (!target_read_arn(text, &arn) || !arn.consumer.at)
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION, "Invalid ConsumerARN: %.*s",
                      SPAN_ARG(text));
    TRY(consumer_find(c, &arn, text, consumer));
    if (consumer->state == CONSUMER_ACTIVE)
        return OK;
    return refuse(c, &KINESIS_RESOURCE_IN_USE_EXCEPTION,
                  "Consumer %.*s with creation timestamp %lld under stream: %.*s , account %.*s is "
                  "not in ACTIVE status.",
                  SPAN_ARG(consumer->name), (long long)(consumer->created / 1000),
                  SPAN_ARG(consumer->stream), SPAN_ARG(consumer->account));
}

/* 308120811573:Stream:shardId-000000000007:Consumer */
static struct subscription *subscription_new(struct call *c, const struct kinesis_fanout *consumer,
                                             const struct kinesis_stream *stream,
                                             const struct place *place)
{
    struct subscription *sub = calloc(1, sizeof *sub);
    if (!sub)
        log_fatal("out of memory");
    int len = snprintf(sub->name, sizeof sub->name, "%.*s:%.*s:shardId-%012u:%.*s",
                       SPAN_ARG(consumer->account), SPAN_ARG(consumer->stream), place->lane->number,
                       SPAN_ARG(consumer->name));
    int64_t now_ms = clock_steady_ms();
    sub->feed = (struct feed){.pump = pump, .end = end};
    sub->key = *stream;
    sub->shard = place->lane->number;
    sub->at = place->at;
    sub->end_ms = now_ms + LIFE_MS;
    sub->alive_ms = now_ms + ALIVE_MS;
    sub->watch.changed = on_changed;
    sub->watch.name = span_of(sub->name, (size_t)len);
    sub->watch.since_ms = now_ms;
    return sub;
}

static RESULT begin(struct call *c, struct subscription *sub, const struct place *place)
{
    sub->watch.loop = c->loop;
    if (log_watch_begin(place->log, sub->shard, &sub->watch, QUIET_MS) == 0) {
        c->feed = &sub->feed;
        return OK;
    }
    const struct refusal *refusal =
        refuse(c, &KINESIS_RESOURCE_IN_USE_EXCEPTION,
               "Another active subscription exists for this consumer: %s", sub->name);
    free(sub);
    return refusal;
}

RESULT kinesis_subscribe_to_shard(struct call *c, const struct kinesis_subscribe_to_shard_in *in,
                                  struct kinesis_subscribe_to_shard_out *out)
{
    struct kinesis_fanout consumer;
    struct place place;
    const struct kinesis_starting_position *from = in->starting_position;
    struct position position = {from->type, from->sequence_number, from->timestamp,
                                from->has.timestamp};
    TRY(find_consumer(c, in->consumer_arn, &consumer));
    struct kinesis_stream stream = {
        .account = consumer.account, .region = consumer.region, .name = consumer.stream};
    TRY(get_find_shard(c, &stream, in->shard_id, &place));
    TRY(get_find_place(c, &stream, &position, &place));
    if (in->dry_run)
        return get_dry_run(c);
    return begin(c, subscription_new(c, &consumer, &stream, &place), &place);
}
