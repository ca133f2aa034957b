// SPDX-License-Identifier: Apache-2.0
/*
 * Access control lists as they are evaluated and shown. acl_wish.c reads them from requests. Any
 * thread; bucket lists are written on the control thread, those of objects under the key's lock.
 */
#include "services/s3/acl.h"

#include "services/s3/access.h"
#include "services/s3/acl_wish.h"
#include "services/s3/document.h"
#include "services/s3/object.h"
#include "services/s3/public_access.h"
#include "services/s3/s3.api.h"
#include "services/s3/subject.h"

#include <errno.h>

#define NAME_OF(in) ((struct place_name){(in)->bucket, (in)->expected_bucket_owner})

struct span acl_caller(const struct call *c)
{
    return c->caller ? c->caller->account : ACL_ANONYMOUS;
}

/* The id that S3 shows for everybody who did not sign. Source: "Canned ACL" and bucket listings. */
#define ANONYMOUS_ID S("65a011a29cdf8ec533ec3d1ccaae921c")

/* Lists may name accounts that this call does not know by their canonical ids. */
static struct span canonical_of(struct call *c, struct span id)
{
    if (span_eq(id, ACL_ANONYMOUS))
        return ANONYMOUS_ID;
    return id.len == 12 ? place_owner_id(c, id) : id;
}

/* ---- evaluating ----------------------------------------------------------------------------- */

static enum GRANT grant_of(struct call *c, const struct s3_acl_grant *grant, enum ACL_PUBLIC heed)
{
    switch ((enum GRANTEE)grant->grantee) {
    case GRANTEE_ACCOUNT:
        return span_eq(canonical_of(c, grant->id), canonical_of(c, acl_caller(c))) ? GRANT_ACCOUNT
                                                                                   : GRANT_NONE;
    case GRANTEE_EVERYBODY:
        return heed == ACL_PUBLIC_HEEDED ? GRANT_DIRECT : GRANT_NONE;
    case GRANTEE_AUTHENTICATED:
        return heed == ACL_PUBLIC_HEEDED && c->caller ? GRANT_ACCOUNT : GRANT_NONE;
    case GRANTEE_LOG_DELIVERY:
        break;
    }
    return GRANT_NONE;
}

enum GRANT acl_grant(struct call *c, const struct acl *acl, enum ACL_PERMISSION permission,
                     enum ACL_PUBLIC heed)
{
    const enum ACL_PERMISSION of_owner = ACL_READ_ACP | ACL_WRITE_ACP; /* whatever the list says */
    bool owner = span_eq(acl->owner, acl_caller(c));
    enum GRANT best = GRANT_NONE;
    if (owner && (!acl->grants || (permission & of_owner)))
        return c->caller ? GRANT_ACCOUNT : GRANT_DIRECT;
    for (size_t i = 0; acl->grants && i < acl->grants->count; i++) {
        const struct s3_acl_grant *grant = &acl->grants->at[i];
        enum GRANT given = grant->permission & permission ? grant_of(c, grant, heed) : GRANT_NONE;
        best = given > best ? given : best;
    }
    return best;
}

/* ---- showing -------------------------------------------------------------------------------- */

static struct span permission_name(uint64_t permission)
{
    switch (permission) {
    case ACL_READ:
        return S("READ");
    case ACL_WRITE:
        return S("WRITE");
    case ACL_READ_ACP:
        return S("READ_ACP");
    case ACL_WRITE_ACP:
        return S("WRITE_ACP");
    default:
        return S("FULL_CONTROL");
    }
}

static struct s3_grantee *show_grantee(struct call *c, const struct s3_acl_grant *grant)
{
    struct s3_grantee *grantee = ARENA_NEW(c->arena, struct s3_grantee);
    grantee->uri = acl_group_uri((enum GRANTEE)grant->grantee);
    grantee->type = grantee->uri.len ? S("Group") : S("CanonicalUser");
    if (!grantee->uri.len)
        grantee->id = canonical_of(c, grant->id);
    return grantee;
}

static void show(struct call *c, const struct acl *acl, struct s3_owner **owner,
                 struct s3_grants *grants)
{
    struct s3_acl_grant own = {
        .grantee = GRANTEE_ACCOUNT, .id = acl->owner, .permission = ACL_FULL_CONTROL};
    struct s3_acl_grant_list owners = {.at = &own, .count = 1};
    const struct s3_acl_grant_list *list = acl->grants ? acl->grants : &owners;
    *owner = ARENA_NEW(c->arena, struct s3_owner);
    (*owner)->id = canonical_of(c, acl->owner);
    grants->at = ARENA_ARRAY(c->arena, struct s3_grant, list->count);
    grants->count = list->count;
    for (size_t i = 0; i < list->count; i++) {
        grants->at[i].permission = permission_name(list->at[i].permission);
        grants->at[i].grantee = show_grantee(c, &list->at[i]);
    }
}

/* ---- lists of buckets ----------------------------------------------------------------------- */

RESULT s3_get_bucket_acl(struct call *c, const struct s3_get_bucket_acl_in *in,
                         struct s3_get_bucket_acl_out *out)
{
    struct s3_bucket_record bucket;
    struct s3_bucket_document document = {.grants = {.count = 0}};
    bool found;
    TRY(place_record(c, NAME_OF(in), &bucket));
    TRY(document_get(c, &bucket, DOCUMENT_ACL, &document, &found));
    struct acl acl = {.owner = bucket.account, .grants = found ? &document.grants : NULL};
    show(c, &acl, &out->owner, &out->grants);
    return OK;
}

