// SPDX-License-Identifier: Apache-2.0
/*
 * CreateSubnet, DescribeSubnets, DeleteSubnet, ModifySubnetAttribute, CreateDefaultSubnet is in
 * home.c. Control thread.
 */
#include "services/ec2/subnet.h"

#include "services/ec2/cidr_reservation.h"
#include "services/ec2/describe.h"
#include "services/ec2/network_acl.h"
#include "services/ec2/number.h"
#include "services/ec2/public_access.h"
#include "services/ec2/route_table.h"
#include "services/ec2/tag.h"
#include "services/ec2/vpc.h"
#include "services/ec2/zone.h"

#define BITS_LARGEST 16
#define BITS_SMALLEST 28

/* ---- the kind ----------------------------------------------------------------------------------
 */

static RESULT show(struct call *c, const void *record, void *shown)
{
    const struct stored_subnet *subnet = record;
    struct ec2_subnet *to = shown;
    to->owner_id = subnet->account;
    to->subnet_id = subnet->id;
    to->subnet_arn = resource_arn(c, &subnet_kind, subnet->id);
    to->vpc_id = subnet->vpc;
    to->state = subnet->state == SUBNET_AVAILABLE ? S("available") : S("pending");
    to->cidr_block = subnet->cidr;
    to->availability_zone = subnet->zone;
    to->availability_zone_id = zone_id_of(c, subnet->zone);
    subnet_show_cidrs6(c, subnet, &to->ipv6_cidr_block_association_set);
    SET(to, default_for_az, subnet->default_for_zone);
    SET(to, map_public_ip_on_launch, subnet->public_on_launch);
    SET(to, map_customer_owned_ip_on_launch, false);
    SET(to, assign_ipv6_address_on_creation, subnet->address6_on_creation);
    SET(to, enable_dns64, false);
    SET(to, ipv6_native, false);
    to->private_dns_name_options_on_launch =
        ARENA_NEW(c->arena, struct ec2_private_dns_name_options_on_launch);
    to->private_dns_name_options_on_launch->hostname_type = subnet->hostname_type;
    SET(to->private_dns_name_options_on_launch, enable_resource_name_dns_a_record,
        subnet->name_record);
    SET(to->private_dns_name_options_on_launch, enable_resource_name_dns_aaaa_record,
        subnet->name_record6);
    TRY(public_access_show(c, subnet->vpc, subnet->id, &to->block_public_access_states));
    SET(to, available_ip_address_count, 0);
    TRY(subnet_count_free(c, subnet, &to->available_ip_address_count));
    return tag_list_if_any(c, subnet->id, &to->tags);
}

static RESULT step(struct call *c, void *record, int64_t *ret_due_ms)
{
    struct stored_subnet *subnet = record;
    subnet->state = SUBNET_AVAILABLE;
    if (subnet->cidr6 && subnet->cidr6->state == CIDR_DISASSOCIATING)
        subnet->cidr6 = NULL;
    if (subnet->cidr6)
        subnet->cidr6->state = CIDR_ASSOCIATED;
    resource_put(c, &subnet_kind, subnet);
    return OK;
}

static const struct filter_name filters[] = {
    {"availability-zone", "AvailabilityZone"},
    {"availabilityZone", "AvailabilityZone"},
    {"availability-zone-id", "AvailabilityZoneId"},
    {"availabilityZoneId", "AvailabilityZoneId"},
    {"available-ip-address-count", "AvailableIpAddressCount"},
    {"cidr", "CidrBlock"},
    {"cidr-block", "CidrBlock"},
    {"cidrBlock", "CidrBlock"},
    {"customer-owned-ipv4-pool", "CustomerOwnedIpv4Pool"},
    {"default-for-az", "DefaultForAz"},
    {"defaultForAz", "DefaultForAz"},
    {"enable-dns64", "EnableDns64"},
    {"enable-lni-at-device-index", "EnableLniAtDeviceIndex"},
    {"ipv6-cidr-block-association.association-id", "Ipv6CidrBlockAssociationSet.AssociationId"},
    {"ipv6-cidr-block-association.ipv6-cidr-block", "Ipv6CidrBlockAssociationSet.Ipv6CidrBlock"},
    {"ipv6-cidr-block-association.state", "Ipv6CidrBlockAssociationSet.Ipv6CidrBlockState.State"},
    {"ipv6-native", "Ipv6Native"},
    {"map-customer-owned-ip-on-launch", "MapCustomerOwnedIpOnLaunch"},
    {"map-public-ip-on-launch", "MapPublicIpOnLaunch"},
    {"outpost-arn", "OutpostArn"},
    {"owner-id", "OwnerId"},
    {"private-dns-name-options-on-launch.enable-resource-name-dns-a-record",
     "PrivateDnsNameOptionsOnLaunch.EnableResourceNameDnsARecord"},
    {"private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record",
     "PrivateDnsNameOptionsOnLaunch.EnableResourceNameDnsAAAARecord"},
    {"private-dns-name-options-on-launch.hostname-type",
     "PrivateDnsNameOptionsOnLaunch.HostnameType"},
    {"state", "State"},
    {"subnet-arn", "SubnetArn"},
    {"subnet-id", "SubnetId"},
    {"vpc-id", "VpcId"},
};

