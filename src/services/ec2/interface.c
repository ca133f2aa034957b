// SPDX-License-Identifier: Apache-2.0
/*
 * CreateNetworkInterface, DescribeNetworkInterfaces, DeleteNetworkInterface, and what instances and
 * gateways need of interfaces. Control thread.
 */
#include "services/ec2/interface.h"

#include "base/id.h"
#include "services/ec2/client_token.h"
#include "services/ec2/describe.h"
#include "services/ec2/dns_name.h"
#include "services/ec2/elastic_address.h"
#include "services/ec2/group_association.h"
#include "services/ec2/number.h"
#include "services/ec2/security_group.h"
#include "services/ec2/tag.h"
#include "services/ec2/tracking.h"
#include "services/ec2/vpc.h"
#include "services/ec2/zone.h"

#include <errno.h>

#define GROUPS_MAX 5

/* ---- what is told ------------------------------------------------------------------------------
 */

static const struct span states[] = {
    [INTERFACE_PENDING] = S_INIT("pending"),
    [INTERFACE_AVAILABLE] = S_INIT("available"),
    [INTERFACE_IN_USE] = S_INIT("in-use"),
};
static const struct span attachment_states[] = {
    [ATTACHMENT_ATTACHING] = S_INIT("attaching"),
    [ATTACHMENT_ATTACHED] = S_INIT("attached"),
    [ATTACHMENT_DETACHING] = S_INIT("detaching"),
};

RESULT interface_show_groups(struct call *c, const struct stored_interface *interface,
                             struct ec2_group_identifier_list *to)
{
    to->at = ARENA_ARRAY(c->arena, struct ec2_group_identifier, interface->groups.count);
    for (size_t i = 0; i < interface->groups.count; i++) {
        struct stored_security_group group;
        int error = resource_find(c, &security_group_kind, interface->groups.at[i], &group);
        if (error < 0)
            return refuse_errno(c, error, "reading a group of an interface");
        to->at[to->count++] =
            (struct ec2_group_identifier){.group_id = group.id, .group_name = group.name};
    }
    return OK;
}

struct span interface_attachment_state(const struct stored_attachment *attachment)
{
    return attachment_states[attachment->state];
}

struct ec2_network_interface_attachment *
interface_show_attachment(struct call *c, const struct stored_interface *interface)
{
    const struct stored_attachment *attachment = interface->attachment;
    if (!attachment)
        return NULL;
    struct ec2_network_interface_attachment *to =
        ARENA_NEW(c->arena, struct ec2_network_interface_attachment);
    to->attachment_id = attachment->id;
    to->instance_id = attachment->instance;
    to->instance_owner_id = attachment->instance_account;
    to->status = attachment_states[attachment->state];
    SET(to, attach_time, attachment->attached);
    SET(to, delete_on_termination, attachment->ends_together);
    SET(to, device_index, (int32_t)attachment->device_index);
    if (attachment->instance.at)
        SET(to, network_card_index, 0);
    return to;
}

static struct ec2_network_interface_association *
show_association(struct call *c, const struct stored_private_address *address, bool named)
{
    if (!address->public_address.at)
        return NULL;
    struct ec2_network_interface_association *to =
        ARENA_NEW(c->arena, struct ec2_network_interface_association);
    to->allocation_id = address->allocation;
    to->association_id = address->association;
    to->ip_owner_id = address->allocation.at ? c->account : S("amazon");
    to->public_ip = address->public_address;
    to->public_dns_name = named ? dns_name_public(c, address->public_address) : S("");
    return to;
}

