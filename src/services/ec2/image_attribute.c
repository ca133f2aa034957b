// SPDX-License-Identifier: Apache-2.0
/*
 * DescribeImageAttribute, ModifyImageAttribute, ResetImageAttribute: the description, and who may
 * launch the image. Control thread.
 */
#include "services/ec2/image.h"

#define USER_DIGITS 12

/* ---- showing -----------------------------------------------------------------------------------
 */

static void show_permissions(struct call *c, const struct stored_image *image,
                             struct ec2_launch_permission_list *to)
{
    to->at = arena_zalloc(c->arena, image->users.count + 2, sizeof *to->at);
    if (image->is_public)
        to->at[to->count++].group = S("all");
    for (size_t i = 0; i < image->users.count; i++)
        to->at[to->count++].user_id = image->users.at[i];
}

RESULT ec2_describe_image_attribute(struct call *c,
                                    const struct ec2_describe_image_attribute_in *in,
                                    struct ec2_describe_image_attribute_out *out)
{
    struct stored_image image;
    TRY(image_own(c, in->image_id, &image));
    out->image_id = image.id;
    if (span_eq(in->attribute, S("launchPermission"))) {
        show_permissions(c, &image, &out->launch_permissions);
    } else if (span_eq(in->attribute, S("description"))) {
        out->description = ARENA_NEW(c->arena, struct ec2_attribute_value);
        out->description->value = image.description;
    } else {
        return resource_not_built(c, arena_cstr(c->arena, in->attribute));
    }
    return OK;
}

/* ---- who may launch it -------------------------------------------------------------------------
 */

enum CHANGE { CHANGE_ADD, CHANGE_REMOVE };

static RESULT check_user(struct call *c, struct span user)
{
    bool good = user.len == USER_DIGITS;
    for (size_t i = 0; good && i < user.len; i++)
        good = user.at[i] >= '0' && user.at[i] <= '9';
    return good ? OK
                : refuse(c, &EC2_INVALID_USER_ID_MALFORMED, "Invalid user id: \"%.*s\"",
                         SPAN_ARG(user));
}

static RESULT change_user(struct call *c, struct stored_image *image, struct span user,
                          enum CHANGE how)
{
    struct record_texts left = {.at = ARENA_ARRAY(c->arena, struct span, image->users.count + 1)};
    TRY(check_user(c, user));
    for (size_t i = 0; i < image->users.count; i++)
        if (!span_eq(image->users.at[i], user))
            left.at[left.count++] = image->users.at[i];
    if (how == CHANGE_ADD)
        left.at[left.count++] = user;
    image->users = left;
    return OK;
}

static RESULT change_group(struct call *c, struct stored_image *image, struct span group,
                           enum CHANGE how)
{
    if (!span_eq(group, S("all")))
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Value (%.*s) for parameter userGroup is invalid. The only group is all.",
                      SPAN_ARG(group));
    if (how == CHANGE_ADD && !image->is_public)
        TRY(image_check_publication(c));
    image->is_public = how == CHANGE_ADD;
    return OK;
}

static RESULT change_permissions(struct call *c, struct stored_image *image,
                                 const struct ec2_launch_permission_list *list, enum CHANGE how)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct ec2_launch_permission *one = &list->at[i];
        if (one->organization_arn.at || one->organizational_unit_arn.at)
            return resource_not_built(c, "Sharing with an organization");
        if (one->group.at)
            TRY(change_group(c, image, one->group, how));
        if (one->user_id.at)
            TRY(change_user(c, image, one->user_id, how));
    }
    return OK;
}

/* The older form. */
static RESULT change_listed(struct call *c, struct stored_image *image,
                            const struct ec2_modify_image_attribute_in *in)
{
    enum CHANGE how = span_eq(in->operation_type, S("remove")) ? CHANGE_REMOVE : CHANGE_ADD;
    for (size_t i = 0; i < in->user_ids.count; i++)
        TRY(change_user(c, image, in->user_ids.at[i], how));
    for (size_t i = 0; i < in->user_groups.count; i++)
        TRY(change_group(c, image, in->user_groups.at[i], how));
    return OK;
}

/* ---- changing ----------------------------------------------------------------------------------
 */

RESULT ec2_modify_image_attribute(struct call *c, const struct ec2_modify_image_attribute_in *in,
                                  struct ec2_modify_image_attribute_out *out)
{
    struct stored_image image;
    TRY(image_own(c, in->image_id, &image));
    if (in->imds_support || in->product_codes.count || in->organization_arns.count ||
        in->organizational_unit_arns.count)
        return resource_not_built(c, "Changing ImdsSupport, product codes or organizations");
    if (in->description)
        image.description = in->description->value;
    if (span_eq(in->attribute, S("description")) && in->value.at)
        image.description = in->value;
    if (in->launch_permission) {
        TRY(change_permissions(c, &image, &in->launch_permission->add, CHANGE_ADD));
        TRY(change_permissions(c, &image, &in->launch_permission->remove, CHANGE_REMOVE));
    }
    TRY(change_listed(c, &image, in));
    resource_put(c, &image_kind, &image);
    return OK;
}

RESULT ec2_reset_image_attribute(struct call *c, const struct ec2_reset_image_attribute_in *in,
                                 struct ec2_reset_image_attribute_out *out)
{
    struct stored_image image;
    TRY(image_own(c, in->image_id, &image));
    image.is_public = false;
    image.users = (struct record_texts){0};
    resource_put(c, &image_kind, &image);
    return OK;
}
