// SPDX-License-Identifier: Apache-2.0
/*
 * IPv6 blocks of VPCs, and the rules that come with a VPC's first one: "Default network ACL" and
 * "Default security groups" say that they are added to what was not modified. Control thread.
 */
#include "services/ec2/block6.h"
#include "services/ec2/network_acl.h"
#include "services/ec2/security_group.h"
#include "services/ec2/vpc.h"

#define CIDRS6_MAX 5 /* "Amazon VPC quotas" */

void vpc_show_cidr6(const struct stored_vpc_cidr *cidr, struct call *c,
                    struct ec2_vpc_ipv6_cidr_block_association *to)
{
    to->association_id = cidr->association;
    to->ipv6_cidr_block = cidr->cidr;
    to->ipv6_cidr_block_state = ARENA_NEW(c->arena, struct ec2_vpc_cidr_block_state);
    to->ipv6_cidr_block_state->state = vpc_cidr_state(cidr);
    to->network_border_group = c->region;
    to->ipv6_pool = S("Amazon");
    to->ipv6_address_attribute = S("public");
    to->ip_source = S("amazon");
}

RESULT vpc_add_cidr6(struct call *c, struct stored_vpc *vpc)
{
    struct span cidr;
    struct stored_vpc_cidr_list *cidrs = &vpc->cidrs6;
    if (cidrs->count >= CIDRS6_MAX)
        return refuse(c, &EC2_CIDR_LIMIT_EXCEEDED,
                      "This network '%.*s' has met its maximum number of allowed CIDRs: %d",
                      SPAN_ARG(vpc->id), CIDRS6_MAX);
    TRY(block6_take(c, vpc->id, &cidr));
    bool first = !cidrs->count;
    cidrs->at = resource_widen(c, cidrs->at, cidrs->count, sizeof *cidrs->at);
    cidrs->at[cidrs->count++] = (struct stored_vpc_cidr){
        .association = id_new(c, "vpc-cidr-assoc-", 17), .cidr = cidr, .state = CIDR_ASSOCIATING};
    resource_put_moving(c, &vpc_kind, vpc, 0);
    if (!first)
        return OK;
    TRY(network_acl_open6(c, vpc->id));
    return security_group_open6(c, vpc->id);
}

void vpc_settle_cidrs6(struct call *c, struct stored_vpc *vpc)
{
    size_t kept = 0;
    for (size_t i = 0; i < vpc->cidrs6.count; i++) {
        struct stored_vpc_cidr cidr = vpc->cidrs6.at[i];
        if (cidr.state == CIDR_DISASSOCIATING) {
            block6_give(c, cidr.cidr);
            continue;
        }
        cidr.state = CIDR_ASSOCIATED;
        vpc->cidrs6.at[kept++] = cidr;
    }
    vpc->cidrs6.count = kept;
}

void vpc_drop_cidrs6(struct call *c, const struct stored_vpc *vpc)
{
    for (size_t i = 0; i < vpc->cidrs6.count; i++)
        block6_give(c, vpc->cidrs6.at[i].cidr);
}