static void show_addresses(struct call *c, const struct stored_interface *interface, bool named,
                           struct ec2_network_interface *to)
{
    struct ec2_network_interface_private_ip_address_list *list = &to->private_ip_addresses;
    list->count = interface->addresses.count;
    list->at = ARENA_ARRAY(c->arena, struct ec2_network_interface_private_ip_address, list->count);
    for (size_t i = 0; i < list->count; i++) {
        const struct stored_private_address *address = &interface->addresses.at[i];
        struct ec2_network_interface_private_ip_address *shown = &list->at[i];
        SET(shown, primary, i == 0);
        shown->private_ip_address = address->address;
        shown->association = show_association(c, address, named);
        if (named)
            shown->private_dns_name = dns_name_private(c, address->address);
    }
    to->ipv6_addresses.count = interface->addresses6.count;
    to->ipv6_addresses.at =
        ARENA_ARRAY(c->arena, struct ec2_network_interface_ipv6_address, to->ipv6_addresses.count);
    for (size_t i = 0; i < to->ipv6_addresses.count; i++) {
        to->ipv6_addresses.at[i].ipv6_address = interface->addresses6.at[i];
        SET(&to->ipv6_addresses.at[i], is_primary_ipv6, false);
    }
    to->private_ip_address = list->at[0].private_ip_address;
    to->private_dns_name = list->at[0].private_dns_name;
    to->association = list->at[0].association;
    if (named && to->association)
        to->public_dns_name = to->association->public_dns_name;
}

static RESULT show(struct call *c, const void *record, void *shown)
{
    const struct stored_interface *interface = record;
    struct ec2_network_interface *to = shown;
    struct stored_vpc vpc;
    int error = resource_find(c, &vpc_kind, interface->vpc, &vpc);
    if (error < 0)
        return refuse_errno(c, error, "reading the VPC of an interface");
    to->owner_id = interface->account;
    to->network_interface_id = interface->id;
    to->vpc_id = interface->vpc;
    to->subnet_id = interface->subnet;
    to->availability_zone = interface->zone;
    to->availability_zone_id = zone_id_of(c, interface->zone);
    to->mac_address = interface->mac;
    to->description = interface->description;
    to->status = states[interface->state];
    to->interface_type = interface->type;
    to->requester_id = interface->requester;
    SET(to, requester_managed, interface->requester.at != NULL);
    SET(to, source_dest_check, !interface->any_source);
    to->attachment = interface_show_attachment(c, interface);
    to->connection_tracking_configuration = tracking_show(c, interface);
    show_addresses(c, interface, vpc.dns_support && vpc.dns_hostnames, to);
    TRY(interface_show_groups(c, interface, &to->groups));
    return tag_list(c, interface->id, &to->tag_set);
}

static RESULT step(struct call *c, void *record, int64_t *ret_due_ms)
{
    struct stored_interface *interface = record;
    if (interface->attachment && interface->attachment->instance.at)
        return interface_step_attachment(c, interface, ret_due_ms);
    if (interface->state != INTERFACE_PENDING)
        return OK;
    interface->state = INTERFACE_AVAILABLE;
    resource_put(c, &interface_kind, interface);
    return OK;
}

static const struct filter_name filters[] = {
    {"addresses.association.allocation-id", "PrivateIpAddresses.Association.AllocationId"},
    {"addresses.association.association-id", "PrivateIpAddresses.Association.AssociationId"},
    {"addresses.association.owner-id", "PrivateIpAddresses.Association.IpOwnerId"},
    {"addresses.association.public-dns-name", "PrivateIpAddresses.Association.PublicDnsName"},
    {"addresses.association.public-ip", "PrivateIpAddresses.Association.PublicIp"},
    {"addresses.primary", "PrivateIpAddresses.Primary"},
    {"addresses.private-ip-address", "PrivateIpAddresses.PrivateIpAddress"},
    {"association.allocation-id", "Association.AllocationId"},
    {"association.association-id", "Association.AssociationId"},
    {"association.ip-owner-id", "Association.IpOwnerId"},
    {"association.public-dns-name", "Association.PublicDnsName"},
    {"association.public-ip", "Association.PublicIp"},
    {"attachment.attach-time", "Attachment.AttachTime"},
    {"attachment.attachment-id", "Attachment.AttachmentId"},
    {"attachment.delete-on-termination", "Attachment.DeleteOnTermination"},
    {"attachment.device-index", "Attachment.DeviceIndex"},
    {"attachment.instance-id", "Attachment.InstanceId"},
    {"attachment.instance-owner-id", "Attachment.InstanceOwnerId"},
    {"attachment.status", "Attachment.Status"},
    {"availability-zone", "AvailabilityZone"},
    {"availability-zone-id", "AvailabilityZoneId"},
    {"description", "Description"},
    {"group-id", "Groups.GroupId"},
    {"group-name", "Groups.GroupName"},
    {"interface-type", "InterfaceType"},
    {"ipv6-addresses.ipv6-address", "Ipv6Addresses.Ipv6Address"},
    {"mac-address", "MacAddress"},
    {"network-interface-id", "NetworkInterfaceId"},
    {"owner-id", "OwnerId"},
    {"private-dns-name", "PrivateDnsName"},
    {"private-ip-address", "PrivateIpAddress"},
    {"requester-id", "RequesterId"},
    {"requester-managed", "RequesterManaged"},
    {"source-dest-check", "SourceDestCheck"},
    {"status", "Status"},
    {"subnet-id", "SubnetId"},
    {"vpc-id", "VpcId"},
};

