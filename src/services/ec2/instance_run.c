// SPDX-License-Identifier: Apache-2.0
/*
 * RunInstances: checks what is wanted, writes the records in `pending`; the step makes the
 * machines. Control thread.
 */
#include "services/ec2/instance.h"

#include "base/text.h"
#include "services/ec2/home.h"
#include "services/ec2/image.h"
#include "services/ec2/instance_card.h"
#include "services/ec2/instance_option.h"
#include "services/ec2/instance_type.h"
#include "services/ec2/interface.h"
#include "services/ec2/key_pair.h"
#include "services/ec2/launch_template.h"
#include "services/ec2/metadata_options.h"
#include "services/ec2/profile.h"
#include "services/ec2/quota.h"
#include "services/ec2/tag.h"
#include "services/ec2/vpc.h"

#include <errno.h>

#define TYPE_DEFAULT S("m1.small")
#define USER_DATA_BYTES 16384
#define COUNT_MAX 1000

struct run {
    const struct ec2_run_instances_in *in;
    struct launch_source source;
    struct stored_instance common;
    struct instance_cards cards;
};

/* ---- what is not built -------------------------------------------------------------------------
 */

static bool is_plain_placement(const struct ec2_placement *placement)
{
    return !placement ||
           (!placement->affinity.at && !placement->group_name.len && !placement->group_id.at &&
            !placement->host_id.at && !placement->host_resource_group_arn.at &&
            !placement->spread_domain.at && !placement->has.partition_number &&
            (!placement->tenancy.at || span_eq(placement->tenancy, S("default"))));
}

static bool is_plain_disk(const struct ec2_block_device_mapping_request_list *disks)
{
    for (size_t i = 0; i < disks->count; i++) {
        const struct ec2_block_device_mapping *disk = &disks->at[i];
        const struct ec2_ebs_block_device *ebs = disk->ebs;
        if (!span_eq(disk->device_name, IMAGE_ROOT_DEVICE) || disk->no_device.at ||
            disk->virtual_name.at || !ebs || ebs->encrypted || ebs->has.iops ||
            ebs->has.throughput || ebs->kms_key_id.at || ebs->snapshot_id.at ||
            (ebs->has.delete_on_termination && !ebs->delete_on_termination))
            return false;
    }
    return disks->count <= 1;
}

static RESULT check_not_built(struct call *c, const struct ec2_run_instances_in *in)
{
    const struct {
        bool asked;
        const char *what;
    } parameters[] = {
        {in->enable_primary_ipv6, "EnablePrimaryIpv6"},
        {in->additional_info.at, "AdditionalInfo"},
        {in->ebs_optimized, "EbsOptimized"},
        {in->kernel_id.at || in->ramdisk_id.at, "A kernel of one's own"},
        {in->monitoring && in->monitoring->enabled, "Detailed monitoring"},
        {!is_plain_placement(in->placement), "This placement"},
        {in->elastic_gpu_specification.count || in->elastic_inference_accelerators.count,
         "An accelerator"},
        {in->instance_market_options != NULL, "InstanceMarketOptions"},
        {in->credit_specification &&
             !span_eq(in->credit_specification->cpu_credits, S("unlimited")),
         "The credit option 'standard'"},
        {in->cpu_options != NULL, "CpuOptions"},
        {in->capacity_reservation_specification != NULL, "A capacity reservation"},
        {in->hibernation_options && in->hibernation_options->configured, "Hibernation"},
        {in->license_specifications.count > 0, "A license configuration"},
        {in->enclave_options && in->enclave_options->enabled, "An enclave"},
        {in->network_performance_options != NULL, "NetworkPerformanceOptions"},
        {in->operator!= NULL, "Operator"},
        {in->secondary_interfaces.count > 0, "SecondaryInterfaces"},
        {!is_plain_disk(&in->block_device_mappings),
         "A block device but the root volume, of another size,"},
    };
    for (size_t i = 0; i < ARRAY_LEN(parameters); i++)
        if (parameters[i].asked)
            return resource_not_built(c, parameters[i].what);
    return OK;
}

/* ---- checks ------------------------------------------------------------------------------------
 */

