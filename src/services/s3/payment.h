// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Buckets whose requesters pay. Source: "Using Requester Pays general purpose buckets". */
#include "services/s3/s3.records.h"
#include "wire/call.h"

/* Who is not of the owner's account must say that it pays, and is told that it was charged. */
RESULT payment_check(struct call *c, const struct s3_bucket_record *bucket);
