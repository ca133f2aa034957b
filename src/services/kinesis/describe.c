// SPDX-License-Identifier: Apache-2.0
/* DescribeStream, DescribeStreamSummary, ListStreams, DescribeLimits. Control thread. */
#include "services/kinesis/channel.h"
#include "services/kinesis/queue.h"

#include "services/kinesis/bookmark.h"
#include "services/kinesis/secret.h"

#define SHARDS_DEFAULT 100
#define STREAMS_DEFAULT 100

struct span stream_state_name(uint64_t state)
{
    static const struct span names[] = {
        [STREAM_CREATING] = S_INIT("CREATING"),
        [STREAM_ACTIVE] = S_INIT("ACTIVE"),
        [STREAM_UPDATING] = S_INIT("UPDATING"),
        [STREAM_DELETING] = S_INIT("DELETING"),
    };
    return state < ARRAY_LEN(names) ? names[state] : SPAN_NONE;
}

static struct kinesis_stream_mode_details *mode_of(struct call *c,
                                                   const struct kinesis_stream *stream)
{
    struct kinesis_stream_mode_details *details =
        ARENA_NEW(c->arena, struct kinesis_stream_mode_details);
    details->stream_mode = stream->on_demand ? S("ON_DEMAND") : S("PROVISIONED");
    return details;
}

struct kinesis_metrics_name_list describe_metric_names(struct call *c, uint64_t bits)
{
    static const struct span names[] = {
        S_INIT("IncomingBytes"),
        S_INIT("IncomingRecords"),
        S_INIT("OutgoingBytes"),
        S_INIT("OutgoingRecords"),
        S_INIT("WriteProvisionedThroughputExceeded"),
        S_INIT("ReadProvisionedThroughputExceeded"),
        S_INIT("IteratorAgeMilliseconds"),
    };
    struct kinesis_metrics_name_list list = {
        .at = ARENA_ARRAY(c->arena, struct span, ARRAY_LEN(names))};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (bits >> i & 1)
            list.at[list.count++] = names[i];
    return list;
}

struct kinesis_enhanced_monitoring_list describe_metrics(struct call *c, uint64_t bits)
{
    struct kinesis_enhanced_monitoring_list list = {
        .at = ARENA_NEW(c->arena, struct kinesis_enhanced_metrics), .count = 1};
    list.at[0].shard_level_metrics = describe_metric_names(c, bits);
    return list;
}

/* A stream that is being made or going has no shards. */
static bool has_shards(const struct kinesis_stream *stream)
{
    return stream->state == STREAM_ACTIVE || stream->state == STREAM_UPDATING;
}

static RESULT fill_shards(struct call *c, const struct kinesis_describe_stream_in *in,
                          const struct kinesis_stream *stream,
                          struct kinesis_stream_description *out)
{
    size_t limit = in->has.limit ? (size_t)in->limit : SHARDS_DEFAULT, count;
    uint32_t after = 0;
    struct log_stream *log;
    out->shards.at = ARENA_ARRAY(c->arena, struct kinesis_shard, 1);
    if (in->exclusive_start_shard_id.at && !shard_read_id(in->exclusive_start_shard_id, &after))
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION, "Invalid ExclusiveStartShardId: %.*s",
                      SPAN_ARG(in->exclusive_start_shard_id));
    if (!has_shards(stream))
        return OK;
    TRY(target_log(c, stream, &log));
    const struct log_lane *lanes = log_lanes(log, &count);
    out->shards.at = ARENA_ARRAY(c->arena, struct kinesis_shard, limit < count ? limit : count);
    for (size_t i = in->exclusive_start_shard_id.at ? after + 1 : 0; i < count; i++) {
        if (!shard_is_shown(log, &lanes[i], c->now_ms))
            continue;
        if (out->shards.count == limit) {
            out->has_more_shards = true;
            break;
        }
        shard_describe(c->arena, &lanes[i], &out->shards.at[out->shards.count++]);
    }
    return OK;
}

RESULT kinesis_describe_stream(struct call *c, const struct kinesis_describe_stream_in *in,
                               struct kinesis_describe_stream_out *out)
{
    struct kinesis_stream stream;
    TRY(target_stream(c, TARGET(in), &stream));
    struct kinesis_stream_description *description =
        ARENA_NEW(c->arena, struct kinesis_stream_description);
    description->stream_name = stream.name;
    description->stream_arn = target_arn(c, &stream);
    description->stream_status = stream_state_name(stream.state);
    description->stream_mode_details = mode_of(c, &stream);
    description->retention_period_hours = (int32_t)stream.retention_hours;
    description->stream_creation_timestamp = stream.created / 1000 * 1000;
    description->enhanced_monitoring = describe_metrics(c, stream.metrics);
    description->encryption_type = stream.key_id.len ? S("KMS") : S("NONE");
    description->key_id = stream.key_id.len ? stream.key_id : SPAN_NONE;
    out->stream_description = description;
    return fill_shards(c, in, &stream, description);
}

static RESULT count_open(struct call *c, const struct kinesis_stream *stream, int32_t *ret)
{
    struct log_stream *log;
    size_t count;
    *ret = 0;
    if (!has_shards(stream))
        return OK;
    TRY(target_log(c, stream, &log));
    const struct log_lane *lanes = log_lanes(log, &count);
    for (size_t i = 0; i < count; i++)
        *ret += !lanes[i].closed_ms;
    return OK;
}

