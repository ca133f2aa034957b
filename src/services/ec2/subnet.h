// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Subnets and the private addresses in them. Control thread. */
#include "services/ec2/cidr.h"
#include "services/ec2/resource.h"

enum SUBNET_STATE { SUBNET_PENDING = 1, SUBNET_AVAILABLE };

extern const struct resource_kind subnet_kind;

/* Of a VPC's default network ACL, in a zone that is there; state and attributes as of any new one.
 * Nothing is checked. */
RESULT subnet_new(struct call *c, const struct stored_subnet *wish, struct stored_subnet *ret);
/* subnet_cidr6.c: whether the VPC has that /64 and no subnet of it; its text as EC2 tells it. */
RESULT subnet_check_cidr6(struct call *c, const struct stored_vpc *vpc, struct span text,
                          struct span *ret);
struct stored_vpc_cidr *subnet_new_cidr6(struct call *c, struct span cidr);
void subnet_show_cidrs6(struct call *c, const struct stored_subnet *subnet,
                        struct ec2_subnet_ipv6_cidr_block_association_set *to);
/* Addresses that nobody has: not the first four and the last of the block, and not leased. */
RESULT subnet_count_free(struct call *c, const struct stored_subnet *subnet, int32_t *ret);
/* Takes an address for an interface: `wanted`, or any free one where that is 0. */
RESULT subnet_lease(struct call *c, const struct stored_subnet *subnet, uint32_t wanted,
                    struct span interface, uint32_t *ret);
/* The interface that has it; absent: none. */
RESULT subnet_find_holder(struct call *c, struct span subnet, uint32_t address, struct span *ret);
/* From whatever interface has it. */
void subnet_hand_over(struct call *c, struct span subnet, uint32_t address, struct span interface);
void subnet_release(struct call *c, struct span subnet, uint32_t address);
