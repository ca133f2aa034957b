// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The access control list that a request asks for: a canned one, grants in headers, or a body. Any
 * thread. Source: "Canned ACL", PutBucketAcl, PutObjectAcl and the answers of S3. */
#include "services/s3/acl.h"

enum ACL_ASKED { ACL_ASKED_NOTHING, ACL_ASKED_CANNED, ACL_ASKED_GRANTS, ACL_ASKED_BODY };

struct acl_wish {
    enum ACL_ASKED asked;
    bool canned_owner_full_control; /* bucket-owner-full-control */
    struct s3_acl_grant_list grants;
};

struct acl_owners {
    struct span owner;        /* of the bucket or object that the list is for */
    struct span bucket_owner; /* for canned lists that name it */
};

struct s3_access_control_policy;
/* Of requests that have headers only. */
RESULT acl_wish_read_headers(struct call *c, const struct acl_owners *owners, struct acl_wish *out);
/* Of Put…Acl, which must ask for something: in headers or in the body, not both. */
RESULT acl_wish_read(struct call *c, const struct acl_owners *owners,
                     const struct s3_access_control_policy *body, struct acl_wish *out);

/* Full control for the owner and nothing else. */
bool acl_wish_is_private(const struct acl_wish *wish, struct span owner);
bool acl_wish_is_public(const struct acl_wish *wish);
/* Where lists are not heeded: nothing, or what comes to the same. */
bool acl_wish_fits_enforced(const struct acl_wish *wish, struct span bucket_owner);
/* BlockPublicAcls. */
RESULT acl_wish_check(struct call *c, const struct s3_bucket_record *bucket,
                      const struct acl_wish *wish, struct span action, struct span key);
RESULT acl_refuse_unheeded(struct call *c);
/* Absent for accounts. */
struct span acl_group_uri(enum GRANTEE grantee);
