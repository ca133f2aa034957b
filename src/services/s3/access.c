// SPDX-License-Identifier: Apache-2.0
/*
 * The S3 side of authorisation: finds the bucket that a resource's ARN names and completes auth's
 * question by what the bucket says. A bucket that is not there, or is of another region, is told
 * before any permission is looked at, as S3 does. Any thread.
 */
#include "services/s3/access.h"

#include "services/s3/acceleration.h"
#include "services/s3/access_point.h"
#include "services/s3/acl.h"
#include "services/s3/checksum.h"
#include "services/s3/condition_keys.h"
#include "services/s3/cors.h"
#include "services/s3/document.h"
#include "services/s3/form.h"
#include "services/s3/note.h"
#include "services/s3/object.h"
#include "services/s3/payment.h"
#include "services/s3/policy.h"
#include "services/s3/public_access.h"
#include "services/s3/s3.api.h"

#include <errno.h>

/* ---- regions -------------------------------------------------------------------------------- */

static const struct error_kind PERMANENT_REDIRECT = {"PermanentRedirect", NULL, 301};
static const struct error_kind BAD_QUERY = {"AuthorizationQueryParametersError", NULL, 400};

/* Clients take the bucket's region from the header, or from the member Region, and sign again. The
 * endpoint stays the one they used, since it serves all regions. Source: "Making requests: request
 * redirection and the REST API". */
static RESULT refuse_region(struct call *c, const struct s3_bucket_record *bucket)
{
    const struct refusal *refusal;
    call_add_header(c, S("x-amz-bucket-region"), bucket->region);
    if (c->signature.by == SIGNED_BY_QUERY)
        return refuse_with(c, &BAD_QUERY, S("Region"), bucket->region,
                           "Error parsing the X-Amz-Credential parameter; the region '%.*s' is "
                           "wrong; expecting '%.*s'",
                           SPAN_ARG(c->signature.region), SPAN_ARG(bucket->region));
    refusal = refuse_with(c, &PERMANENT_REDIRECT, S("Endpoint"), c->host,
                          "The bucket you are attempting to access must be addressed using the "
                          "specified endpoint. Please send all future requests to this endpoint.");
    return refusal_add(c, refusal, S("Bucket"), bucket->name);
}

/* us-east-1 tells the location of every bucket: that is how clients learn it. */
static RESULT check_region(struct call *c, const struct s3_bucket_record *bucket)
{
    struct span signed_for = c->signature.region;
    if (span_is_absent(signed_for) || span_eq(signed_for, bucket->region))
        return OK;
    bool asks_where = span_eq(service_text(c->service, c->operation->name), S("GetBucketLocation"));
    if (asks_where && span_eq(signed_for, S("us-east-1")))
        return OK;
    return refuse_region(c, bucket);
}

RESULT access_find_bucket(struct call *c, struct txn *txn, struct span name,
                          struct s3_bucket_record *out)
{
    *out = (struct s3_bucket_record){.name = name};
    int result = s3_bucket_record_get(txn, c->arena, out);
    if (result == -ENOENT)
        return place_name_is_valid(name) ? place_refuse_missing(c, name)
                                         : place_refuse_name(c, name);
    if (result < 0)
        return refuse_errno(c, result, "reading bucket %.*s", SPAN_ARG(name));
    return OK;
}

struct resource {
    struct span bucket, key; /* key absent: the bucket itself */
    bool asked_for;          /* by the request, which may name a version */
};

bool access_read_arn(struct span arn, struct span *ret_bucket, struct span *ret_key)
{
    struct span prefix = S("arn:aws:s3:::");
    if (!span_starts(arn, prefix))
        return false;
    struct span rest = span_from(arn, prefix.len);
    *ret_bucket = span_cut(&rest, '/');
    *ret_key = rest;
    return true;
}

/* ---- the question --------------------------------------------------------------------------- */

/* Which permission of which list allows an action. Source: "Mapping of ACL permissions and access
 * policy permissions". */
enum LIST { LIST_OF_BUCKET, LIST_OF_OBJECT };

static const struct listed_action {
    struct span action;
    enum LIST list;
    enum ACL_PERMISSION permission;
} listed_actions[] = {
    {S_INIT("s3:DeleteObject"), LIST_OF_BUCKET, ACL_WRITE},
    {S_INIT("s3:GetBucketAcl"), LIST_OF_BUCKET, ACL_READ_ACP},
    {S_INIT("s3:GetObject"), LIST_OF_OBJECT, ACL_READ},
    {S_INIT("s3:GetObjectAcl"), LIST_OF_OBJECT, ACL_READ_ACP},
    {S_INIT("s3:GetObjectVersion"), LIST_OF_OBJECT, ACL_READ},
    {S_INIT("s3:GetObjectVersionAcl"), LIST_OF_OBJECT, ACL_READ_ACP},
    {S_INIT("s3:ListBucket"), LIST_OF_BUCKET, ACL_READ},
    {S_INIT("s3:ListBucketMultipartUploads"), LIST_OF_BUCKET, ACL_READ},
    {S_INIT("s3:ListBucketVersions"), LIST_OF_BUCKET, ACL_READ},
    {S_INIT("s3:PutBucketAcl"), LIST_OF_BUCKET, ACL_WRITE_ACP},
    {S_INIT("s3:PutObject"), LIST_OF_BUCKET, ACL_WRITE},
    {S_INIT("s3:PutObjectAcl"), LIST_OF_OBJECT, ACL_WRITE_ACP},
    {S_INIT("s3:PutObjectVersionAcl"), LIST_OF_OBJECT, ACL_WRITE_ACP},
};

