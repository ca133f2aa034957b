// SPDX-License-Identifier: Apache-2.0
/* CreateStream, DeleteStream, and what an account may have. Control thread. */
#include "base/time.h"
#include "services/kinesis/channel.h"
#include "services/kinesis/queue.h"

#include "services/cloud.h"

#include <errno.h>

#define CREATING_MAX 5
#define RETENTION_DEFAULT 24 /* hours */
#define RECORD_KIB_DEFAULT 1024
#define MIB (1ULL << 20)

/* Source: "Quotas and limits" of the developer guide. */
struct log_settings stream_settings(const struct kinesis_stream *stream)
{
    return (struct log_settings){
        .retention_ms = (int64_t)stream->retention_hours * HOUR_MS,
        .bytes_in = MIB,
        .records_in = 1000,
        .bytes_out = 2 * MIB,
        .reads = 5,
        .seeks = 5,
        .entry_max = stream->record_kib * 1024,
        .shown = stream->metrics, /* their bits are in the same order */
        .spread = stream->spread,
        .sealed = stream->key_id.len > 0,
    };
}

/* ---- limits ---------------------------------------------------------------------------------- */

bool stream_note(struct call *c, struct record_numbers *times, size_t most)
{
    size_t kept = 0;
    uint64_t *at = ARENA_ARRAY(c->arena, uint64_t, times->count + 1);
    for (size_t i = 0; i < times->count; i++)
        if ((int64_t)times->at[i] > c->now_ms - DAY_MS)
            at[kept++] = times->at[i];
    if (kept >= most)
        return false;
    at[kept++] = (uint64_t)c->now_ms;
    *times = (struct record_numbers){at, kept};
    return true;
}

int32_t stream_shard_limit(const struct call *c)
{
    static const struct span large[] = {S_INIT("us-east-1"), S_INIT("us-west-2"),
                                        S_INIT("eu-west-1")};
    for (size_t i = 0; i < ARRAY_LEN(large); i++)
        if (span_eq(c->region, large[i]))
            return 20000;
    return 1000;
}

struct counting {
    struct call *c;
    size_t shards, on_demand;
};

static int count_one(void *user, struct kinesis_stream *stream)
{
    struct counting *counting = user;
    struct log_stream *log;
    size_t count;
    struct log_access access = target_access(counting->c);
    counting->on_demand += stream->on_demand;
    if (stream->state == STREAM_CREATING)
        counting->shards += stream->change ? (size_t)stream->change->target : 0;
    if (log_find(&access, target_of(counting->c->arena, stream), &log) < 0)
        return 0;
    const struct log_lane *lanes = log_lanes(log, &count);
    for (size_t i = 0; i < count; i++)
        counting->shards += !lanes[i].closed_ms;
    return 0;
}

RESULT stream_count_shards(struct call *c, size_t *ret_open, size_t *ret_on_demand)
{
    struct counting counting = {.c = c};
    struct kinesis_stream from = {.account = c->account, .region = c->region};
    int error = kinesis_stream_each(c->txn, &from, 2, c->arena, count_one, &counting);
    *ret_open = counting.shards;
    *ret_on_demand = counting.on_demand;
    return error < 0 ? refuse_errno(c, error, "counting shards") : OK;
}

RESULT stream_check_shards(struct call *c, size_t more)
{
    size_t open, on_demand;
    TRY(stream_count_shards(c, &open, &on_demand));
    if (open + more <= (size_t)stream_shard_limit(c))
        return OK;
    return refuse(c, &KINESIS_LIMIT_EXCEEDED_EXCEPTION,
                  "This request would exceed the shard limit for the account %.*s in %.*s. Current "
                  "shard count for the account: %zu. Limit: %d. Number of additional shards that "
                  "would have resulted from this request: %zu. Refer to the AWS Service Limits "
                  "page (http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) for "
                  "current limits and how to request higher limits.",
                  SPAN_ARG(c->account), SPAN_ARG(c->region), open, stream_shard_limit(c), more);
}

/* ---- CreateStream ---------------------------------------------------------------------------- */

static int count_creating(void *user, struct kinesis_stream *stream)
{
    *(size_t *)user += stream->state == STREAM_CREATING;
    return 0;
}

/* "Have more than five streams in the CREATING state at any point in time." */
static RESULT check_creating(struct call *c)
{
    size_t creating = 0;
    struct kinesis_stream from = {.account = c->account, .region = c->region};
    if (log_is_unlimited(target_access(c).log))
        return OK;
    int error = kinesis_stream_each(c->txn, &from, 2, c->arena, count_creating, &creating);
    if (error < 0)
        return refuse_errno(c, error, "counting streams");
    if (creating < CREATING_MAX)
        return OK;
    return refuse(c, &KINESIS_LIMIT_EXCEEDED_EXCEPTION,
                  "This request would exceed the limit on the number of streams that can "
                  "simultaneously be in CREATING or DELETING. Limit: %d",
                  CREATING_MAX);
}

