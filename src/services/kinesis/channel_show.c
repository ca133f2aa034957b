// SPDX-License-Identifier: Apache-2.0
/* DescribeChannel and ListChannels. Control thread. */
#include "services/kinesis/channel.h"

#include "services/kinesis/bookmark.h"
#include "services/kinesis/secret.h"

#define LIST_MAX 100 /* "at most 100 results are returned" */

static struct span state_name(uint64_t state)
{
    static const struct span names[] = {
        [CHANNEL_CREATING] = S_INIT("CREATING"), [CHANNEL_ACTIVE] = S_INIT("ACTIVE"),
        [CHANNEL_UPDATING] = S_INIT("UPDATING"), [CHANNEL_DELETING] = S_INIT("DELETING"),
        [CHANNEL_FAILED] = S_INIT("FAILED"),
    };
    return names[state];
}

static struct span stream_arn(struct call *c, const struct kinesis_channel *channel)
{
    return target_arn(c, &(struct kinesis_stream){.account = channel->account,
                                                  .region = channel->region,
                                                  .name = channel->stream});
}

static struct span bucket_arn(struct call *c, struct span bucket)
{
    return arena_printf(c->arena, "arn:aws:s3:::%.*s", SPAN_ARG(bucket));
}

/* ---- DescribeChannel ------------------------------------------------------------------------- */

static struct kinesis_channel_stream_description_list
describe_stream(struct call *c, const struct kinesis_channel *channel)
{
    struct kinesis_channel_stream_description *stream =
        ARENA_NEW(c->arena, struct kinesis_channel_stream_description);
    stream->stream_arn = stream_arn(c, channel);
    SET(stream, stream_creation_timestamp, channel->stream_created / 1000 * 1000);
    stream->record_configuration = ARENA_NEW(c->arena, struct kinesis_record_configuration);
    stream->record_configuration->record_format_type = channel->format;
    return (struct kinesis_channel_stream_description_list){stream, 1};
}

static struct kinesis_s3_destination_description *
describe_destination(struct call *c, const struct kinesis_channel *channel)
{
    struct kinesis_s3_destination_description *to =
        ARENA_NEW(c->arena, struct kinesis_s3_destination_description);
    struct kinesis_s3_storage_configuration *storage =
        ARENA_NEW(c->arena, struct kinesis_s3_storage_configuration);
    struct kinesis_dead_letter_queue_s3_configuration *errors =
        ARENA_NEW(c->arena, struct kinesis_dead_letter_queue_s3_configuration);
    *storage = (struct kinesis_s3_storage_configuration){
        .bucket_arn = bucket_arn(c, channel->bucket),
        .expected_bucket_owner = channel->bucket_owner,
        .output_key_template = channel->template,
        .storage_class = channel->storage_class,
        .compression_type = channel->compression,
    };
    *errors = (struct kinesis_dead_letter_queue_s3_configuration){
        .bucket_arn = bucket_arn(c, channel->error_bucket),
        .expected_bucket_owner = channel->error_owner,
        .error_output_prefix = channel->error_prefix,
    };
    SET(to, data_freshness_in_seconds, (int32_t)channel->freshness_s);
    to->storage_configuration = storage;
    to->dead_letter_queue_s3_configuration = errors;
    return to;
}

static struct kinesis_channel_logging_configuration *describe_logging(struct call *c)
{
    struct kinesis_channel_logging_configuration *logging =
        ARENA_NEW(c->arena, struct kinesis_channel_logging_configuration);
    logging->cloud_watch_logs = ARENA_NEW(c->arena, struct kinesis_cloud_watch_logs);
    SET(logging->cloud_watch_logs, enabled, false);
    return logging;
}

struct kinesis_channel_description *channel_describe(struct call *c,
                                                     const struct kinesis_channel *channel)
{
    struct kinesis_channel_description *description =
        ARENA_NEW(c->arena, struct kinesis_channel_description);
    description->channel_name = channel->name;
    description->channel_arn = channel_arn(c, channel);
    description->channel_id = channel->id;
    description->channel_status = state_name(channel->state);
    description->channel_status_reason = channel->reason;
    SET(description, channel_creation_timestamp, channel->created / 1000 * 1000);
    description->service_execution_role_arn = channel->role;
    description->stream_configuration_list = describe_stream(c, channel);
    description->s3_destination_configuration = describe_destination(c, channel);
    description->logging_configuration = describe_logging(c);
    return description;
}

