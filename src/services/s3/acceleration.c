// SPDX-License-Identifier: Apache-2.0
/* Configurations of transfer acceleration, and what they mean for requests. On one machine no way
 * is shorter than another, so it is the endpoint alone that they open. Any thread. */
#include "services/s3/acceleration.h"

#include "services/s3/place.h"
#include "services/s3/s3.api.h"

/* In records: numbers are stable. */
enum ACCELERATION { ACCELERATION_NONE = 0, ACCELERATION_ENABLED = 1, ACCELERATION_SUSPENDED = 2 };

#define NAME_OF(in) ((struct place_name){(in)->bucket, (in)->expected_bucket_owner})

static bool came_by_endpoint(const struct call *c)
{
    return span_starts(c->host, S("s3-accelerate.")) ||
           span_find(c->host, S(".s3-accelerate.")) != SPAN_NOT_FOUND;
}

RESULT acceleration_check(struct call *c, const struct s3_bucket_record *bucket)
{
    if (!came_by_endpoint(c) || bucket->acceleration == ACCELERATION_ENABLED)
        return OK;
    return refuse(c, &S3_INVALID_REQUEST, "S3 Transfer Acceleration is %s on this bucket",
                  bucket->acceleration == ACCELERATION_NONE ? "not configured" : "disabled");
}

RESULT
s3_put_bucket_accelerate_configuration(struct call *c,
                                       const struct s3_put_bucket_accelerate_configuration_in *in,
                                       struct s3_put_bucket_accelerate_configuration_out *out)
{
    struct s3_bucket_record bucket;
    const struct s3_accelerate_configuration *wish = in->accelerate_configuration;
    TRY(place_record(c, NAME_OF(in), &bucket));
    if (!wish || span_is_empty(wish->status))
        return place_refuse_xml(c);
    if (span_find_byte(in->bucket, '.') != SPAN_NOT_FOUND)
        return refuse(c, &S3_INVALID_REQUEST,
                      "S3 Transfer Acceleration is not supported for buckets with periods (.) in "
                      "their names");
    bucket.acceleration =
        span_eq(wish->status, S("Enabled")) ? ACCELERATION_ENABLED : ACCELERATION_SUSPENDED;
    s3_bucket_record_put(c->txn, &bucket);
    return OK;
}

RESULT
s3_get_bucket_accelerate_configuration(struct call *c,
                                       const struct s3_get_bucket_accelerate_configuration_in *in,
                                       struct s3_get_bucket_accelerate_configuration_out *out)
{
    static const struct span names[] = {
        [ACCELERATION_NONE] = {NULL, 0},
        [ACCELERATION_ENABLED] = S_INIT("Enabled"),
        [ACCELERATION_SUSPENDED] = S_INIT("Suspended"),
    };
    struct s3_bucket_record bucket;
    TRY(place_record(c, NAME_OF(in), &bucket));
    out->status = names[bucket.acceleration];
    return OK;
}
