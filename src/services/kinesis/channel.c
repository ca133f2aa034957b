// SPDX-License-Identifier: Apache-2.0
/*
 * CreateChannel, UpdateChannel, DeleteChannel. What would have no effect is refused: tables in S3
 * Tables, keys of KMS, logs in CloudWatch Logs. Limits: "Delivery quotas and limits" of the
 * developer guide. Control thread.
 */
#include "services/kinesis/channel.h"

#include "auth/condition.h"
#include "auth/identity.h"
#include "base/id.h"
#include "services/kinesis/key_template.h"
#include "services/kinesis/pace.h"

#include <errno.h>

#define FRESHNESS_DEFAULT 300 /* seconds */
#define FRESHNESS_MAX 900
#define KEY_MAX 1024 /* bytes: S3's */
#define BUCKET_ARN "arn:aws:s3:::"

struct span channel_arn(struct call *c, const struct kinesis_channel *channel)
{
    return arena_printf(c->arena, "arn:aws:kinesis:%.*s:%.*s:channel/%.*s",
                        SPAN_ARG(channel->region), SPAN_ARG(channel->account),
                        SPAN_ARG(channel->id));
}

RESULT channel_find(struct call *c, struct span arn, struct kinesis_channel *ret)
{
    struct span prefix = arena_printf(c->arena, "arn:aws:kinesis:%.*s:%.*s:channel/",
                                      SPAN_ARG(c->region), SPAN_ARG(c->account));
    *ret = (struct kinesis_channel){
        .account = c->account, .region = c->region, .id = span_from(arn, prefix.len)};
    int error = span_starts(arn, prefix) ? kinesis_channel_get(c->txn, c->arena, ret) : -ENOENT;
    if (error == -ENOENT)
        return refuse(c, &KINESIS_RESOURCE_NOT_FOUND_EXCEPTION, "Channel %.*s not found.",
                      SPAN_ARG(arn));
    return error < 0 ? refuse_errno(c, error, "reading a channel's record") : OK;
}

/* ---- counting -------------------------------------------------------------------------------- */

struct census {
    struct span stream, name; /* absent: any */
    size_t count, named;
};

static int count_one(void *user, struct kinesis_channel *channel)
{
    struct census *census = user;
    census->count += span_is_absent(census->stream) || span_eq(channel->stream, census->stream);
    census->named += span_eq(channel->name, census->name);
    return 0;
}

static RESULT take_census(struct call *c, struct census *census)
{
    struct kinesis_channel from = {.account = c->account, .region = c->region};
    int error = kinesis_channel_each(c->txn, &from, 2, c->arena, count_one, census);
    return error < 0 ? refuse_errno(c, error, "counting channels") : OK;
}

RESULT channel_count(struct call *c, struct span stream, size_t *ret)
{
    struct census census = {.stream = stream};
    TRY(take_census(c, &census));
    *ret = census.count;
    return OK;
}

RESULT channel_check_none(struct call *c, const struct kinesis_stream *stream, const char *doing)
{
    size_t count;
    TRY(channel_count(c, stream->name, &count));
    if (!count || !span_eq(stream->account, c->account))
        return OK;
    return refuse(c, &KINESIS_RESOURCE_IN_USE_EXCEPTION,
                  "Stream %.*s under account %.*s has channels and cannot be %s.",
                  SPAN_ARG(stream->name), SPAN_ARG(stream->account), doing);
}

/* ---- CreateChannel: what is asked for -------------------------------------------------------- */

static RESULT invalid(struct call *c, const char *why)
{
    return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION, "%s", why);
}

static RESULT check_built(struct call *c, const struct kinesis_create_channel_in *in)
{
    bool s3 = in->s3_destination_configuration, tables = in->s3_tables_destination_configuration;
    const struct kinesis_channel_logging_configuration *logging = in->logging_configuration;
    if (s3 == tables)
        return invalid(c, "Exactly one of S3DestinationConfiguration and "
                          "S3TablesDestinationConfiguration must be provided.");
    if (tables)
        return invalid(c, "S3TablesDestinationConfiguration is not supported by kintoun yet");
    if (logging && logging->cloud_watch_logs->enabled)
        return invalid(c, "LoggingConfiguration is not supported by kintoun yet");
    if (in->encryption_configuration)
        return encryption_refuse_key(c, in->encryption_configuration->key_id);
    if (in->stream_configuration_list.count != 1)
        return invalid(c, "StreamConfigurationList must have exactly one stream.");
    return OK;
}

