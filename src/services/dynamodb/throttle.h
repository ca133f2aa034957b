// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Provisioned throughput: what was read or written is taken from the meters of table and indexes,
 * and who meets an empty one is refused with ProvisionedThroughputExceededException. Any thread but
 * for throttle_set.
 */
#include "engines/kv/kv.h"
#include "services/dynamodb/dynamodb.records.h"
#include "wire/call.h"

struct throttle_target {
    const struct kv_access *access;
    struct kv_table *table;
};

/* `index` NULL, or a local one: the table's meter. */
RESULT throttle_read(struct call *c, const struct throttle_target *target,
                     const struct kv_index *index, double units);
/* `units` of the table; `changes` of its indexes, which may be written as fast as each of them. */
RESULT throttle_write(struct call *c, const struct throttle_target *target, double units,
                      const struct kv_changes *changes);
/* Whether a write to the table would be let in, whatever indexes it meets. */
bool throttle_is_open(const struct throttle_target *target, enum KV_METER which);
RESULT throttle_refuse(struct call *c);
/* Tells the engine the units of a table and its indexes. Control thread. */
RESULT throttle_set(struct call *c, const struct dynamodb_table *table);
