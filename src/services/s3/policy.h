// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The policy of a bucket, parsed, for whoever has to ask it. Any thread. */
#include "auth/policy.h"
#include "services/s3/s3.records.h"
#include "wire/call.h"

/* NULL when the bucket has none. Good until the thread asks for another one. */
RESULT policy_of_bucket(struct call *c, const struct s3_bucket_record *bucket,
                        const struct policy **ret);
