// SPDX-License-Identifier: Apache-2.0
/* The IPv6 block of a subnet, a /64 of its VPC's: AssociateSubnetCidrBlock,
 * DisassociateSubnetCidrBlock. Control thread. */
#include "services/ec2/cidr6.h"
#include "services/ec2/cidr_reservation.h"
#include "services/ec2/interface.h"
#include "services/ec2/subnet.h"
#include "services/ec2/vpc.h"

#define SUBNET_BITS 64

static void show(struct call *c, const struct stored_vpc_cidr *cidr,
                 struct ec2_subnet_ipv6_cidr_block_association *to)
{
    to->association_id = cidr->association;
    to->ipv6_cidr_block = cidr->cidr;
    to->ipv6_cidr_block_state = ARENA_NEW(c->arena, struct ec2_subnet_cidr_block_state);
    to->ipv6_cidr_block_state->state = vpc_cidr_state(cidr);
    to->ipv6_address_attribute = S("public");
    to->ip_source = S("amazon");
}

void subnet_show_cidrs6(struct call *c, const struct stored_subnet *subnet,
                        struct ec2_subnet_ipv6_cidr_block_association_set *to)
{
    to->at = ARENA_NEW(c->arena, struct ec2_subnet_ipv6_cidr_block_association);
    if (subnet->cidr6)
        show(c, subnet->cidr6, &to->at[to->count++]);
}

static bool vpc_has6(const struct stored_vpc *vpc, const struct cidr6 *cidr)
{
    for (size_t i = 0; i < vpc->cidrs6.count; i++) {
        struct cidr6 block = cidr6_of(vpc->cidrs6.at[i].cidr);
        if (vpc->cidrs6.at[i].state != CIDR_DISASSOCIATING && cidr6_contains(&block, cidr))
            return true;
    }
    return false;
}

RESULT subnet_check_cidr6(struct call *c, const struct stored_vpc *vpc, struct span text,
                          struct span *ret)
{
    struct cidr6 cidr;
    struct resource_list subnets;
    if (!cidr6_parse(text, &cidr))
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Value (%.*s) for parameter ipv6CidrBlock is invalid. This is not a valid "
                      "CIDR block.",
                      SPAN_ARG(text));
    if (!vpc_has6(vpc, &cidr))
        return refuse(c, &EC2_INVALID_SUBNET_RANGE, "The CIDR '%.*s' is invalid.", SPAN_ARG(text));
    if (cidr.bits != SUBNET_BITS)
        return resource_not_built(c, "An IPv6 CIDR block of a subnet that is not a /64");
    TRY(resource_list(c, &subnet_kind, WHERE(stored_subnet, vpc, vpc->id), &subnets));
    for (size_t i = 0; i < subnets.count; i++) {
        const struct stored_subnet *subnet = subnets.at[i];
        struct cidr6 other = subnet->cidr6 ? cidr6_of(subnet->cidr6->cidr) : cidr;
        if (subnet->cidr6 && cidr6_overlaps(&other, &cidr))
            return refuse(c, &EC2_INVALID_SUBNET_CONFLICT,
                          "The CIDR '%.*s' conflicts with another subnet", SPAN_ARG(text));
    }
    *ret = cidr6_text(c->arena, &cidr);
    return OK;
}

struct stored_vpc_cidr *subnet_new_cidr6(struct call *c, struct span cidr)
{
    struct stored_vpc_cidr *to = ARENA_NEW(c->arena, struct stored_vpc_cidr);
    *to = (struct stored_vpc_cidr){.association = id_new(c, "subnet-cidr-assoc-", 17),
                                   .cidr = cidr,
                                   .state = CIDR_ASSOCIATING};
    return to;
}

/* ---- the operations ----------------------------------------------------------------------------
 */

RESULT ec2_associate_subnet_cidr_block(struct call *c,
                                       const struct ec2_associate_subnet_cidr_block_in *in,
                                       struct ec2_associate_subnet_cidr_block_out *out)
{
    struct span cidr;
    struct stored_vpc vpc;
    struct stored_subnet subnet;
    if (in->ipv6_ipam_pool_id.at || in->has.ipv6_netmask_length)
        return resource_not_built(c, "An IPAM pool");
    if (!in->ipv6_cidr_block.at)
        return refuse(c, &EC2_MISSING_PARAMETER,
                      "The request must contain the parameter ipv6CidrBlock");
    TRY(resource_get(c, &subnet_kind, in->subnet_id, &subnet));
    TRY(resource_get(c, &vpc_kind, subnet.vpc, &vpc));
    if (subnet.cidr6)
        return refuse(c, &EC2_CIDR_LIMIT_EXCEEDED,
                      "This subnet '%.*s' has met its maximum number of allowed CIDRs: 1",
                      SPAN_ARG(subnet.id));
    TRY(subnet_check_cidr6(c, &vpc, in->ipv6_cidr_block, &cidr));
    subnet.cidr6 = subnet_new_cidr6(c, cidr);
    resource_put_moving(c, &subnet_kind, &subnet, 0);
    out->subnet_id = subnet.id;
    out->ipv6_cidr_block_association =
        ARENA_NEW(c->arena, struct ec2_subnet_ipv6_cidr_block_association);
    show(c, subnet.cidr6, out->ipv6_cidr_block_association);
    return OK;
}

static RESULT find_association(struct call *c, struct span association, struct stored_subnet **ret)
{
    struct resource_list subnets;
    TRY(resource_list(c, &subnet_kind, NULL, &subnets));
    for (size_t i = 0; i < subnets.count; i++) {
        *ret = subnets.at[i];
        if ((*ret)->cidr6 && span_eq((*ret)->cidr6->association, association))
            return OK;
    }
    return refuse(c, &EC2_INVALID_SUBNET_CIDR_BLOCK_ASSOCIATION_ID_NOT_FOUND,
                  "The subnet CIDR block with association ID '%.*s' does not exist",
                  SPAN_ARG(association));
}

static RESULT check_unused(struct call *c, const struct stored_subnet *subnet)
{
    struct resource_list interfaces;
    TRY(resource_list(c, &interface_kind, WHERE(stored_interface, subnet, subnet->id),
                      &interfaces));
    for (size_t i = 0; i < interfaces.count; i++)
        if (((const struct stored_interface *)interfaces.at[i])->addresses6.count)
            return refuse(c, &EC2_INVALID_CIDR_BLOCK_IN_USE,
                          "The subnet %.*s currently has addresses within CIDR block %.*s",
                          SPAN_ARG(subnet->id), SPAN_ARG(subnet->cidr6->cidr));
    return OK;
}

RESULT ec2_disassociate_subnet_cidr_block(struct call *c,
                                          const struct ec2_disassociate_subnet_cidr_block_in *in,
                                          struct ec2_disassociate_subnet_cidr_block_out *out)
{
    struct stored_subnet *subnet;
    TRY(find_association(c, in->association_id, &subnet));
    TRY(check_unused(c, subnet));
    TRY(cidr_reservation_drop(c, subnet->id, RESERVED_SIX));
    subnet->cidr6->state = CIDR_DISASSOCIATING;
    subnet->address6_on_creation = false;
    resource_put_moving(c, &subnet_kind, subnet, 0);
    out->subnet_id = subnet->id;
    out->ipv6_cidr_block_association =
        ARENA_NEW(c->arena, struct ec2_subnet_ipv6_cidr_block_association);
    show(c, subnet->cidr6, out->ipv6_cidr_block_association);
    return OK;
}