static RESULT check_format(struct call *c, const struct kinesis_record_configuration *records)
{
    if (span_eq(records->record_format_type, S("GSR_JSON")))
        return invalid(c, "RecordFormatType GSR_JSON is only supported for streaming table "
                          "destinations.");
    if (records->gsr_schema_arn.at)
        return invalid(c, "GSRSchemaARN is only supported for streaming table destinations.");
    return OK;
}

static RESULT read_freshness(struct call *c, bool given, int32_t seconds, uint64_t *ret)
{
    *ret = given ? (uint64_t)seconds : FRESHNESS_DEFAULT;
    if (!given || (seconds >= FRESHNESS_DEFAULT && seconds <= FRESHNESS_MAX))
        return OK;
    return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION,
                  "DataFreshnessInSeconds must be between %d and %d seconds.", FRESHNESS_DEFAULT,
                  FRESHNESS_MAX);
}

/* "When compression is enabled, the template must end with an extension." */
static RESULT check_template(struct call *c, const struct kinesis_channel *channel)
{
    struct span key = parcel_key(c, channel, PARCEL_GOOD, 0);
    bool packed = !span_eq(channel->compression, S("NONE"));
    if (span_is_absent(key))
        return invalid(c, "OutputKeyTemplate has a placeholder that is not supported.");
    if (packed && !key_template_ends_with_extension(channel->template))
        return invalid(c, "OutputKeyTemplate must end with !{extension} when compression is "
                          "enabled.");
    if (key.len > KEY_MAX || *key.at == '/')
        return invalid(c, "OutputKeyTemplate does not make a valid key.");
    return OK;
}

static struct span bucket_of(struct span arn)
{
    return span_from(arn, sizeof BUCKET_ARN - 1);
}

static RESULT read_errors(struct call *c,
                          const struct kinesis_dead_letter_queue_s3_configuration *errors,
                          struct kinesis_channel *channel)
{
    struct span prefix = errors ? errors->error_output_prefix : SPAN_NONE;
    if (errors && !span_starts(errors->bucket_arn, S(BUCKET_ARN)))
        return invalid(c, "BucketARN is not of this partition.");
    channel->error_bucket = errors ? bucket_of(errors->bucket_arn) : channel->bucket;
    channel->error_owner = errors ? errors->expected_bucket_owner : channel->bucket_owner;
    channel->error_prefix = prefix.at
                                ? prefix
                                : arena_printf(c->arena, "kinesis-channel/errors/%.*s/%.*s/",
                                               SPAN_ARG(channel->name), SPAN_ARG(channel->id));
    return OK;
}

static RESULT read_destination(struct call *c,
                               const struct kinesis_s3_destination_configuration *in,
                               struct kinesis_channel *channel)
{
    const struct kinesis_s3_storage_configuration *storage = in->storage_configuration;
    TRY(read_freshness(c, in->has.data_freshness_in_seconds, in->data_freshness_in_seconds,
                       &channel->freshness_s));
    if (!span_starts(storage->bucket_arn, S(BUCKET_ARN)))
        return invalid(c, "BucketARN is not of this partition.");
    channel->bucket = bucket_of(storage->bucket_arn);
    channel->bucket_owner = storage->expected_bucket_owner;
    channel->compression = storage->compression_type;
    channel->template =
        storage->output_key_template.at ? storage->output_key_template : S(KEY_TEMPLATE_DEFAULT);
    channel->storage_class = storage->storage_class.at ? storage->storage_class : S("STANDARD");
    TRY(check_template(c, channel));
    return read_errors(c, in->dead_letter_queue_s3_configuration, channel);
}

/* ---- CreateChannel: may it be ---------------------------------------------------------------- */

/* The second is "a virtual action … authorized in addition to kinesis:CreateChannel". */
static RESULT check_permission(struct call *c, struct span stream_arn, struct span role)
{
    TRY(pace_take(c, stream_arn));
    TRY(auth_require(c, S("kinesis:CreateChannel"), stream_arn, NULL, SPAN_NONE));
    TRY(auth_require(c, S("kinesis:AssociateStreamsWithChannel"), stream_arn, NULL, SPAN_NONE));
    condition_set_one(c, S("iam:PassedToService"), S("kinesis.amazonaws.com"));
    return auth_require(c, S("iam:PassRole"), role, NULL, SPAN_NONE);
}

