// SPDX-License-Identifier: Apache-2.0
/*
 * Images. The host's own system under a disk of the instance's own is one that needs no record, so
 * nothing has to be downloaded or copied; its id is the same everywhere, and its owner is "amazon",
 * as that of images that come with the cloud. The others are records with a disk. Control thread.
 */
#include "services/ec2/image.h"

#include "base/text.h"
#include "base/time.h"
#include "services/ec2/describe.h"
#include "services/ec2/image_make.h"
#include "services/ec2/instance.h"
#include "services/ec2/instance_type.h"
#include "services/ec2/tag.h"

#include <errno.h>

#define HOST_ID S("ami-0c10ad0f0057a11ce")
#define OWNER S("137112412989")      /* whose images "amazon" owns in AWS */
#define HOST_CREATED 1793491200000LL /* 2026-11-01 */

bool image_is_host(const struct stored_image *image)
{
    return span_eq(image->id, HOST_ID);
}

struct span image_protection(const struct stored_image *image)
{
    return image->is_protected ? S("enabled-without-cooldown") : S("disabled");
}

static struct stored_image host_image(struct call *c)
{
    return (struct stored_image){
        .account = OWNER,
        .region = c->region,
        .id = HOST_ID,
        .name = arena_printf(c->arena, "kintoun-host-%.*s", SPAN_ARG(instance_type_architecture())),
        .description = S("The system of the host that kintoun runs on"),
        .state = IMAGE_AVAILABLE,
        .created = HOST_CREATED,
        .gib = IMAGE_DISK_GIB,
        .is_public = true};
}

/* ---- what is told ------------------------------------------------------------------------------
 */

static void show_disk(struct call *c, const struct stored_image *image, struct ec2_image *to)
{
    struct ec2_block_device_mapping *disk = ARENA_NEW(c->arena, struct ec2_block_device_mapping);
    disk->device_name = IMAGE_ROOT_DEVICE;
    disk->ebs = ARENA_NEW(c->arena, struct ec2_ebs_block_device);
    SET(disk->ebs, delete_on_termination, true);
    SET(disk->ebs, encrypted, false);
    SET(disk->ebs, volume_size, (int32_t)image->gib);
    disk->ebs->volume_type = S("gp3");
    to->block_device_mappings.at = disk;
    to->block_device_mappings.count = 1;
}

/* "2026-11-01T00:00:00.000Z" */
static struct span show_time(struct call *c, int64_t ms)
{
    struct civil at = time_civil(ms);
    return arena_printf(c->arena, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", at.year, at.month, at.day,
                        at.hour, at.minute, at.second, (int)(ms % 1000));
}

static RESULT show(struct call *c, const void *record, void *shown)
{
    static const struct span states[] = {[IMAGE_PENDING] = S_INIT("pending"),
                                         [IMAGE_AVAILABLE] = S_INIT("available"),
                                         [IMAGE_FAILED] = S_INIT("failed"),
                                         [IMAGE_DEREGISTERED] = S_INIT("deregistered"),
                                         [IMAGE_DISABLED] = S_INIT("disabled")};
    const struct stored_image *image = record;
    struct ec2_image *to = shown;
    struct span owner = image_is_host(image) ? S("amazon") : image->account;
    *to = (struct ec2_image){
        .image_id = image->id,
        .name = image->name,
        .description = image->description,
        .image_location =
            arena_printf(c->arena, "%.*s/%.*s", SPAN_ARG(owner), SPAN_ARG(image->name)),
        .owner_id = image->account,
        .image_owner_alias = image_is_host(image) ? S("amazon") : SPAN_NONE,
        .state = states[image->state],
        .architecture = instance_type_architecture(),
        .image_type = S("machine"),
        .root_device_name = IMAGE_ROOT_DEVICE,
        .root_device_type = S("ebs"),
        .virtualization_type = S("hvm"),
        .hypervisor = S("xen"), /* as DescribeImages says of every image */
        .platform_details = S("Linux/UNIX"),
        .usage_operation = S("RunInstances"),
        .creation_date = show_time(c, image->created),
        .imds_support = S("v2.0"),
        .source_instance_id = image->source,
        .source_image_id = image->source_image,
        .deregistration_protection = image_protection(image),
        .deprecation_time = image->deprecated ? show_time(c, image->deprecated) : SPAN_NONE,
    };
    SET(to, public, image->is_public);
    SET(to, ena_support, true);
    if (image->failure.at) {
        to->state_reason = ARENA_NEW(c->arena, struct ec2_state_reason);
        to->state_reason->code = S("Server.InternalError");
        to->state_reason->message = image->failure;
    }
    show_disk(c, image, to);
    return tag_list_if_any(c, image->id, &to->tags);
}