static void set_bucket_acl(struct call *c, struct s3_bucket_record *bucket,
                           const struct acl_wish *wish)
{
    struct s3_bucket_document document = {.grants = wish->grants};
    if (acl_wish_is_private(wish, bucket->account))
        document_delete(c, bucket, DOCUMENT_ACL);
    else
        document_put(c, bucket, DOCUMENT_ACL, &document);
}

RESULT s3_put_bucket_acl(struct call *c, const struct s3_put_bucket_acl_in *in,
                         struct s3_put_bucket_acl_out *out)
{
    struct s3_bucket_record bucket;
    struct acl_wish wish;
    TRY(place_record(c, NAME_OF(in), &bucket));
    struct acl_owners owners = {.owner = bucket.account, .bucket_owner = bucket.account};
    TRY(acl_wish_read(c, &owners, in->access_control_policy, &wish));
    if (!ownership_heeds_acls(&bucket))
        return acl_refuse_unheeded(c);
    TRY(acl_wish_check(c, &bucket, &wish, S("s3:PutBucketAcl"), SPAN_NONE));
    set_bucket_acl(c, &bucket, &wish);
    return OK;
}

RESULT acl_of_new_bucket(struct call *c, struct s3_bucket_record *bucket)
{
    struct acl_wish wish;
    struct acl_owners owners = {.owner = bucket->account, .bucket_owner = bucket->account};
    TRY(acl_wish_read_headers(c, &owners, &wish));
    if (wish.asked == ACL_ASKED_NOTHING || acl_wish_is_private(&wish, bucket->account))
        return OK;
    if (!ownership_heeds_acls(bucket))
        return refuse(c, &S3_INVALID_BUCKET_ACL_WITH_OBJECT_OWNERSHIP,
                      "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced "
                      "setting");
    if (acl_wish_is_public(&wish) && public_access_blocks(c, bucket, UNBLOCKED_ACLS))
        return refuse(c, &S3_INVALID_BUCKET_ACL_WITH_BLOCK_PUBLIC_ACCESS_ERROR,
                      "Bucket cannot have public ACLs set with BlockPublicAccess enabled");
    set_bucket_acl(c, bucket, &wish);
    return OK;
}

/* ---- lists of objects ----------------------------------------------------------------------- */

struct acl acl_of_object(const struct place *place, const struct s3_attributes *attributes)
{
    bool heeded = ownership_heeds_acls(&place->bucket);
    return (struct acl){
        .owner = heeded && attributes->owner.len ? attributes->owner : place->bucket.account,
        .grants = heeded && attributes->has_acl ? &attributes->grants : NULL,
    };
}

RESULT s3_get_object_acl(struct call *c, const struct s3_get_object_acl_in *in,
                         struct s3_get_object_acl_out *out)
{
    struct place place;
    struct object_found found;
    struct object_name name = {in->key, in->version_id};
    TRY(place_check_key(c, in->key));
    TRY(object_open_place(c, NAME_OF(in), &name, &place));
    TRY(object_need(c, &place, &name, &found));
    struct acl acl = acl_of_object(&place, &found.attributes);
    show(c, &acl, &out->owner, &out->grants);
    return OK;
}

static void set_grants(struct s3_attributes *attributes, const struct acl_wish *wish,
                       struct span owner)
{
    attributes->has_acl = !acl_wish_is_private(wish, owner);
    attributes->grants =
        attributes->has_acl ? wish->grants : (struct s3_acl_grant_list){.count = 0};
}

RESULT s3_put_object_acl(struct call *c, const struct s3_put_object_acl_in *in,
                         struct s3_put_object_acl_out *out)
{
    struct subject subject;
    struct acl_wish wish;
    TRY(subject_find(c, SUBJECT_BUCKET(in), SUBJECT_NAME(in), &subject));
    struct s3_attributes *attributes = &subject.found.attributes;
    const struct s3_bucket_record *bucket = &subject.place.bucket;
    struct acl_owners owners = {.owner = acl_of_object(&subject.place, attributes).owner,
                                .bucket_owner = bucket->account};
    TRY(acl_wish_read(c, &owners, in->access_control_policy, &wish));
    if (!ownership_heeds_acls(bucket))
        return acl_refuse_unheeded(c);
    TRY(acl_wish_check(c, bucket, &wish, S("s3:PutObjectAcl"), in->key));
    set_grants(attributes, &wish, owners.owner);
    subject_write(c, &subject);
    return OK;
}

/* Whoever writes owns, but where the bucket's owner is preferred and granted full control. */
static struct span owner_of_new(struct call *c, const struct s3_bucket_record *bucket,
                                const struct acl_wish *wish)
{
    bool given = bucket->ownership == OWNERSHIP_PREFERRED && wish->canned_owner_full_control;
    return given || !ownership_heeds_acls(bucket) ? bucket->account : acl_caller(c);
}

RESULT acl_of_new_object(struct call *c, const struct place *place, struct span key,
                         struct s3_attributes *attributes)
{
    const struct s3_bucket_record *bucket = &place->bucket;
    struct acl_wish wish;
    struct acl_owners owners = {.owner = acl_caller(c), .bucket_owner = bucket->account};
    TRY(acl_wish_read_headers(c, &owners, &wish));
    if (!ownership_heeds_acls(bucket))
        return acl_wish_fits_enforced(&wish, bucket->account) ? OK : acl_refuse_unheeded(c);
    struct span owner = owner_of_new(c, bucket, &wish);
    attributes->owner = span_eq(owner, bucket->account) ? SPAN_NONE : owner;
    if (wish.asked == ACL_ASKED_NOTHING)
        return OK;
    TRY(acl_wish_check(c, bucket, &wish, S("s3:PutObject"), key));
    TRY(access_require(c, S("s3:PutObjectAcl"), bucket->name, key));
    set_grants(attributes, &wish, owner);
    return OK;
}
