// SPDX-License-Identifier: Apache-2.0
/*
 * Settings of streams: retention, enhanced monitoring, capacity mode, the largest record. What the
 * engine has to know is told to it in the same transaction. Control thread.
 */
#include "services/kinesis/channel.h"
#include "services/kinesis/queue.h"

#define HOURS_MIN 24
#define HOURS_MAX 8760
#define METRICS_ALL 0x7f
#define MODES_A_DAY 2

static RESULT adjust(struct call *c, const struct kinesis_stream *stream)
{
    struct log_settings settings = stream_settings(stream);
    struct log_access access = target_access(c);
    int error = log_adjust(&access, target_of(c->arena, stream), &settings);
    kinesis_stream_put(c->txn, stream);
    return error < 0 ? refuse_errno(c, error, "adjusting a stream") : OK;
}

/* ---- retention ------------------------------------------------------------------------------- */

static RESULT check_hours(struct call *c, int32_t hours)
{
    if (hours < HOURS_MIN)
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION,
                      "Minimum allowed retention period is %d hours. Requested retention period "
                      "(%d hours) is too short.",
                      HOURS_MIN, hours);
    if (hours > HOURS_MAX)
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION,
                      "Maximum allowed retention period is %d hours. Requested retention period "
                      "(%d hours) is too long.",
                      HOURS_MAX, hours);
    return OK;
}

RESULT kinesis_increase_stream_retention_period(
    struct call *c, const struct kinesis_increase_stream_retention_period_in *in,
    struct kinesis_increase_stream_retention_period_out *out)
{
    struct kinesis_stream stream;
    TRY(target_active(c, TARGET(in), &stream));
    TRY(check_hours(c, in->retention_period_hours));
    if ((uint64_t)in->retention_period_hours < stream.retention_hours)
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION,
                      "Requested retention period (%d hours) for stream %.*s can not be shorter "
                      "than existing retention period (%d hours). Use DecreaseRetentionPeriod API.",
                      in->retention_period_hours, SPAN_ARG(stream.name),
                      (int)stream.retention_hours);
    stream.retention_hours = (uint64_t)in->retention_period_hours;
    return adjust(c, &stream);
}

RESULT kinesis_decrease_stream_retention_period(
    struct call *c, const struct kinesis_decrease_stream_retention_period_in *in,
    struct kinesis_decrease_stream_retention_period_out *out)
{
    struct kinesis_stream stream;
    TRY(target_active(c, TARGET(in), &stream));
    TRY(check_hours(c, in->retention_period_hours));
    if ((uint64_t)in->retention_period_hours > stream.retention_hours)
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION,
                      "Requested retention period (%d hours) for stream %.*s can not be longer "
                      "than existing retention period (%d hours). Use IncreaseRetentionPeriod API.",
                      in->retention_period_hours, SPAN_ARG(stream.name),
                      (int)stream.retention_hours);
    stream.retention_hours = (uint64_t)in->retention_period_hours;
    return adjust(c, &stream);
}

/* ---- enhanced monitoring --------------------------------------------------------------------- */

static uint64_t bits_of(struct call *c, const struct kinesis_metrics_name_list *names)
{
    struct kinesis_metrics_name_list all = describe_metric_names(c, METRICS_ALL);
    uint64_t bits = 0;
    for (size_t i = 0; i < names->count; i++) {
        if (span_eq(names->at[i], S("ALL")))
            return METRICS_ALL;
        for (size_t j = 0; j < all.count; j++)
            if (span_eq(names->at[i], all.at[j]))
                bits |= 1ULL << j;
    }
    return bits;
}

/* Shards are always counted; this is what of it /metrics publishes of single ones. */
static RESULT set_metrics(struct call *c, struct kinesis_stream *stream, uint64_t bits,
                          struct kinesis_enhanced_monitoring_output *out)
{
    out->stream_name = stream->name;
    out->stream_arn = target_arn(c, stream);
    out->current_shard_level_metrics = describe_metric_names(c, stream->metrics);
    out->desired_shard_level_metrics = describe_metric_names(c, bits);
    stream->metrics = bits;
    return adjust(c, stream);
}

