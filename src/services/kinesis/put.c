// SPDX-License-Identifier: Apache-2.0
/*
 * PutRecord and PutRecords. The engine says record by record what became of it; what is too large
 * or malformed refuses the whole call before anything is written. Loop thread.
 */
#include "base/id.h"
#include "services/kinesis/hash_key.h"
#include "services/kinesis/sequence.h"
#include "services/kinesis/stream.h"

#include <errno.h>

#define REQUEST_MAX (10 << 20) /* data and partition keys of one PutRecords */

/* A record of either operation, and where it stands for messages. */
struct wanted {
    struct span data, partition_key, explicit_hash_key;
    struct span at; /* "" or "records.1.member." */
};

static RESULT check_record(struct call *c, const struct wanted *wanted,
                           const struct log_settings *settings)
{
    uint64_t most = settings->entry_max;
    if (!wanted->partition_key.at && !settings->spread)
        return refuse(c, &KINESIS_VALIDATION_EXCEPTION,
                      "1 validation error detected: Value null at '%.*spartitionKey' failed to "
                      "satisfy constraint: Member must not be null",
                      SPAN_ARG(wanted->at));
    if (wanted->data.len + wanted->partition_key.len > most)
        return refuse(c, &KINESIS_VALIDATION_EXCEPTION,
                      "1 validation error detected: Value at '%.*sdata' failed to satisfy "
                      "constraint: Member must have length less than or equal to %llu",
                      SPAN_ARG(wanted->at), (unsigned long long)most);
    return OK;
}

static RESULT read_record(struct call *c, const struct wanted *wanted,
                          const struct log_settings *settings, struct log_entry *entry)
{
    TRY(check_record(c, wanted, settings));
    *entry = (struct log_entry){.key = wanted->partition_key, .data = wanted->data};
    if (settings->spread)
        entry->hash = (struct log_hash){.high = random_u64()};
    else if (!wanted->explicit_hash_key.at)
        entry->hash = hash_key_of(wanted->partition_key);
    else if (!hash_key_read(wanted->explicit_hash_key, &entry->hash))
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION,
                      "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, "
                      "2^128-1]. Specified value was %.*s",
                      SPAN_ARG(wanted->explicit_hash_key));
    return OK;
}

static struct span exceeded(struct call *c, const struct kinesis_stream *stream,
                            const struct log_entry *entry)
{
    return arena_printf(c->arena, "Rate exceeded for shard %.*s in stream %.*s under account %.*s.",
                        SPAN_ARG(shard_id(c->arena, entry->lane)), SPAN_ARG(stream->name),
                        SPAN_ARG(stream->account));
}

static RESULT dry_run(struct call *c)
{
    return refuse(c, &KINESIS_DRY_RUN_OPERATION_EXCEPTION,
                  "Request would have succeeded, but DryRun flag is set.");
}

static RESULT append(struct call *c, const struct kinesis_stream *stream, struct log_entry *entries,
                     size_t count)
{
    struct log_access access = target_access(c);
    int error = log_append(&access, target_of(c->arena, stream), entries, count, c->now_ms);
    if (error == -ENOENT)
        return target_not_found(c, stream);
    return error < 0 ? refuse_errno(c, error, "appending records") : OK;
}

static struct span sequence_of(struct call *c, const struct log_entry *entry)
{
    struct log_lane lane = {.number = entry->lane, .created_ms = entry->created_ms};
    return sequence_of_record(c->arena, &lane, entry->index, entry->time_ms);
}

/* Numbers ascend within a shard anyhow, so that one is all there is to check. */
static RESULT check_ordering(struct call *c, const struct kinesis_stream *stream,
                             struct span number)
{
    struct sequence sequence;
    if (!number.at || (sequence_read(number, &sequence) && sequence.time_s <= c->now_ms / 1000))
        return OK;
    return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION,
                  "ExclusiveMinimumSequenceNumber %.*s used in PutRecord on stream %.*s under "
                  "account %.*s is invalid.",
                  SPAN_ARG(number), SPAN_ARG(stream->name), SPAN_ARG(stream->account));
}

RESULT kinesis_put_record(struct call *c, const struct kinesis_put_record_in *in,
                          struct kinesis_put_record_out *out)
{
    struct kinesis_stream stream;
    struct log_stream *log;
    struct log_entry *entry = ARENA_NEW(c->arena, struct log_entry);
    struct wanted wanted = {in->data, in->partition_key, in->explicit_hash_key, S("")};
    TRY(target_key(c, TARGET(in), &stream));
    TRY(target_log(c, &stream, &log));
    TRY(read_record(c, &wanted, log_settings_of(log), entry));
    TRY(check_ordering(c, &stream, in->sequence_number_for_ordering));
    if (in->dry_run)
        return dry_run(c);
    TRY(append(c, &stream, entry, 1));
    if (entry->error)
        return refuse(c, &KINESIS_PROVISIONED_THROUGHPUT_EXCEEDED_EXCEPTION, "%.*s",
                      SPAN_ARG(exceeded(c, &stream, entry)));
    out->shard_id = shard_id(c->arena, entry->lane);
    out->sequence_number = sequence_of(c, entry);
    out->encryption_type = entry->sealed ? S("KMS") : SPAN_NONE;
    return OK;
}

static RESULT read_records(struct call *c, const struct kinesis_put_records_in *in,
                           const struct log_settings *settings, struct log_entry *entries)
{
    size_t sum = 0;
    for (size_t i = 0; i < in->records.count; i++)
        sum += in->records.at[i].data.len + in->records.at[i].partition_key.len;
    if (sum > REQUEST_MAX)
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION, "Records size exceeds %d MB limit",
                      REQUEST_MAX >> 20);
    for (size_t i = 0; i < in->records.count; i++) {
        const struct kinesis_put_records_request_entry *record = &in->records.at[i];
        struct wanted wanted = {record->data, record->partition_key, record->explicit_hash_key,
                                S("")};
        if (!record->partition_key.at ||
            record->data.len + record->partition_key.len > settings->entry_max)
            wanted.at = arena_printf(c->arena, "records.%zu.member.", i + 1);
        TRY(read_record(c, &wanted, settings, &entries[i]));
    }
    return OK;
}

RESULT kinesis_put_records(struct call *c, const struct kinesis_put_records_in *in,
                           struct kinesis_put_records_out *out)
{
    struct kinesis_stream stream;
    struct log_stream *log;
    size_t count = in->records.count;
    struct log_entry *entries = ARENA_ARRAY(c->arena, struct log_entry, count);
    TRY(target_key(c, TARGET(in), &stream));
    TRY(target_log(c, &stream, &log));
    TRY(read_records(c, in, log_settings_of(log), entries));
    if (in->dry_run)
        return dry_run(c);
    TRY(append(c, &stream, entries, count));
    out->records.at = ARENA_ARRAY(c->arena, struct kinesis_put_records_result_entry, count);
    out->records.count = count;
    SET(out, failed_record_count, 0);
    for (size_t i = 0; i < count; i++) {
        struct kinesis_put_records_result_entry *result = &out->records.at[i];
        if (entries[i].error) {
            result->error_code = S("ProvisionedThroughputExceededException");
            result->error_message = exceeded(c, &stream, &entries[i]);
            out->failed_record_count++;
        } else {
            result->shard_id = shard_id(c->arena, entries[i].lane);
            result->sequence_number = sequence_of(c, &entries[i]);
            if (entries[i].sealed)
                out->encryption_type = S("KMS");
        }
    }
    return OK;
}
