// SPDX-License-Identifier: Apache-2.0
/*
 * CreateQueue, DescribeQueue, ListQueues, UpdateQueue, DeleteQueue, and the steps between a queue's
 * states. Limits: "Quotas and limits for queues". Control thread.
 */
#include "services/kinesis/queue.h"

#include "auth/identity.h"
#include "base/id.h"
#include "services/kinesis/bookmark.h"
#include "services/kinesis/pace.h"
#include "services/kinesis/secret.h"

#include <errno.h>

#define VISIBILITY_DEFAULT 30 /* seconds */
#define RECEIVES_DEFAULT 6
#define MOVING_MAX 5 /* queues in CREATING or DELETING */
#define LIST_MAX 100

struct span queue_arn(struct call *c, const struct kinesis_queue *queue)
{
    return arena_printf(c->arena, "arn:aws:kinesis:%.*s:%.*s:queue/%.*s", SPAN_ARG(queue->region),
                        SPAN_ARG(queue->account), SPAN_ARG(queue->id));
}

RESULT queue_find(struct call *c, struct span arn, struct kinesis_queue *ret)
{
    struct span prefix = arena_printf(c->arena, "arn:aws:kinesis:%.*s:%.*s:queue/",
                                      SPAN_ARG(c->region), SPAN_ARG(c->account));
    *ret = (struct kinesis_queue){
        .account = c->account, .region = c->region, .id = span_from(arn, prefix.len)};
    int error = span_starts(arn, prefix) ? kinesis_queue_get(c->txn, c->arena, ret) : -ENOENT;
    if (error == -ENOENT)
        return refuse(c, &KINESIS_RESOURCE_NOT_FOUND_EXCEPTION, "Queue %.*s not found.",
                      SPAN_ARG(arn));
    return error < 0 ? refuse_errno(c, error, "reading a queue's record") : OK;
}

/* ---- counting -------------------------------------------------------------------------------- */

struct census {
    struct span stream, name;
    size_t of_stream, of_name, moving;
};

static int count_one(void *user, struct kinesis_queue *queue)
{
    struct census *census = user;
    census->of_stream += span_eq(queue->stream, census->stream);
    census->of_name += span_eq(queue->name, census->name);
    census->moving += queue->state == QUEUE_CREATING || queue->state == QUEUE_DELETING;
    return 0;
}

static RESULT take_census(struct call *c, struct census *census)
{
    struct kinesis_queue from = {.account = c->account, .region = c->region};
    int error = kinesis_queue_each(c->txn, &from, 2, c->arena, count_one, census);
    return error < 0 ? refuse_errno(c, error, "counting queues") : OK;
}

RESULT queue_count(struct call *c, const struct kinesis_stream *stream, size_t *ret)
{
    struct census census = {.stream = stream->name};
    *ret = 0;
    if (!span_eq(stream->account, c->account))
        return OK;
    TRY(take_census(c, &census));
    *ret = census.of_stream;
    return OK;
}

RESULT queue_check_none(struct call *c, const struct kinesis_stream *stream, const char *doing)
{
    size_t count;
    TRY(queue_count(c, stream, &count));
    if (!count)
        return OK;
    return refuse(c, &KINESIS_RESOURCE_IN_USE_EXCEPTION,
                  "Stream %.*s under account %.*s has queues and cannot be %s.",
                  SPAN_ARG(stream->name), SPAN_ARG(stream->account), doing);
}

/* ---- describing ------------------------------------------------------------------------------ */

static struct span state_name(uint64_t state)
{
    static const struct span names[] = {
        [QUEUE_CREATING] = S_INIT("CREATING"),
        [QUEUE_ACTIVE] = S_INIT("ACTIVE"),
        [QUEUE_UPDATING] = S_INIT("UPDATING"),
        [QUEUE_DELETING] = S_INIT("DELETING"),
    };
    return names[state];
}

static struct span stream_arn(struct call *c, const struct kinesis_queue *queue)
{
    return target_arn(c, &(struct kinesis_stream){.account = queue->account,
                                                  .region = queue->region,
                                                  .name = queue->stream});
}

static struct kinesis_queue_attributes *show_attributes(struct call *c,
                                                        const struct kinesis_queue *queue)
{
    struct kinesis_queue_attributes *shown = ARENA_NEW(c->arena, struct kinesis_queue_attributes);
    struct kinesis_dead_letter_configuration *dead =
        ARENA_NEW(c->arena, struct kinesis_dead_letter_configuration);
    SET(shown, visibility_timeout_seconds, (int32_t)queue->visibility_s);
    shown->dead_letter_configuration = dead;
    dead->target_type = queue->receives ? S("BUILT_IN") : S("NONE");
    if (queue->receives)
        SET(dead, max_receive_count, (int32_t)queue->receives);
    return shown;
}

