// SPDX-License-Identifier: Apache-2.0
/*
 * Instances as DescribeInstances tells of them. What is shown is a reservation with one instance,
 * so that filters reach both; those of one reservation are put together at the end. Control thread.
 */
#include "services/ec2/instance.h"

#include "services/ec2/describe.h"
#include "services/ec2/dns_name.h"
#include "services/ec2/image.h"
#include "services/ec2/instance_option.h"
#include "services/ec2/instance_type.h"
#include "services/ec2/interface.h"
#include "services/ec2/tag.h"
#include "services/ec2/vpc.h"
#include "services/ec2/zone.h"

struct ec2_instance_state *instance_show_state(struct call *c, uint64_t state)
{
    static const struct {
        int code;
        const char *name;
    } states[] = {
        [INSTANCE_PENDING] = {0, "pending"},
        [INSTANCE_RUNNING] = {16, "running"},
        [INSTANCE_SHUTTING_DOWN] = {32, "shutting-down"},
        [INSTANCE_TERMINATED] = {48, "terminated"},
        [INSTANCE_STOPPING] = {64, "stopping"},
        [INSTANCE_STOPPED] = {80, "stopped"},
    };
    struct ec2_instance_state *to = ARENA_NEW(c->arena, struct ec2_instance_state);
    SET(to, code, states[state].code);
    to->name = span_of_cstr(states[state].name);
    return to;
}

struct span instance_private_name(struct call *c, const struct stored_instance *instance,
                                  struct span address)
{
    if (span_eq(instance->hostname_type, S("resource-name")))
        return arena_printf(c->arena, "%.*s.%.*s", SPAN_ARG(instance->id),
                            SPAN_ARG(dns_name_domain(c)));
    return dns_name_private(c, address);
}

/* ---- parts -------------------------------------------------------------------------------------
 */

static struct ec2_instance_network_interface_attachment *
show_attachment(struct call *c, const struct stored_attachment *attachment)
{
    struct ec2_instance_network_interface_attachment *to =
        ARENA_NEW(c->arena, struct ec2_instance_network_interface_attachment);
    to->attachment_id = attachment->id;
    SET(to, attach_time, attachment->attached);
    SET(to, delete_on_termination, attachment->ends_together);
    SET(to, device_index, (int32_t)attachment->device_index);
    SET(to, network_card_index, 0);
    to->status = interface_attachment_state(attachment);
    return to;
}

static struct ec2_instance_network_interface_association *
show_association(struct call *c, const struct stored_private_address *address)
{
    if (!address->public_address.at)
        return NULL;
    struct ec2_instance_network_interface_association *to =
        ARENA_NEW(c->arena, struct ec2_instance_network_interface_association);
    to->ip_owner_id = address->allocation.at ? c->account : S("amazon");
    to->public_ip = address->public_address;
    to->public_dns_name = S("");
    return to;
}

static void show_addresses(struct call *c, const struct stored_interface *interface,
                           struct ec2_instance_private_ip_address_list *to)
{
    to->at = ARENA_ARRAY(c->arena, struct ec2_instance_private_ip_address,
                         interface->addresses.count + 1);
    for (size_t i = 0; i < interface->addresses.count; i++) {
        struct ec2_instance_private_ip_address *one = &to->at[to->count++];
        one->private_ip_address = interface->addresses.at[i].address;
        one->association = show_association(c, &interface->addresses.at[i]);
        SET(one, primary, i == 0);
    }
}

/* Public addresses have names where the VPC says so ("DNS attributes for your VPC"). */
static RESULT show_public_names(struct call *c, struct span id, struct ec2_instance *to)
{
    struct stored_vpc vpc;
    struct ec2_instance_network_interface *shown = to->network_interfaces.at;
    TRY(resource_get(c, &vpc_kind, id, &vpc));
    if (!vpc.dns_hostnames || !shown->association)
        return OK;
    to->public_dns_name = dns_name_public(c, to->public_ip_address);
    shown->association->public_dns_name = to->public_dns_name;
    for (size_t i = 0; i < shown->private_ip_addresses.count; i++) {
        struct ec2_instance_network_interface_association *one =
            shown->private_ip_addresses.at[i].association;
        if (one)
            one->public_dns_name = dns_name_public(c, one->public_ip);
    }
    return OK;
}

