// SPDX-License-Identifier: Apache-2.0
/*
 * Address blocks of VPCs: which a VPC may have, AssociateVpcCidrBlock, DisassociateVpcCidrBlock.
 * Rules and table: "VPC CIDR blocks", IPv4 CIDR block association restrictions. Control thread.
 */
#include "services/ec2/cidr6.h"
#include "services/ec2/subnet.h"
#include "services/ec2/vpc.h"

#define BITS_LARGEST 16
#define BITS_SMALLEST 28
#define CIDRS_MAX 5

#define BLOCK(a, b, c, d, bits)                                                                    \
    {                                                                                              \
        (uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d), bits                                     \
    }
#define TEN BLOCK(10, 0, 0, 0, 8)
#define SEVENTEEN_TWO BLOCK(172, 16, 0, 0, 12)
#define NINETEEN_TWO BLOCK(192, 168, 0, 0, 16)
#define NINETEEN_EIGHT BLOCK(198, 19, 0, 0, 16)

/* No host has them. */
static const struct cidr unusable[] = {BLOCK(0, 0, 0, 0, 8), BLOCK(127, 0, 0, 0, 8),
                                       BLOCK(169, 254, 0, 0, 16), BLOCK(224, 0, 0, 0, 3)};

/* What may not be added to a VPC whose primary block lies in `primary`; the last row is for all
 * others. */
static const struct {
    struct cidr primary, restricted[4];
} restrictions[] = {
    {TEN, {SEVENTEEN_TWO, NINETEEN_TWO, NINETEEN_EIGHT}},
    {SEVENTEEN_TWO, {TEN, NINETEEN_TWO, BLOCK(172, 31, 0, 0, 16), NINETEEN_EIGHT}},
    {NINETEEN_TWO, {TEN, SEVENTEEN_TWO, NINETEEN_EIGHT}},
    {NINETEEN_EIGHT, {TEN, SEVENTEEN_TWO, NINETEEN_TWO}},
    {BLOCK(0, 0, 0, 0, 0), {TEN, SEVENTEEN_TWO, NINETEEN_TWO, NINETEEN_EIGHT}},
};

RESULT vpc_read_cidr(struct call *c, struct span text, struct cidr *ret)
{
    if (!cidr_read(text, ret))
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Value (%.*s) for parameter cidrBlock is invalid. This is not a valid CIDR "
                      "block.",
                      SPAN_ARG(text));
    bool usable = ret->bits >= BITS_LARGEST && ret->bits <= BITS_SMALLEST;
    for (size_t i = 0; i < ARRAY_LEN(unusable); i++)
        usable = usable && !cidr_overlaps(unusable[i], *ret);
    if (!usable)
        return refuse(c, &EC2_INVALID_VPC_RANGE, "The CIDR '%.*s' is invalid.", SPAN_ARG(text));
    return OK;
}

struct span vpc_cidr_state(const struct stored_vpc_cidr *cidr)
{
    static const struct span states[] = {
        [CIDR_ASSOCIATING] = S_INIT("associating"),
        [CIDR_ASSOCIATED] = S_INIT("associated"),
        [CIDR_DISASSOCIATING] = S_INIT("disassociating"),
    };
    return states[cidr->state];
}

void vpc_show_cidr(const struct stored_vpc_cidr *cidr, struct call *c,
                   struct ec2_vpc_cidr_block_association *to)
{
    to->association_id = cidr->association;
    to->cidr_block = cidr->cidr;
    to->cidr_block_state = ARENA_NEW(c->arena, struct ec2_vpc_cidr_block_state);
    to->cidr_block_state->state = vpc_cidr_state(cidr);
}

bool vpc_has(const struct stored_vpc *vpc, struct cidr cidr)
{
    for (size_t i = 0; i < vpc->cidrs.count; i++)
        if (vpc->cidrs.at[i].state != CIDR_DISASSOCIATING &&
            cidr_contains(cidr_of(vpc->cidrs.at[i].cidr), cidr))
            return true;
    return false;
}

/* ---- AssociateVpcCidrBlock ---------------------------------------------------------------------
 */