static RESULT check_counts(struct call *c, const struct ec2_run_instances_in *in)
{
    if (in->min_count < 1 || in->max_count < 1)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Value (%d) for parameter %s is invalid. Parameter may not be less than 1",
                      in->min_count < 1 ? in->min_count : in->max_count,
                      in->min_count < 1 ? "minCount" : "maxCount");
    if (in->min_count > in->max_count)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Value (%d) for parameter minCount is invalid. MinCount may not exceed "
                      "maxCount",
                      in->min_count);
    if (in->max_count > COUNT_MAX)
        return refuse(c, &EC2_INSTANCE_LIMIT_EXCEEDED,
                      "You have requested more instances (%d) than your current instance limit of "
                      "%d allows for the specified instance type.",
                      in->max_count, COUNT_MAX);
    return OK;
}

static RESULT read_type(struct call *c, const struct ec2_run_instances_in *in, struct run *run)
{
    run->common.type = in->instance_type.at ? in->instance_type : TYPE_DEFAULT;
    if (!instance_type_named(run->common.type))
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE, "Invalid value '%.*s' for InstanceType.",
                      SPAN_ARG(run->common.type));
    return OK;
}

static RESULT read_user_data(struct call *c, struct span text, struct stored_instance *to)
{
    if (!text.len)
        return OK;
    to->user_data = base64_decode(c->arena, text);
    if (!to->user_data.at)
        return refuse(c, &EC2_INVALID_USER_DATA_MALFORMED, "Invalid BASE64 encoding of user data.");
    if (to->user_data.len > USER_DATA_BYTES)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE, "User data is limited to %d bytes",
                      USER_DATA_BYTES);
    return OK;
}

static RESULT read_disk(struct call *c, const struct ec2_run_instances_in *in,
                        const struct stored_image *image, struct stored_instance *to)
{
    to->own_image = !image_is_host(image);
    to->disk_gib = image->gib;
    if (!in->block_device_mappings.count || !in->block_device_mappings.at[0].ebs->has.volume_size)
        return OK;
    int32_t wanted = in->block_device_mappings.at[0].ebs->volume_size;
    if (wanted < (int32_t)image->gib)
        return refuse(c, &EC2_INVALID_BLOCK_DEVICE_MAPPING,
                      "Volume of size %dGB is smaller than snapshot '%.*s', expect size >= %dGB",
                      wanted, SPAN_ARG(image->id), (int)image->gib);
    to->disk_gib = (uint64_t)wanted;
    return OK;
}

/* ---- idempotency -------------------------------------------------------------------------------
 */

static bool has_token(const struct stored_instance *instance, struct span token)
{
    return token.len && span_eq(instance->client_token, token) &&
           instance->state != INSTANCE_TERMINATED;
}

/* The instances that a call with this token has made. */
static RESULT find_made(struct call *c, const struct ec2_run_instances_in *in,
                        struct stored_instance *made, size_t *ret_count)
{
    struct resource_list all;
    *ret_count = 0;
    if (!in->client_token.len)
        return OK;
    TRY(resource_list(c, &instance_kind, NULL, &all));
    for (size_t i = 0; i < all.count; i++) {
        const struct stored_instance *instance = all.at[i];
        if (!has_token(instance, in->client_token) || *ret_count == COUNT_MAX)
            continue;
        if (!span_eq(instance->image, in->image_id) ||
            (in->instance_type.at && !span_eq(instance->type, in->instance_type)))
            return refuse(c, &EC2_IDEMPOTENT_PARAMETER_MISMATCH,
                          "Arguments on this idempotent request are inconsistent with arguments "
                          "used in previous request(s).");
        made[(*ret_count)++] = *instance;
    }
    return OK;
}

/* ---- the operation -----------------------------------------------------------------------------
 */

