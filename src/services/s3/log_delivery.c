// SPDX-License-Identifier: Apache-2.0
/*
 * Delivery of access logs: a batch is the oldest lines of one bucket, which become one object of
 * the target bucket and leave the store in the same transaction. The target must admit the logging
 * service, by its policy or by a grant to the log delivery group; else the lines are dropped, as
 * logs are where nobody may write them. Batches run on a worker, the timer on the control loop.
 * Source: "Enabling Amazon S3 server access logging", "Log object key format".
 */
#include "services/s3/log_delivery.h"

#include "auth/principal.h"
#include "base/id.h"
#include "base/log.h"
#include "base/time.h"
#include "loop/workers.h"
#include "services/s3/acl.h"
#include "services/s3/logging.h"
#include "services/s3/policy.h"
#include "services/s3/public_access.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#define INTERVAL_MS 60000
#define BATCH_BYTES (100 * 1024) /* of lines in one object; small bodies lie in the record */
#define BATCHES_MAX 100          /* in one go of a worker */
#define ARENA_FIRST 65536
#define ARENA_CEILING (16 << 20)

struct log_delivery {
    struct cloud *cloud;
    struct timer timer;
    struct job job;
    bool more; /* the job did not get through */
};

/* ---- a batch -------------------------------------------------------------------------------- */

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

/* Condition keys of a delivery. */
static bool lookup(void *user, struct span key, struct arena *arena, const struct span **ret_values,
                   size_t *ret_count)
{
    const struct batch *batch = user;
    struct span *value = ARENA_NEW(arena, struct span);
    if (span_eq(key, S("aws:sourcearn")))
        *value = place_arn(batch->c, batch->bucket, SPAN_NONE);
    else if (span_eq(key, S("aws:sourceaccount")))
        *value = batch->account;
    else if (span_eq(key, S("aws:securetransport")))
        *value = S("true");
    else
        return false;
    *ret_values = value;
    *ret_count = 1;
    return true;
}

static bool list_admits(const struct s3_bucket_document *acl)
{
    for (size_t i = 0; i < acl->grants.count; i++)
        if (acl->grants.at[i].grantee == GRANTEE_LOG_DELIVERY &&
            (acl->grants.at[i].permission & ACL_WRITE))
            return true;
    return false;
}

static RESULT ask_target(struct batch *batch, struct span target_name, struct span key,
                         bool *ret_admitted)
{
    struct call *c = batch->c;
    struct s3_bucket_document acl;
    struct s3_bucket_record target;
    const struct policy *policy;
    bool found;
    *ret_admitted = false;
    TRY(place_record(c, (struct place_name){.bucket = target_name}, &target));
    TRY(policy_of_bucket(c, &target, &policy));
    TRY(document_get(c, &target, DOCUMENT_ACL, &acl, &found));
    struct policy_request request = {.action = S("s3:PutObject"),
                                     .resource = place_arn(c, target_name, key),
                                     .principal_service = S("logging.s3.amazonaws.com"),
                                     .lookup = lookup,
                                     .user = batch,
                                     .scratch = c->arena};
    enum DECISION decision = policy ? policy_decide(policy, &request).decision : DECISION_NONE;
    *ret_admitted =
        decision == DECISION_ALLOW ||
        (decision == DECISION_NONE && found && ownership_heeds_acls(&target) && list_admits(&acl));
    return OK;
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

/* As the owner of the bucket, whose object it is. */
static RESULT put(struct batch *batch, struct span target, struct span key)
{
    struct call *c = batch->c;
    struct identity owner;
    struct digester digester;
    struct digests digests;
    struct s3_put_object_out out = {.etag = SPAN_NONE};
    digester_init(&digester, DIGEST_MD5 | DIGEST_CRC64NVME);
    digester_feed(&digester, buf_span(batch->text));
    digester_finish(&digester, &digests);
    struct s3_put_object_in in = {
        .bucket = target,
        .key = key,
        .content_type = S("text/plain"),
        .body = {.bytes = buf_span(batch->text),
                 .len = buf_span(batch->text).len,
                 .digests = &digests},
    };
    principal_root(c->arena, batch->account, &owner);
    c->caller = &owner;
    const struct refusal *refusal = s3_put_object(c, &in, &out);
    c->caller = NULL;
    return refusal;
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
    struct span key = key_of(batch, &source, logging);
    TRY(ask_target(batch, logging->target_bucket, key, &admitted));
    return admitted ? put(batch, logging->target_bucket, key) : OK;
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

static int run_batch(struct cloud *cloud)
{
    struct arena arena;
    arena_init(&arena, ARENA_FIRST, ARENA_CEILING);
    struct call c = {.arena = &arena,
                     .now_ms = clock_now_ms(),
                     .request_id = S("log delivery"),
                     .service = &s3_service,
                     .protocol = s3_service.protocol,
                     .cloud = cloud};
    int result = take_batch(&c);
    arena_done(&arena);
    return result;
}

static void run(struct job *job)
{
    struct log_delivery *delivery =
        (struct log_delivery *)((char *)job - offsetof(struct log_delivery, job));
    int result = 1;
    for (int i = 0; i < BATCHES_MAX && result > 0; i++)
        result = run_batch(delivery->cloud);
    delivery->more = result > 0;
    if (result < 0)
        log_error("s3: delivering access logs: %s", strerror(-result));
}

/* ---- on the control loop -------------------------------------------------------------------- */

static void wait_for(struct log_delivery *delivery, int64_t ms)
{
    loop_timer_set(delivery->cloud->control, &delivery->timer, clock_steady_ms() + ms);
}

static void done(struct job *job)
{
    struct log_delivery *delivery =
        (struct log_delivery *)((char *)job - offsetof(struct log_delivery, job));
    wait_for(delivery, delivery->more ? 0 : INTERVAL_MS);
}

static void on_timer(struct timer *timer)
{
    struct log_delivery *delivery =
        (struct log_delivery *)((char *)timer - offsetof(struct log_delivery, timer));
    if (workers_submit(delivery->cloud->workers, &delivery->job) != 0)
        wait_for(delivery, INTERVAL_MS);
}

struct log_delivery *log_delivery_new(struct cloud *cloud)
{
    struct log_delivery *delivery = calloc(1, sizeof *delivery);
    if (!delivery)
        log_fatal("out of memory");
    delivery->cloud = cloud;
    delivery->timer.due = on_timer;
    delivery->job = (struct job){.run = run, .done = done, .home = cloud->control};
    wait_for(delivery, INTERVAL_MS);
    return delivery;
}

void log_delivery_free(struct log_delivery *delivery)
{
    free(delivery);
}