static const struct listed_action *listed_action_of(struct span action)
{
    for (size_t i = 0; i < ARRAY_LEN(listed_actions); i++)
        if (span_eq_nocase(action, listed_actions[i].action))
            return &listed_actions[i];
    return NULL;
}

/* The question, and what it is about. */
struct inquiry {
    struct call *c;
    struct place place;
    struct resource resource;
    struct auth_question *question;
};

/* An object that somebody else owns is that account's to give, not the bucket's owner's. */
static RESULT add_object_list(struct inquiry *inquiry, enum ACL_PERMISSION permission,
                              enum ACL_PUBLIC heed)
{
    struct object_found found;
    bool there;
    struct call *c = inquiry->c;
    struct object_name name = {.key = inquiry->resource.key};
    if (inquiry->resource.asked_for)
        name.version_id = condition_key_version(c);
    TRY(object_find_version(c, &inquiry->place, &name, &found, &there));
    if (!there)
        return OK;
    struct acl acl = acl_of_object(&inquiry->place, &found.attributes);
    inquiry->question->policy_only_denies = !span_eq(acl.owner, inquiry->place.bucket.account);
    inquiry->question->resource_account = acl.owner;
    inquiry->question->granted = acl_grant(c, &acl, permission, heed);
    return OK;
}

static RESULT add_bucket_list(struct inquiry *inquiry, enum ACL_PERMISSION permission,
                              enum ACL_PUBLIC heed)
{
    struct s3_bucket_document document;
    const struct s3_bucket_record *bucket = &inquiry->place.bucket;
    bool found;
    TRY(document_get(inquiry->c, bucket, DOCUMENT_ACL, &document, &found));
    struct acl acl = {.owner = bucket->account, .grants = found ? &document.grants : NULL};
    inquiry->question->granted = acl_grant(inquiry->c, &acl, permission, heed);
    return OK;
}

static RESULT add_lists(struct inquiry *inquiry)
{
    const struct s3_bucket_record *bucket = &inquiry->place.bucket;
    const struct listed_action *listed = listed_action_of(inquiry->question->action);
    if (!listed || !ownership_heeds_acls(bucket))
        return OK;
    enum ACL_PUBLIC heed = public_access_blocks(inquiry->c, bucket, HEEDED_ACLS)
                               ? ACL_PUBLIC_IGNORED
                               : ACL_PUBLIC_HEEDED;
    return listed->list == LIST_OF_OBJECT ? add_object_list(inquiry, listed->permission, heed)
                                          : add_bucket_list(inquiry, listed->permission, heed);
}

/* RestrictPublicBuckets: a public policy admits nobody beyond the owner's account. */
static RESULT add_policy(struct inquiry *inquiry)
{
    struct call *c = inquiry->c;
    const struct s3_bucket_record *bucket = &inquiry->place.bucket;
    const struct policy *policy;
    TRY(policy_of_bucket(c, bucket, &policy));
    bool outside = !span_eq(acl_caller(c), bucket->account);
    if (policy && outside && public_access_blocks(c, bucket, UNRESTRICTED) &&
        policy_is_public(policy))
        return refuse(c, &S3_ACCESS_DENIED, "Access Denied");
    inquiry->question->resource_policy = policy;
    inquiry->question->caller_canonical =
        c->caller ? place_owner_id(c, c->caller->account) : SPAN_NONE;
    return OK;
}

static RESULT complete(struct inquiry *inquiry)
{
    struct call *c = inquiry->c;
    struct place *place = &inquiry->place;
    place->index = (struct object_bucket){.txn = c->txn, .arena = c->arena, .id = place->bucket.id};
    inquiry->question->resource_account = place->bucket.account;
    TRY(access_point_ask(c, place->bucket.name, inquiry->question->action, inquiry->resource.key));
    if (c->caller && c->caller->unrestricted)
        return OK;
    TRY(payment_check(c, &place->bucket));
    TRY(add_policy(inquiry));
    return add_lists(inquiry);
}

static RESULT s3_resource(struct call *c, const void *in, struct auth_question *question)
{
    struct inquiry inquiry = {.c = c, .question = question};
    if (!access_read_arn(question->resource, &inquiry.resource.bucket, &inquiry.resource.key))
        return OK;
    if (span_eq(question->action, S("s3:CreateBucket")))
        return condition_keys_note(c, in);
    TRY(access_find_bucket(c, c->txn, inquiry.resource.bucket, &inquiry.place.bucket));
    TRY(check_region(c, &inquiry.place.bucket));
    TRY(acceleration_check(c, &inquiry.place.bucket));
    note_begin(c, &inquiry.place.bucket, inquiry.resource.key);
    inquiry.resource.asked_for = true;
    TRY(condition_keys_note(c, in));
    return complete(&inquiry);
}

RESULT access_require(struct call *c, struct span action, struct span bucket, struct span key)
{
    struct auth_question question = {.action = action, .resource = place_arn(c, bucket, key)};
    struct inquiry inquiry = {.c = c, .resource = {bucket, key}, .question = &question};
    TRY(access_find_bucket(c, c->txn, bucket, &inquiry.place.bucket));
    TRY(complete(&inquiry));
    return auth_ask(c, &question);
}

RESULT access_check_bucket(struct call *c, struct span name)
{
    struct s3_bucket_record bucket;
    TRY(access_find_bucket(c, c->txn, name, &bucket));
    note_begin(c, &bucket, SPAN_NONE);
    TRY(acceleration_check(c, &bucket));
    return check_region(c, &bucket);
}

extern const struct service_hooks s3_hooks;
const struct service_hooks s3_hooks = {
    .cors = cors_answer,
    .enter = access_point_enter,
    .body = checksum_check_body,
    .form = form_read,
    .replied = note_replied,
    .finished = note_finished,
    .resource = s3_resource,
    .condition = s3_condition,
};
