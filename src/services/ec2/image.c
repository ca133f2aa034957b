// SPDX-License-Identifier: Apache-2.0
/*
 * The one image: the host's root file system under a disk of the instance's own, so nothing has to
 * be downloaded or copied. Its id is the same everywhere; its owner is "amazon", as that of images
 * that come with the cloud. Control thread.
 */
#include "services/ec2/image.h"

#include "services/ec2/filter.h"
#include "services/ec2/instance_type.h"
#include "services/ec2/resource.h"

#define ID S("ami-0c10ad0f0057a11ce")
#define OWNER S("137112412989") /* whose images "amazon" owns in AWS */

static void show(struct call *c, struct ec2_image *to)
{
    struct span architecture = instance_type_architecture();
    struct ec2_block_device_mapping *disk = ARENA_NEW(c->arena, struct ec2_block_device_mapping);
    disk->device_name = IMAGE_ROOT_DEVICE;
    disk->ebs = ARENA_NEW(c->arena, struct ec2_ebs_block_device);
    SET(disk->ebs, delete_on_termination, true);
    SET(disk->ebs, encrypted, false);
    SET(disk->ebs, volume_size, IMAGE_DISK_GIB);
    disk->ebs->volume_type = S("gp3");
    *to = (struct ec2_image){
        .image_id = ID,
        .name = arena_printf(c->arena, "kintoun-host-%.*s", SPAN_ARG(architecture)),
        .description = S("The system of the host that kintoun runs on"),
        .image_location =
            arena_printf(c->arena, "amazon/kintoun-host-%.*s", SPAN_ARG(architecture)),
        .owner_id = OWNER,
        .image_owner_alias = S("amazon"),
        .state = S("available"),
        .architecture = architecture,
        .image_type = S("machine"),
        .root_device_name = IMAGE_ROOT_DEVICE,
        .root_device_type = S("ebs"),
        .virtualization_type = S("hvm"),
        .hypervisor = S("xen"), /* as DescribeImages says of every image */
        .platform_details = S("Linux/UNIX"),
        .usage_operation = S("RunInstances"),
        .creation_date = S("2026-11-01T00:00:00.000Z"),
        .imds_support = S("v2.0"),
    };
    SET(to, public, true);
    SET(to, ena_support, true);
    to->block_device_mappings.at = disk;
    to->block_device_mappings.count = 1;
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
};
static const struct filter_table filter_table = {EC2_SHAPE_IMAGE, filters, ARRAY_LEN(filters)};

static bool is_id(struct span id)
{
    struct span digits = span_from(id, strlen("ami-"));
    bool good = span_starts(id, S("ami-")) && (digits.len == 8 || digits.len == 17);
    for (size_t i = 0; good && i < digits.len; i++)
        good = strchr("0123456789abcdef", digits.at[i]) != NULL;
    return good;
}

RESULT image_check(struct call *c, struct span id)
{
    if (!is_id(id))
        return refuse(c, &EC2_INVALID_AMIID_MALFORMED,
                      "Invalid id: \"%.*s\" (expecting \"ami-...\")", SPAN_ARG(id));
    if (!span_eq(id, ID))
        return refuse(c, &EC2_INVALID_AMIID_NOT_FOUND, "The image id '[%.*s]' does not exist",
                      SPAN_ARG(id));
    return OK;
}

static bool is_owner(const struct call *c, const struct span *owners, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (span_eq(owners[i], S("amazon")) || span_eq(owners[i], OWNER) ||
            (span_eq(owners[i], S("self")) && span_eq(c->account, OWNER)))
            return true;
    return count == 0;
}

/* Everybody may launch it. */
static bool is_executable(const struct span *users, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (span_eq(users[i], S("all")))
            return true;
    return count == 0;
}

RESULT ec2_describe_images(struct call *c, const struct ec2_describe_images_in *in,
                           struct ec2_describe_images_out *out)
{
    for (size_t i = 0; i < in->image_ids.count; i++)
        TRY(image_check(c, in->image_ids.at[i]));
    TRY(filter_check(c, &filter_table, &in->filters));
    out->images.at = ARENA_NEW(c->arena, struct ec2_image);
    show(c, out->images.at);
    out->images.count = is_owner(c, in->owners.at, in->owners.count) &&
                        is_executable(in->executable_users.at, in->executable_users.count) &&
                        filter_passes(c, &filter_table, &in->filters, out->images.at);
    return OK;
}
