// SPDX-License-Identifier: Apache-2.0
/*
 * CreateVpc, DescribeVpcs, DeleteVpc and the default VPC. A new VPC is `pending` until its record
 * is durable. Control thread.
 */
#include "services/ec2/vpc.h"

#include "services/ec2/describe.h"
#include "services/ec2/egress_gateway.h"
#include "services/ec2/endpoint.h"
#include "services/ec2/flow_log.h"
#include "services/ec2/group_association.h"
#include "services/ec2/home.h"
#include "services/ec2/interface.h"
#include "services/ec2/internet_gateway.h"
#include "services/ec2/network_acl.h"
#include "services/ec2/number.h"
#include "services/ec2/peering.h"
#include "services/ec2/public_access.h"
#include "services/ec2/route_table.h"
#include "services/ec2/security_group.h"
#include "services/ec2/subnet.h"
#include "services/ec2/tag.h"

/* ---- the kind ----------------------------------------------------------------------------------
 */

static RESULT show(struct call *c, const void *record, void *shown)
{
    const struct stored_vpc *vpc = record;
    struct ec2_vpc *to = shown;
    size_t count = vpc->cidrs.count;
    to->owner_id = vpc->account;
    to->vpc_id = vpc->id;
    to->state = vpc->state == VPC_AVAILABLE ? S("available") : S("pending");
    to->cidr_block = vpc->cidrs.at[0].cidr;
    to->cidr_block_association_set.at =
        ARENA_ARRAY(c->arena, struct ec2_vpc_cidr_block_association, count);
    to->cidr_block_association_set.count = count;
    for (size_t i = 0; i < count; i++)
        vpc_show_cidr(&vpc->cidrs.at[i], c, &to->cidr_block_association_set.at[i]);
    to->ipv6_cidr_block_association_set.at =
        ARENA_ARRAY(c->arena, struct ec2_vpc_ipv6_cidr_block_association, vpc->cidrs6.count);
    to->ipv6_cidr_block_association_set.count = vpc->cidrs6.count;
    for (size_t i = 0; i < vpc->cidrs6.count; i++)
        vpc_show_cidr6(&vpc->cidrs6.at[i], c, &to->ipv6_cidr_block_association_set.at[i]);
    to->dhcp_options_id = vpc->dhcp_options;
    to->instance_tenancy = S("default");
    SET(to, is_default, vpc->is_default);
    TRY(public_access_show(c, vpc->id, SPAN_NONE, &to->block_public_access_states));
    return tag_list_if_any(c, vpc->id, &to->tags);
}

static RESULT step(struct call *c, void *record, int64_t *ret_due_ms)
{
    struct stored_vpc *vpc = record;
    size_t kept = 0;
    vpc->state = VPC_AVAILABLE;
    for (size_t i = 0; i < vpc->cidrs.count; i++) {
        struct stored_vpc_cidr cidr = vpc->cidrs.at[i];
        bool goes = cidr.state == CIDR_DISASSOCIATING;
        cidr.state = CIDR_ASSOCIATED;
        if (!goes)
            vpc->cidrs.at[kept++] = cidr;
    }
    vpc->cidrs.count = kept;
    vpc_settle_cidrs6(c, vpc);
    resource_put(c, &vpc_kind, vpc);
    return OK;
}

static const struct filter_name filters[] = {
    {"cidr", "CidrBlock"},
    {"cidr-block", "CidrBlock"},
    {"cidrBlock", "CidrBlock"},
    {"cidr-block-association.association-id", "CidrBlockAssociationSet.AssociationId"},
    {"cidr-block-association.cidr-block", "CidrBlockAssociationSet.CidrBlock"},
    {"cidr-block-association.state", "CidrBlockAssociationSet.CidrBlockState.State"},
    {"dhcp-options-id", "DhcpOptionsId"},
    {"dhcpOptionsId", "DhcpOptionsId"},
    {"ipv6-cidr-block-association.association-id", "Ipv6CidrBlockAssociationSet.AssociationId"},
    {"ipv6-cidr-block-association.ipv6-cidr-block", "Ipv6CidrBlockAssociationSet.Ipv6CidrBlock"},
    {"ipv6-cidr-block-association.ipv6-pool", "Ipv6CidrBlockAssociationSet.Ipv6Pool"},
    {"ipv6-cidr-block-association.state", "Ipv6CidrBlockAssociationSet.Ipv6CidrBlockState.State"},
    {"is-default", "IsDefault"},
    {"isDefault", "IsDefault"},
    {"owner-id", "OwnerId"},
    {"state", "State"},
    {"vpc-id", "VpcId"},
};

const struct resource_kind vpc_kind = {
    .prefix = S_INIT("vpc-"),
    .type = "vpc",
    .record = &stored_vpc_table,
    .vpc = offsetof(struct stored_vpc, id),
    .malformed = &EC2_INVALID_VPC_ID_MALFORMED,
    .missing = &EC2_INVALID_VPC_ID_NOT_FOUND,
    .missing_before = "The vpc ID '",
    .missing_after = "' does not exist",
    .shown_size = sizeof(struct ec2_vpc),
    .show = show,
    .filters = {EC2_SHAPE_VPC, filters, ARRAY_LEN(filters)},
    .step = step,
};

RESULT ec2_describe_vpcs(struct call *c, const struct ec2_describe_vpcs_in *in,
                         struct ec2_describe_vpcs_out *out)
{
    struct describe_found found;
    struct describe_asked asked = DESCRIBE_ASKED(in, vpc_ids);
    TRY(describe(c, &vpc_kind, &asked, &found));
    out->vpcs.at = found.at;
    out->vpcs.count = found.count;
    out->next_token = found.next_token;
    return OK;
}

