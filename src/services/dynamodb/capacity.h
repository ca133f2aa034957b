// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What a call is charged. Any thread. */
#include "services/dynamodb/dynamodb.api.h"
#include "wire/call.h"

/* NULL when `wanted` (ReturnConsumedCapacity) says so. */
struct dynamodb_consumed_capacity *capacity_shown(struct call *c, struct span wanted,
                                                  struct span table_name, double units);
/* Of one item of so many bytes; 0 bytes: there was none. */
double capacity_of_read(size_t bytes, bool consistent);
/* `bytes` of the larger of what was and what is. */
double capacity_of_write(size_t bytes);
