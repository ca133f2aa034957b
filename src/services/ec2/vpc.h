// SPDX-License-Identifier: Apache-2.0
#pragma once
/* VPCs and their address blocks. Control thread. */
#include "services/ec2/cidr.h"
#include "services/ec2/resource.h"

enum VPC_STATE { VPC_PENDING = 1, VPC_AVAILABLE };
enum CIDR_STATE { CIDR_ASSOCIATING = 1, CIDR_ASSOCIATED, CIDR_DISASSOCIATING };
enum VPC_KIND { VPC_PLAIN, VPC_DEFAULT };

extern const struct resource_kind vpc_kind;

/* With its main route table, its default group and its default network ACL. */
RESULT vpc_new(struct call *c, struct cidr cidr, enum VPC_KIND kind, struct stored_vpc *ret);
/* vpc_cidr.c: "…is not a valid CIDR block", and the sizes and ranges that a VPC may have. */
RESULT vpc_read_cidr(struct call *c, struct span text, struct cidr *ret);
void vpc_show_cidr(const struct stored_vpc_cidr *cidr, struct call *c,
                   struct ec2_vpc_cidr_block_association *to);
/* vpc_cidr6.c: one more block of IPv6, `associating`; with the first come the default rules for it.
 */
RESULT vpc_add_cidr6(struct call *c, struct stored_vpc *vpc);
/* Gives those back that are on their way out, all with `vpc` on its way out. */
void vpc_settle_cidrs6(struct call *c, struct stored_vpc *vpc);
void vpc_drop_cidrs6(struct call *c, const struct stored_vpc *vpc);
void vpc_show_cidr6(const struct stored_vpc_cidr *cidr, struct call *c,
                    struct ec2_vpc_ipv6_cidr_block_association *to);
/* vpc_cidr.c */
struct span vpc_cidr_state(const struct stored_vpc_cidr *cidr);
/* Whether a block lies within one that is associated. */
bool vpc_has(const struct stored_vpc *vpc, struct cidr cidr);