static bool is_restricted(struct cidr primary, struct cidr cidr)
{
    size_t row = 0;
    while (!cidr_contains(restrictions[row].primary, primary))
        row++;
    for (size_t i = 0; i < ARRAY_LEN(restrictions[row].restricted); i++) {
        struct cidr restricted = restrictions[row].restricted[i];
        if (restricted.bits && cidr_overlaps(restricted, cidr))
            return true;
    }
    return false;
}

static RESULT check_addition(struct call *c, const struct stored_vpc *vpc, struct cidr cidr,
                             struct span text)
{
    if (is_restricted(cidr_of(vpc->cidrs.at[0].cidr), cidr))
        return refuse(c, &EC2_INVALID_VPC_RANGE,
                      "The CIDR '%.*s' is restricted. Use a CIDR from the same private address "
                      "range as the current VPC CIDR, or use a publicly-routable CIDR. For "
                      "additional restrictions, see "
                      "https://docs.aws.amazon.com/vpc/latest/userguide/"
                      "VPC_Subnets.html#VPC_Sizing",
                      SPAN_ARG(text));
    for (size_t i = 0; i < vpc->cidrs.count; i++)
        if (cidr_overlaps(cidr_of(vpc->cidrs.at[i].cidr), cidr))
            return refuse(c, &EC2_CIDR_CONFLICT,
                          "The CIDR '%.*s' conflicts with another CIDR block of the VPC",
                          SPAN_ARG(text));
    if (vpc->cidrs.count >= CIDRS_MAX)
        return refuse(c, &EC2_CIDR_LIMIT_EXCEEDED,
                      "This network '%.*s' has met its maximum number of allowed CIDRs: %d",
                      SPAN_ARG(vpc->id), CIDRS_MAX);
    return OK;
}

static RESULT check_not_built(struct call *c, const struct ec2_associate_vpc_cidr_block_in *in)
{
    struct span group = in->ipv6_cidr_block_network_border_group;
    if (in->ipv6_cidr_block.at || in->ipv6_pool.at || in->ipv6_ipam_pool_id.at ||
        in->has.ipv6_netmask_length)
        return resource_not_built(c, "An IPv6 CIDR block of one's own");
    if (group.at && !span_eq(group, c->region))
        return resource_not_built(c, "This network border group");
    if (in->ipv4_ipam_pool_id.at || in->has.ipv4_netmask_length)
        return resource_not_built(c, "An IPAM pool");
    return OK;
}

static RESULT associate6(struct call *c, const struct ec2_associate_vpc_cidr_block_in *in,
                         struct ec2_associate_vpc_cidr_block_out *out)
{
    struct stored_vpc vpc;
    if (in->cidr_block.at)
        return refuse(c, &EC2_INVALID_PARAMETER_COMBINATION,
                      "The parameter amazonProvidedIpv6CidrBlock cannot be used with the parameter "
                      "cidrBlock");
    TRY(resource_get(c, &vpc_kind, in->vpc_id, &vpc));
    TRY(vpc_add_cidr6(c, &vpc));
    out->vpc_id = vpc.id;
    out->ipv6_cidr_block_association =
        ARENA_NEW(c->arena, struct ec2_vpc_ipv6_cidr_block_association);
    vpc_show_cidr6(&vpc.cidrs6.at[vpc.cidrs6.count - 1], c, out->ipv6_cidr_block_association);
    return OK;
}

RESULT ec2_associate_vpc_cidr_block(struct call *c,
                                    const struct ec2_associate_vpc_cidr_block_in *in,
                                    struct ec2_associate_vpc_cidr_block_out *out)
{
    struct cidr cidr;
    struct stored_vpc vpc;
    TRY(check_not_built(c, in));
    if (in->amazon_provided_ipv6_cidr_block)
        return associate6(c, in, out);
    if (!in->cidr_block.at)
        return refuse(c, &EC2_MISSING_PARAMETER,
                      "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.");
    TRY(vpc_read_cidr(c, in->cidr_block, &cidr));
    TRY(resource_get(c, &vpc_kind, in->vpc_id, &vpc));
    TRY(check_addition(c, &vpc, cidr, in->cidr_block));
    vpc.cidrs.at = resource_widen(c, vpc.cidrs.at, vpc.cidrs.count, sizeof *vpc.cidrs.at);
    struct stored_vpc_cidr *added = &vpc.cidrs.at[vpc.cidrs.count++];
    *added = (struct stored_vpc_cidr){.association = id_new(c, "vpc-cidr-assoc-", 17),
                                      .cidr = cidr_text(c->arena, cidr),
                                      .state = CIDR_ASSOCIATING};
    resource_put_moving(c, &vpc_kind, &vpc, 0);
    out->vpc_id = vpc.id;
    out->cidr_block_association = ARENA_NEW(c->arena, struct ec2_vpc_cidr_block_association);
    vpc_show_cidr(added, c, out->cidr_block_association);
    return OK;
}

