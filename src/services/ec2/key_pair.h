// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Key pairs, by name. Control thread, but for making one. */
#include "services/ec2/resource.h"

extern const struct resource_kind key_pair_kind;

/* Refused when there is none of that name. */
RESULT key_pair_named(struct call *c, struct span name, struct stored_key_pair *ret);
