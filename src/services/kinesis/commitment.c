// SPDX-License-Identifier: Apache-2.0
/*
 * What an account has committed itself to in a region: with a minimum throughput it may warm its
 * on-demand streams, and register more consumers. A commitment lasts a day at least; who ends it
 * sooner has its end scheduled ("MinimumThroughputBillingCommitmentInput" of the API reference).
 * Nothing is billed. Control thread.
 */
#include "services/kinesis/stream.h"

#include "base/time.h"

#include <errno.h>

#define WARM_MOST 10240 /* MiB/s */

static RESULT read_account(struct call *c, struct kinesis_account *ret)
{
    *ret = (struct kinesis_account){.account = c->account, .region = c->region};
    int error = kinesis_account_get(c->txn, c->arena, ret);
    return error < 0 && error != -ENOENT ? refuse_errno(c, error, "reading account settings") : OK;
}

static bool is_on(const struct kinesis_account *account, int64_t now_ms)
{
    return account->started && (!account->ends || account->ends > now_ms);
}

RESULT commitment_read(struct call *c, bool *ret_on)
{
    struct kinesis_account account;
    TRY(read_account(c, &account));
    *ret_on = is_on(&account, c->now_ms);
    return OK;
}

static struct kinesis_minimum_throughput_billing_commitment_output *
show(struct call *c, const struct kinesis_account *account)
{
    struct kinesis_minimum_throughput_billing_commitment_output *shown =
        ARENA_NEW(c->arena, struct kinesis_minimum_throughput_billing_commitment_output);
    bool on = is_on(account, c->now_ms);
    shown->status = !on             ? S("DISABLED")
                    : account->ends ? S("ENABLED_UNTIL_EARLIEST_ALLOWED_END")
                                    : S("ENABLED");
    if (account->started)
        SET(shown, started_at, account->started);
    if (account->started && !on)
        SET(shown, ended_at, account->ends);
    if (on)
        SET(shown, earliest_allowed_end_at, account->started + DAY_MS);
    return shown;
}

RESULT kinesis_describe_account_settings(struct call *c,
                                         const struct kinesis_describe_account_settings_in *in,
                                         struct kinesis_describe_account_settings_out *out)
{
    struct kinesis_account account;
    TRY(read_account(c, &account));
    out->minimum_throughput_billing_commitment = show(c, &account);
    return OK;
}

RESULT kinesis_update_account_settings(struct call *c,
                                       const struct kinesis_update_account_settings_in *in,
                                       struct kinesis_update_account_settings_out *out)
{
    struct kinesis_account account;
    TRY(read_account(c, &account));
    bool on = is_on(&account, c->now_ms);
    bool wanted = span_eq(in->minimum_throughput_billing_commitment->status, S("ENABLED"));
    int64_t earliest = account.started + DAY_MS;
    if (wanted && !on)
        account.started = c->now_ms;
    if (wanted)
        account.ends = 0;
    else if (on && !account.ends)
        account.ends = earliest > c->now_ms ? earliest : c->now_ms;
    kinesis_account_put(c->txn, &account);
    out->minimum_throughput_billing_commitment = show(c, &account);
    return OK;
}

/* ---- warm throughput ------------------------------------------------------------------------- */

RESULT commitment_check_warm(struct call *c, const struct kinesis_stream *stream, int32_t mibps)
{
    bool on;
    if (!stream->on_demand)
        return refuse(c, &KINESIS_VALIDATION_EXCEPTION,
                      "Warm throughput is only supported for the data streams with the on-demand "
                      "capacity mode.");
    TRY(commitment_read(c, &on));
    if (!on)
        return refuse(c, &KINESIS_VALIDATION_EXCEPTION,
                      "Warm throughput is only supported for accounts with "
                      "MinimumThroughputBillingCommitment enabled.");
    if (mibps > WARM_MOST)
        return refuse(c, &KINESIS_LIMIT_EXCEEDED_EXCEPTION,
                      "Warm throughput of an on-demand stream cannot be above %d MiBps.",
                      WARM_MOST);
    return OK;
}

struct kinesis_warm_throughput_object *
commitment_show_warm(struct call *c, const struct kinesis_stream *stream, size_t open)
{
    struct kinesis_warm_throughput_object *warm =
        ARENA_NEW(c->arena, struct kinesis_warm_throughput_object);
    SET(warm, target_mi_bps, (int32_t)(stream->warm ? stream->warm : open));
    SET(warm, current_mi_bps, (int32_t)open);
    return warm;
}

RESULT
kinesis_update_stream_warm_throughput(struct call *c,
                                      const struct kinesis_update_stream_warm_throughput_in *in,
                                      struct kinesis_update_stream_warm_throughput_out *out)
{
    struct kinesis_stream stream;
    struct log_stream *log;
    TRY(target_active(c, TARGET(in), &stream));
    TRY(commitment_check_warm(c, &stream, in->warm_throughput_mi_bps));
    TRY(target_log(c, &stream, &log));
    stream.warm = (uint64_t)in->warm_throughput_mi_bps;
    stream.peaks.count = 0; /* "To release excess capacity, call the API again" */
    demand_begin(c->arena, &stream, reshape_count_open(log));
    step_put_stream(c, &stream);
    out->stream_name = stream.name;
    out->stream_arn = target_arn(c, &stream);
    out->warm_throughput = commitment_show_warm(c, &stream, reshape_count_open(log));
    return OK;
}
