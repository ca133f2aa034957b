// SPDX-License-Identifier: Apache-2.0
/*
 * Delivery of access logs: a batch is the oldest lines of one bucket, which become one object of
 * the target bucket and leave the store in the same transaction. The target must admit the logging
 * service, by its policy or by a grant to the log delivery group; else the lines are dropped, as
 * logs are where nobody may write them. On a worker, once a minute.
 * Source: "Enabling Amazon S3 server access logging", "Log object key format".
 */
#include "base/id.h"
#include "base/log.h"
#include "base/time.h"
#include "services/cloud.h"
#include "services/s3/background.h"
#include "services/s3/logging.h"
#include "services/s3/service_put.h"

#include <errno.h>

#define INTERVAL_MS 60000
#define BATCH_BYTES (100 * 1024) /* of lines in one object; small bodies lie in the record */

struct batch {
    struct call *c;
    struct span bucket;
    struct span account;
    int64_t first_ms;
    struct buf *text;
    size_t count;
};

/* Deletes what it takes: the transaction is committed with the object, or not at all. */
static int take_line(void *user, struct s3_log_line *line)
{
    struct batch *batch = user;
    if (batch->count && (!span_eq(line->bucket, batch->bucket) ||
                         buf_span(batch->text).len + line->line.len > BATCH_BYTES))
        return 1;
    if (!batch->count++) {
        batch->bucket = line->bucket;
        batch->account = line->caller;
        batch->first_ms = (int64_t)line->time;
    }
    buf_append(batch->text, line->line);
    s3_log_line_delete(batch->c->txn, line);
    return 0;
}

static struct span part(struct span text, size_t from, size_t len)
{
    return span_of(text.at + from, len);
}

static struct span key_of(struct batch *batch, const struct s3_bucket_record *source,
                          const struct s3_logging_enabled *logging)
{
    struct call *c = batch->c;
    char now[TIME_TEXT_SIZE], first[TIME_TEXT_SIZE];
    const struct s3_target_object_key_format *format = logging->target_object_key_format;
    const struct s3_partitioned_prefix *partitioned = format ? format->partitioned_prefix : NULL;
    struct span time = time_iso8601(c->now_ms, now), day = time,
                unique = id_base32(c->arena, S(""), 16);
    struct span name = arena_printf(c->arena, "%.*s-%.*s-%.*s-%.*s", SPAN_ARG(part(time, 0, 10)),
                                    SPAN_ARG(part(time, 11, 2)), SPAN_ARG(part(time, 14, 2)),
                                    SPAN_ARG(part(time, 17, 2)));
    if (!partitioned)
        return arena_printf(c->arena, "%.*s%.*s-%.*s", SPAN_ARG(logging->target_prefix),
                            SPAN_ARG(name), SPAN_ARG(unique));
    if (span_eq(partitioned->partition_date_source, S("EventTime")))
        day = time_iso8601(batch->first_ms, first);
    return arena_printf(c->arena, "%.*s%.*s/%.*s/%.*s/%.*s/%.*s/%.*s/%.*s-%.*s",
                        SPAN_ARG(logging->target_prefix), SPAN_ARG(source->account),
                        SPAN_ARG(source->region), SPAN_ARG(source->name), SPAN_ARG(part(day, 0, 4)),
                        SPAN_ARG(part(day, 5, 2)), SPAN_ARG(part(day, 8, 2)), SPAN_ARG(name),
                        SPAN_ARG(unique));
}

static RESULT deliver(struct batch *batch)
{
    struct call *c = batch->c;
    struct s3_bucket_record source = {.name = batch->bucket};
    const struct s3_logging_enabled *logging;
    bool admitted;
    int result = s3_bucket_record_get(c->txn, c->arena, &source);
    if (result < 0)
        return result == -ENOENT ? OK : refuse_errno(c, result, "reading a bucket");
    TRY(logging_get(c, &source, &logging));
    if (!logging)
        return OK;
    struct service_put put = {.principal = S("logging.s3.amazonaws.com"),
                              .source = batch->bucket,
                              .account = batch->account,
                              .bucket = logging->target_bucket,
                              .key = key_of(batch, &source, logging),
                              .content_type = S("text/plain"),
                              .bytes = buf_span(batch->text),
                              .log_delivery = true};
    TRY(service_put_ask(c, &put, &admitted));
    return admitted ? service_put(c, &put) : OK;
}

/* 1 when there was one, 0 when nothing is left, or a negative errno. */
static int take_batch(struct call *c)
{
    struct s3_log_line from = {.bucket = SPAN_NONE};
    struct batch batch = {.c = c, .text = arena_buf(c->arena, 4 * BATCH_BYTES)};
    uint64_t ticket;
    c->txn = txn_begin(c->cloud->store);
    int result = s3_log_line_each(c->txn, &from, 0, c->arena, take_line, &batch);
    if (result < 0 || !batch.count) {
        txn_rollback(c->txn);
        return result;
    }
    /* What is refused, as by a target that is gone, is dropped with a word in the log. */
    const struct refusal *refusal = deliver(&batch);
    if (refusal)
        log_warn("s3: access log of %.*s: %.*s", SPAN_ARG(batch.bucket),
                 SPAN_ARG(refusal->message));
    result = txn_commit(c->txn, &ticket);
    return result < 0 ? result : 1;
}

int log_delivery_step(struct call *c, int64_t *ret_next_ms)
{
    int result = take_batch(c);
    *ret_next_ms = result > 0 ? c->now_ms : c->now_ms + INTERVAL_MS;
    return result < 0 ? result : 0;
}
