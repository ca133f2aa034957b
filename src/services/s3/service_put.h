// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Objects that S3 itself writes into buckets: access logs, inventories, analyses. The bucket must
 * admit the service that delivers, for the source bucket and its account. On workers, within
 * c->txn.
 */
#include "services/s3/place.h"

struct service_put {
    struct span principal;       /* logging.s3.amazonaws.com */
    struct span source, account; /* of the bucket that it is about */
    struct span source_arn;      /* of what it is about when that is no bucket, or absent */
    struct span bucket, key;     /* where the object goes */
    struct span content_type, bytes;
    bool log_delivery; /* a grant to the log delivery group admits it, too */
};

/* Of a configuration: the bucket that it names for deliveries about `source`, by ARN, and its
 * account, or absent. InvalidS3DestinationBucket. Any thread. */
RESULT service_put_check_target(struct call *c, const struct s3_bucket_record *source,
                                struct span arn, struct span account);
/* *ret_admitted: what the bucket's policy, or its list, says of it. */
RESULT service_put_ask(struct call *c, const struct service_put *put, bool *ret_admitted);
/* Writes the object, as the bucket owner's; asks nobody. */
RESULT service_put(struct call *c, const struct service_put *put);