static RESULT show_interface(struct call *c, const struct stored_instance *instance,
                             const struct stored_interface *interface,
                             struct ec2_instance_network_interface *shown)
{
    const struct stored_private_address *primary = &interface->addresses.at[0];
    *shown = (struct ec2_instance_network_interface){
        .network_interface_id = interface->id,
        .description = interface->description.at ? interface->description : S(""),
        .mac_address = interface->mac,
        .owner_id = interface->account,
        .private_ip_address = primary->address,
        .private_dns_name = instance_private_name(c, instance, primary->address),
        .status = S("in-use"),
        .subnet_id = interface->subnet,
        .vpc_id = interface->vpc,
        .interface_type = S("interface"),
        .association = show_association(c, primary),
    };
    if (interface->attachment)
        shown->attachment = show_attachment(c, interface->attachment);
    SET(shown, source_dest_check, !interface->any_source);
    show_addresses(c, interface, &shown->private_ip_addresses);
    TRY(interface_show_groups(c, interface, &shown->groups));
    shown->ipv6_addresses.count = interface->addresses6.count;
    shown->ipv6_addresses.at =
        ARENA_ARRAY(c->arena, struct ec2_instance_ipv6_address, interface->addresses6.count);
    for (size_t i = 0; i < interface->addresses6.count; i++) {
        shown->ipv6_addresses.at[i].ipv6_address = interface->addresses6.at[i];
        SET(&shown->ipv6_addresses.at[i], is_primary_ipv6, false);
    }
    return OK;
}

/* What an instance says for itself is what its first interface says. */
static RESULT show_interfaces(struct call *c, const struct stored_instance *instance,
                              const struct instance_interfaces *all, struct ec2_instance *to)
{
    const struct stored_private_address *primary = &all->at[0].addresses.at[0];
    to->network_interfaces.at =
        ARENA_ARRAY(c->arena, struct ec2_instance_network_interface, all->count);
    for (size_t i = 0; i < all->count; i++)
        TRY(show_interface(c, instance, &all->at[i],
                           &to->network_interfaces.at[to->network_interfaces.count++]));
    const struct ec2_instance_network_interface *shown = to->network_interfaces.at;
    if (shown->ipv6_addresses.count)
        to->ipv6_address = shown->ipv6_addresses.at[0].ipv6_address;
    to->security_groups = shown->groups;
    to->private_ip_address = primary->address;
    to->private_dns_name = shown->private_dns_name;
    to->public_ip_address = primary->public_address;
    SET(to, source_dest_check, shown->source_dest_check);
    return show_public_names(c, shown->vpc_id, to);
}

static struct ec2_instance_metadata_options_response *
show_metadata_options(struct call *c, const struct stored_instance *instance)
{
    struct ec2_instance_metadata_options_response *to =
        ARENA_NEW(c->arena, struct ec2_instance_metadata_options_response);
    to->state = S("applied");
    to->http_tokens = instance->tokens_optional ? S("optional") : S("required");
    SET(to, http_put_response_hop_limit, (int32_t)instance->token_hops);
    to->http_endpoint = instance->metadata_disabled ? S("disabled") : S("enabled");
    to->http_protocol_ipv6 = S("disabled");
    to->instance_metadata_tags = instance->metadata_tags ? S("enabled") : S("disabled");
    return to;
}

static void show_type(struct call *c, const struct stored_instance *instance,
                      struct ec2_instance *to)
{
    const struct instance_type *type = instance_type_named(instance->type);
    to->instance_type = instance->type;
    to->architecture = instance_type_architecture();
    to->cpu_options = ARENA_NEW(c->arena, struct ec2_cpu_options);
    int per_core = type && type->arm ? 1 : 2;
    SET(to->cpu_options, core_count, type ? type->vcpus / per_core : 0);
    SET(to->cpu_options, threads_per_core, per_core);
}

static void show_reason(struct call *c, const struct stored_instance *instance,
                        struct ec2_instance *to)
{
    to->state_transition_reason = instance->transition.at ? instance->transition : S("");
    if (!instance->reason_code.at)
        return;
    to->state_reason = ARENA_NEW(c->arena, struct ec2_state_reason);
    to->state_reason->code = instance->reason_code;
    to->state_reason->message = instance->reason_message;
}

