// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Security groups and their rules. Control thread. */
#include "services/ec2/resource.h"

extern const struct resource_kind security_group_kind;

/* The group of what names no other, of a new VPC: all traffic among its members, all outwards. */
void security_group_new_default(struct call *c, struct span vpc);
/* Groups of the VPC whose outbound rules were not modified let everything of IPv6 out too. */
RESULT security_group_open6(struct call *c, struct span vpc);
bool security_group_is_default(const struct stored_security_group *group);
RESULT security_group_default(struct call *c, struct span vpc, struct stored_security_group **ret);
RESULT security_group_any_but_default(struct call *c, struct span vpc, bool *ret);
RESULT security_group_drop_all(struct call *c, struct span vpc);
/* By its id or, in the default VPC, by its name; either may be absent, not both. */
RESULT security_group_get(struct call *c, struct span id, struct span name,
                          struct stored_security_group *ret);
/* Of the default VPC. */
RESULT security_group_find_named(struct call *c, struct span name, struct span *ret_id);
/* Of names and descriptions, of groups and of rules. */
bool security_group_text_valid(struct span text);