const struct resource_kind subnet_kind = {
    .prefix = S_INIT("subnet-"),
    .type = "subnet",
    .record = &stored_subnet_table,
    .vpc = offsetof(struct stored_subnet, vpc),
    .malformed = &EC2_INVALID_SUBNET_ID_MALFORMED,
    .missing = &EC2_INVALID_SUBNET_ID_NOT_FOUND,
    .missing_before = "The subnet ID '",
    .missing_after = "' does not exist",
    .shown_size = sizeof(struct ec2_subnet),
    .show = show,
    .filters = {EC2_SHAPE_SUBNET, filters, ARRAY_LEN(filters)},
    .step = step,
};

RESULT ec2_describe_subnets(struct call *c, const struct ec2_describe_subnets_in *in,
                            struct ec2_describe_subnets_out *out)
{
    struct describe_found found;
    struct describe_asked asked = DESCRIBE_ASKED(in, subnet_ids);
    TRY(describe(c, &subnet_kind, &asked, &found));
    out->subnets.at = found.at;
    out->subnets.count = found.count;
    out->next_token = found.next_token;
    return OK;
}

/* ---- creation ----------------------------------------------------------------------------------
 */

RESULT subnet_new(struct call *c, const struct stored_subnet *wish, struct stored_subnet *ret)
{
    *ret = *wish;
    ret->state = SUBNET_PENDING;
    ret->hostname_type = S("ip-name");
    resource_name(c, &subnet_kind, ret);
    resource_put_moving(c, &subnet_kind, ret, 0);
    return network_acl_add_subnet(c, ret->vpc, ret->id);
}

static RESULT check_not_built(struct call *c, const struct ec2_create_subnet_in *in)
{
    if (in->ipv6_native)
        return resource_not_built(c, "An IPv6-only subnet");
    if (in->ipv6_ipam_pool_id.at || in->has.ipv6_netmask_length)
        return resource_not_built(c, "An IPAM pool");
    if (in->ipv4_ipam_pool_id.at || in->has.ipv4_netmask_length)
        return resource_not_built(c, "An IPAM pool");
    return in->outpost_arn.at ? resource_not_built(c, "OutpostArn") : OK;
}

/* The zone that was named, by name or id, or the first one. */
static RESULT choose_zone(struct call *c, struct span name, struct span id, struct span *ret)
{
    size_t number = 0;
    struct span wanted = name.at ? name : id, all = S("");
    if (name.at && id.at)
        return refuse(c, &EC2_INVALID_PARAMETER_COMBINATION,
                      "You may specify AvailabilityZone or AvailabilityZoneId, but not both.");
    if (!wanted.at || zone_find(c, wanted, &number)) {
        *ret = zone_name(c, number);
        return OK;
    }
    for (size_t i = 0; i < zone_count(c); i++)
        all = arena_printf(c->arena, "%.*s%s%.*s", SPAN_ARG(all), i ? ", " : "",
                           SPAN_ARG(zone_name(c, i)));
    return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                  "Value (%.*s) for parameter %s is invalid. Subnets can currently only be created "
                  "in the following availability zones: %.*s.",
                  SPAN_ARG(wanted), name.at ? "availabilityZone" : "availabilityZoneId",
                  SPAN_ARG(all));
}

static RESULT read_block(struct call *c, struct span text, struct cidr *ret)
{
    if (!text.at)
        return refuse(c, &EC2_MISSING_PARAMETER,
                      "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.");
    if (!cidr_read(text, ret))
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Value (%.*s) for parameter cidrBlock is invalid. This is not a valid CIDR "
                      "block.",
                      SPAN_ARG(text));
    if (ret->bits < BITS_LARGEST || ret->bits > BITS_SMALLEST)
        return refuse(c, &EC2_INVALID_SUBNET_RANGE, "The CIDR '%.*s' is invalid.", SPAN_ARG(text));
    return OK;
}

static RESULT check_block(struct call *c, const struct stored_vpc *vpc, struct cidr cidr,
                          struct span text)
{
    struct resource_list subnets;
    if (!vpc_has(vpc, cidr))
        return refuse(c, &EC2_INVALID_SUBNET_RANGE, "The CIDR '%.*s' is invalid.", SPAN_ARG(text));
    TRY(resource_list(c, &subnet_kind, WHERE(stored_subnet, vpc, vpc->id), &subnets));
    for (size_t i = 0; i < subnets.count; i++) {
        const struct stored_subnet *subnet = subnets.at[i];
        if (cidr_overlaps(cidr_of(subnet->cidr), cidr))
            return refuse(c, &EC2_INVALID_SUBNET_CONFLICT,
                          "The CIDR '%.*s' conflicts with another subnet", SPAN_ARG(text));
    }
    return OK;
}

