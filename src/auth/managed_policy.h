// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The policies that AWS itself publishes under arn:aws:iam::aws:policy/, as far as they are in
 * models/aws_managed_policies.json. Constant data, any thread.
 */
#include "base/span.h"

struct managed_policy {
    struct span arn, name, path, id;
    struct span version;  /* of the document, e.g. "v12" */
    struct span document; /* JSON */
    int64_t created_ms, updated_ms;
};

/* In the order of their names. */
extern const struct managed_policy managed_policy_table[];
extern const size_t managed_policy_count;

/* NULL when there is none of that ARN. */
const struct managed_policy *managed_policy_of(struct span arn);
