// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The accelerated endpoint, BUCKET.s3-accelerate.amazonaws.com: a bucket is there when its owner
 * wants it to be. Private to this folder. Source: "Using S3 Transfer Acceleration". */
#include "services/s3/s3.records.h"
#include "wire/call.h"
#include "wire/refusal.h"

/* InvalidRequest for a request that came by this endpoint to a bucket that is not there. */
RESULT acceleration_check(struct call *c, const struct s3_bucket_record *bucket);
