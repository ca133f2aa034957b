// SPDX-License-Identifier: Apache-2.0
/*
 * The default VPC: every account finds one in every region, with a subnet in each zone, an internet
 * gateway and a route to it ("Default VPCs"), and AWS's prefix lists. It is made at the first look
 * at anything of EC2, as if it had always been there, and only once: a default VPC that was deleted
 * comes back by CreateDefaultVpc alone. Control thread.
 */
#include "services/ec2/home.h"

#include "services/ec2/dhcp_options.h"
#include "services/ec2/internet_gateway.h"
#include "services/ec2/managed_prefix.h"
#include "services/ec2/route_table.h"
#include "services/ec2/subnet.h"
#include "services/ec2/vpc.h"
#include "services/ec2/zone.h"

#include <errno.h>

static const struct cidr block = {172u << 24 | 31u << 16, 16};
#define SUBNET_BITS 20

static RESULT add_subnet(struct call *c, const struct stored_vpc *vpc, size_t zone,
                         struct cidr cidr, struct stored_subnet *ret)
{
    struct stored_subnet wish = {
        .vpc = vpc->id,
        .cidr = cidr_text(c->arena, cidr),
        .zone = zone_name(c, zone),
        .default_for_zone = true,
        .public_on_launch = true,
    };
    return subnet_new(c, &wish, ret);
}

static RESULT add_vpc(struct call *c, struct stored_vpc *ret)
{
    struct stored_subnet subnet;
    struct stored_route_table *main;
    TRY(vpc_new(c, block, VPC_DEFAULT, ret));
    for (size_t i = 0; i < zone_count(c); i++) {
        struct cidr cidr = {block.address + ((uint32_t)i << (32 - SUBNET_BITS)), SUBNET_BITS};
        TRY(add_subnet(c, ret, i, cidr, &subnet));
    }
    struct stored_route outwards = {.destination = S("0.0.0.0/0"),
                                    .target = internet_gateway_new(c, ret->id)};
    TRY(route_table_main(c, ret->id, &main));
    route_table_add_route(c, main, &outwards);
    resource_put(c, &route_table_kind, main);
    return OK;
}

static RESULT find_home(struct call *c, struct stored_home *ret, bool *ret_settled)
{
    *ret = (struct stored_home){.account = c->account, .region = c->region};
    int error = stored_home_get(c->txn, c->arena, ret);
    *ret_settled = !error;
    return error && error != -ENOENT ? refuse_errno(c, error, "reading the default VPC") : OK;
}

/* As if it had always been there. */
static RESULT make_available(struct call *c, struct stored_vpc *vpc)
{
    struct resource_list subnets;
    vpc->state = VPC_AVAILABLE;
    resource_put(c, &vpc_kind, vpc);
    TRY(resource_list(c, &subnet_kind, WHERE(stored_subnet, vpc, vpc->id), &subnets));
    for (size_t i = 0; i < subnets.count; i++) {
        struct stored_subnet *subnet = subnets.at[i];
        subnet->state = SUBNET_AVAILABLE;
        resource_put(c, &subnet_kind, subnet);
    }
    return OK;
}

RESULT home_settle(struct call *c)
{
    struct stored_home home;
    struct stored_vpc vpc;
    bool settled;
    TRY(find_home(c, &home, &settled));
    if (settled && home.prefix_lists)
        return OK;
    home.prefix_lists = true;
    managed_prefix_new_all(c);
    if (settled) {
        stored_home_put(c->txn, &home);
        return OK;
    }
    home.settled = c->now_ms;
    home.dhcp_options = dhcp_options_new_default(c);
    stored_home_put(c->txn, &home);
    TRY(add_vpc(c, &vpc));
    return make_available(c, &vpc);
}

RESULT home_dhcp_options(struct call *c, struct span *ret_id)
{
    struct stored_home home;
    bool settled;
    TRY(find_home(c, &home, &settled));
    *ret_id = home.dhcp_options;
    return OK;
}

