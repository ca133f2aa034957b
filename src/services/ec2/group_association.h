// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Security groups in VPCs that are not their own ("Associate security groups with multiple VPCs").
 * Control thread. */
#include "services/ec2/resource.h"

enum GROUP_ASSOCIATION_STATE {
    GROUP_ASSOCIATING = 1,
    GROUP_ASSOCIATED,
    GROUP_DISASSOCIATING,
};

extern const struct resource_kind group_association_kind;

/* Whether interfaces of that VPC may have the group. */
RESULT group_association_allows(struct call *c, const struct stored_security_group *group,
                                struct span vpc, bool *ret);
/* All groups that they may have. */
RESULT group_association_groups(struct call *c, struct span vpc, struct resource_list *ret);
/* VPCs that a group is associated with hear of its changes. */
void group_association_tell(struct call *c, const void *group);
