// SPDX-License-Identifier: Apache-2.0
/*
 * Metrics configurations. Written on the control thread; the edition in the bucket's record tells
 * threads that what they know of them is old. Sources: PutBucketMetricsConfiguration, and the
 * answers of S3.
 */
#include "services/s3/metrics.h"

#include "base/id.h"
#include "engines/tally/tally.h"
#include "services/cloud.h"
#include "services/s3/access_point.h"
#include "services/s3/filter.h"

const struct configuration_kind metrics_kind = {S_INIT("metrics"), S3_SHAPE_METRICS_CONFIGURATION,
                                                sizeof(struct s3_metrics_configuration)};

#define NAME_OF(in) ((struct place_name){(in)->bucket, (in)->expected_bucket_owner})

/* Only requests that came by an access point of the bucket can ever be counted by one. */
static RESULT check_point(struct call *c, const struct s3_bucket_record *bucket, struct span arn)
{
    struct s3_access_point point;
    if (span_is_absent(arn))
        return OK;
    if (access_point_of_arn(c, arn, &point) == OK && span_eq(point.bucket, bucket->name))
        return OK;
    return refuse_with(c, &S3_INVALID_ARGUMENT, S("ArgumentName"), S("AccessPointArn"),
                       "The access point is not one of the bucket");
}

static RESULT check_filter(struct call *c, const struct s3_bucket_record *bucket,
                           const struct s3_metrics_filter *filter)
{
    struct filter made;
    if (!filter)
        return OK;
    struct filter_wish wish = FILTER_WISH_OF(filter);
    wish.point = filter->access_point_arn;
    wish.and_point = filter->and ? filter->and->access_point_arn : SPAN_NONE;
    TRY(filter_read(c, &wish, &made));
    return check_point(c, bucket, made.point);
}

RESULT s3_put_bucket_metrics_configuration(struct call *c,
                                           const struct s3_put_bucket_metrics_configuration_in *in,
                                           struct s3_put_bucket_metrics_configuration_out *out)
{
    struct s3_bucket_record bucket;
    const struct s3_metrics_configuration *wish = in->metrics_configuration;
    TRY(place_record(c, NAME_OF(in), &bucket));
    TRY(configuration_check_id(c, in->id, wish->id));
    TRY(check_filter(c, &bucket, wish->filter));
    TRY(configuration_put(c, &bucket, &metrics_kind, in->id, wish));
    bucket.metrics_edition = random_u64() | 1;
    s3_bucket_record_put(c->txn, &bucket);
    return OK;
}

RESULT s3_get_bucket_metrics_configuration(struct call *c,
                                           const struct s3_get_bucket_metrics_configuration_in *in,
                                           struct s3_get_bucket_metrics_configuration_out *out)
{
    struct s3_bucket_record bucket;
    TRY(place_record(c, NAME_OF(in), &bucket));
    out->metrics_configuration = ARENA_NEW(c->arena, struct s3_metrics_configuration);
    return configuration_get(c, &bucket, &metrics_kind, in->id, out->metrics_configuration);
}

RESULT
s3_list_bucket_metrics_configurations(struct call *c,
                                      const struct s3_list_bucket_metrics_configurations_in *in,
                                      struct s3_list_bucket_metrics_configurations_out *out)
{
    struct s3_bucket_record bucket;
    struct configuration_page page;
    TRY(place_record(c, NAME_OF(in), &bucket));
    TRY(configuration_list(c, &bucket, &metrics_kind, in->continuation_token, &page));
    CONFIGURATION_SHOW(in, out, metrics_configuration_list, &page);
    return OK;
}

RESULT
s3_delete_bucket_metrics_configuration(struct call *c,
                                       const struct s3_delete_bucket_metrics_configuration_in *in,
                                       struct s3_delete_bucket_metrics_configuration_out *out)
{
    struct s3_bucket_record bucket;
    struct configuration_page left;
    TRY(place_record(c, NAME_OF(in), &bucket));
    TRY(configuration_delete(c, &bucket, &metrics_kind, in->id));
    TRY(configuration_all(c, &bucket, &metrics_kind, &left));
    bucket.metrics_edition = left.count ? random_u64() | 1 : 0;
    s3_bucket_record_put(c->txn, &bucket);
    tally_drop(c->cloud->s3_requests, metrics_row(c->arena, bucket.name, in->id));
    return OK;
}
