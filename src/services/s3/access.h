// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What a bucket says of who may use it, for auth: its owner, its policy and its access control
 * lists, as far as its public access block lets them. The gate asks for every permission of an
 * operation through the service's hooks; handlers ask here for what their .ops line cannot name.
 * Any thread, in the call's transaction.
 */
#include "auth/identity.h"
#include "services/s3/s3.records.h"

/* May the caller do this to a bucket (absent key) or an object? NoSuchBucket, the answer for a
 * bucket of another region, or a denial. */
RESULT access_require(struct call *c, struct span action, struct span bucket, struct span key);
/* arn:aws:s3:::bucket or …/key (absent key: the bucket); false for anything else. */
bool access_read_arn(struct span arn, struct span *ret_bucket, struct span *ret_key);
/* The bucket's record; NoSuchBucket or InvalidBucketName. */
RESULT access_find_bucket(struct call *c, struct txn *txn, struct span name,
                          struct s3_bucket_record *out);
/* For handlers that ask key by key: there is such a bucket, and it is of the region that the
 * request was signed for. */
RESULT access_check_bucket(struct call *c, struct span name);