/* What every instance of this program is, in the same words. */
static void show_constants(struct call *c, struct ec2_instance *to)
{
    to->hypervisor = S("xen"); /* as EC2 says of its own hypervisor too */
    to->virtualization_type = S("hvm");
    to->root_device_name = IMAGE_ROOT_DEVICE;
    to->root_device_type = S("ebs");
    to->block_device_mappings.at = arena_alloc(c->arena, 0);
    to->product_codes.at = arena_alloc(c->arena, 0);
    to->network_interfaces.at = arena_alloc(c->arena, 0);
    to->security_groups.at = arena_alloc(c->arena, 0);
    to->platform_details = S("Linux/UNIX");
    to->usage_operation = S("RunInstances");
    SET(to, ebs_optimized, false);
    SET(to, ena_support, true);
    to->hibernation_options = ARENA_NEW(c->arena, struct ec2_hibernation_options);
    SET(to->hibernation_options, configured, false);
    to->enclave_options = ARENA_NEW(c->arena, struct ec2_enclave_options);
    SET(to->enclave_options, enabled, false);
    to->monitoring = ARENA_NEW(c->arena, struct ec2_monitoring);
    to->monitoring->state = S("disabled");
}

RESULT instance_show(struct call *c, const struct stored_instance *instance,
                     struct ec2_instance *to)
{
    struct instance_interfaces all = {0};
    show_constants(c, to);
    show_type(c, instance, to);
    show_reason(c, instance, to);
    to->instance_id = instance->id;
    to->image_id = instance->image;
    to->state = instance_show_state(c, instance->state);
    to->key_name = instance->key_name;
    SET(to, ami_launch_index, (int32_t)instance->launch_index);
    SET(to, launch_time, instance->launched);
    SET(to, usage_operation_update_time, instance->launched);
    to->placement = ARENA_NEW(c->arena, struct ec2_placement);
    to->placement->availability_zone = instance->zone;
    to->placement->availability_zone_id = zone_id_of(c, instance->zone);
    to->placement->group_name = S("");
    to->placement->tenancy = S("default");
    to->client_token = instance->client_token.at ? instance->client_token : S("");
    to->metadata_options = show_metadata_options(c, instance);
    instance_options_show(c, instance, to);
    to->private_dns_name = S("");
    to->public_dns_name = S("");
    if (instance->profile.at) {
        to->iam_instance_profile = ARENA_NEW(c->arena, struct ec2_iam_instance_profile);
        to->iam_instance_profile->arn = instance->profile;
        to->iam_instance_profile->id = instance->profile_id;
    }
    if (instance->interface.at && instance->state != INSTANCE_TERMINATED) {
        to->vpc_id = instance->vpc;
        to->subnet_id = instance->subnet;
        TRY(instance_interfaces_read(c, instance, &all));
    }
    if (all.count)
        TRY(show_interfaces(c, instance, &all, to));
    return tag_list_if_any(c, instance->id, &to->tags);
}

/* ---- the kind ----------------------------------------------------------------------------------
 */

static RESULT show(struct call *c, const void *record, void *shown)
{
    const struct stored_instance *instance = record;
    struct ec2_reservation *to = shown;
    to->reservation_id = instance->reservation;
    to->owner_id = instance->account;
    to->groups.at = arena_alloc(c->arena, 0);
    to->instances.at = ARENA_NEW(c->arena, struct ec2_instance);
    to->instances.count = 1;
    return instance_show(c, instance, to->instances.at);
}

#define OF_INSTANCE(name, path)                                                                    \
    {                                                                                              \
        name, "Instances." path                                                                    \
    }
