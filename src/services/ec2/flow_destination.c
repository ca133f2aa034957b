// SPDX-License-Identifier: Apache-2.0
/*
 * Buckets that flow logs are delivered to: their ARNs, the policy that they need, the keys of the
 * files. Sources: "Publish flow logs to Amazon S3", "Amazon S3 bucket permissions for flow logs",
 * "Flow log files".
 */
#include "services/ec2/flow_log.h"

#include "base/id.h"
#include "base/time.h"

#define RESERVED "AWSLogs"
#define BUCKET_ARN "arn:aws:s3:::"

struct destination {
    struct span bucket, folder; /* the folder ends with a slash, or is empty */
};

static struct destination destination_of(struct call *c, struct span arn)
{
    struct span rest = span_from(arn, sizeof BUCKET_ARN - 1);
    struct span bucket = span_cut(&rest, '/');
    if (!rest.len)
        return (struct destination){bucket, S("")};
    bool ended = rest.at[rest.len - 1] == '/';
    return (struct destination){bucket,
                                arena_printf(c->arena, "%.*s%s", SPAN_ARG(rest), ended ? "" : "/")};
}

RESULT flow_destination_read(struct call *c, struct span arn, struct span *ret_bucket)
{
    if (!span_starts(arn, S(BUCKET_ARN)) || arn.len == sizeof BUCKET_ARN - 1)
        return refuse(c, &EC2_INVALID_PARAMETER, "LogDestination %.*s is not a valid ARN",
                      SPAN_ARG(arn));
    struct destination destination = destination_of(c, arn);
    struct span folder = destination.folder;
    while (folder.len)
        if (span_eq(span_cut(&folder, '/'), S(RESERVED)))
            return refuse(c, &EC2_INVALID_PARAMETER,
                          "LogDestination cannot have " RESERVED " as a folder: it is reserved");
    *ret_bucket = destination.bucket;
    return OK;
}

/* ---- the policy --------------------------------------------------------------------------------
 */

static struct span source_arn(struct call *c)
{
    return arena_printf(c->arena, "arn:aws:logs:%.*s:%.*s:*", SPAN_ARG(c->region),
                        SPAN_ARG(c->account));
}

static struct span policy_of(struct call *c, const struct destination *destination,
                             const struct stored_flow_log *log)
{
    struct span source = source_arn(c);
    return arena_printf(
        c->arena,
        "{\"Version\":\"2012-10-17\",\"Id\":\"AWSLogDeliveryWrite20150319\",\"Statement\":["
        "{\"Sid\":\"AWSLogDeliveryWrite\",\"Effect\":\"Allow\","
        "\"Principal\":{\"Service\":\"delivery.logs.amazonaws.com\"},\"Action\":\"s3:PutObject\","
        "\"Resource\":\"" BUCKET_ARN "%.*s/%.*s" RESERVED "/%s%.*s/*\","
        "\"Condition\":{\"StringEquals\":{\"aws:SourceAccount\":\"%.*s\","
        "\"s3:x-amz-acl\":\"bucket-owner-full-control\"},"
        "\"ArnLike\":{\"aws:SourceArn\":\"%.*s\"}}},"
        "{\"Sid\":\"AWSLogDeliveryAclCheck\",\"Effect\":\"Allow\","
        "\"Principal\":{\"Service\":\"delivery.logs.amazonaws.com\"},"
        "\"Action\":\"s3:GetBucketAcl\",\"Resource\":\"" BUCKET_ARN "%.*s\","
        "\"Condition\":{\"StringEquals\":{\"aws:SourceAccount\":\"%.*s\"},"
        "\"ArnLike\":{\"aws:SourceArn\":\"%.*s\"}}}]}",
        SPAN_ARG(destination->bucket), SPAN_ARG(destination->folder),
        log->hive ? "aws-account-id=" : "", SPAN_ARG(c->account), SPAN_ARG(c->account),
        SPAN_ARG(source), SPAN_ARG(destination->bucket), SPAN_ARG(c->account), SPAN_ARG(source));
}

RESULT flow_destination_open(struct call *c, const struct stored_flow_log *log, enum S3_ADMITS *ret)
{
    struct destination destination = destination_of(c, log->destination);
    struct s3_delivery delivery = flow_destination_delivery(c, log, c->now_ms);
    TRY(s3_delivery_ask(c, &delivery, ret));
    if (*ret != S3_NOT_ADMITTED)
        return OK;
    TRY(s3_delivery_admit(c, destination.bucket, policy_of(c, &destination, log)));
    return s3_delivery_ask(c, &delivery, ret);
}

/* ---- files -------------------------------------------------------------------------------------
 */

static struct span folder_of(struct call *c, const struct stored_flow_log *log,
                             const struct civil *at)
{
    struct buf *to = arena_buf(c->arena, 1024);
    if (log->hive)
        buf_printf(to,
                   RESERVED "/aws-account-id=%.*s/aws-service=vpcflowlogs/aws-region=%.*s/"
                            "year=%04d/month=%02d/day=%02d/",
                   SPAN_ARG(c->account), SPAN_ARG(c->region), at->year, at->month, at->day);
    else
        buf_printf(to, RESERVED "/%.*s/vpcflowlogs/%.*s/%04d/%02d/%02d/", SPAN_ARG(c->account),
                   SPAN_ARG(c->region), at->year, at->month, at->day);
    if (log->per_hour)
        buf_printf(to, "%s%02d/", log->hive ? "hour=" : "", at->hour);
    return buf_span(to);
}

struct s3_delivery flow_destination_delivery(struct call *c, const struct stored_flow_log *log,
                                             int64_t ms)
{
    struct destination destination = destination_of(c, log->destination);
    struct civil at = time_civil(ms);
    struct span folder = folder_of(c, log, &at);
    return (struct s3_delivery){
        .principal = S("delivery.logs.amazonaws.com"),
        .account = c->account,
        .source_arn = source_arn(c),
        .bucket = destination.bucket,
        .key = arena_printf(c->arena,
                            "%.*s%.*s%.*s_vpcflowlogs_%.*s_%.*s_%04d%02d%02dT%02d%02dZ_%08x.log.gz",
                            SPAN_ARG(destination.folder), SPAN_ARG(folder), SPAN_ARG(c->account),
                            SPAN_ARG(c->region), SPAN_ARG(log->id), at.year, at.month, at.day,
                            at.hour, at.minute, (unsigned)random_u64()),
        .content_type = S("application/octet-stream"),
    };
}
