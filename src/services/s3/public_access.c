// SPDX-License-Identifier: Apache-2.0
/*
 * The public access block and the ownership controls of buckets: bits in the bucket's record, so
 * that asking for a permission reads nothing more. What they do is in access.c, policy.c and acl.c.
 * Control thread; reads on loops.
 */
#include "services/s3/public_access.h"

#include "services/s3/access_point.h"
#include "services/s3/document.h"
#include "services/s3/s3.api.h"

#include <errno.h>

#define NAME_OF(in) ((struct place_name){(in)->bucket, (in)->expected_bucket_owner})

/* ---- of accounts ---------------------------------------------------------------------------- */

RESULT s3_account_block_find(struct call *c, struct span account, uint64_t *ret_blocked,
                             bool *ret_found)
{
    struct s3_account_block block = {.account = account};
    int result = s3_account_block_get(c->txn, c->arena, &block);
    *ret_found = result == 0;
    *ret_blocked = result == 0 ? block.blocked : 0;
    return result < 0 && result != -ENOENT
               ? refuse_errno(c, result, "reading what an account blocks")
               : OK;
}

void s3_account_block_set(struct call *c, uint64_t blocked)
{
    s3_account_block_put(c->txn, &(struct s3_account_block){
                                     .account = c->account, .there = true, .blocked = blocked});
}

void s3_account_block_forget(struct call *c)
{
    s3_account_block_delete(c->txn, &(struct s3_account_block){.account = c->account});
}

/* What cannot be read blocks. */
static bool account_blocks(struct call *c, struct span account, enum PUBLIC_ACCESS what)
{
    uint64_t blocked;
    bool found;
    return s3_account_block_find(c, account, &blocked, &found) || (blocked & what);
}

static bool bucket_blocks(const struct s3_bucket_record *bucket, enum PUBLIC_ACCESS what)
{
    return !(bucket->unblocked & what);
}

bool public_access_blocks(struct call *c, const struct s3_bucket_record *bucket,
                          enum PUBLIC_ACCESS what)
{
    return bucket_blocks(bucket, what) || account_blocks(c, bucket->account, what) ||
           access_point_blocks(c, what);
}

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
    SET(block, block_public_acls, bucket_blocks(&bucket, UNBLOCKED_ACLS));
    SET(block, ignore_public_acls, bucket_blocks(&bucket, HEEDED_ACLS));
    SET(block, block_public_policy, bucket_blocks(&bucket, UNBLOCKED_POLICY));
    SET(block, restrict_public_buckets, bucket_blocks(&bucket, UNRESTRICTED));
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