static const struct filter_name filters[] = {
    {"architecture", "Architecture"},
    {"block-device-mapping.delete-on-termination", "BlockDeviceMappings.Ebs.DeleteOnTermination"},
    {"block-device-mapping.device-name", "BlockDeviceMappings.DeviceName"},
    {"block-device-mapping.encrypted", "BlockDeviceMappings.Ebs.Encrypted"},
    {"block-device-mapping.snapshot-id", "BlockDeviceMappings.Ebs.SnapshotId"},
    {"block-device-mapping.volume-size", "BlockDeviceMappings.Ebs.VolumeSize"},
    {"block-device-mapping.volume-type", "BlockDeviceMappings.Ebs.VolumeType"},
    {"creation-date", "CreationDate"},
    {"description", "Description"},
    {"ena-support", "EnaSupport"},
    {"hypervisor", "Hypervisor"},
    {"image-id", "ImageId"},
    {"image-type", "ImageType"},
    {"is-public", "Public"},
    {"kernel-id", "KernelId"},
    {"manifest-location", "ImageLocation"},
    {"name", "Name"},
    {"owner-alias", "ImageOwnerAlias"},
    {"owner-id", "OwnerId"},
    {"platform", "Platform"},
    {"product-code", "ProductCodes.ProductCodeId"},
    {"ramdisk-id", "RamdiskId"},
    {"root-device-name", "RootDeviceName"},
    {"root-device-type", "RootDeviceType"},
    {"state", "State"},
    {"sriov-net-support", "SriovNetSupport"},
    {"virtualization-type", "VirtualizationType"},
    {"source-instance-id", "SourceInstanceId"},
    {"state-reason-code", "StateReason.Code"},
    {"state-reason-message", "StateReason.Message"},
};

const struct resource_kind image_kind = {
    .prefix = S_INIT("ami-"),
    .type = "image",
    .record = &stored_image_table,
    .vpc = RESOURCE_NO_VPC,
    .malformed = &EC2_INVALID_AMIID_MALFORMED,
    .missing = &EC2_INVALID_AMIID_NOT_FOUND,
    .missing_before = "The image id '[",
    .missing_after = "]' does not exist",
    .shown_size = sizeof(struct ec2_image),
    .show = show,
    .filters = {EC2_SHAPE_IMAGE, filters, ARRAY_LEN(filters)},
    .step = image_step,
};

/* ---- which there are ---------------------------------------------------------------------------
 */

struct images {
    struct call *c;
    struct stored_image *at;
    size_t count;
};

static bool may_launch(const struct call *c, const struct stored_image *image)
{
    bool may = image->is_public || span_eq(image->account, c->account);
    for (size_t i = 0; i < image->users.count && !may; i++)
        may = span_eq(image->users.at[i], c->account);
    return may;
}

static int keep_next(void *user, struct stored_image *image)
{
    struct images *images = user;
    if (!span_eq(image->region, images->c->region) || !may_launch(images->c, image) ||
        image->state == IMAGE_DEREGISTERED)
        return 0;
    images->at = resource_grow(images->c, images->at, images->count, sizeof *images->at);
    images->at[images->count++] = *image;
    return 0;
}

/* Of all accounts, those that the caller sees. */
static RESULT read_all(struct call *c, struct images *ret)
{
    *ret = (struct images){.c = c};
    ret->at = resource_grow(c, ret->at, 0, sizeof *ret->at);
    ret->at[ret->count++] = host_image(c);
    int error = stored_image_each(c->txn, &(struct stored_image){0}, 0, c->arena, keep_next, ret);
    return error < 0 ? refuse_errno(c, error, "reading images") : OK;
}

static RESULT missing(struct call *c, struct span id)
{
    return refuse(c, &EC2_INVALID_AMIID_NOT_FOUND, "The image id '[%.*s]' does not exist",
                  SPAN_ARG(id));
}

static RESULT check_id(struct call *c, struct span id)
{
    struct span digits = span_from(id, strlen("ami-"));
    bool good = span_starts(id, S("ami-")) && (digits.len == 8 || digits.len == 17);
    for (size_t i = 0; good && i < digits.len; i++)
        good = strchr("0123456789abcdef", digits.at[i]) != NULL;
    return good ? OK
                : refuse(c, &EC2_INVALID_AMIID_MALFORMED,
                         "Invalid id: \"%.*s\" (expecting \"ami-...\")", SPAN_ARG(id));
}

RESULT image_find(struct call *c, struct span id, struct stored_image *ret)
{
    struct images images;
    TRY(check_id(c, id));
    TRY(read_all(c, &images));
    for (size_t i = 0; i < images.count; i++) {
        *ret = images.at[i];
        if (span_eq(ret->id, id))
            return OK;
    }
    return missing(c, id);
}

RESULT image_own(struct call *c, struct span id, struct stored_image *ret)
{
    TRY(image_find(c, id, ret));
    return span_eq(ret->account, c->account)
               ? OK
               : refuse(c, &EC2_AUTH_FAILURE, "Not authorized for image:%.*s", SPAN_ARG(id));
}