RESULT stream_set_distribution(struct call *c, struct kinesis_stream *stream, struct span strategy)
{
    bool spread = span_eq(strategy, S("AUTO"));
    if (spread && !stream->on_demand)
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION,
                      "RecordDistributionStrategy AUTO is only supported for the data streams with "
                      "the on-demand capacity mode.");
    stream->spread = spread;
    return OK;
}

static RESULT check_on_demand_count(struct call *c)
{
    size_t open, on_demand;
    TRY(stream_count_shards(c, &open, &on_demand));
    if (on_demand < STREAM_ON_DEMAND_LIMIT)
        return OK;
    return refuse(c, &KINESIS_LIMIT_EXCEEDED_EXCEPTION,
                  "This request would exceed the limit on the number of On-Demand streams for the "
                  "account %.*s in %.*s. Current On-Demand streams count: %zu. Limit: %d.",
                  SPAN_ARG(c->account), SPAN_ARG(c->region), on_demand, STREAM_ON_DEMAND_LIMIT);
}

static RESULT check_mode(struct call *c, const struct kinesis_create_stream_in *in,
                         struct kinesis_stream *stream, size_t *ret_shards)
{
    stream->on_demand =
        in->stream_mode_details && span_eq(in->stream_mode_details->stream_mode, S("ON_DEMAND"));
    if (stream->on_demand && in->has.shard_count)
        return refuse(c, &KINESIS_VALIDATION_EXCEPTION,
                      "ShardCount must not be provided for streams of mode ON_DEMAND.");
    if (!stream->on_demand && !in->has.shard_count)
        return refuse(c, &KINESIS_VALIDATION_EXCEPTION,
                      "ShardCount is required for streams of mode PROVISIONED.");
    if (in->has.warm_throughput_mi_bps) {
        TRY(commitment_check_warm(c, stream, in->warm_throughput_mi_bps));
        stream->warm = (uint64_t)in->warm_throughput_mi_bps;
    }
    if (stream->on_demand)
        TRY(check_on_demand_count(c));
    *ret_shards = stream->on_demand ? demand_shards(stream, 0) : (size_t)in->shard_count;
    return stream_set_distribution(c, stream, in->record_distribution_strategy);
}

RESULT kinesis_create_stream(struct call *c, const struct kinesis_create_stream_in *in,
                             struct kinesis_create_stream_out *out)
{
    struct kinesis_stream stream = {
        .account = c->account, .region = c->region, .name = in->stream_name};
    size_t shards = 0;
    int error = kinesis_stream_get(c->txn, c->arena, &stream);
    if (error == 0)
        return refuse(c, &KINESIS_RESOURCE_IN_USE_EXCEPTION,
                      "Stream %.*s under account %.*s already exists.", SPAN_ARG(stream.name),
                      SPAN_ARG(stream.account));
    if (error != -ENOENT)
        return refuse_errno(c, error, "reading a stream's record");
    TRY(check_mode(c, in, &stream, &shards));
    TRY(stream_check_shards(c, shards));
    TRY(check_creating(c));
    stream.state = STREAM_CREATING;
    stream.created = c->now_ms;
    stream.retention_hours = RETENTION_DEFAULT;
    stream.record_kib = in->has.max_record_size_in_ki_b ? (uint64_t)in->max_record_size_in_ki_b
                                                        : RECORD_KIB_DEFAULT;
    stream.change = ARENA_NEW(c->arena, struct kinesis_change);
    stream.change->target = shards;
    if (in->tags.count)
        TRY(label_add(c, in->stream_name, &stream.labels, &in->tags));
    step_put_stream(c, &stream);
    return OK;
}

/* ---- DeleteStream ---------------------------------------------------------------------------- */

static RESULT drop_policy(struct call *c, const struct kinesis_stream *stream)
{
    kinesis_policy_delete(c->txn, &(struct kinesis_policy){.arn = target_arn(c, stream)});
    return OK;
}

RESULT kinesis_delete_stream(struct call *c, const struct kinesis_delete_stream_in *in,
                             struct kinesis_delete_stream_out *out)
{
    struct kinesis_stream stream;
    size_t consumers;
    TRY(target_stream(c, TARGET(in), &stream));
    if (stream.state == STREAM_DELETING)
        return OK;
    TRY(channel_check_none(c, &stream, "deleted"));
    TRY(queue_check_none(c, &stream, "deleted"));
    TRY(consumer_count(c, &stream, &consumers));
    if (consumers && !in->enforce_consumer_deletion)
        return refuse(c, &KINESIS_RESOURCE_IN_USE_EXCEPTION,
                      "Stream %.*s under account %.*s has registered consumers. Deregister them, "
                      "or set EnforceConsumerDeletion.",
                      SPAN_ARG(stream.name), SPAN_ARG(stream.account));
    TRY(consumer_remove_all(c, &stream));
    TRY(drop_policy(c, &stream));
    struct log_access access = target_access(c);
    int error = log_drop(&access, target_of(c->arena, &stream));
    if (error < 0 && error != -ENOENT)
        return refuse_errno(c, error, "dropping a stream");
    stream.state = STREAM_DELETING;
    stream.change = NULL;
    step_put_stream(c, &stream);
    return OK;
}