static RESULT read_all(struct call *c, struct run *run)
{
    const struct ec2_run_instances_in *in = run->in;
    struct stored_instance *common = &run->common;
    const struct stored_subnet *subnet = &run->cards.at[0].subnet;
    struct stored_image image;
    struct stored_key_pair pair;
    static const char *const tagged[] = {"instance", "volume", "network-interface"};
    if (!in->image_id.at)
        return refuse(c, &EC2_MISSING_PARAMETER, "The request must contain the parameter ImageId");
    TRY(check_counts(c, in));
    TRY(check_not_built(c, in));
    TRY(image_check(c, in->image_id, &image));
    TRY(read_type(c, in, run));
    TRY(quota_check(c, instance_type_named(common->type), (size_t)in->max_count));
    if (in->key_name.at)
        TRY(key_pair_named(c, in->key_name, &pair));
    TRY(read_user_data(c, in->user_data, common));
    TRY(read_disk(c, in, &image, common));
    TRY(metadata_options_read(c, in->metadata_options, common));
    TRY(instance_cards_read(c, in, instance_type_named(common->type), &run->cards));
    TRY(profile_read(c, in->iam_instance_profile, common));
    common->image = in->image_id;
    common->key_name = in->key_name;
    common->reservation = id_new(c, "r-", 17);
    common->launched = c->now_ms;
    common->vpc = subnet->vpc;
    common->subnet = subnet->id;
    common->zone = subnet->zone;
    common->hostname_type = subnet->hostname_type;
    TRY(instance_options_read(c, in, common));
    common->no_termination = in->disable_api_termination;
    common->no_stop = in->disable_api_stop;
    common->terminates_itself = span_eq(in->instance_initiated_shutdown_behavior, S("terminate"));
    common->client_token = in->client_token;
    return tag_check_types(c, &in->tag_specifications, tagged, ARRAY_LEN(tagged));
}

/* "Launch templates": so an instance says which one it is from. */
static void tag_source(struct call *c, const struct launch_source *source, struct span instance)
{
    if (!source->version)
        return;
    tag_put_own(c, instance, "aws:ec2launchtemplate:id", source->template);
    tag_put_own(c, instance, "aws:ec2launchtemplate:version",
                arena_printf(c->arena, "%llu", (unsigned long long)source->version));
}

/* Those that were made with it. */
static RESULT tag_interfaces(struct call *c, const struct run *run,
                             const struct stored_instance *instance)
{
    for (size_t i = 0; i < run->cards.count; i++) {
        struct span id = i ? instance->more_interfaces.at[i - 1] : instance->interface;
        if (!run->cards.at[i].existing)
            TRY(tag_new_typed(c, "network-interface", id, &run->in->tag_specifications));
    }
    return OK;
}

static RESULT make_one(struct call *c, struct run *run, size_t index, struct stored_instance *ret)
{
    *ret = run->common;
    resource_name(c, &instance_kind, ret);
    ret->launch_index = index;
    TRY(instance_cards_attach(c, ret, &run->cards));
    tag_source(c, &run->source, ret->id);
    TRY(tag_new_typed(c, "instance", ret->id, &run->in->tag_specifications));
    TRY(tag_interfaces(c, run, ret));
    instance_move(c, ret, INSTANCE_PENDING, "pending", "pending");
    return OK;
}

RESULT ec2_run_instances(struct call *c, const struct ec2_run_instances_in *in,
                         struct ec2_run_instances_out *out)
{
    size_t count;
    struct run *run = ARENA_NEW(c->arena, struct run);
    struct stored_instance *made = ARENA_ARRAY(c->arena, struct stored_instance, COUNT_MAX);
    struct ec2_run_instances_in filled = *in;
    run->in = &filled;
    TRY(home_settle(c));
    TRY(launch_data_apply(c, &filled, &run->source));
    TRY(find_made(c, &filled, made, &count));
    if (!count) {
        TRY(read_all(c, run));
        for (; count < (size_t)in->max_count; count++)
            TRY(make_one(c, run, count, &made[count]));
    }
    struct ec2_reservation *to = &out->reservation;
    to->reservation_id = made[0].reservation;
    to->owner_id = c->account;
    to->groups.at = arena_alloc(c->arena, 0);
    to->instances.at = ARENA_ARRAY(c->arena, struct ec2_instance, count);
    for (size_t i = 0; i < count; i++)
        TRY(instance_show(c, &made[i], &to->instances.at[to->instances.count++]));
    return OK;
}