RESULT home_find_vpc(struct call *c, struct stored_vpc *ret)
{
    struct resource_list vpcs;
    *ret = (struct stored_vpc){0};
    TRY(resource_list(c, &vpc_kind, NULL, &vpcs));
    for (size_t i = 0; i < vpcs.count; i++)
        if (((const struct stored_vpc *)vpcs.at[i])->is_default)
            *ret = *(const struct stored_vpc *)vpcs.at[i];
    return OK;
}

RESULT ec2_create_default_vpc(struct call *c, const struct ec2_create_default_vpc_in *in,
                              struct ec2_create_default_vpc_out *out)
{
    struct stored_vpc vpc;
    TRY(home_find_vpc(c, &vpc));
    if (vpc.id.at)
        return refuse(c, &EC2_DEFAULT_VPC_ALREADY_EXISTS,
                      "A Default VPC already exists for this account in this region.");
    TRY(add_vpc(c, &vpc));
    out->vpc = ARENA_NEW(c->arena, struct ec2_vpc);
    return vpc_kind.show(c, &vpc, out->vpc);
}

/* ---- CreateDefaultSubnet -----------------------------------------------------------------------
 */

static RESULT choose_zone(struct call *c, const struct ec2_create_default_subnet_in *in,
                          size_t *ret)
{
    struct span wanted =
        in->availability_zone.at ? in->availability_zone : in->availability_zone_id;
    if (!wanted.at)
        return refuse(c, &EC2_MISSING_PARAMETER,
                      "The request must contain the parameter availabilityZone");
    if (!zone_find(c, wanted, ret))
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Value (%.*s) for parameter availabilityZone is invalid.", SPAN_ARG(wanted));
    return OK;
}

static bool is_taken(const struct resource_list *subnets, struct cidr cidr)
{
    for (size_t i = 0; i < subnets->count; i++)
        if (cidr_overlaps(cidr_of(((const struct stored_subnet *)subnets->at[i])->cidr), cidr))
            return true;
    return false;
}

/* The first /20 of the VPC that is free. */
static RESULT choose_block(struct call *c, const struct resource_list *subnets, struct cidr *ret)
{
    *ret = (struct cidr){block.address, SUBNET_BITS};
    while (cidr_contains(block, *ret) && is_taken(subnets, *ret))
        ret->address += 1u << (32 - SUBNET_BITS);
    if (cidr_contains(block, *ret))
        return OK;
    return refuse(c, &EC2_INSUFFICIENT_FREE_ADDRESSES_IN_SUBNET,
                  "There is no free address range for a default subnet in the default VPC.");
}

RESULT ec2_create_default_subnet(struct call *c, const struct ec2_create_default_subnet_in *in,
                                 struct ec2_create_default_subnet_out *out)
{
    size_t zone;
    struct cidr cidr;
    struct stored_vpc vpc;
    struct stored_subnet made;
    struct resource_list subnets;
    if (in->ipv6_native)
        return resource_not_built(c, "Ipv6Native");
    TRY(choose_zone(c, in, &zone));
    TRY(home_find_vpc(c, &vpc));
    if (!vpc.id.at)
        return refuse(c, &EC2_DEFAULT_VPC_DOES_NOT_EXIST,
                      "No default VPC exists for this account in this region.");
    TRY(resource_list(c, &subnet_kind, WHERE(stored_subnet, vpc, vpc.id), &subnets));
    for (size_t i = 0; i < subnets.count; i++) {
        const struct stored_subnet *subnet = subnets.at[i];
        if (subnet->default_for_zone && span_eq(subnet->zone, zone_name(c, zone)))
            return refuse(c, &EC2_DEFAULT_SUBNET_ALREADY_EXISTS_IN_AVAILABILITY_ZONE,
                          "'%.*s' is already the default subnet in %.*s.", SPAN_ARG(subnet->id),
                          SPAN_ARG(subnet->zone));
    }
    TRY(choose_block(c, &subnets, &cidr));
    TRY(add_subnet(c, &vpc, zone, cidr, &made));
    out->subnet = ARENA_NEW(c->arena, struct ec2_subnet);
    return subnet_kind.show(c, &made, out->subnet);
}
