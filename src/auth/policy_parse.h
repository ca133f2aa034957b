// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to src/auth: what the document reader hands to the rules. Pure, any thread. */
#include "auth/policy_tree.h"

/* Understands one value of Principal; false when it is none. Sets type and value of `out`. */
MUST_CHECK bool policy_read_principal(struct span type, struct span value,
                                      struct policy_principal *out);

/* The sentence for the first rule of this kind of policy that the tree breaks, or absent. The tree
 * is not compiled yet: its texts are as written. */
struct span policy_broken_rule(struct arena *arena, const struct policy *policy,
                               enum POLICY_KIND kind);
