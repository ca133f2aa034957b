// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The rules of security groups, each with an id of its own. Control thread. */
#include "services/ec2/resource.h"

enum DIRECTION { INGRESS, EGRESS };

extern const struct resource_kind group_rule_kind;

void group_rule_show(struct call *c, const struct stored_security_group *group,
                     const struct stored_group_rule *rule, struct ec2_security_group_rule *to);
/* The same traffic from or to the same peer; ids and descriptions do not count. */
bool group_rule_equal(const struct stored_group_rule *a, const struct stored_group_rule *b);
/* Where it is in its group, or SIZE_MAX. */
size_t group_rule_find(const struct stored_security_group *group, struct span id);
size_t group_rule_find_equal(const struct stored_security_group *group,
                             const struct stored_group_rule *rule);
/* Gives the rule an id and adds it; answers the rule in the group. */
struct stored_group_rule *group_rule_add(struct call *c, struct stored_security_group *group,
                                         const struct stored_group_rule *rule);
/* With its tags. */
void group_rule_drop(struct call *c, struct stored_security_group *group, size_t index);
/* Whether the group has more of them than one may have, in a direction and of an IP version. */
RESULT group_rule_check_count(struct call *c, const struct stored_security_group *group);