const struct resource_kind interface_kind = {
    .prefix = S_INIT("eni-"),
    .type = "network-interface",
    .record = &stored_interface_table,
    .vpc = offsetof(struct stored_interface, vpc),
    .malformed = &EC2_INVALID_NETWORK_INTERFACE_ID_MALFORMED,
    .missing = &EC2_INVALID_NETWORK_INTERFACE_ID_NOT_FOUND,
    .missing_before = "The networkInterface ID '",
    .missing_after = "' does not exist",
    .shown_size = sizeof(struct ec2_network_interface),
    .show = show,
    .filters = {EC2_SHAPE_NETWORK_INTERFACE, filters, ARRAY_LEN(filters)},
    .step = step,
};

RESULT ec2_describe_network_interfaces(struct call *c,
                                       const struct ec2_describe_network_interfaces_in *in,
                                       struct ec2_describe_network_interfaces_out *out)
{
    struct describe_found found;
    struct describe_asked asked = DESCRIBE_ASKED(in, network_interface_ids);
    TRY(describe(c, &interface_kind, &asked, &found));
    out->network_interfaces.at = found.at;
    out->network_interfaces.count = found.count;
    out->next_token = found.next_token;
    return OK;
}

/* ---- making and ending -------------------------------------------------------------------------
 */

bool interface_has_group(const struct stored_interface *interface, struct span group)
{
    for (size_t i = 0; i < interface->groups.count; i++)
        if (span_eq(interface->groups.at[i], group))
            return true;
    return false;
}

RESULT interface_check_groups(struct call *c, const struct stored_subnet *subnet,
                              const struct span *groups, size_t count)
{
    if (count > GROUPS_MAX)
        return refuse(c, &EC2_SECURITY_GROUPS_PER_INTERFACE_LIMIT_EXCEEDED,
                      "The maximum number of security groups per interface has been reached.");
    for (size_t i = 0; i < count; i++) {
        bool allowed;
        struct stored_security_group group;
        TRY(resource_get(c, &security_group_kind, groups[i], &group));
        TRY(group_association_allows(c, &group, subnet->vpc, &allowed));
        if (!allowed)
            return refuse(c, &EC2_INVALID_PARAMETER,
                          "Security group %.*s and subnet %.*s belong to different networks.",
                          SPAN_ARG(group.id), SPAN_ARG(subnet->id));
    }
    return OK;
}

static RESULT choose_groups(struct call *c, const struct interface_wish *wish,
                            struct record_texts *ret)
{
    struct stored_security_group *group;
    *ret = (struct record_texts){ARENA_ARRAY(c->arena, struct span, wish->group_count + 1),
                                 wish->group_count};
    if (wish->group_count) {
        memcpy(ret->at, wish->groups, wish->group_count * sizeof *ret->at);
        return interface_check_groups(c, wish->subnet, wish->groups, wish->group_count);
    }
    TRY(security_group_default(c, wish->subnet->vpc, &group));
    ret->at[ret->count++] = group->id;
    return OK;
}

/* Locally administered, unicast. */
static struct span new_mac(struct call *c)
{
    uint8_t bytes[5];
    random_bytes(bytes, sizeof bytes);
    return arena_printf(c->arena, "02:%02x:%02x:%02x:%02x:%02x", bytes[0], bytes[1], bytes[2],
                        bytes[3], bytes[4]);
}

