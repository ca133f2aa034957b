// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What a call is charged. Any thread. */
#include "engines/kv/kv.h"
#include "services/dynamodb/dynamodb.api.h"
#include "wire/call.h"

/* NULL when `wanted` (ReturnConsumedCapacity) says so. */
struct dynamodb_consumed_capacity *capacity_shown(struct call *c, struct span wanted,
                                                  struct span table_name, double units);
/* Of one item of so many bytes; 0 bytes: there was none. */
double capacity_of_read(size_t bytes, bool consistent);
/* `bytes` of the larger of what was and what is. */
double capacity_of_write(size_t bytes);

/* What writes to a table consumed: `units` of the table itself, `changes` of its indexes. */
struct capacity_write {
    struct span table_name;
    const struct kv_table *table;
    const struct kv_changes *changes;
    double units;
    double factor; /* 2 in transactions, else 1; of the indexes, too */
};
double capacity_of_change(const struct kv_change *change);
/* The same with the indexes that were written. */
struct dynamodb_consumed_capacity *capacity_written(struct call *c, struct span wanted,
                                                    const struct capacity_write *write);