static struct kinesis_queue_description *describe(struct call *c, const struct kinesis_queue *queue)
{
    struct kinesis_queue_description *shown = ARENA_NEW(c->arena, struct kinesis_queue_description);
    struct kinesis_queue_stream_configuration *stream =
        ARENA_NEW(c->arena, struct kinesis_queue_stream_configuration);
    stream->stream_arn = stream_arn(c, queue);
    stream->starting_position = ARENA_NEW(c->arena, struct kinesis_queue_starting_position);
    stream->starting_position->type = queue->start;
    if (queue->start_ms)
        SET(stream->starting_position, timestamp, queue->start_ms);
    shown->queue_name = queue->name;
    shown->queue_arn = queue_arn(c, queue);
    shown->queue_status = state_name(queue->state);
    SET(shown, queue_creation_timestamp, queue->created / 1000 * 1000);
    shown->stream_configuration_list =
        (struct kinesis_queue_stream_configuration_list){.at = stream, .count = 1};
    shown->queue_attributes = show_attributes(c, queue);
    return shown;
}

RESULT kinesis_describe_queue(struct call *c, const struct kinesis_describe_queue_in *in,
                              struct kinesis_describe_queue_out *out)
{
    struct kinesis_queue queue;
    TRY(queue_find(c, in->queue_arn, &queue));
    out->queue_description = describe(c, &queue);
    return OK;
}

/* ---- ListQueues ------------------------------------------------------------------------------ */

struct listing {
    struct call *c;
    const struct kinesis_queue_stream_filter_list *filter;
    struct span after; /* an id; not itself */
    size_t limit;
    bool more;
    struct kinesis_queue_summary_list list;
    struct span last; /* its id */
};

static bool passes(const struct listing *listing, const struct kinesis_queue *queue)
{
    struct span arn = stream_arn(listing->c, queue);
    for (size_t i = 0; i < listing->filter->count; i++) {
        const struct kinesis_queue_stream_filter *wanted = &listing->filter->at[i];
        bool then = !wanted->has.stream_creation_timestamp ||
                    wanted->stream_creation_timestamp / 1000 == queue->stream_created / 1000;
        if (then && span_eq(wanted->stream_arn, arn))
            return true;
    }
    return !listing->filter->count;
}

static int take_queue(void *user, struct kinesis_queue *queue)
{
    struct listing *listing = user;
    struct call *c = listing->c;
    if (span_eq(queue->id, listing->after) || !passes(listing, queue))
        return 0;
    listing->more = listing->list.count == listing->limit;
    if (listing->more)
        return 1;
    struct kinesis_queue_stream_identifier *stream =
        ARENA_NEW(c->arena, struct kinesis_queue_stream_identifier);
    stream->stream_arn = stream_arn(c, queue);
    SET(stream, stream_creation_timestamp, queue->stream_created / 1000 * 1000);
    struct kinesis_queue_summary *shown = &listing->list.at[listing->list.count++];
    *shown = (struct kinesis_queue_summary){
        .queue_name = queue->name,
        .queue_arn = queue_arn(c, queue),
        .queue_status = state_name(queue->state),
        .streams = {.at = stream, .count = 1},
    };
    SET(shown, queue_creation_timestamp, queue->created / 1000 * 1000);
    listing->last = queue->id;
    return 0;
}

static RESULT read_start(struct call *c, struct span text, struct span *ret_after)
{
    struct bookmark token;
    if (!text.at)
        return OK;
    if (!bookmark_read(c->arena, secret_key(c), BOOKMARK_QUEUES, text, &token))
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION, "Invalid NextToken.");
    if (c->now_ms - token.issued_ms > BOOKMARK_LIFE_MS)
        return refuse(c, &KINESIS_EXPIRED_NEXT_TOKEN_EXCEPTION, "NextToken has expired.");
    *ret_after = token.after;
    return OK;
}

RESULT kinesis_list_queues(struct call *c, const struct kinesis_list_queues_in *in,
                           struct kinesis_list_queues_out *out)
{
    size_t wanted = in->has.max_results ? (size_t)in->max_results : LIST_MAX;
    struct listing listing = {
        .c = c, .filter = &in->stream_filter, .limit = wanted < LIST_MAX ? wanted : LIST_MAX};
    TRY(read_start(c, in->next_token, &listing.after));
    listing.list.at = ARENA_ARRAY(c->arena, struct kinesis_queue_summary, listing.limit);
    struct kinesis_queue from = {.account = c->account, .region = c->region, .id = listing.after};
    int error = kinesis_queue_each(c->txn, &from, 2, c->arena, take_queue, &listing);
    if (error < 0)
        return refuse_errno(c, error, "listing queues");
    out->queue_summaries = listing.list;
    if (listing.more)
        out->next_token = bookmark_print(c->arena, secret_key(c),
                                         &(struct bookmark){.kind = BOOKMARK_QUEUES,
                                                            .issued_ms = c->now_ms,
                                                            .after = listing.last});
    return OK;
}

