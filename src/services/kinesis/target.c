// SPDX-License-Identifier: Apache-2.0
/*
 * From StreamName, StreamARN and StreamId to a stream. An ARN may be of another account, which the
 * gate has asked about before; of another region there is none here. Texts as the real service
 * answers them. Any thread.
 */
#include "services/kinesis/target.h"

#include "services/cloud.h"
#include "services/kinesis/kinesis.api.h"

#include <errno.h>

bool target_read_arn(struct span text, struct kinesis_arn *ret)
{
    struct span rest = text;
    *ret = (struct kinesis_arn){0};
    bool good = span_eq(span_cut(&rest, ':'), S("arn"));
    good &= !span_is_empty(span_cut(&rest, ':'));
    good &= span_eq(span_cut(&rest, ':'), S("kinesis"));
    ret->region = span_cut(&rest, ':');
    ret->account = span_cut(&rest, ':');
    good &= span_eq(span_cut(&rest, '/'), S("stream"));
    ret->stream = span_cut(&rest, '/');
    if (!good || !ret->stream.len)
        return false;
    if (span_is_absent(rest))
        return true;
    good = span_eq(span_cut(&rest, '/'), S("consumer"));
    ret->consumer = span_cut(&rest, ':');
    return good && ret->consumer.len && span_to_i64(rest, &ret->created_s);
}

RESULT target_key(struct call *c, struct target target, struct kinesis_stream *ret)
{
    struct kinesis_arn arn = {.account = c->account, .region = c->region};
    if (target.id.at)
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION,
                      "StreamId is not supported by kintoun yet");
    if (!target.name.at && !target.arn.at)
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION,
                      "Either StreamName or StreamARN should be provided.");
    if (target.arn.at && (!target_read_arn(target.arn, &arn) || arn.consumer.at))
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION, "Invalid StreamARN: %.*s",
                      SPAN_ARG(target.arn));
    if (target.arn.at && target.name.at && !span_eq(target.name, arn.stream))
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION,
                      "StreamARN %.*s and StreamName %.*s do not match.", SPAN_ARG(target.arn),
                      SPAN_ARG(target.name));
    *ret = (struct kinesis_stream){.account = arn.account,
                                   .region = arn.region,
                                   .name = target.arn.at ? arn.stream : target.name};
    return span_eq(arn.region, c->region) ? OK : target_not_found(c, ret);
}

RESULT target_not_found(struct call *c, const struct kinesis_stream *key)
{
    return refuse(c, &KINESIS_RESOURCE_NOT_FOUND_EXCEPTION,
                  "Stream %.*s under account %.*s not found.", SPAN_ARG(key->name),
                  SPAN_ARG(key->account));
}

RESULT target_stream(struct call *c, struct target target, struct kinesis_stream *ret)
{
    TRY(target_key(c, target, ret));
    int error = kinesis_stream_get(c->txn, c->arena, ret);
    if (error == -ENOENT)
        return target_not_found(c, ret);
    return error < 0 ? refuse_errno(c, error, "reading a stream's record") : OK;
}

static const char *state_name(uint64_t state)
{
    return state == STREAM_CREATING   ? "CREATING"
           : state == STREAM_UPDATING ? "UPDATING"
                                      : "DELETING";
}

RESULT target_active(struct call *c, struct target target, struct kinesis_stream *ret)
{
    TRY(target_stream(c, target, ret));
    if (ret->state == STREAM_ACTIVE)
        return OK;
    return refuse(c, &KINESIS_RESOURCE_IN_USE_EXCEPTION,
                  "Stream %.*s under account %.*s not ACTIVE, instead in state %s",
                  SPAN_ARG(ret->name), SPAN_ARG(ret->account), state_name(ret->state));
}

RESULT target_log(struct call *c, const struct kinesis_stream *key, struct log_stream **ret)
{
    struct log_access access = target_access(c);
    int error = log_find(&access, target_of(c->arena, key), ret);
    if (error == -ENOENT)
        return target_not_found(c, key);
    return error < 0 ? refuse_errno(c, error, "finding a stream") : OK;
}

/* None of the parts has a slash. */
struct span target_of(struct arena *arena, const struct kinesis_stream *key)
{
    const struct span parts[] = {key->account, S("/"), key->region, S("/"), key->name};
    return arena_join(arena, parts, ARRAY_LEN(parts));
}

struct span target_arn(struct call *c, const struct kinesis_stream *key)
{
    return arena_printf(c->arena, "arn:aws:kinesis:%.*s:%.*s:stream/%.*s", SPAN_ARG(key->region),
                        SPAN_ARG(key->account), SPAN_ARG(key->name));
}

struct log_access target_access(struct call *c)
{
    return (struct log_access){.log = c->cloud->log, .txn = c->txn, .arena = c->arena};
}
