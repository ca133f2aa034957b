// SPDX-License-Identifier: Apache-2.0
/*
 * EnableImageBlockPublicAccess, DisableImageBlockPublicAccess, GetImageBlockPublicAccessState, and
 * the end of a permission by who has it: CancelImageLaunchPermission. Control thread.
 */
#include "services/ec2/image.h"

#include <errno.h>

/* ---- with everybody ----------------------------------------------------------------------------
 */

/* "Understand block public access for AMIs": what is new is blocked until the account says other.
 */
static RESULT read_sharing(struct call *c, struct stored_image_sharing *ret)
{
    *ret = (struct stored_image_sharing){.account = c->account, .region = c->region};
    int error = stored_image_sharing_get(c->txn, c->arena, ret);
    return error && error != -ENOENT ? refuse_errno(c, error, "reading how images are shared") : OK;
}

static struct span state_of(const struct stored_image_sharing *sharing)
{
    return sharing->unblocked ? S("unblocked") : S("block-new-sharing");
}

/* The text that users of AWS were shown. */
RESULT image_check_publication(struct call *c)
{
    struct stored_image_sharing sharing;
    TRY(read_sharing(c, &sharing));
    return sharing.unblocked
               ? OK
               : refuse(c, &EC2_OPERATION_NOT_PERMITTED,
                        "You can\u2019t publicly share this image because block public access for "
                        "AMIs is enabled for this account. To publicly share the image, you must "
                        "call the DisableImageBlockPublicAccess API.");
}

enum SHARING { SHARING_BLOCKED, SHARING_UNBLOCKED };

static RESULT change(struct call *c, enum SHARING how, struct span *ret_state)
{
    struct stored_image_sharing sharing;
    TRY(read_sharing(c, &sharing));
    sharing.unblocked = how == SHARING_UNBLOCKED;
    stored_image_sharing_put(c->txn, &sharing);
    *ret_state = state_of(&sharing);
    return OK;
}

RESULT
ec2_enable_image_block_public_access(struct call *c,
                                     const struct ec2_enable_image_block_public_access_in *in,
                                     struct ec2_enable_image_block_public_access_out *out)
{
    return change(c, SHARING_BLOCKED, &out->image_block_public_access_state);
}

RESULT
ec2_disable_image_block_public_access(struct call *c,
                                      const struct ec2_disable_image_block_public_access_in *in,
                                      struct ec2_disable_image_block_public_access_out *out)
{
    return change(c, SHARING_UNBLOCKED, &out->image_block_public_access_state);
}

RESULT
ec2_get_image_block_public_access_state(struct call *c,
                                        const struct ec2_get_image_block_public_access_state_in *in,
                                        struct ec2_get_image_block_public_access_state_out *out)
{
    struct stored_image_sharing sharing;
    TRY(read_sharing(c, &sharing));
    out->image_block_public_access_state = state_of(&sharing);
    out->managed_by = S("account");
    return OK;
}

/* ---- with the caller ---------------------------------------------------------------------------
 */

RESULT ec2_cancel_image_launch_permission(struct call *c,
                                          const struct ec2_cancel_image_launch_permission_in *in,
                                          struct ec2_cancel_image_launch_permission_out *out)
{
    struct stored_image image;
    size_t kept = 0;
    TRY(image_find(c, in->image_id, &image));
    for (size_t i = 0; i < image.users.count; i++)
        if (!span_eq(image.users.at[i], c->account))
            image.users.at[kept++] = image.users.at[i];
    if (kept == image.users.count)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "The image '%.*s' is not shared with the account '%.*s'.",
                      SPAN_ARG(in->image_id), SPAN_ARG(c->account));
    image.users.count = kept;
    resource_put(c, &image_kind, &image);
    SET(out, return_, true);
    return OK;
}