RESULT image_check(struct call *c, struct span id, struct stored_image *ret)
{
    TRY(image_find(c, id, ret));
    return ret->state == IMAGE_AVAILABLE
               ? OK
               : refuse(c, &EC2_INVALID_AMIID_UNAVAILABLE, "The image id '[%.*s]' is not available",
                        SPAN_ARG(id));
}

RESULT image_named(struct call *c, struct span name, struct span *ret_id)
{
    struct resource_list all;
    *ret_id = SPAN_NONE;
    TRY(resource_list(c, &image_kind, WHERE(stored_image, name, name), &all));
    for (size_t i = 0; i < all.count; i++)
        if (((const struct stored_image *)all.at[i])->state != IMAGE_DEREGISTERED)
            *ret_id = resource_id(all.at[i]);
    return OK;
}

struct awaited {
    struct span image;
    bool found;
};

static int find_instance(void *user, struct stored_instance *instance)
{
    struct awaited *awaited = user;
    awaited->found = instance->state == INSTANCE_PENDING && !instance->has_run &&
                     span_eq(instance->image, awaited->image);
    return awaited->found;
}

static int find_copy(void *user, struct stored_image *copy)
{
    struct awaited *awaited = user;
    awaited->found = copy->state == IMAGE_PENDING && span_eq(copy->source_image, awaited->image);
    return awaited->found;
}

RESULT image_is_awaited(struct call *c, struct span id, bool *ret)
{
    struct awaited awaited = {.image = id};
    int error = stored_instance_each(c->txn, &(struct stored_instance){0}, 0, c->arena,
                                     find_instance, &awaited);
    if (!error && !awaited.found)
        error =
            stored_image_each(c->txn, &(struct stored_image){0}, 0, c->arena, find_copy, &awaited);
    *ret = awaited.found;
    return error < 0 ? refuse_errno(c, error, "looking who needs an image") : OK;
}

/* ---- DescribeImages ----------------------------------------------------------------------------
 */

static bool is_owner(const struct call *c, const struct span *owners, size_t count,
                     const struct stored_image *image)
{
    for (size_t i = 0; i < count; i++)
        if (span_eq(owners[i], image->account) ||
            (span_eq(owners[i], S("amazon")) && image_is_host(image)) ||
            (span_eq(owners[i], S("self")) && span_eq(c->account, image->account)))
            return true;
    return count == 0;
}

/* "self": shared with the caller by name. */
static bool is_executable(const struct call *c, const struct span *users, size_t count,
                          const struct stored_image *image)
{
    for (size_t i = 0; i < count; i++) {
        struct span user = span_eq(users[i], S("self")) ? c->account : users[i];
        if (span_eq(user, S("all")) && image->is_public)
            return true;
        for (size_t j = 0; j < image->users.count; j++)
            if (span_eq(user, image->users.at[j]))
                return true;
    }
    return count == 0;
}

static bool is_named(const struct span *ids, size_t count, struct span id)
{
    for (size_t i = 0; i < count; i++)
        if (span_eq(ids[i], id))
            return true;
    return count == 0;
}

/* The owner sees deprecated ones always. */
static bool is_shown(const struct call *c, const struct ec2_describe_images_in *in,
                     const struct stored_image *image)
{
    bool deprecated = image->deprecated && image->deprecated <= c->now_ms;
    if (image->state == IMAGE_DISABLED && !in->include_disabled)
        return false;
    return !deprecated || in->include_deprecated || span_eq(image->account, c->account);
}

static bool is_asked(const struct call *c, const struct ec2_describe_images_in *in,
                     const struct stored_image *image)
{
    return is_shown(c, in, image) && is_named(in->image_ids.at, in->image_ids.count, image->id) &&
           is_owner(c, in->owners.at, in->owners.count, image) &&
           is_executable(c, in->executable_users.at, in->executable_users.count, image);
}

RESULT ec2_describe_images(struct call *c, const struct ec2_describe_images_in *in,
                           struct ec2_describe_images_out *out)
{
    uint64_t from = 0;
    struct images images;
    struct stored_image found;
    if (in->next_token.at && !span_to_u64(in->next_token, &from))
        return refuse(c, &EC2_INVALID_NEXT_TOKEN, "The token '%.*s' is invalid",
                      SPAN_ARG(in->next_token));
    for (size_t i = 0; i < in->image_ids.count; i++)
        TRY(image_find(c, in->image_ids.at[i], &found));
    TRY(filter_check(c, &image_kind.filters, &in->filters));
    TRY(read_all(c, &images));
    out->images.at = ARENA_ARRAY(c->arena, struct ec2_image, images.count);
    for (size_t i = from; i < images.count; i++) {
        const struct stored_image *image = &images.at[i];
        struct ec2_image *to = &out->images.at[out->images.count];
        if (!is_asked(c, in, image))
            continue;
        if (in->max_results && out->images.count == (size_t)in->max_results) {
            out->next_token = arena_printf(c->arena, "%zu", i);
            break;
        }
        TRY(show(c, image, to));
        out->images.count += filter_passes(c, &image_kind.filters, &in->filters, to);
    }
    return OK;
}
