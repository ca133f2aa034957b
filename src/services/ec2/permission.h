// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * IpPermissions: the form in which clients say rules of security groups, and are told them. One
 * permission has one range of ports and any number of peers, each of which is a rule. Control
 * thread.
 */
#include "services/ec2/group_rule.h"

/* Refuses what is no rule; whether groups and prefix lists are there is not looked at. */
RESULT permission_read(struct call *c, const struct ec2_ip_permission_list *permissions,
                       enum DIRECTION direction, struct stored_group_rule_list *ret);
/* The other form, of ModifySecurityGroupRules: one rule. */
RESULT permission_read_rule(struct call *c, const struct ec2_security_group_rule_request *request,
                            enum DIRECTION direction, struct stored_group_rule *ret);
RESULT permission_read_description(struct call *c, struct span text, struct span *ret);
/* As refusals name a rule: "peer: 0.0.0.0/0, TCP, from port: 22, to port: 22, ALLOW". */
struct span permission_text(struct call *c, const struct stored_group_rule *rule);
/* Rules of equal ports are gathered. `to` is empty before, never absent after. */
void permission_show(struct call *c, const struct stored_group_rule_list *rules,
                     enum DIRECTION direction, struct ec2_ip_permission_list *to);
