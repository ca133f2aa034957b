// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Rules of network ACLs and security groups as the fabric has them. Control thread. */
#include "engines/fabric/fabric.h"
#include "services/ec2/resource.h"

enum DIRECTION { DIRECTION_IN, DIRECTION_OUT };

struct network_rules {
    struct fabric_rules four, six; /* of IPv4 and of IPv6 */
};

/* In the order of their numbers; what no rule matches is denied. */
struct network_rules network_rules_of_acl(struct call *c, const struct stored_network_acl *acl,
                                          enum DIRECTION direction);
/* Of all groups of an interface; `interfaces` are those of the VPC, for rules that name a group. */
struct network_rules network_rules_of_groups(struct call *c, const struct resource_list *groups,
                                             const struct resource_list *interfaces,
                                             const struct stored_interface *interface,
                                             enum DIRECTION direction);