/* "Only present for On-Demand …" */
static RESULT tell_on_demand(struct call *c, const struct kinesis_stream *stream,
                             struct kinesis_stream_description_summary *summary)
{
    bool committed;
    size_t channels, queues;
    TRY(commitment_read(c, &committed));
    if (committed)
        summary->warm_throughput =
            commitment_show_warm(c, stream, (size_t)summary->open_shard_count);
    summary->record_distribution_strategy = stream->spread ? S("AUTO") : S("USER_PARTITION_KEY");
    TRY(channel_count(c, stream->name, &channels));
    SET(summary, channel_count, (int32_t)channels);
    TRY(queue_count(c, stream, &queues));
    SET(summary, queue_count, (int32_t)queues);
    return OK;
}

RESULT kinesis_describe_stream_summary(struct call *c,
                                       const struct kinesis_describe_stream_summary_in *in,
                                       struct kinesis_describe_stream_summary_out *out)
{
    struct kinesis_stream stream;
    size_t consumers;
    TRY(target_stream(c, TARGET(in), &stream));
    struct kinesis_stream_description_summary *summary =
        ARENA_NEW(c->arena, struct kinesis_stream_description_summary);
    TRY(count_open(c, &stream, &summary->open_shard_count));
    TRY(consumer_count(c, &stream, &consumers));
    summary->stream_name = stream.name;
    summary->stream_arn = target_arn(c, &stream);
    summary->stream_status = stream_state_name(stream.state);
    summary->stream_mode_details = mode_of(c, &stream);
    summary->retention_period_hours = (int32_t)stream.retention_hours;
    summary->stream_creation_timestamp = stream.created / 1000 * 1000;
    summary->enhanced_monitoring = describe_metrics(c, stream.metrics);
    summary->encryption_type = stream.key_id.len ? S("KMS") : S("NONE");
    summary->key_id = stream.key_id.len ? stream.key_id : SPAN_NONE;
    SET(summary, consumer_count, (int32_t)consumers);
    SET(summary, max_record_size_in_ki_b, (int32_t)stream.record_kib);
    if (stream.on_demand)
        TRY(tell_on_demand(c, &stream, summary));
    out->stream_description_summary = summary;
    return OK;
}

/* ---- ListStreams ----------------------------------------------------------------------------- */

struct listing {
    struct call *c;
    struct span after; /* not itself */
    size_t limit;
    struct kinesis_list_streams_out *out;
};

static int take_stream(void *user, struct kinesis_stream *stream)
{
    struct listing *listing = user;
    struct kinesis_list_streams_out *out = listing->out;
    if (listing->after.at && span_eq(stream->name, listing->after))
        return 0;
    if (out->stream_names.count == listing->limit) {
        out->has_more_streams = true;
        return 1;
    }
    out->stream_names.at[out->stream_names.count++] = stream->name;
    struct kinesis_stream_summary *summary =
        &out->stream_summaries.at[out->stream_summaries.count++];
    *summary = (struct kinesis_stream_summary){
        .stream_name = stream->name,
        .stream_arn = target_arn(listing->c, stream),
        .stream_status = stream_state_name(stream->state),
        .stream_mode_details = mode_of(listing->c, stream),
    };
    SET(summary, stream_creation_timestamp, stream->created / 1000 * 1000);
    return 0;
}

static RESULT read_start(struct call *c, const struct kinesis_list_streams_in *in,
                         struct span *ret_after)
{
    struct bookmark token;
    *ret_after = in->exclusive_start_stream_name;
    if (!in->next_token.at)
        return OK;
    if (in->exclusive_start_stream_name.at)
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION,
                      "NextToken and ExclusiveStartStreamName cannot be provided together.");
    if (!bookmark_read(c->arena, secret_key(c), BOOKMARK_STREAMS, in->next_token, &token))
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION, "Invalid NextToken.");
    if (c->now_ms - token.issued_ms > BOOKMARK_LIFE_MS)
        return refuse(c, &KINESIS_EXPIRED_NEXT_TOKEN_EXCEPTION, "NextToken has expired.");
    *ret_after = token.after;
    return OK;
}

RESULT kinesis_list_streams(struct call *c, const struct kinesis_list_streams_in *in,
                            struct kinesis_list_streams_out *out)
{
    struct listing listing = {
        .c = c, .limit = in->has.limit ? (size_t)in->limit : STREAMS_DEFAULT, .out = out};
    struct kinesis_stream from = {.account = c->account, .region = c->region};
    TRY(read_start(c, in, &listing.after));
    from.name = listing.after;
    out->stream_names.at = ARENA_ARRAY(c->arena, struct span, listing.limit);
    out->stream_summaries.at = ARENA_ARRAY(c->arena, struct kinesis_stream_summary, listing.limit);
    int error = kinesis_stream_each(c->txn, &from, 2, c->arena, take_stream, &listing);
    if (error < 0)
        return refuse_errno(c, error, "listing streams");
    if (out->has_more_streams) {
        struct bookmark token = {.kind = BOOKMARK_STREAMS,
                                 .issued_ms = c->now_ms,
                                 .after = out->stream_names.at[out->stream_names.count - 1]};
        out->next_token = bookmark_print(c->arena, secret_key(c), &token);
    }
    return OK;
}

RESULT kinesis_describe_limits(struct call *c, const struct kinesis_describe_limits_in *in,
                               struct kinesis_describe_limits_out *out)
{
    size_t open, on_demand, channels;
    TRY(stream_count_shards(c, &open, &on_demand));
    TRY(channel_count(c, SPAN_NONE, &channels));
    out->shard_limit = stream_shard_limit(c);
    out->open_shard_count = (int32_t)open;
    out->on_demand_stream_count = (int32_t)on_demand;
    out->on_demand_stream_count_limit = STREAM_ON_DEMAND_LIMIT;
    SET(out, channel_count, (int32_t)channels);
    SET(out, channel_count_limit, CHANNEL_LIMIT);
    return OK;
}
