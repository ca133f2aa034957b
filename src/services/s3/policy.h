// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The policies of buckets and access points: checked when they are put, and parsed, for whoever has
 * to ask it. Any thread. */
#include "auth/policy.h"
#include "services/s3/s3.records.h"
#include "wire/call.h"

/* The grammar, the size, that it speaks of S3 and of what has this ARN: MalformedPolicy. */
RESULT policy_check(struct call *c, struct span arn, struct span document,
                    const struct policy **ret);
/* Its users and roles, which must exist, and the ids that they mean now. */
RESULT policy_bind(struct call *c, const struct policy *policy, struct s3_pair_list *ret);

struct policy_kept {
    struct span document;
    struct s3_pair_list bound;
    uint64_t edition;
};
/* Good until the thread asks for another one. */
RESULT policy_of_kept(struct call *c, const struct policy_kept *kept, const struct policy **ret);

/* NULL when the bucket has none. Good until the thread asks for another one. */
RESULT policy_of_bucket(struct call *c, const struct s3_bucket_record *bucket,
                        const struct policy **ret);
