// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The logging configuration of a bucket. Any thread. */
#include "services/s3/document.h"
#include "services/s3/s3.api.h"

/* NULL when the bucket has no logging. */
RESULT logging_get(struct call *c, const struct s3_bucket_record *bucket,
                   const struct s3_logging_enabled **ret);
