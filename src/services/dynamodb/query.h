// SPDX-License-Identifier: Apache-2.0
#pragma once
/* From conditions on a key's attributes to a range of it. Any thread. */
#include "services/dynamodb/source.h"

RESULT query_range(struct call *c, const struct source *source, const struct expression_keys *keys,
                   struct kv_range *ret);
