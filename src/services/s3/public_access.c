// SPDX-License-Identifier: Apache-2.0
/*
 * The public access block and the ownership controls of buckets: bits in the bucket's record, so
 * that asking for a permission reads nothing more. What they do is in access.c, policy.c and acl.c.
 * Control thread; reads on loops.
 */
#include "services/s3/public_access.h"

#include "services/s3/document.h"
#include "services/s3/s3.api.h"

#define NAME_OF(in) ((struct place_name){(in)->bucket, (in)->expected_bucket_owner})

/* ---- public access block -------------------------------------------------------------------- */

static RESULT set_unblocked(struct call *c, struct place_name name, uint64_t unblocked)
{
    struct s3_bucket_record bucket;
    TRY(place_record(c, name, &bucket));
    bucket.unblocked = unblocked;
    s3_bucket_record_put(c->txn, &bucket);
    return OK;
}

RESULT s3_put_public_access_block(struct call *c, const struct s3_put_public_access_block_in *in,
                                  struct s3_put_public_access_block_out *out)
{
    const struct s3_public_access_block_configuration *wish = in->public_access_block_configuration;
    uint64_t unblocked = PUBLIC_ACCESS_ALL;
    if (!wish)
        return place_refuse_xml(c);
    unblocked &= ~(wish->block_public_acls ? UNBLOCKED_ACLS : 0ULL);
    unblocked &= ~(wish->ignore_public_acls ? HEEDED_ACLS : 0ULL);
    unblocked &= ~(wish->block_public_policy ? UNBLOCKED_POLICY : 0ULL);
    unblocked &= ~(wish->restrict_public_buckets ? UNRESTRICTED : 0ULL);
    return set_unblocked(c, NAME_OF(in), unblocked);
}

RESULT s3_get_public_access_block(struct call *c, const struct s3_get_public_access_block_in *in,
                                  struct s3_get_public_access_block_out *out)
{
    struct s3_bucket_record bucket;
    TRY(place_record(c, NAME_OF(in), &bucket));
    if (bucket.unblocked & PUBLIC_ACCESS_DELETED)
        return refuse_with(c, &S3_NO_SUCH_PUBLIC_ACCESS_BLOCK_CONFIGURATION, S("BucketName"),
                           in->bucket, "The public access block configuration was not found");
    struct s3_public_access_block_configuration *block =
        ARENA_NEW(c->arena, struct s3_public_access_block_configuration);
    SET(block, block_public_acls, public_access_blocks(&bucket, UNBLOCKED_ACLS));
    SET(block, ignore_public_acls, public_access_blocks(&bucket, HEEDED_ACLS));
    SET(block, block_public_policy, public_access_blocks(&bucket, UNBLOCKED_POLICY));
    SET(block, restrict_public_buckets, public_access_blocks(&bucket, UNRESTRICTED));
    out->public_access_block_configuration = block;
    return OK;
}

RESULT s3_delete_public_access_block(struct call *c,
                                     const struct s3_delete_public_access_block_in *in,
                                     struct s3_delete_public_access_block_out *out)
{
    return set_unblocked(c, NAME_OF(in), PUBLIC_ACCESS_ALL | PUBLIC_ACCESS_DELETED);
}

/* ---- ownership controls --------------------------------------------------------------------- */

static const struct span ownerships[] = {
    [OWNERSHIP_ENFORCED] = S_INIT("BucketOwnerEnforced"),
    [OWNERSHIP_PREFERRED] = S_INIT("BucketOwnerPreferred"),
    [OWNERSHIP_WRITER] = S_INIT("ObjectWriter"),
};

bool public_access_ownership(struct span name, uint64_t *out)
{
    for (*out = 0; *out < ARRAY_LEN(ownerships); ++*out)
        if (span_eq(ownerships[*out], name))
            return true;
    return false;
}

/* Lists that the owner's alone would replace stand in the way. */
static RESULT check_acl_of(struct call *c, const struct s3_bucket_record *bucket)
{
    struct s3_bucket_document acl;
    bool found;
    TRY(document_get(c, bucket, DOCUMENT_ACL, &acl, &found));
    if (!found)
        return OK;
    return refuse(c, &S3_INVALID_BUCKET_ACL_WITH_OBJECT_OWNERSHIP,
                  "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting");
}

RESULT s3_put_bucket_ownership_controls(struct call *c,
                                        const struct s3_put_bucket_ownership_controls_in *in,
                                        struct s3_put_bucket_ownership_controls_out *out)
{
    struct s3_bucket_record bucket;
    const struct s3_ownership_controls *wish = in->ownership_controls;
    uint64_t ownership;
    if (!wish || wish->rules.count != 1 ||
        !public_access_ownership(wish->rules.at[0].object_ownership, &ownership))
        return place_refuse_xml(c);
    TRY(place_record(c, NAME_OF(in), &bucket));
    if (ownership == OWNERSHIP_ENFORCED)
        TRY(check_acl_of(c, &bucket));
    bucket.ownership = ownership;
    s3_bucket_record_put(c->txn, &bucket);
    return OK;
}

RESULT s3_get_bucket_ownership_controls(struct call *c,
                                        const struct s3_get_bucket_ownership_controls_in *in,
                                        struct s3_get_bucket_ownership_controls_out *out)
{
    struct s3_bucket_record bucket;
    TRY(place_record(c, NAME_OF(in), &bucket));
    if (bucket.ownership == OWNERSHIP_DELETED)
        return refuse_with(c, &S3_OWNERSHIP_CONTROLS_NOT_FOUND_ERROR, S("BucketName"), in->bucket,
                           "The bucket ownership controls were not found");
    out->ownership_controls = ARENA_NEW(c->arena, struct s3_ownership_controls);
    struct s3_ownership_controls_rules *rules = &out->ownership_controls->rules;
    rules->at = ARENA_NEW(c->arena, struct s3_ownership_controls_rule);
    rules->count = 1;
    rules->at->object_ownership = ownerships[bucket.ownership];
    return OK;
}

RESULT s3_delete_bucket_ownership_controls(struct call *c,
                                           const struct s3_delete_bucket_ownership_controls_in *in,
                                           struct s3_delete_bucket_ownership_controls_out *out)
{
    struct s3_bucket_record bucket;
    TRY(place_record(c, NAME_OF(in), &bucket));
    bucket.ownership = OWNERSHIP_DELETED;
    s3_bucket_record_put(c->txn, &bucket);
    return OK;
}
