// SPDX-License-Identifier: Apache-2.0
/*
 * DisableImage, EnableImage, EnableImageDeprecation, DisableImageDeprecation,
 * EnableImageDeregistrationProtection, DisableImageDeregistrationProtection: who still finds and
 * launches an image, and whether it can go. Control thread.
 */
#include "services/ec2/image.h"

#include "base/time.h"

#define YEAR_MS (366 * DAY_MS)
#define YEARS 10       /* at most from now … */
#define YEARS_PUBLIC 2 /* … or from when it was made */

static RESULT find(struct call *c, struct span id, struct stored_image *ret)
{
    TRY(image_own(c, id, ret));
    return ret->state == IMAGE_AVAILABLE || ret->state == IMAGE_DISABLED
               ? OK
               : refuse(c, &EC2_INVALID_AMIID_UNAVAILABLE, "The image id '[%.*s]' is not available",
                        SPAN_ARG(id));
}

/* Nobody it was shared with has it any more, also when it is enabled again. */
RESULT ec2_disable_image(struct call *c, const struct ec2_disable_image_in *in,
                         struct ec2_disable_image_out *out)
{
    struct stored_image image;
    TRY(find(c, in->image_id, &image));
    image.state = IMAGE_DISABLED;
    image.is_public = false;
    image.users = (struct record_texts){0};
    resource_put(c, &image_kind, &image);
    SET(out, return_, true);
    return OK;
}

RESULT ec2_enable_image(struct call *c, const struct ec2_enable_image_in *in,
                        struct ec2_enable_image_out *out)
{
    struct stored_image image;
    TRY(find(c, in->image_id, &image));
    image.state = IMAGE_AVAILABLE;
    resource_put(c, &image_kind, &image);
    SET(out, return_, true);
    return OK;
}

/* ---- deprecation -------------------------------------------------------------------------------
 */

static RESULT check_time(struct call *c, const struct stored_image *image, int64_t at)
{
    int64_t latest =
        image->is_public ? image->created + YEARS_PUBLIC * YEAR_MS : c->now_ms + YEARS * YEAR_MS;
    if (at < c->now_ms)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "The deprecation time of an AMI cannot be in the past.");
    return at <= latest ? OK
                        : refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                                 "The deprecation time of %s AMI is at most %d years %s.",
                                 image->is_public ? "a public" : "an",
                                 image->is_public ? YEARS_PUBLIC : YEARS,
                                 image->is_public ? "after its creation" : "from now");
}

/* To the nearest minute, as EC2 rounds it. */
RESULT ec2_enable_image_deprecation(struct call *c,
                                    const struct ec2_enable_image_deprecation_in *in,
                                    struct ec2_enable_image_deprecation_out *out)
{
    struct stored_image image;
    TRY(find(c, in->image_id, &image));
    TRY(check_time(c, &image, in->deprecate_at));
    image.deprecated = (in->deprecate_at + MINUTE_MS / 2) / MINUTE_MS * MINUTE_MS;
    resource_put(c, &image_kind, &image);
    SET(out, return_, true);
    return OK;
}

RESULT ec2_disable_image_deprecation(struct call *c,
                                     const struct ec2_disable_image_deprecation_in *in,
                                     struct ec2_disable_image_deprecation_out *out)
{
    struct stored_image image;
    TRY(find(c, in->image_id, &image));
    image.deprecated = 0;
    resource_put(c, &image_kind, &image);
    SET(out, return_, true);
    return OK;
}

/* ---- protection --------------------------------------------------------------------------------
 */

static RESULT protect(struct call *c, struct span id, uint64_t protected, struct span *ret_told)
{
    struct stored_image image;
    TRY(find(c, id, &image));
    image.is_protected = protected;
    resource_put(c, &image_kind, &image);
    *ret_told = image_protection(&image);
    return OK;
}

RESULT ec2_enable_image_deregistration_protection(
    struct call *c, const struct ec2_enable_image_deregistration_protection_in *in,
    struct ec2_enable_image_deregistration_protection_out *out)
{
    if (in->with_cooldown)
        return resource_not_built(c, "A cooldown of the protection");
    return protect(c, in->image_id, true, &out->return_);
}

RESULT ec2_disable_image_deregistration_protection(
    struct call *c, const struct ec2_disable_image_deregistration_protection_in *in,
    struct ec2_disable_image_deregistration_protection_out *out)
{
    return protect(c, in->image_id, false, &out->return_);
}
