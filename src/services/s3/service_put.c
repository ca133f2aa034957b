// SPDX-License-Identifier: Apache-2.0
/*
 * Whether a bucket admits what S3 delivers, and delivering it. Sources: "Enabling Amazon S3 server
 * access logging", "Granting permissions for Amazon S3 Inventory". Workers.
 */
#include "services/s3/service_put.h"

#include "auth/principal.h"
#include "services/s3/acl.h"
#include "services/s3/document.h"
#include "services/s3/policy.h"
#include "services/s3/public_access.h"
#include "services/s3/s3.api.h"
#include "services/s3/s3.h"

#include <errno.h>

/* S3 wants both in one region and has no known text for it. */
RESULT service_put_check_target(struct call *c, const struct s3_bucket_record *source,
                                struct span arn, struct span account)
{
    struct s3_bucket_record target = {.name = span_from(arn, S("arn:aws:s3:::").len)};
    if (!span_starts(arn, S("arn:aws:s3:::")) || !place_name_is_valid(target.name))
        return refuse(c, &S3_INVALID_S3_DESTINATION_BUCKET, "Invalid bucket ARN.");
    int result = s3_bucket_record_get(c->txn, c->arena, &target);
    if (result == -ENOENT)
        return refuse(c, &S3_INVALID_S3_DESTINATION_BUCKET,
                      "The destination bucket does not exist.");
    if (result < 0)
        return refuse_errno(c, result, "reading bucket %.*s", SPAN_ARG(target.name));
    if (!span_is_absent(account) && !span_eq(account, target.account))
        return refuse(c, &S3_INVALID_S3_DESTINATION_BUCKET,
                      "The destination bucket is not owned by the account that was named.");
    if (!span_eq(target.region, source->region))
        return refuse(c, &S3_INVALID_S3_DESTINATION_BUCKET,
                      "The destination bucket is not in the region of the source bucket.");
    return OK;
}

/* What the condition keys of the policy look at. */
struct asking {
    struct call *c;
    const struct service_put *put;
};

static bool lookup(void *user, struct span key, struct arena *arena, const struct span **ret_values,
                   size_t *ret_count)
{
    const struct asking *asking = user;
    struct span *value = ARENA_NEW(arena, struct span);
    if (span_eq(key, S("aws:sourcearn")))
        *value = asking->put->source_arn.at ? asking->put->source_arn
                                            : place_arn(asking->c, asking->put->source, SPAN_NONE);
    else if (span_eq(key, S("aws:sourceaccount")))
        *value = asking->put->account;
    else if (span_eq(key, S("aws:securetransport")))
        *value = S("true");
    else if (span_eq(key, S("s3:x-amz-acl")) && !asking->put->log_delivery)
        *value = S("bucket-owner-full-control");
    else
        return false;
    *ret_values = value;
    *ret_count = 1;
    return true;
}

static bool list_admits(const struct s3_bucket_document *acl)
{
    for (size_t i = 0; i < acl->grants.count; i++)
        if (acl->grants.at[i].grantee == GRANTEE_LOG_DELIVERY &&
            (acl->grants.at[i].permission & ACL_WRITE))
            return true;
    return false;
}

RESULT service_put_ask(struct call *c, const struct service_put *put, bool *ret_admitted)
{
    struct s3_bucket_document acl;
    struct s3_bucket_record target;
    const struct policy *policy;
    struct asking asking = {c, put};
    bool found = false;
    *ret_admitted = false;
    TRY(place_record(c, (struct place_name){.bucket = put->bucket}, &target));
    TRY(policy_of_bucket(c, &target, &policy));
    if (put->log_delivery && ownership_heeds_acls(&target))
        TRY(document_get(c, &target, DOCUMENT_ACL, &acl, &found));
    struct policy_request request = {.action = S("s3:PutObject"),
                                     .resource = place_arn(c, put->bucket, put->key),
                                     .principal_service = put->principal,
                                     .lookup = lookup,
                                     .user = &asking,
                                     .scratch = c->arena};
    enum DECISION decision = policy ? policy_decide(policy, &request).decision : DECISION_NONE;
    *ret_admitted =
        decision == DECISION_ALLOW || (decision == DECISION_NONE && found && list_admits(&acl));
    return OK;
}

RESULT service_put(struct call *c, const struct service_put *put)
{
    struct identity owner;
    struct span etag;
    struct s3_bucket_record target;
    struct s3_subject subject = {.bucket = put->bucket, .key = put->key};
    struct s3_writing writing = {.bytes = put->bytes, .content_type = put->content_type};
    TRY(place_record(c, (struct place_name){.bucket = put->bucket}, &target));
    principal_root(c->arena, target.account, &owner);
    c->caller = &owner;
    const struct refusal *refusal = s3_write(c, &subject, &writing, &etag);
    c->caller = NULL;
    return refusal;
}
