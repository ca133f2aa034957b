// SPDX-License-Identifier: Apache-2.0
/*
 * Records that other services put into streams, in the order in which they come: as many as all
 * shards concerned take now. Any thread.
 */
#include "services/kinesis/kinesis.h"

#include "auth/identity.h"
#include "services/kinesis/hash_key.h"
#include "services/kinesis/target.h"

#include <errno.h>

int kinesis_look(struct call *c, struct span arn, struct kinesis_look *ret)
{
    struct kinesis_arn parts;
    struct log_stream *log;
    struct log_access access = target_access(c);
    *ret = (struct kinesis_look){.here = false};
    if (!target_read_arn(arn, &parts) || parts.consumer.at)
        return -ENOENT;
    struct kinesis_stream stream = {
        .account = parts.account, .region = parts.region, .name = parts.stream};
    ret->here = span_eq(parts.region, c->region);
    int error = kinesis_stream_get(c->txn, c->arena, &stream);
    if (error < 0)
        return error;
    ret->active = stream.state == STREAM_ACTIVE || stream.state == STREAM_UPDATING;
    error = log_find(&access, target_of(c->arena, &stream), &log);
    if (!error)
        ret->record_max = log_settings_of(log)->entry_max;
    return error;
}

RESULT kinesis_may_put(struct call *c, struct span arn)
{
    return auth_require(c, S("kinesis:PutRecords"), arn, NULL, c->account);
}

int kinesis_deliver(struct call *c, struct span arn, const struct kinesis_delivered *records,
                    size_t count)
{
    struct kinesis_arn parts;
    struct log_access access = target_access(c);
    if (!target_read_arn(arn, &parts))
        return -ENOENT;
    struct kinesis_stream stream = {
        .account = parts.account, .region = parts.region, .name = parts.stream};
    struct log_entry *entries = ARENA_ARRAY(c->arena, struct log_entry, count);
    for (size_t i = 0; i < count; i++)
        entries[i] = (struct log_entry){
            .hash = hash_key_of(records[i].key), .key = records[i].key, .data = records[i].data};
    int error = log_append(&access, target_of(c->arena, &stream), entries, count, c->now_ms);
    if (error < 0)
        return error;
    size_t taken = 0;
    while (taken < count && !entries[taken].error)
        taken++;
    return (int)taken;
}
