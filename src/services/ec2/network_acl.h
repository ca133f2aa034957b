// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Network ACLs and their associations with subnets. Control thread. */
#include "services/ec2/resource.h"

#define NETWORK_ACL_LAST 32767 /* the number of the rule that denies the rest */

extern const struct resource_kind network_acl_kind;

/* The one of subnets that are associated with no other, of a new VPC: it allows everything. */
void network_acl_new_default(struct call *c, struct span vpc);
/* It lets everybody of IPv6 in and out too, where it was not modified. */
RESULT network_acl_open6(struct call *c, struct span vpc);
RESULT network_acl_default(struct call *c, struct span vpc, struct stored_network_acl **ret);
RESULT network_acl_any_but_default(struct call *c, struct span vpc, bool *ret);
/* A subnet is always associated with exactly one: a new one with the default, and none when it is
 * gone. */
RESULT network_acl_add_subnet(struct call *c, struct span vpc, struct span subnet);
RESULT network_acl_drop_subnet(struct call *c, struct span vpc, struct span subnet);