RESULT interface_new(struct call *c, const struct interface_wish *wish,
                     struct stored_interface *ret)
{
    *ret = (struct stored_interface){
        .vpc = wish->subnet->vpc,
        .subnet = wish->subnet->id,
        .zone = wish->subnet->zone,
        .mac = new_mac(c),
        .description = wish->description.at ? wish->description : S(""),
        .state = INTERFACE_PENDING,
        .type = wish->type.at ? wish->type : S("interface"),
        .requester = wish->requester,
        .created = c->now_ms,
    };
    resource_name(c, &interface_kind, ret);
    TRY(choose_groups(c, wish, &ret->groups));
    TRY(number_take(c, NUMBER_NETWORK, ret->vpc));
    TRY(number_take(c, NUMBER_SUBNET, ret->subnet));
    if (!span_eq(wish->type, S("nat_gateway"))) /* which packets reach by routes */
        TRY(number_take(c, NUMBER_INTERFACE, ret->id));
    for (size_t i = 0; i < wish->address_count; i++)
        TRY(interface_add_address(c, wish->subnet, wish->addresses[i], ret));
    TRY(interface_add_wanted6(c, wish, ret));
    resource_put_moving(c, &interface_kind, ret, 0);
    return OK;
}

RESULT interface_drop(struct call *c, struct stored_interface *interface)
{
    for (size_t i = 0; i < interface->addresses.count; i++) {
        TRY(elastic_address_leave(c, interface, i));
        subnet_release(c, interface->subnet, cidr_address(interface->addresses.at[i].address));
    }
    resource_drop(c, &interface_kind, interface);
    return number_drop(c, interface->id);
}

void interface_attach(struct call *c, struct stored_interface *interface,
                      const struct stored_attachment *attachment)
{
    interface->attachment = ARENA_NEW(c->arena, struct stored_attachment);
    *interface->attachment = *attachment;
    interface->state = INTERFACE_IN_USE;
    resource_put(c, &interface_kind, interface);
}

void interface_attach_managed(struct call *c, struct stored_interface *interface)
{
    interface_attach(c, interface,
                     &(struct stored_attachment){.id = id_new(c, "ela-attach-", 17),
                                                 .instance_account = S("amazon-aws"),
                                                 .device_index = 1,
                                                 .state = ATTACHMENT_ATTACHED,
                                                 .attached = c->now_ms});
}

void interface_detach(struct call *c, struct stored_interface *interface)
{
    interface->attachment = NULL;
    interface->state = INTERFACE_AVAILABLE;
    resource_put(c, &interface_kind, interface);
}

RESULT interface_of_instance(struct call *c, struct span instance, uint64_t device_index,
                             struct stored_interface **ret)
{
    struct resource_list all;
    TRY(resource_list(c, &interface_kind, NULL, &all));
    for (size_t i = 0; i < all.count; i++) {
        *ret = all.at[i];
        const struct stored_attachment *attachment = (*ret)->attachment;
        if (attachment && span_eq(attachment->instance, instance) &&
            attachment->device_index == device_index)
            return OK;
    }
    *ret = NULL;
    return OK;
}

size_t interface_address(const struct stored_interface *interface, struct span address)
{
    for (size_t i = 0; i < interface->addresses.count; i++)
        if (!address.at || span_eq(interface->addresses.at[i].address, address))
            return i;
    return SIZE_MAX;
}

/* ---- the operations ----------------------------------------------------------------------------
 */

static RESULT check_not_built(struct call *c, const struct ec2_create_network_interface_in *in)
{
    const struct {
        bool asked;
        const char *what;
    } parameters[] = {
        {in->enable_primary_ipv6, "EnablePrimaryIpv6"},
        {in->ipv4_prefixes.count || in->has.ipv4_prefix_count || in->ipv6_prefixes.count ||
             in->has.ipv6_prefix_count,
         "A delegated prefix"},
        {in->interface_type.at != NULL, "InterfaceType"},
        {in->operator!= NULL, "Operator"},
    };
    for (size_t i = 0; i < ARRAY_LEN(parameters); i++)
        if (parameters[i].asked)
            return resource_not_built(c, parameters[i].what);
    return OK;
}

/* What was asked for, as the addresses of a wish: the primary one first. */
struct asked_addresses {
    uint32_t at[INTERFACE_ADDRESSES_MAX];
    size_t count;
};

