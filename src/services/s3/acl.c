// SPDX-License-Identifier: Apache-2.0
/*
 * Access control lists: every bucket and object has the private one, full control for its owner,
 * since no other can be set yet. Loop threads.
 */
#include "services/s3/object.h"
#include "services/s3/s3.api.h"

static void describe(struct call *c, struct span account, struct s3_owner **owner,
                     struct s3_grants *grants)
{
    struct span id = place_owner_id(c, account);
    *owner = ARENA_NEW(c->arena, struct s3_owner);
    (*owner)->id = id;
    grants->at = ARENA_NEW(c->arena, struct s3_grant);
    grants->count = 1;
    grants->at->permission = S("FULL_CONTROL");
    grants->at->grantee = ARENA_NEW(c->arena, struct s3_grantee);
    grants->at->grantee->id = id;
    grants->at->grantee->type = S("CanonicalUser");
}

RESULT s3_get_bucket_acl(struct call *c, const struct s3_get_bucket_acl_in *in,
                         struct s3_get_bucket_acl_out *out)
{
    struct s3_bucket_record bucket;
    TRY(place_record(c, (struct place_name){in->bucket, in->expected_bucket_owner}, &bucket));
    describe(c, bucket.account, &out->owner, &out->grants);
    return OK;
}

RESULT s3_get_object_acl(struct call *c, const struct s3_get_object_acl_in *in,
                         struct s3_get_object_acl_out *out)
{
    struct place place;
    struct object_found found;
    struct object_name name = {in->key, in->version_id};
    TRY(place_check_key(c, in->key));
    TRY(object_open_place(c, (struct place_name){in->bucket, in->expected_bucket_owner}, &name,
                          &place));
    TRY(object_need(c, &place, &name, &found));
    describe(c, place.bucket.account, &out->owner, &out->grants);
    return OK;
}
