// SPDX-License-Identifier: Apache-2.0
#pragma once
/* IPv6 blocks, for rules that name them. Pure, any thread. */
#include "base/arena.h"

/* "2001:db8::/32" in the form that EC2 tells it: without bits beyond the prefix, shortened. */
MUST_CHECK bool cidr6_read(struct arena *arena, struct span text, struct span *ret);
