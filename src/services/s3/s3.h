// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What of S3 runs by itself (background.h). Made by the composition root once the control loop and
 * the workers are there; goes on where an earlier process stopped. And objects for other services.
 */
#include "base/buf.h"
#include "services/cloud.h"
#include "wire/call.h"
#include "wire/refusal.h"

struct s3;

struct s3 *s3_new(struct cloud *cloud);
/* After the control loop and the workers have stopped, with the store still open: delivers what has
 * been logged. Accepts NULL. */
void s3_finish(struct s3 *s3);
void s3_free(struct s3 *s3);

/* ---- for other services ---------------------------------------------------------------------- */

/*
 * Objects that a service reads and writes for c->caller, whose permission is asked for each time,
 * in c->txn, which has locked nothing yet. A refusal is S3's. They block: workers only.
 */
struct s3_subject {
    struct span bucket, key; /* of s3_list: the prefix */
    struct span owner;       /* account that the bucket must be of; absent: anybody */
};

struct s3_writing {
    struct span bytes; /* at most EXTENT_MAX */
    struct span content_type;
    struct span encryption; /* x-amz-server-side-encryption, or absent */
};
RESULT s3_write(struct call *c, const struct s3_subject *subject, const struct s3_writing *writing,
                struct span *ret_etag);

/*
 * Objects that AWS's services deliver into buckets, as service principals: the bucket's policy must
 * admit that, for the account and the source that the delivery is about.
 */
struct s3_delivery {
    struct span principal;           /* delivery.logs.amazonaws.com */
    struct span account, source_arn; /* aws:SourceAccount, aws:SourceArn */
    struct span bucket, key;
    struct span content_type, bytes; /* to s3_deliver */
};
enum S3_ADMITS { S3_NO_BUCKET, S3_NOT_ADMITTED, S3_ADMITTED };
RESULT s3_delivery_ask(struct call *c, const struct s3_delivery *delivery, enum S3_ADMITS *ret);
/* Replaces the bucket's policy, when the caller owns the bucket and may read and write policies;
 * else nothing happens. Control thread. */
RESULT s3_delivery_admit(struct call *c, struct span bucket, struct span policy);
/* Asks nobody. Workers. */
RESULT s3_deliver(struct call *c, const struct s3_delivery *delivery);

struct s3_reading {
    uint64_t from, most; /* bytes; behind the end nothing is read */
    uint64_t size;       /* out: of the object */
};
RESULT s3_read(struct call *c, const struct s3_subject *subject, struct s3_reading *reading,
               struct buf *out);

struct s3_listed {
    struct span *keys;
    size_t count;
    bool more; /* go on behind the last one */
};
RESULT s3_list(struct call *c, const struct s3_subject *subject, struct span after,
               struct s3_listed *ret);