/* ---- DisassociateVpcCidrBlock ------------------------------------------------------------------
 */

static struct stored_vpc_cidr *association_in(const struct stored_vpc_cidr_list *cidrs,
                                              struct span association)
{
    for (size_t i = 0; i < cidrs->count; i++)
        if (span_eq(cidrs->at[i].association, association))
            return &cidrs->at[i];
    return NULL;
}

/* The VPC that has it, and the block. */
static RESULT find_association(struct call *c, struct span association, struct stored_vpc **ret_vpc,
                               struct stored_vpc_cidr **ret)
{
    struct resource_list vpcs;
    TRY(resource_list(c, &vpc_kind, NULL, &vpcs));
    for (size_t i = 0; i < vpcs.count; i++) {
        *ret_vpc = vpcs.at[i];
        *ret = association_in(&(*ret_vpc)->cidrs, association);
        if (!*ret)
            *ret = association_in(&(*ret_vpc)->cidrs6, association);
        if (*ret)
            return OK;
    }
    return refuse(c, &EC2_INVALID_VPC_CIDR_BLOCK_ASSOCIATION_ID_NOT_FOUND,
                  "The vpc CIDR block association ID '%.*s' does not exist", SPAN_ARG(association));
}

static bool lies_in(const struct stored_subnet *subnet, struct span cidr)
{
    struct cidr four;
    struct cidr6 outer, inner;
    if (cidr_read(cidr, &four))
        return cidr_contains(four, cidr_of(subnet->cidr));
    if (!subnet->cidr6 || !cidr6_parse(cidr, &outer))
        return false;
    inner = cidr6_of(subnet->cidr6->cidr);
    return cidr6_contains(&outer, &inner);
}

static RESULT check_unused(struct call *c, const struct stored_vpc *vpc, struct span cidr)
{
    struct resource_list subnets;
    TRY(resource_list(c, &subnet_kind, WHERE(stored_subnet, vpc, vpc->id), &subnets));
    for (size_t i = 0; i < subnets.count; i++) {
        const struct stored_subnet *subnet = subnets.at[i];
        if (lies_in(subnet, cidr))
            return refuse(c, &EC2_INVALID_CIDR_BLOCK_IN_USE,
                          "The vpc %.*s currently has a subnet within CIDR block %.*s",
                          SPAN_ARG(vpc->id), SPAN_ARG(cidr));
    }
    return OK;
}

RESULT ec2_disassociate_vpc_cidr_block(struct call *c,
                                       const struct ec2_disassociate_vpc_cidr_block_in *in,
                                       struct ec2_disassociate_vpc_cidr_block_out *out)
{
    struct stored_vpc *vpc;
    struct stored_vpc_cidr *cidr;
    TRY(find_association(c, in->association_id, &vpc, &cidr));
    if (cidr == vpc->cidrs.at)
        return refuse(c, &EC2_OPERATION_NOT_PERMITTED,
                      "The vpc CIDR block with association ID %.*s may not be disassociated. It is "
                      "the primary IPv4 CIDR block of the VPC",
                      SPAN_ARG(in->association_id));
    TRY(check_unused(c, vpc, cidr->cidr));
    cidr->state = CIDR_DISASSOCIATING;
    resource_put_moving(c, &vpc_kind, vpc, 0);
    out->vpc_id = vpc->id;
    if (cidr >= vpc->cidrs.at && cidr < vpc->cidrs.at + vpc->cidrs.count) {
        out->cidr_block_association = ARENA_NEW(c->arena, struct ec2_vpc_cidr_block_association);
        vpc_show_cidr(cidr, c, out->cidr_block_association);
    } else {
        out->ipv6_cidr_block_association =
            ARENA_NEW(c->arena, struct ec2_vpc_ipv6_cidr_block_association);
        vpc_show_cidr6(cidr, c, out->ipv6_cidr_block_association);
    }
    return OK;
}
