// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Access control lists: who owns a bucket or an object, and what that account granted to accounts
 * and groups. They count only where a bucket's ownership controls let them. Any thread. Source:
 * "Access control list (ACL) overview".
 */
#include "auth/identity.h"
#include "services/s3/place.h"

/* Stored: numbers are stable. */
enum GRANTEE {
    GRANTEE_ACCOUNT = 0, /* `id` is its 12 digits, or a canonical id that is no account's here */
    GRANTEE_EVERYBODY = 1,
    GRANTEE_AUTHENTICATED = 2,
    GRANTEE_LOG_DELIVERY = 3,
};

enum ACL_PERMISSION {
    ACL_READ = 1 << 0,
    ACL_WRITE = 1 << 1,
    ACL_READ_ACP = 1 << 2,
    ACL_WRITE_ACP = 1 << 3,
    ACL_FULL_CONTROL = ACL_READ | ACL_WRITE | ACL_READ_ACP | ACL_WRITE_ACP,
};

struct acl {
    struct span owner;                      /* account, or ACL_ANONYMOUS */
    const struct s3_acl_grant_list *grants; /* NULL: full control for the owner alone */
};

#define ACL_ANONYMOUS S("anonymous") /* owner of what nobody in particular wrote */

/* What the list gives the caller for this permission. `heed_public` tells whether grants to
 * everybody and to all authenticated users count. */
enum ACL_PUBLIC { ACL_PUBLIC_HEEDED, ACL_PUBLIC_IGNORED };
enum GRANT acl_grant(struct call *c, const struct acl *acl, enum ACL_PERMISSION permission,
                     enum ACL_PUBLIC heed);
/* The account of the caller as owner of what it writes. */
struct span acl_caller(const struct call *c);

struct s3_attributes;
/* For a new object: its owner and its list, from the x-amz-acl and x-amz-grant-… headers of the
 * request as the bucket's ownership controls and public access block let them. */
RESULT acl_of_new_object(struct call *c, const struct place *place, struct span key,
                         struct s3_attributes *attributes);
/* For a new bucket, whose ownership is set already. */
RESULT acl_of_new_bucket(struct call *c, struct s3_bucket_record *bucket);
/* The list of an object as it is stored. */
struct acl acl_of_object(const struct place *place, const struct s3_attributes *attributes);