RESULT ec2_create_subnet(struct call *c, const struct ec2_create_subnet_in *in,
                         struct ec2_create_subnet_out *out)
{
    struct cidr cidr;
    struct stored_vpc vpc;
    struct stored_subnet subnet, wish = {0};
    TRY(check_not_built(c, in));
    TRY(read_block(c, in->cidr_block, &cidr));
    TRY(resource_get(c, &vpc_kind, in->vpc_id, &vpc));
    TRY(choose_zone(c, in->availability_zone, in->availability_zone_id, &wish.zone));
    TRY(check_block(c, &vpc, cidr, in->cidr_block));
    wish.vpc = vpc.id;
    wish.cidr = cidr_text(c->arena, cidr);
    if (in->ipv6_cidr_block.at) {
        struct span cidr6;
        TRY(subnet_check_cidr6(c, &vpc, in->ipv6_cidr_block, &cidr6));
        wish.cidr6 = subnet_new_cidr6(c, cidr6);
    }
    TRY(subnet_new(c, &wish, &subnet));
    TRY(tag_new(c, &subnet_kind, subnet.id, &in->tag_specifications));
    out->subnet = ARENA_NEW(c->arena, struct ec2_subnet);
    return show(c, &subnet, out->subnet);
}

/* ---- deletion ----------------------------------------------------------------------------------
 */

static int find_lease(void *user, struct stored_lease *lease)
{
    *(bool *)user = true;
    return 1;
}

RESULT ec2_delete_subnet(struct call *c, const struct ec2_delete_subnet_in *in,
                         struct ec2_delete_subnet_out *out)
{
    struct stored_subnet subnet;
    bool used = false;
    TRY(resource_get(c, &subnet_kind, in->subnet_id, &subnet));
    struct stored_lease from = {
        .account = subnet.account, .region = subnet.region, .subnet = subnet.id};
    int error = stored_lease_each(c->txn, &from, 3, c->arena, find_lease, &used);
    if (error < 0)
        return refuse_errno(c, error, "reading leases");
    if (used)
        return resource_in_use(c, "subnet", subnet.id);
    TRY(network_acl_drop_subnet(c, subnet.vpc, subnet.id));
    TRY(route_table_drop_subnet(c, subnet.vpc, subnet.id));
    TRY(cidr_reservation_drop(c, subnet.id, RESERVED_ALL));
    TRY(access_exclusion_drop(c, subnet.vpc, subnet.id));
    resource_drop(c, &subnet_kind, &subnet);
    return number_drop(c, subnet.id);
}

/* ---- attributes --------------------------------------------------------------------------------
 */

static bool is_true(const struct ec2_attribute_boolean_value *value)
{
    return value && value->value;
}

static RESULT check_attributes(struct call *c, const struct ec2_modify_subnet_attribute_in *in)
{
    const struct {
        bool asked;
        const char *what;
    } attributes[] = {
        {is_true(in->map_customer_owned_ip_on_launch) || in->customer_owned_ipv4_pool.at,
         "A customer-owned address"},
        {is_true(in->enable_dns64), "EnableDns64"},
        {in->has.enable_lni_at_device_index || in->disable_lni_at_device_index,
         "A local network interface"},
    };
    for (size_t i = 0; i < ARRAY_LEN(attributes); i++)
        if (attributes[i].asked)
            return resource_not_built(c, attributes[i].what);
    return OK;
}

RESULT ec2_modify_subnet_attribute(struct call *c, const struct ec2_modify_subnet_attribute_in *in,
                                   struct ec2_modify_subnet_attribute_out *out)
{
    struct stored_subnet subnet;
    TRY(check_attributes(c, in));
    TRY(resource_get(c, &subnet_kind, in->subnet_id, &subnet));
    if (is_true(in->assign_ipv6_address_on_creation) && !subnet.cidr6)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Invalid value 'true' for assignIpv6AddressOnCreation. Subnet '%.*s' has no "
                      "IPv6 CIDR block.",
                      SPAN_ARG(subnet.id));
    if (in->assign_ipv6_address_on_creation)
        subnet.address6_on_creation = in->assign_ipv6_address_on_creation->value;
    if (in->map_public_ip_on_launch)
        subnet.public_on_launch = in->map_public_ip_on_launch->value;
    if (in->private_dns_hostname_type_on_launch.at)
        subnet.hostname_type = in->private_dns_hostname_type_on_launch;
    if (in->enable_resource_name_dns_a_record_on_launch)
        subnet.name_record = in->enable_resource_name_dns_a_record_on_launch->value;
    if (in->enable_resource_name_dns_aaaa_record_on_launch)
        subnet.name_record6 = in->enable_resource_name_dns_aaaa_record_on_launch->value;
    resource_put(c, &subnet_kind, &subnet);
    return OK;
}
