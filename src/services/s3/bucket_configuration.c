// SPDX-License-Identifier: Apache-2.0
/*
 * What S3 says of bucket configurations that nobody has made: for each its own answer. None of them
 * can be made yet, so these answers are the truth. Loop threads.
 */
#include "services/s3/place.h"
#include "services/s3/s3.api.h"

/* The bucket must be there; then the configuration is not. */
static RESULT refuse_absent(struct call *c, struct place_name name, const struct error_kind *kind,
                            const char *message)
{
    struct s3_bucket_record bucket;
    TRY(place_record(c, name, &bucket));
    return refuse_with(c, kind, S("BucketName"), name.bucket, "%s", message);
}

#define NAME_OF(in) ((struct place_name){(in)->bucket, (in)->expected_bucket_owner})

/* One handler per operation, alike but for its error. */
#define ABSENT(operation, kind, message)                                                           \
    RESULT s3_##operation(struct call *c, const struct s3_##operation##_in *in,                    \
                          struct s3_##operation##_out *out)                                        \
    {                                                                                              \
        return refuse_absent(c, NAME_OF(in), &(kind), message);                                    \
    }

ABSENT(get_bucket_replication, S3_REPLICATION_CONFIGURATION_NOT_FOUND_ERROR,
       "The replication configuration was not found")

/* S3 answers with an empty document. */
RESULT
s3_get_bucket_notification_configuration(
    struct call *c, const struct s3_get_bucket_notification_configuration_in *in,
    struct s3_get_bucket_notification_configuration_out *out)
{
    struct s3_bucket_record bucket;
    return place_record(c, NAME_OF(in), &bucket);
}
