// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The website configuration of a bucket, for whoever serves its pages. Any thread. */
#include "services/s3/document.h"
#include "services/s3/s3.api.h"

RESULT website_get(struct call *c, const struct s3_bucket_record *bucket,
                   struct s3_website_configuration *out, bool *ret_found);
RESULT website_refuse_absent(struct call *c, struct span bucket);