RESULT kinesis_describe_channel(struct call *c, const struct kinesis_describe_channel_in *in,
                                struct kinesis_describe_channel_out *out)
{
    struct kinesis_channel channel;
    TRY(channel_find(c, in->channel_arn, &channel));
    out->channel_description = channel_describe(c, &channel);
    return OK;
}

/* ---- ListChannels ---------------------------------------------------------------------------- */

struct listing {
    struct call *c;
    const struct kinesis_stream_filter_list *filter; /* empty: of any stream */
    struct span after;                               /* an id; not itself */
    size_t limit;
    bool more;
    struct kinesis_channel_summary_list list;
};

static bool passes(const struct listing *listing, const struct kinesis_channel *channel)
{
    struct span arn = stream_arn(listing->c, channel);
    for (size_t i = 0; i < listing->filter->count; i++) {
        const struct kinesis_stream_filter *wanted = &listing->filter->at[i];
        bool then = !wanted->has.stream_creation_timestamp ||
                    wanted->stream_creation_timestamp / 1000 == channel->stream_created / 1000;
        if (then && span_eq(wanted->stream_arn, arn))
            return true;
    }
    return !listing->filter->count;
}

static struct kinesis_channel_stream_identifier_list
identify_stream(struct call *c, const struct kinesis_channel *channel)
{
    struct kinesis_channel_stream_identifier *stream =
        ARENA_NEW(c->arena, struct kinesis_channel_stream_identifier);
    stream->stream_arn = stream_arn(c, channel);
    SET(stream, stream_creation_timestamp, channel->stream_created / 1000 * 1000);
    return (struct kinesis_channel_stream_identifier_list){stream, 1};
}

static int take_channel(void *user, struct kinesis_channel *channel)
{
    struct listing *listing = user;
    if (span_eq(channel->id, listing->after) || !passes(listing, channel))
        return 0;
    listing->more = listing->list.count == listing->limit;
    if (listing->more)
        return 1;
    struct kinesis_channel_summary *summary = &listing->list.at[listing->list.count++];
    *summary = (struct kinesis_channel_summary){
        .channel_name = channel->name,
        .channel_arn = channel_arn(listing->c, channel),
        .channel_id = channel->id,
        .channel_status = state_name(channel->state),
        .channel_status_reason = channel->reason,
        .channel_destination_type = S("S3"),
        .streams = identify_stream(listing->c, channel),
    };
    SET(summary, channel_creation_timestamp, channel->created / 1000 * 1000);
    return 0;
}

static RESULT read_start(struct call *c, struct span text, struct span *ret_after)
{
    struct bookmark token;
    *ret_after = SPAN_NONE;
    if (!text.at)
        return OK;
    if (!bookmark_read(c->arena, secret_key(c), BOOKMARK_CHANNELS, text, &token))
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION, "Invalid NextToken.");
    if (c->now_ms - token.issued_ms > BOOKMARK_LIFE_MS)
        return refuse(c, &KINESIS_EXPIRED_NEXT_TOKEN_EXCEPTION, "NextToken has expired.");
    *ret_after = token.after;
    return OK;
}

RESULT kinesis_list_channels(struct call *c, const struct kinesis_list_channels_in *in,
                             struct kinesis_list_channels_out *out)
{
    size_t wanted = in->has.max_results ? (size_t)in->max_results : LIST_MAX;
    struct listing listing = {
        .c = c, .filter = &in->stream_filter, .limit = wanted < LIST_MAX ? wanted : LIST_MAX};
    TRY(read_start(c, in->next_token, &listing.after));
    listing.list.at = ARENA_ARRAY(c->arena, struct kinesis_channel_summary, listing.limit);
    struct kinesis_channel from = {.account = c->account, .region = c->region, .id = listing.after};
    int error = kinesis_channel_each(c->txn, &from, 2, c->arena, take_channel, &listing);
    if (error < 0)
        return refuse_errno(c, error, "listing channels");
    out->channel_summaries = listing.list;
    if (listing.more) {
        struct bookmark token = {.kind = BOOKMARK_CHANNELS,
                                 .issued_ms = c->now_ms,
                                 .after = listing.list.at[listing.list.count - 1].channel_id};
        out->next_token = bookmark_print(c->arena, secret_key(c), &token);
    }
    return OK;
}
