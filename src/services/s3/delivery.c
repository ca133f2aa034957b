// SPDX-License-Identifier: Apache-2.0
/* What other services deliver into buckets: asked of the bucket's policy, then written like what S3
 * delivers itself. */
#include "services/s3/access.h"
#include "services/s3/s3.api.h"
#include "services/s3/s3.h"
#include "services/s3/service_put.h"

#include <errno.h>

static struct call as_s3(const struct call *c)
{
    struct call own = *c;
    own.service = &s3_service;
    own.protocol = s3_service.protocol;
    return own;
}

static struct service_put put_of(const struct s3_delivery *delivery)
{
    return (struct service_put){.principal = delivery->principal,
                                .account = delivery->account,
                                .source_arn = delivery->source_arn,
                                .bucket = delivery->bucket,
                                .key = delivery->key,
                                .content_type = delivery->content_type,
                                .bytes = delivery->bytes};
}

RESULT s3_delivery_ask(struct call *c, const struct s3_delivery *delivery, enum S3_ADMITS *ret)
{
    struct call own = as_s3(c);
    struct service_put put = put_of(delivery);
    struct s3_bucket_record bucket = {.name = delivery->bucket};
    bool admitted;
    *ret = S3_NO_BUCKET;
    int error = s3_bucket_record_get(c->txn, c->arena, &bucket);
    if (error)
        return error == -ENOENT ? OK : refuse_errno(c, error, "reading a bucket");
    TRY(service_put_ask(&own, &put, &admitted));
    *ret = admitted ? S3_ADMITTED : S3_NOT_ADMITTED;
    return OK;
}

RESULT s3_delivery_admit(struct call *c, struct span bucket, struct span policy)
{
    struct call own = as_s3(c);
    struct s3_bucket_record record;
    struct s3_put_bucket_policy_out out;
    struct s3_put_bucket_policy_in in = {.bucket = bucket, .policy = policy};
    TRY(access_find_bucket(&own, c->txn, bucket, &record));
    own.region = record.region;
    if (!span_eq(record.account, c->account) ||
        access_require(&own, S("s3:GetBucketPolicy"), bucket, SPAN_NONE) ||
        access_require(&own, S("s3:PutBucketPolicy"), bucket, SPAN_NONE))
        return OK;
    return s3_put_bucket_policy(&own, &in, &out);
}

RESULT s3_deliver(struct call *c, const struct s3_delivery *delivery)
{
    struct call own = as_s3(c);
    struct service_put put = put_of(delivery);
    return service_put(&own, &put);
}
