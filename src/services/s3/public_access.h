// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What keeps a bucket private whatever its policy and its access control lists say, and who owns
 * its objects. Both as AWS makes buckets since April 2023: everything blocked, lists not heeded.
 * Source: "Blocking public access to your Amazon S3 storage", "Controlling ownership of objects".
 */
#include "services/s3/s3.h"

/* Bits of what is off in a bucket. The configuration may be deleted, which turns all of it off. */
enum PUBLIC_ACCESS {
    UNBLOCKED_ACLS = S3_BLOCK_ACLS, /* BlockPublicAcls is off: new public lists are taken */
    HEEDED_ACLS = S3_IGNORE_ACLS,   /* IgnorePublicAcls is off */
    UNBLOCKED_POLICY =
        S3_BLOCK_POLICY,        /* BlockPublicPolicy is off: new public policies are taken */
    UNRESTRICTED = S3_RESTRICT, /* RestrictPublicBuckets is off */
    PUBLIC_ACCESS_ALL = S3_BLOCK_ALL,
    PUBLIC_ACCESS_DELETED = 1 << 4,
};

/* Stored: numbers are stable. */
enum OWNERSHIP {
    OWNERSHIP_ENFORCED = 0,
    OWNERSHIP_PREFERRED = 1,
    OWNERSHIP_WRITER = 2,
    OWNERSHIP_DELETED = 3, /* like WRITER */
};

/* The bucket, its owner's account, or the access point that the request came through. */
bool public_access_blocks(struct call *c, const struct s3_bucket_record *bucket,
                          enum PUBLIC_ACCESS what);

static inline bool ownership_heeds_acls(const struct s3_bucket_record *bucket)
{
    return bucket->ownership != OWNERSHIP_ENFORCED;
}

/* By its name in the API; false when it is none. */
bool public_access_ownership(struct span name, uint64_t *out);