#define OF_INTERFACE(name, path) OF_INSTANCE("network-interface." name, "NetworkInterfaces." path)
static const struct filter_name filters[] = {
    OF_INSTANCE("affinity", "Placement.Affinity"),
    OF_INSTANCE("architecture", "Architecture"),
    OF_INSTANCE("availability-zone", "Placement.AvailabilityZone"),
    OF_INSTANCE("availability-zone-id", "Placement.AvailabilityZoneId"),
    OF_INSTANCE("block-device-mapping.attach-time", "BlockDeviceMappings.Ebs.AttachTime"),
    OF_INSTANCE("block-device-mapping.delete-on-termination",
                "BlockDeviceMappings.Ebs.DeleteOnTermination"),
    OF_INSTANCE("block-device-mapping.device-name", "BlockDeviceMappings.DeviceName"),
    OF_INSTANCE("block-device-mapping.status", "BlockDeviceMappings.Ebs.Status"),
    OF_INSTANCE("block-device-mapping.volume-id", "BlockDeviceMappings.Ebs.VolumeId"),
    OF_INSTANCE("client-token", "ClientToken"),
    OF_INSTANCE("dns-name", "PublicDnsName"),
    OF_INSTANCE("hibernation-options.configured", "HibernationOptions.Configured"),
    OF_INSTANCE("host-id", "Placement.HostId"),
    OF_INSTANCE("hypervisor", "Hypervisor"),
    OF_INSTANCE("iam-instance-profile.arn", "IamInstanceProfile.Arn"),
    OF_INSTANCE("iam-instance-profile.id", "IamInstanceProfile.Id"),
    OF_INSTANCE("image-id", "ImageId"),
    OF_INSTANCE("instance-id", "InstanceId"),
    OF_INSTANCE("instance-lifecycle", "InstanceLifecycle"),
    OF_INSTANCE("instance-state-code", "State.Code"),
    OF_INSTANCE("instance-state-name", "State.Name"),
    OF_INSTANCE("instance-type", "InstanceType"),
    OF_INSTANCE("instance.group-id", "SecurityGroups.GroupId"),
    OF_INSTANCE("instance.group-name", "SecurityGroups.GroupName"),
    OF_INSTANCE("ip-address", "PublicIpAddress"),
    OF_INSTANCE("kernel-id", "KernelId"),
    OF_INSTANCE("key-name", "KeyName"),
    OF_INSTANCE("launch-index", "AmiLaunchIndex"),
    OF_INSTANCE("launch-time", "LaunchTime"),
    OF_INSTANCE("maintenance-options.auto-recovery", "MaintenanceOptions.AutoRecovery"),
    OF_INSTANCE("metadata-options.http-endpoint", "MetadataOptions.HttpEndpoint"),
    OF_INSTANCE("metadata-options.http-put-response-hop-limit",
                "MetadataOptions.HttpPutResponseHopLimit"),
    OF_INSTANCE("metadata-options.http-tokens", "MetadataOptions.HttpTokens"),
    OF_INSTANCE("metadata-options.instance-metadata-tags", "MetadataOptions.InstanceMetadataTags"),
    OF_INSTANCE("monitoring-state", "Monitoring.State"),
    OF_INTERFACE("addresses.association.ip-owner-id", "PrivateIpAddresses.Association.IpOwnerId"),
    OF_INTERFACE("addresses.association.public-ip", "PrivateIpAddresses.Association.PublicIp"),
    OF_INTERFACE("addresses.primary", "PrivateIpAddresses.Primary"),
    OF_INTERFACE("addresses.private-ip-address", "PrivateIpAddresses.PrivateIpAddress"),
    OF_INTERFACE("association.ip-owner-id", "Association.IpOwnerId"),
    OF_INTERFACE("association.public-ip", "Association.PublicIp"),
    OF_INTERFACE("attachment.attach-time", "Attachment.AttachTime"),
    OF_INTERFACE("attachment.attachment-id", "Attachment.AttachmentId"),
    OF_INTERFACE("attachment.delete-on-termination", "Attachment.DeleteOnTermination"),
    OF_INTERFACE("attachment.device-index", "Attachment.DeviceIndex"),
    OF_INTERFACE("attachment.status", "Attachment.Status"),
    OF_INTERFACE("description", "Description"),
    OF_INTERFACE("group-id", "Groups.GroupId"),
    OF_INTERFACE("group-name", "Groups.GroupName"),
    OF_INTERFACE("mac-address", "MacAddress"),
    OF_INTERFACE("network-interface-id", "NetworkInterfaceId"),
    OF_INTERFACE("owner-id", "OwnerId"),
    OF_INTERFACE("private-dns-name", "PrivateDnsName"),
    OF_INTERFACE("private-ip-address", "PrivateIpAddress"),
    OF_INTERFACE("source-dest-check", "SourceDestCheck"),
    OF_INTERFACE("status", "Status"),
    OF_INTERFACE("subnet-id", "SubnetId"),
    OF_INTERFACE("vpc-id", "VpcId"),
    {"owner-id", "OwnerId"},
    OF_INSTANCE("placement-group-name", "Placement.GroupName"),
    OF_INSTANCE("platform", "Platform"),
    OF_INSTANCE("platform-details", "PlatformDetails"),
    OF_INSTANCE("private-dns-name", "PrivateDnsName"),
    OF_INSTANCE("private-dns-name-options.hostname-type", "PrivateDnsNameOptions.HostnameType"),
    OF_INSTANCE("private-ip-address", "PrivateIpAddress"),
    OF_INSTANCE("product-code", "ProductCodes.ProductCodeId"),
    OF_INSTANCE("ramdisk-id", "RamdiskId"),
    OF_INSTANCE("reason", "StateTransitionReason"),
    {"requester-id", "RequesterId"},
    {"reservation-id", "ReservationId"},
    OF_INSTANCE("root-device-name", "RootDeviceName"),
    OF_INSTANCE("root-device-type", "RootDeviceType"),
    OF_INSTANCE("source-dest-check", "SourceDestCheck"),
    OF_INSTANCE("spot-instance-request-id", "SpotInstanceRequestId"),
    OF_INSTANCE("state-reason-code", "StateReason.Code"),
    OF_INSTANCE("state-reason-message", "StateReason.Message"),
    OF_INSTANCE("subnet-id", "SubnetId"),
    OF_INSTANCE("tenancy", "Placement.Tenancy"),
    OF_INSTANCE("usage-operation", "UsageOperation"),
    OF_INSTANCE("virtualization-type", "VirtualizationType"),
    OF_INSTANCE("vpc-id", "VpcId"),
};