/* ---- CreateQueue ----------------------------------------------------------------------------- */

static RESULT invalid(struct call *c, const char *why)
{
    return refuse(c, &KINESIS_VALIDATION_EXCEPTION, "%s", why);
}

/* What is not said stays. */
static RESULT read_attributes(struct call *c, const struct kinesis_queue_attributes *in,
                              struct kinesis_queue *queue)
{
    const struct kinesis_dead_letter_configuration *dead =
        in ? in->dead_letter_configuration : NULL;
    if (in && in->has.visibility_timeout_seconds)
        queue->visibility_s = (uint64_t)in->visibility_timeout_seconds;
    if (!dead)
        return OK;
    bool built_in = span_eq(dead->target_type, S("BUILT_IN"));
    if (built_in && !dead->has.max_receive_count)
        return invalid(c, "MaxReceiveCount is required when TargetType is BUILT_IN.");
    if (!built_in && dead->has.max_receive_count)
        return invalid(c, "MaxReceiveCount must not be provided when TargetType is NONE.");
    queue->receives = built_in ? (uint64_t)dead->max_receive_count : 0;
    return OK;
}

static RESULT read_position(struct call *c, const struct kinesis_queue_starting_position *in,
                            struct kinesis_queue *queue)
{
    queue->start = in ? in->type : S("LATEST");
    bool at_time = span_eq(queue->start, S("AT_TIMESTAMP"));
    if (at_time != (in && in->has.timestamp))
        return invalid(c, at_time ? "Timestamp is required when Type is AT_TIMESTAMP."
                                  : "Timestamp must be provided only when Type is AT_TIMESTAMP.");
    queue->start_ms = at_time ? in->timestamp : 0;
    return OK;
}

static RESULT check_limits(struct call *c, const struct kinesis_stream *stream,
                           const struct kinesis_queue *queue)
{
    size_t consumers, limit;
    struct census census = {.stream = stream->name, .name = queue->name};
    TRY(take_census(c, &census));
    if (census.of_name)
        return refuse(c, &KINESIS_RESOURCE_IN_USE_EXCEPTION,
                      "Queue %.*s under account %.*s already exists.", SPAN_ARG(queue->name),
                      SPAN_ARG(queue->account));
    TRY(consumer_count(c, stream, &consumers));
    TRY(consumer_limit(c, stream, &limit));
    if (consumers + census.of_stream >= limit)
        return refuse(c, &KINESIS_LIMIT_EXCEEDED_EXCEPTION,
                      "Stream %.*s under account %.*s has reached the limit of %zu registered "
                      "consumers.",
                      SPAN_ARG(stream->name), SPAN_ARG(stream->account), limit);
    if (census.moving < MOVING_MAX || log_is_unlimited(target_access(c).log))
        return OK;
    return refuse(c, &KINESIS_LIMIT_EXCEEDED_EXCEPTION,
                  "Account %.*s has %d queues in the CREATING or DELETING state already.",
                  SPAN_ARG(c->account), MOVING_MAX);
}

RESULT kinesis_create_queue(struct call *c, const struct kinesis_create_queue_in *in,
                            struct kinesis_create_queue_out *out)
{
    struct kinesis_stream stream;
    struct kinesis_queue queue = {.account = c->account,
                                  .region = c->region,
                                  .id = id_uuid(c->arena),
                                  .name = in->queue_name,
                                  .state = QUEUE_CREATING,
                                  .created = c->now_ms,
                                  .visibility_s = VISIBILITY_DEFAULT,
                                  .receives = RECEIVES_DEFAULT};
    if (in->stream_configuration_list.count != 1)
        return invalid(c, "StreamConfigurationList must have exactly one entry.");
    const struct kinesis_queue_stream_configuration *source = in->stream_configuration_list.at;
    TRY(auth_require(c, S("kinesis:CreateQueue"), source->stream_arn, NULL, SPAN_NONE));
    TRY(read_attributes(c, in->queue_attributes, &queue));
    TRY(read_position(c, source->starting_position, &queue));
    TRY(target_active(c, (struct target){.arn = source->stream_arn}, &stream));
    if (!stream.on_demand || !span_eq(stream.account, c->account))
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION,
                      "Queues are only supported for data streams of the account with the "
                      "on-demand capacity mode.");
    queue.stream = stream.name;
    queue.stream_created = stream.created;
    TRY(check_limits(c, &stream, &queue));
    if (in->tags.count)
        TRY(label_add(c, in->queue_name, &queue.labels, &in->tags));
    step_put_queue(c, &queue);
    out->queue_description = describe(c, &queue);
    return OK;
}

