// SPDX-License-Identifier: Apache-2.0
/* The public access block of an account. Writes on the control thread, reads on loops. */
#include "services/s3control/account.h"

RESULT account_check(struct call *c, struct span account)
{
    return span_eq(account, c->account) ? OK : refuse(c, &S3CONTROL_ACCESS_DENIED, "Access Denied");
}

uint64_t account_read_block(const struct s3control_public_access_block_configuration *block)
{
    uint64_t blocked = 0;
    blocked |= block->block_public_acls ? S3_BLOCK_ACLS : 0ULL;
    blocked |= block->ignore_public_acls ? S3_IGNORE_ACLS : 0ULL;
    blocked |= block->block_public_policy ? S3_BLOCK_POLICY : 0ULL;
    blocked |= block->restrict_public_buckets ? S3_RESTRICT : 0ULL;
    return blocked;
}

struct s3control_public_access_block_configuration *account_show_block(struct call *c,
                                                                       uint64_t blocked)
{
    struct s3control_public_access_block_configuration *block =
        ARENA_NEW(c->arena, struct s3control_public_access_block_configuration);
    SET(block, block_public_acls, blocked & S3_BLOCK_ACLS);
    SET(block, ignore_public_acls, blocked & S3_IGNORE_ACLS);
    SET(block, block_public_policy, blocked & S3_BLOCK_POLICY);
    SET(block, restrict_public_buckets, blocked & S3_RESTRICT);
    return block;
}

static bool says_something(const struct s3control_public_access_block_configuration *block)
{
    return block && (block->has.block_public_acls || block->has.ignore_public_acls ||
                     block->has.block_public_policy || block->has.restrict_public_buckets);
}

RESULT s3control_put_public_access_block(struct call *c,
                                         const struct s3control_put_public_access_block_in *in,
                                         struct s3control_put_public_access_block_out *out)
{
    TRY(account_check(c, in->account_id));
    if (!says_something(in->public_access_block_configuration))
        return refuse(c, &S3CONTROL_INVALID_REQUEST, "Must specify at least one configuration.");
    s3_account_block_set(c, account_read_block(in->public_access_block_configuration));
    return OK;
}

RESULT s3control_get_public_access_block(struct call *c,
                                         const struct s3control_get_public_access_block_in *in,
                                         struct s3control_get_public_access_block_out *out)
{
    uint64_t blocked;
    bool found;
    TRY(account_check(c, in->account_id));
    TRY(s3_account_block_find(c, c->account, &blocked, &found));
    if (!found)
        return refuse_with(c, &S3CONTROL_NO_SUCH_PUBLIC_ACCESS_BLOCK_CONFIGURATION, S("AccountId"),
                           c->account, "The public access block configuration was not found");
    out->public_access_block_configuration = account_show_block(c, blocked);
    return OK;
}

RESULT
s3control_delete_public_access_block(struct call *c,
                                     const struct s3control_delete_public_access_block_in *in,
                                     struct s3control_delete_public_access_block_out *out)
{
    TRY(account_check(c, in->account_id));
    s3_account_block_forget(c);
    c->status = 204; /* recorded */
    return OK;
}
