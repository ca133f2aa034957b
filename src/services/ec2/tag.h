// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Tags of resources: at creation and later. Control thread. */
#include "services/ec2/resource.h"

/* In the order of keys; empty, not absent, when there are none. */
RESULT tag_list(struct call *c, struct span resource, struct ec2_tag_list *ret);
/* The same, absent when there are none: some structures of EC2 leave an empty set out. */
RESULT tag_list_if_any(struct call *c, struct span resource, struct ec2_tag_list *ret);
/* TagSpecifications of an operation that makes this one resource. */
RESULT tag_new(struct call *c, const struct resource_kind *kind, struct span resource,
               const struct ec2_tag_specification_list *specifications);
/* Of one that makes several: the types it may name, then what is meant for each. */
RESULT tag_check_types(struct call *c, const struct ec2_tag_specification_list *specifications,
                       const char *const *types, size_t count);
RESULT tag_new_typed(struct call *c, const char *type, struct span resource,
                     const struct ec2_tag_specification_list *specifications);
/* One of AWS's own, which clients can neither make nor take away: "aws:…". */
void tag_put_own(struct call *c, struct span resource, const char *key, struct span value);
void tag_drop_all(struct call *c, struct span resource);