static RESULT check_stream(struct call *c, const struct kinesis_stream *stream)
{
    if (!span_eq(stream->account, c->account))
        return invalid(c, "The channel and its stream must be in the same account.");
    if (!stream->on_demand)
        return invalid(c, "Channels are only supported for data streams with the on-demand "
                          "capacity mode.");
    if (stream->key_id.len)
        return invalid(c, "Channels are not supported for data streams that are encrypted with the "
                          "key aws/kinesis.");
    return OK;
}

static RESULT check_limits(struct call *c, const struct kinesis_channel *channel)
{
    struct census census = {.stream = channel->stream, .name = channel->name};
    TRY(take_census(c, &census));
    if (census.named)
        return refuse(c, &KINESIS_RESOURCE_IN_USE_EXCEPTION,
                      "Channel %.*s under account %.*s already exists.", SPAN_ARG(channel->name),
                      SPAN_ARG(channel->account));
    if (census.count)
        return refuse(
            c, &KINESIS_LIMIT_EXCEEDED_EXCEPTION,
            "Stream %.*s under account %.*s has reached the limit of 1 channel to general "
            "purpose buckets.",
            SPAN_ARG(channel->stream), SPAN_ARG(channel->account));
    return OK;
}

RESULT kinesis_create_channel(struct call *c, const struct kinesis_create_channel_in *in,
                              struct kinesis_create_channel_out *out)
{
    struct kinesis_stream stream;
    TRY(check_built(c, in));
    const struct kinesis_channel_stream_configuration *source = in->stream_configuration_list.at;
    TRY(check_permission(c, source->stream_arn, in->service_execution_role_arn));
    TRY(check_format(c, source->record_configuration));
    TRY(target_active(c, (struct target){.arn = source->stream_arn}, &stream));
    TRY(check_stream(c, &stream));
    struct kinesis_channel channel = {.account = c->account,
                                      .region = c->region,
                                      .id = id_uuid(c->arena),
                                      .name = in->channel_name,
                                      .state = CHANNEL_CREATING,
                                      .created = c->now_ms,
                                      .role = in->service_execution_role_arn,
                                      .stream = stream.name,
                                      .stream_created = stream.created,
                                      .format = source->record_configuration->record_format_type};
    TRY(read_destination(c, in->s3_destination_configuration, &channel));
    TRY(check_limits(c, &channel));
    if (in->tags.count)
        TRY(label_add(c, in->channel_name, &channel.labels, &in->tags));
    kinesis_channel_put(c->txn, &channel);
    courier_wake(c);
    out->channel_description = channel_describe(c, &channel);
    return OK;
}

/* ---- UpdateChannel, DeleteChannel ------------------------------------------------------------ */

static RESULT check_active(struct call *c, const struct kinesis_channel *channel)
{
    if (channel->state == CHANNEL_ACTIVE)
        return OK;
    return refuse(c, &KINESIS_RESOURCE_IN_USE_EXCEPTION,
                  "Channel %.*s under account %.*s is not ACTIVE.", SPAN_ARG(channel->name),
                  SPAN_ARG(channel->account));
}

RESULT kinesis_update_channel(struct call *c, const struct kinesis_update_channel_in *in,
                              struct kinesis_update_channel_out *out)
{
    struct kinesis_channel channel;
    const struct kinesis_s3_destination_update_input *s3 = in->s3_destination_configuration;
    TRY(channel_find(c, in->channel_arn, &channel));
    if (in->s3_tables_destination_configuration)
        return invalid(c, "The channel does not deliver to a streaming table.");
    if (in->logging_configuration && in->logging_configuration->cloud_watch_logs->enabled)
        return invalid(c, "LoggingConfiguration is not supported by kintoun yet");
    if (!s3 && !in->logging_configuration)
        return invalid(c, "Nothing to update was provided.");
    TRY(check_active(c, &channel));
    if (s3)
        TRY(read_freshness(c, true, s3->data_freshness_in_seconds, &channel.freshness_s));
    channel.state = CHANNEL_UPDATING;
    kinesis_channel_put(c->txn, &channel);
    courier_wake(c);
    out->channel_description = channel_describe(c, &channel);
    return OK;
}

RESULT kinesis_delete_channel(struct call *c, const struct kinesis_delete_channel_in *in,
                              struct kinesis_delete_channel_out *out)
{
    struct kinesis_channel channel;
    TRY(channel_find(c, in->channel_arn, &channel));
    channel.state = CHANNEL_DELETING;
    kinesis_channel_put(c->txn, &channel);
    courier_wake(c);
    return OK;
}