RESULT interface_read_address(struct call *c, struct span text, uint32_t *ret)
{
    if (!text.at || cidr_read_address(text, ret))
        return OK;
    return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                  "Value (%.*s) for parameter privateIpAddress is invalid. Invalid IPv4 address.",
                  SPAN_ARG(text));
}

RESULT interface_read_listed(struct call *c,
                             const struct ec2_private_ip_address_specification_list *listed,
                             uint32_t *at, size_t *count)
{
    bool primary = at[0] != 0;
    for (size_t i = 0; i < listed->count; i++) {
        const struct ec2_private_ip_address_specification *one = &listed->at[i];
        if (one->primary && primary)
            return refuse(c, &EC2_INVALID_PARAMETER_COMBINATION,
                          "Only one primary private IP address can be specified.");
        primary |= one->primary;
        TRY(interface_read_address(c, one->private_ip_address, &at[one->primary ? 0 : (*count)++]));
    }
    return OK;
}

static RESULT read_addresses(struct call *c, const struct ec2_create_network_interface_in *in,
                             struct asked_addresses *to)
{
    size_t further = in->has.secondary_private_ip_address_count
                         ? (size_t)in->secondary_private_ip_address_count
                         : 0;
    *to = (struct asked_addresses){.count = 1};
    if (further && in->private_ip_addresses.count)
        return refuse(c, &EC2_INVALID_PARAMETER_COMBINATION,
                      "You may specify secondaryPrivateIpAddressCount or privateIpAddresses, but "
                      "not both.");
    if (1 + further + in->private_ip_addresses.count > INTERFACE_ADDRESSES_MAX)
        return refuse(c, &EC2_PRIVATE_IP_ADDRESS_LIMIT_EXCEEDED,
                      "Number of private addresses will exceed limit.");
    TRY(interface_read_address(c, in->private_ip_address, &to->at[0]));
    TRY(interface_read_listed(c, &in->private_ip_addresses, to->at, &to->count));
    to->count += further;
    return OK;
}

static RESULT make(struct call *c, const struct ec2_create_network_interface_in *in,
                   struct stored_interface *ret)
{
    struct stored_subnet subnet;
    struct asked_addresses addresses;
    TRY(read_addresses(c, in, &addresses));
    TRY(resource_get(c, &subnet_kind, in->subnet_id, &subnet));
    struct ec2_ipv6_address_list addresses6;
    interface_list_addresses6(c, &in->ipv6_addresses, &addresses6);
    const struct interface_wish wish = {
        .subnet = &subnet,
        .addresses6 = addresses6.count || in->has.ipv6_address_count ? &addresses6 : NULL,
        .further6 = in->has.ipv6_address_count ? (size_t)in->ipv6_address_count : 0,
        .description = in->description,
        .groups = in->groups.at,
        .group_count = in->groups.count,
        .addresses = addresses.at,
        .address_count = addresses.count,
    };
    TRY(interface_new(c, &wish, ret));
    TRY(tracking_set(c, in->connection_tracking_specification, ret));
    return tag_new(c, &interface_kind, ret->id, &in->tag_specifications);
}

RESULT ec2_create_network_interface(struct call *c,
                                    const struct ec2_create_network_interface_in *in,
                                    struct ec2_create_network_interface_out *out)
{
    struct span made;
    struct stored_interface interface;
    TRY(check_not_built(c, in));
    TRY(client_token_find(c, in, in->client_token, &made));
    if (made.at) {
        TRY(resource_get(c, &interface_kind, made, &interface));
    } else {
        TRY(make(c, in, &interface));
        client_token_keep(c, in, in->client_token, interface.id);
    }
    out->client_token = in->client_token;
    out->network_interface = ARENA_NEW(c->arena, struct ec2_network_interface);
    return show(c, &interface, out->network_interface);
}

RESULT ec2_delete_network_interface(struct call *c,
                                    const struct ec2_delete_network_interface_in *in,
                                    struct ec2_delete_network_interface_out *out)
{
    struct stored_interface interface;
    TRY(resource_get(c, &interface_kind, in->network_interface_id, &interface));
    if (interface.attachment)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Network interface '%.*s' is currently in use.", SPAN_ARG(interface.id));
    return interface_drop(c, &interface);
}
