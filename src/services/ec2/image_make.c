// SPDX-License-Identifier: Apache-2.0
/*
 * CreateImage, CopyImage, DeregisterImage. A handler writes the image in `pending`; its step has
 * the disk copied by a worker (disk_copy.c) and looks what became of it. That of a deregistered one
 * deletes the disk, once it is durable that nobody sees the image any more. Control thread.
 */
#include "services/ec2/image_make.h"

#include "services/ec2/client_token.h"
#include "services/ec2/disk_copy.h"
#include "services/ec2/image.h"
#include "services/ec2/instance.h"
#include "services/ec2/machine.h"
#include "services/ec2/tag.h"
#include "wire/region.h"

#include <ctype.h>
#include <errno.h>

#define AGAIN_MS 2000

/* ---- the step ----------------------------------------------------------------------------------
 */

static RESULT settle(struct call *c, struct stored_image *image, enum IMAGE_STATE state,
                     struct span why)
{
    image->state = state;
    image->failure = why;
    disk_copy_forget(c, image->id);
    resource_put(c, &image_kind, image);
    return OK;
}

static RESULT begin(struct call *c, const struct stored_image *image)
{
    const struct disk_copy_wish wish = {
        .waiting = image->id,
        .image = image->id,
        .incoming = image->incoming,
        .instance = image->source_image.at ? SPAN_NONE : image->source,
        .source_image = image->source_image,
        .how = image->no_reboot ? SANDBOX_SAVE_STOPPED : SANDBOX_SAVE_REBOOTED};
    int error = disk_copy_begin(c, &wish);
    return error && error != -EAGAIN ? refuse_errno(c, error, "copying a disk") : OK;
}

static RESULT step_pending(struct call *c, struct stored_image *image, int64_t *ret_due_ms)
{
    struct span why;
    switch (disk_copy_state(c, image->id, &why)) {
    case DISK_COPY_NONE:
        *ret_due_ms = c->now_ms + AGAIN_MS;
        return begin(c, image);
    case DISK_COPY_WORKING:
        *ret_due_ms = c->now_ms + AGAIN_MS;
        return OK;
    case DISK_COPY_DONE:
        return settle(c, image, IMAGE_AVAILABLE, SPAN_NONE);
    case DISK_COPY_FAILED:
        break;
    }
    return settle(c, image, IMAGE_FAILED, why);
}

static RESULT step_deregistered(struct call *c, struct stored_image *image, int64_t *ret_due_ms)
{
    struct span why;
    bool awaited;
    TRY(image_is_awaited(c, image->id, &awaited));
    if (awaited || disk_copy_state(c, image->id, &why) == DISK_COPY_WORKING) {
        *ret_due_ms = c->now_ms + AGAIN_MS;
        return OK;
    }
    disk_copy_forget(c, image->id);
    disk_copy_drop(c, image->id);
    resource_drop(c, &image_kind, image);
    return OK;
}

RESULT image_step(struct call *c, void *record, int64_t *ret_due_ms)
{
    struct stored_image *image = record;
    if (image->state == IMAGE_PENDING)
        return step_pending(c, image, ret_due_ms);
    return image->state == IMAGE_DEREGISTERED ? step_deregistered(c, image, ret_due_ms) : OK;
}

/* ---- making ------------------------------------------------------------------------------------
 */

static RESULT check_name(struct call *c, struct span name)
{
    struct span other;
    static const char others[] = "()[] ./-'@_";
    bool good = name.len >= 3 && name.len <= 128;
    for (size_t i = 0; good && i < name.len; i++)
        good = isalnum((unsigned char)name.at[i]) || strchr(others, name.at[i]);
    if (!good)
        return refuse(
            c, &EC2_INVALID_AMI_NAME_MALFORMED,
            "AMI names must be between 3 and 128 characters long, and may contain letters, "
            "numbers, '(', ')', '.', '-', '/' and '_'");
    TRY(image_named(c, name, &other));
    return other.at ? refuse(c, &EC2_INVALID_AMI_NAME_DUPLICATE,
                             "AMI name %.*s is already in use by AMI %.*s", SPAN_ARG(name),
                             SPAN_ARG(other))
                    : OK;
}

