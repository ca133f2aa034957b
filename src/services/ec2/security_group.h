// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Security groups and their rules. Control thread. */
#include "services/ec2/resource.h"

extern const struct resource_kind security_group_kind;

/* The group of what names no other, of a new VPC: all traffic among its members, all outwards. */
void security_group_new_default(struct call *c, struct span vpc);
RESULT security_group_default(struct call *c, struct span vpc, struct stored_security_group **ret);
RESULT security_group_any_but_default(struct call *c, struct span vpc, bool *ret);
/* With its rules' ids and tags. */
void security_group_drop(struct call *c, const struct stored_security_group *group);
RESULT security_group_drop_all(struct call *c, struct span vpc);
/* Gives the rule an id and adds it. */
void security_group_add_rule(struct call *c, struct stored_security_group *group,
                             const struct stored_group_rule *rule);