const struct resource_kind instance_kind = {
    .prefix = S_INIT("i-"),
    .type = "instance",
    .record = &stored_instance_table,
    .vpc = RESOURCE_NO_VPC, /* the fabric knows interfaces only */
    .malformed = &EC2_INVALID_INSTANCE_ID_MALFORMED,
    .missing = &EC2_INVALID_INSTANCE_ID_NOT_FOUND,
    .missing_before = "The instance ID '",
    .missing_after = "' does not exist",
    .shown_size = sizeof(struct ec2_reservation),
    .show = show,
    .filters = {EC2_SHAPE_RESERVATION, filters, ARRAY_LEN(filters)},
    .step = instance_step,
};

/* ---- DescribeInstances -------------------------------------------------------------------------
 */

static struct ec2_reservation *reservation_named(struct ec2_reservation_list *list, struct span id)
{
    for (size_t i = 0; i < list->count; i++)
        if (span_eq(list->at[i].reservation_id, id))
            return &list->at[i];
    return NULL;
}

static void gather(struct call *c, const struct ec2_reservation *one,
                   struct ec2_reservation_list *all)
{
    struct ec2_reservation *to = reservation_named(all, one->reservation_id);
    if (!to) {
        all->at[all->count++] = *one;
        return;
    }
    struct ec2_instance *grown =
        ARENA_ARRAY(c->arena, struct ec2_instance, to->instances.count + 1);
    memcpy(grown, to->instances.at, to->instances.count * sizeof *grown);
    grown[to->instances.count++] = one->instances.at[0];
    to->instances.at = grown;
}

RESULT ec2_describe_instances(struct call *c, const struct ec2_describe_instances_in *in,
                              struct ec2_describe_instances_out *out)
{
    struct describe_found found;
    struct describe_asked asked = DESCRIBE_ASKED(in, instance_ids);
    if (in->instance_ids.count && in->has.max_results)
        return refuse(c, &EC2_INVALID_PARAMETER_COMBINATION,
                      "The parameter instancesSet cannot be used with the parameter maxResults");
    TRY(describe(c, &instance_kind, &asked, &found));
    out->reservations.at = ARENA_ARRAY(c->arena, struct ec2_reservation, found.count + 1);
    for (size_t i = 0; i < found.count; i++)
        gather(c, &((struct ec2_reservation *)found.at)[i], &out->reservations);
    out->next_token = found.next_token;
    return OK;
}
