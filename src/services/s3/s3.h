// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What of S3 runs by itself (background.h). Made by the composition root once the control loop and
 * the workers are there; goes on where an earlier process stopped. And what other services need of
 * objects, access points and accounts.
 */
#include "base/buf.h"
#include "services/cloud.h"
#include "services/s3/s3.records.h"
#include "wire/call.h"
#include "wire/refusal.h"

struct s3;

struct s3 *s3_new(struct cloud *cloud);
/* After the control loop and the workers have stopped, with the store still open: delivers what has
 * been logged. Accepts NULL. */
void s3_finish(struct s3 *s3);
void s3_free(struct s3 *s3);

/* The counters of metrics configurations, in Prometheus' text form. Any thread. */
void s3_print_metrics(const struct cloud *cloud, struct buf *out);

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
    struct span bytes;
    struct span content_type;
    struct span encryption;    /* x-amz-server-side-encryption, or absent */
    struct span storage_class; /* or absent */
};
/* Whether s3_write would be admitted, and where the bucket is. Any thread. */
RESULT s3_may_write(struct call *c, const struct s3_subject *subject, struct span *ret_region);
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
    struct span etag;    /* out */
};
RESULT s3_read(struct call *c, const struct s3_subject *subject, struct s3_reading *reading,
               struct buf *out);

struct s3_listed {
    struct span *keys;
    uint64_t *sizes; /* bytes */
    size_t count;
    bool more; /* go on behind the last one */
};
RESULT s3_list(struct call *c, const struct s3_subject *subject, struct span after,
               struct s3_listed *ret);

/* ---- for services/s3control ------------------------------------------------------------------ */

/* What an account or an access point blocks. Stored: bits are stable. */
enum S3_BLOCK {
    S3_BLOCK_ACLS = 1 << 0,
    S3_IGNORE_ACLS = 1 << 1,
    S3_BLOCK_POLICY = 1 << 2,
    S3_RESTRICT = 1 << 3,
    S3_BLOCK_ALL = 0xf,
};

/* Access points of the caller's account in the call's region; those that change one run on the
 * control thread. Refusals are S3's. */
/* InvalidURI, NoSuchAccessPoint. */
RESULT s3_point_need(struct call *c, struct span name, struct s3_access_point *out);
/* Its name, bucket, bucket_account, vpc, blocked and tags are given. */
RESULT s3_point_create(struct call *c, struct s3_access_point *point);
RESULT s3_point_delete(struct call *c, const struct s3_access_point *point);
/* Absent: it has none from now on. */
RESULT s3_point_put_policy(struct call *c, struct s3_access_point *point, struct span document);
RESULT s3_point_is_public(struct call *c, const struct s3_access_point *point, bool *ret);
struct span s3_point_arn(struct call *c, const struct s3_access_point *point);

struct s3_point_page {
    struct span after;  /* a name; empty: from the first */
    struct span bucket; /* absent: of every bucket */
    struct s3_access_point *at;
    size_t count;
    bool more;
};
RESULT s3_point_list(struct call *c, size_t limit, struct s3_point_page *page);

/* Whether a key or a value of a tag is at most `max` code points of those that tags may have. */
bool s3_is_tag_text(struct span text, size_t max);
/* A condition key of S3, of a request and of what the permission is asked for; absent without it.
 * In the call's transaction, any thread. For `condition` of struct service_hooks. */
struct span s3_condition(struct call *c, struct span key, struct arena *arena);
/* The tags of a bucket or access point of the caller's account. */
RESULT s3_tags_find(struct call *c, struct span arn, struct s3_pair_list *ret, bool *ret_found);
RESULT s3_tags_set(struct call *c, struct span arn, struct s3_pair_list tags);

/* enum S3_BLOCK, 0 where the account says nothing; setting is for the caller's. */
RESULT s3_account_block_find(struct call *c, struct span account, uint64_t *ret_blocked,
                             bool *ret_found);
void s3_account_block_set(struct call *c, uint64_t blocked);
void s3_account_block_forget(struct call *c);