/* ---- creation ----------------------------------------------------------------------------------
 */

RESULT vpc_new(struct call *c, struct cidr cidr, enum VPC_KIND kind, struct stored_vpc *ret)
{
    struct stored_vpc_cidr *primary = ARENA_NEW(c->arena, struct stored_vpc_cidr);
    *primary = (struct stored_vpc_cidr){
        .association = id_new(c, "vpc-cidr-assoc-", 17),
        .cidr = cidr_text(c->arena, cidr),
        .state = CIDR_ASSOCIATED,
    };
    *ret = (struct stored_vpc){
        .state = VPC_PENDING,
        .cidrs = {primary, 1},
        .is_default = kind == VPC_DEFAULT,
        .dns_support = true,
        .dns_hostnames = kind == VPC_DEFAULT,
    };
    resource_name(c, &vpc_kind, ret);
    TRY(home_dhcp_options(c, &ret->dhcp_options));
    route_table_new_main(c, ret->id);
    security_group_new_default(c, ret->id);
    network_acl_new_default(c, ret->id);
    resource_put_moving(c, &vpc_kind, ret, 0);
    return OK;
}

static RESULT check_not_built(struct call *c, const struct ec2_create_vpc_in *in)
{
    const struct {
        bool asked;
        const char *what;
    } parameters[] = {
        {in->ipv6_cidr_block.at || in->ipv6_pool.at || in->ipv6_ipam_pool_id.at ||
             in->has.ipv6_netmask_length,
         "An IPv6 CIDR block of one's own"},
        {in->ipv6_cidr_block_network_border_group.at &&
             !span_eq(in->ipv6_cidr_block_network_border_group, c->region),
         "This network border group"},
        {in->ipv4_ipam_pool_id.at || in->has.ipv4_netmask_length, "An IPAM pool"},
        {in->vpc_encryption_control != NULL, "VpcEncryptionControl"},
    };
    for (size_t i = 0; i < ARRAY_LEN(parameters); i++)
        if (parameters[i].asked)
            return resource_not_built(c, parameters[i].what);
    return OK;
}

RESULT ec2_create_vpc(struct call *c, const struct ec2_create_vpc_in *in,
                      struct ec2_create_vpc_out *out)
{
    struct cidr cidr;
    struct stored_vpc vpc;
    TRY(check_not_built(c, in));
    if (!in->cidr_block.at)
        return refuse(c, &EC2_MISSING_PARAMETER,
                      "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.");
    if (in->instance_tenancy.at && !span_eq(in->instance_tenancy, S("default")))
        return refuse(c, &EC2_UNSUPPORTED_TENANCY, "The tenancy value %.*s is not supported.",
                      SPAN_ARG(in->instance_tenancy));
    TRY(vpc_read_cidr(c, in->cidr_block, &cidr));
    TRY(home_settle(c));
    TRY(vpc_new(c, cidr, VPC_PLAIN, &vpc));
    if (in->amazon_provided_ipv6_cidr_block)
        TRY(vpc_add_cidr6(c, &vpc));
    TRY(tag_new(c, &vpc_kind, vpc.id, &in->tag_specifications));
    out->vpc = ARENA_NEW(c->arena, struct ec2_vpc);
    return show(c, &vpc, out->vpc);
}

/* ---- deletion ----------------------------------------------------------------------------------
 */

static RESULT check_empty(struct call *c, struct span vpc)
{
    const struct {
        const struct resource_kind *kind;
        const struct resource_where *where;
    } inside[] = {
        {&subnet_kind, WHERE(stored_subnet, vpc, vpc)},
        {&internet_gateway_kind, WHERE(stored_internet_gateway, vpc, vpc)},
        {&egress_gateway_kind, WHERE(stored_egress_gateway, vpc, vpc)},
        {&interface_kind, WHERE(stored_interface, vpc, vpc)},
        {&group_association_kind, WHERE(stored_group_association, vpc, vpc)},
    };
    bool used = false;
    for (size_t i = 0; i < ARRAY_LEN(inside) && !used; i++)
        TRY(resource_any(c, inside[i].kind, inside[i].where, &used));
    if (!used)
        TRY(route_table_any_but_main(c, vpc, &used));
    if (!used)
        TRY(security_group_any_but_default(c, vpc, &used));
    if (!used)
        TRY(network_acl_any_but_default(c, vpc, &used));
    if (!used)
        TRY(peering_any(c, vpc, &used));
    if (!used)
        TRY(endpoint_any(c, vpc, &used));
    return used ? resource_in_use(c, "vpc", vpc) : OK;
}

static RESULT drop_all(struct call *c, const struct resource_kind *kind,
                       const struct resource_where *where)
{
    struct resource_list list;
    TRY(resource_list(c, kind, where, &list));
    for (size_t i = 0; i < list.count; i++)
        resource_drop(c, kind, list.at[i]);
    return OK;
}

RESULT ec2_delete_vpc(struct call *c, const struct ec2_delete_vpc_in *in,
                      struct ec2_delete_vpc_out *out)
{
    struct stored_vpc vpc;
    TRY(resource_get(c, &vpc_kind, in->vpc_id, &vpc));
    TRY(check_empty(c, vpc.id));
    TRY(drop_all(c, &route_table_kind, WHERE(stored_route_table, vpc, vpc.id)));
    TRY(security_group_drop_all(c, vpc.id));
    TRY(drop_all(c, &network_acl_kind, WHERE(stored_network_acl, vpc, vpc.id)));
    TRY(flow_log_drop_all(c, vpc.id));
    TRY(access_exclusion_drop(c, vpc.id, SPAN_NONE));
    vpc_drop_cidrs6(c, &vpc);
    resource_drop(c, &vpc_kind, &vpc);
    return number_drop(c, vpc.id);
}