RESULT image_make(struct call *c, const struct stored_image *wanted,
                  const struct ec2_tag_specification_list *tags, struct span *ret_id)
{
    static const char *const tagged[] = {"image", "snapshot"};
    struct stored_image image = *wanted;
    TRY(check_name(c, image.name));
    TRY(tag_check_types(c, tags, tagged, ARRAY_LEN(tagged)));
    resource_name(c, &image_kind, &image);
    image.state = IMAGE_PENDING;
    image.created = c->now_ms;
    TRY(tag_new_typed(c, "image", image.id, tags));
    resource_put_moving(c, &image_kind, &image, 0);
    *ret_id = image.id;
    return OK;
}

/* Disks as they are: the root volume alone, of its size. */
static bool is_plain(const struct ec2_block_device_mapping_request_list *disks)
{
    return disks->count == 0;
}

RESULT ec2_create_image(struct call *c, const struct ec2_create_image_in *in,
                        struct ec2_create_image_out *out)
{
    struct stored_instance instance;
    TRY(resource_get(c, &instance_kind, in->instance_id, &instance));
    if (!is_plain(&in->block_device_mappings) || in->boot_mode_override.at ||
        (in->snapshot_location.at && !span_eq(in->snapshot_location, S("regional"))))
        return resource_not_built(c, "An image with other disks or another boot mode");
    if (instance.state != INSTANCE_RUNNING && instance.state != INSTANCE_STOPPED)
        return refuse(c, &EC2_INCORRECT_INSTANCE_STATE,
                      "The instance '%.*s' is not in the 'running' or 'stopped' state.",
                      SPAN_ARG(instance.id));
    const struct stored_image image = {.name = in->name,
                                       .description = in->description,
                                       .source = instance.id,
                                       .no_reboot = in->no_reboot,
                                       .gib = instance.disk_gib};
    return image_make(c, &image, &in->tag_specifications, &out->image_id);
}

RESULT ec2_copy_image(struct call *c, const struct ec2_copy_image_in *in,
                      struct ec2_copy_image_out *out)
{
    struct span made;
    struct stored_image from;
    if (in->encrypted || in->kms_key_id.at || in->destination_outpost_arn.at ||
        in->destination_availability_zone.at || in->destination_availability_zone_id.at ||
        in->copy_image_tags || in->has.snapshot_copy_completion_duration_minutes)
        return resource_not_built(c, "A copy of an image with such options");
    if (!span_eq(in->source_region, c->region))
        return resource_not_built(c, "A copy of an image from another region");
    TRY(client_token_find(c, in, in->client_token, &made));
    out->image_id = made;
    if (made.at)
        return OK;
    TRY(image_check(c, in->source_image_id, &from));
    if (image_is_host(&from))
        return resource_not_built(c, "A copy of the host's image");
    const struct stored_image image = {.name = in->name,
                                       .description =
                                           in->description.at ? in->description : from.description,
                                       .source = from.source,
                                       .source_image = from.id,
                                       .gib = from.gib};
    TRY(image_make(c, &image, &in->tag_specifications, &out->image_id));
    client_token_keep(c, in, in->client_token, out->image_id);
    return OK;
}

RESULT ec2_deregister_image(struct call *c, const struct ec2_deregister_image_in *in,
                            struct ec2_deregister_image_out *out)
{
    struct stored_image image;
    TRY(image_own(c, in->image_id, &image));
    if (image.is_protected)
        return refuse(c, &EC2_OPERATION_NOT_PERMITTED,
                      "The image '%.*s' is protected from being deregistered. Disable its "
                      "deregistration protection and try again.",
                      SPAN_ARG(image.id));
    image.state = IMAGE_DEREGISTERED;
    tag_drop_all(c, image.id);
    resource_put_moving(c, &image_kind, &image, 0);
    SET(out, return_, true);
    return OK;
}