RESULT kinesis_enable_enhanced_monitoring(struct call *c,
                                          const struct kinesis_enable_enhanced_monitoring_in *in,
                                          struct kinesis_enable_enhanced_monitoring_out *out)
{
    struct kinesis_stream stream;
    TRY(target_active(c, TARGET(in), &stream));
    return set_metrics(c, &stream, stream.metrics | bits_of(c, &in->shard_level_metrics),
                       &out->enhanced_monitoring_output);
}

RESULT kinesis_disable_enhanced_monitoring(struct call *c,
                                           const struct kinesis_disable_enhanced_monitoring_in *in,
                                           struct kinesis_disable_enhanced_monitoring_out *out)
{
    struct kinesis_stream stream;
    TRY(target_active(c, TARGET(in), &stream));
    return set_metrics(c, &stream, stream.metrics & ~bits_of(c, &in->shard_level_metrics),
                       &out->enhanced_monitoring_output);
}

/* ---- mode and record size -------------------------------------------------------------------- */

static RESULT note_mode_change(struct call *c, struct kinesis_stream *stream)
{
    if (stream_note(c, &stream->mode_changed, MODES_A_DAY))
        return OK;
    return refuse(c, &KINESIS_LIMIT_EXCEEDED_EXCEPTION,
                  "You can switch between on-demand and provisioned capacity modes %d times "
                  "within 24 hours.",
                  MODES_A_DAY);
}

/* "Your data stream initially retains whatever shard count it had before the transition": as if
 * half of it had been used. */
static void become_on_demand(struct call *c, struct kinesis_stream *stream, size_t open)
{
    stream->on_demand = true;
    stream->state = STREAM_UPDATING;
    (void)demand_note(c->arena, stream, open * DEMAND_OF_SHARD / 2, c->now_ms);
}

/* What only on-demand streams have goes. */
static void become_provisioned(struct kinesis_stream *stream)
{
    stream->on_demand = stream->spread = false;
    stream->state = STREAM_UPDATING;
    stream->peaks.count = 0;
    stream->warm = 0;
}

RESULT kinesis_update_stream_mode(struct call *c, const struct kinesis_update_stream_mode_in *in,
                                  struct kinesis_update_stream_mode_out *out)
{
    struct kinesis_stream stream;
    bool on_demand = span_eq(in->stream_mode_details->stream_mode, S("ON_DEMAND"));
    struct log_stream *log;
    TRY(target_active(c, TARGET_ARN(in), &stream));
    if (stream.on_demand == on_demand)
        return OK;
    TRY(channel_check_none(c, &stream, "switched to another capacity mode"));
    TRY(queue_check_none(c, &stream, "switched to another capacity mode"));
    TRY(note_mode_change(c, &stream));
    TRY(target_log(c, &stream, &log));
    size_t open = reshape_count_open(log);
    if (on_demand)
        become_on_demand(c, &stream, open);
    else
        become_provisioned(&stream);
    if (in->has.warm_throughput_mi_bps) {
        TRY(commitment_check_warm(c, &stream, in->warm_throughput_mi_bps));
        stream.warm = (uint64_t)in->warm_throughput_mi_bps;
    }
    if (on_demand)
        demand_begin(c->arena, &stream, open);
    else
        TRY(adjust(c, &stream));
    step_put_stream(c, &stream);
    return OK;
}

RESULT kinesis_update_max_record_size(struct call *c,
                                      const struct kinesis_update_max_record_size_in *in,
                                      struct kinesis_update_max_record_size_out *out)
{
    struct kinesis_stream stream;
    TRY(target_active(c, TARGET_ARN(in), &stream));
    stream.record_kib = (uint64_t)in->max_record_size_in_ki_b;
    return adjust(c, &stream);
}

RESULT kinesis_update_stream_record_distribution_strategy(
    struct call *c, const struct kinesis_update_stream_record_distribution_strategy_in *in,
    struct kinesis_update_stream_record_distribution_strategy_out *out)
{
    struct kinesis_stream stream;
    TRY(target_active(c, TARGET_ARN(in), &stream));
    TRY(stream_set_distribution(c, &stream, in->record_distribution_strategy));
    return adjust(c, &stream);
}
