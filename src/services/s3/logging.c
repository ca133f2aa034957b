// SPDX-License-Identifier: Apache-2.0
/*
 * Logging configurations. A target must be there, of the same account and region. Grants to others
 * on the delivered objects are not built. Writes on the control thread. Source: PutBucketLogging,
 * and the answers of S3.
 */
#include "services/s3/logging.h"

#include <errno.h>

#define NAME_OF(in) ((struct place_name){(in)->bucket, (in)->expected_bucket_owner})

static const struct document_form form = {DOCUMENT_LOGGING, S3_SHAPE_LOGGING_ENABLED};

RESULT logging_get(struct call *c, const struct s3_bucket_record *bucket,
                   const struct s3_logging_enabled **ret)
{
    struct s3_logging_enabled *logging = ARENA_NEW(c->arena, struct s3_logging_enabled);
    bool found;
    *logging = (struct s3_logging_enabled){.target_bucket = SPAN_NONE};
    TRY(document_get_form(c, bucket, form, logging, &found));
    *ret = found ? logging : NULL;
    return OK;
}

static RESULT refuse_target(struct call *c, struct span target, const char *message)
{
    return refuse_with(c, &S3_INVALID_TARGET_BUCKET_FOR_LOGGING, S("TargetBucket"), target, "%s",
                       message);
}

static RESULT refuse_region(struct call *c, struct span source, struct span target)
{
    const struct refusal *refusal =
        refuse_with(c, &S3_CROSS_LOCATION_LOGGING_PROHIBITTED, S("TargetBucketLocation"), target,
                    "Cross S3 location logging not allowed. ");
    return span_eq(source, S("us-east-1"))
               ? refusal
               : refusal_add(c, refusal, S("SourceBucketLocation"), source);
}

static RESULT check(struct call *c, const struct s3_bucket_record *bucket,
                    const struct s3_logging_enabled *wish)
{
    struct s3_bucket_record target = {.name = wish->target_bucket};
    int result = s3_bucket_record_get(c->txn, c->arena, &target);
    if (result == -ENOENT)
        return refuse_target(c, target.name, "The target bucket for logging does not exist");
    if (result < 0)
        return refuse_errno(c, result, "reading bucket %.*s", SPAN_ARG(target.name));
    if (!span_eq(target.account, bucket->account))
        return refuse_target(c, target.name,
                             "The owner for the bucket to be logged and the target bucket must be "
                             "the same.");
    if (!span_eq(target.region, bucket->region))
        return refuse_region(c, bucket->region, target.region);
    if (wish->target_grants.count)
        return refuse(c, &S3_NOT_IMPLEMENTED,
                      "Grants on delivered logs are not implemented by kintoun yet.");
    return OK;
}

RESULT s3_put_bucket_logging(struct call *c, const struct s3_put_bucket_logging_in *in,
                             struct s3_put_bucket_logging_out *out)
{
    struct s3_bucket_record bucket;
    if (!in->bucket_logging_status)
        return place_refuse_xml(c);
    const struct s3_logging_enabled *wish = in->bucket_logging_status->logging_enabled;
    TRY(place_record(c, NAME_OF(in), &bucket));
    if (!wish) {
        document_delete(c, &bucket, DOCUMENT_LOGGING);
        return OK;
    }
    TRY(check(c, &bucket, wish));
    document_put_form(c, &bucket, form, wish);
    return OK;
}

RESULT s3_get_bucket_logging(struct call *c, const struct s3_get_bucket_logging_in *in,
                             struct s3_get_bucket_logging_out *out)
{
    struct s3_bucket_record bucket;
    const struct s3_logging_enabled *logging;
    TRY(place_record(c, NAME_OF(in), &bucket));
    TRY(logging_get(c, &bucket, &logging));
    if (!logging)
        return OK;
    out->logging_enabled = ARENA_NEW(c->arena, struct s3_logging_enabled);
    *out->logging_enabled = *logging;
    return OK;
}