/* ---- UpdateQueue, DeleteQueue ---------------------------------------------------------------- */

RESULT kinesis_update_queue(struct call *c, const struct kinesis_update_queue_in *in,
                            struct kinesis_update_queue_out *out)
{
    struct kinesis_queue queue;
    TRY(queue_find(c, in->queue_arn, &queue));
    if (queue.state != QUEUE_ACTIVE)
        return refuse(c, &KINESIS_RESOURCE_IN_USE_EXCEPTION,
                      "Queue %.*s under account %.*s is not ACTIVE.", SPAN_ARG(queue.name),
                      SPAN_ARG(queue.account));
    TRY(read_attributes(c, in->queue_attributes, &queue));
    queue.state = QUEUE_UPDATING;
    step_put_queue(c, &queue);
    out->queue_description = describe(c, &queue);
    return OK;
}

RESULT kinesis_delete_queue(struct call *c, const struct kinesis_delete_queue_in *in,
                            struct kinesis_delete_queue_out *out)
{
    struct kinesis_queue queue;
    TRY(queue_find(c, in->queue_arn, &queue));
    queue.state = QUEUE_DELETING;
    step_put_queue(c, &queue);
    return OK;
}

/* ---- steps ----------------------------------------------------------------------------------- */

/* Where a queue begins in a shard that is there already. */
static int place_of(const struct log_access *access, const struct kinesis_queue *queue,
                    const struct log_stream *log, uint32_t shard, struct log_place *ret)
{
    *ret = log_place_of(0);
    if (span_eq(queue->start, S("LATEST")))
        return log_end(access, log, shard, ret);
    if (span_eq(queue->start, S("AT_TIMESTAMP")))
        return log_place_at(access, log, shard, queue->start_ms, ret);
    return 0;
}

/* "The effective starting position": not before the oldest record that is kept. */
static int64_t effective_ms(const struct kinesis_queue *queue, const struct log_stream *log,
                            int64_t now_ms)
{
    int64_t horizon_ms = log_horizon(log, now_ms);
    int64_t oldest_ms = horizon_ms > queue->stream_created ? horizon_ms : queue->stream_created;
    if (span_eq(queue->start, S("LATEST")))
        return now_ms;
    return queue->start_ms > oldest_ms ? queue->start_ms : oldest_ms;
}

static int step_create(const struct log_access *access, struct kinesis_queue *queue, int64_t now_ms)
{
    size_t count;
    struct log_stream *log;
    const struct kinesis_stream stream = {
        .account = queue->account, .region = queue->region, .name = queue->stream};
    int error = log_find(access, target_of(access->arena, &stream), &log);
    if (error < 0)
        return error;
    const struct log_lane *lanes = log_lanes(log, &count);
    for (size_t i = 0; i < count && !error; i++) {
        struct log_place place;
        error = place_of(access, queue, log, lanes[i].number, &place);
        kinesis_queue_place_put(access->txn, &(struct kinesis_queue_place){.queue = queue->id,
                                                                           .shard = lanes[i].number,
                                                                           .next = place.index});
    }
    queue->start_ms = effective_ms(queue, log, now_ms);
    return error;
}

static int drop_place(void *user, struct kinesis_queue_place *place)
{
    kinesis_queue_place_delete(user, place);
    return 0;
}

static int step_delete(const struct log_access *access, struct kinesis_queue *queue)
{
    struct kinesis_queue_place from = {.queue = queue->id};
    int more = queue_items_drop(access->txn, access->arena, queue);
    if (more)
        return more;
    int error =
        kinesis_queue_place_each(access->txn, &from, 1, access->arena, drop_place, access->txn);
    kinesis_queue_delete(access->txn, queue);
    return error < 0 ? error : 0;
}

int queue_step(const struct log_access *access, struct kinesis_queue *queue, int64_t now_ms)
{
    if (queue->state == QUEUE_DELETING)
        return step_delete(access, queue);
    int error = queue->state == QUEUE_CREATING ? step_create(access, queue, now_ms) : 0;
    queue->state = QUEUE_ACTIVE;
    kinesis_queue_put(access->txn, queue);
    return error;
}
