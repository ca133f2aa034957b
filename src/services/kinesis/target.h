// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Which stream a call means: by name, by ARN, or both. Results live in the call's arena; any
 * thread.
 */
#include "engines/log/log.h"
#include "services/kinesis/kinesis.records.h"
#include "wire/call.h"

enum STREAM_STATE { STREAM_CREATING = 1, STREAM_ACTIVE, STREAM_UPDATING, STREAM_DELETING };

/* The three members that name a stream. */
struct target {
    struct span name, arn, id;
};
#define TARGET(in) ((struct target){(in)->stream_name, (in)->stream_arn, (in)->stream_id})
/* Of operations that take an ARN only. */
#define TARGET_ARN(in) ((struct target){.arn = (in)->stream_arn, .id = (in)->stream_id})

/* The key of the record, which may not be there. */
RESULT target_key(struct call *c, struct target target, struct kinesis_stream *ret);
/* The record, or "Stream x under account y not found." */
RESULT target_stream(struct call *c, struct target target, struct kinesis_stream *ret);
/* The same, and it must be ACTIVE. */
RESULT target_active(struct call *c, struct target target, struct kinesis_stream *ret);
RESULT target_not_found(struct call *c, const struct kinesis_stream *key);
/* The stream in the engine, which is there from ACTIVE to DELETING. */
RESULT target_log(struct call *c, const struct kinesis_stream *key, struct log_stream **ret);
/* What engines/log calls the stream. */
struct span target_of(struct arena *arena, const struct kinesis_stream *key);
struct span target_arn(struct call *c, const struct kinesis_stream *key);
struct log_access target_access(struct call *c);

/* arn:aws:kinesis:REGION:ACCOUNT:stream/NAME[/consumer/CONSUMER:CREATED] */
struct kinesis_arn {
    struct span region, account, stream, consumer;
    int64_t created_s;
};
MUST_CHECK bool target_read_arn(struct span text, struct kinesis_arn *ret);
