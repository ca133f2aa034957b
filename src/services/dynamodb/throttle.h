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
    const struct kv_key *key; /* NULL: of no single one */
    struct span entries;      /* of an index: what the keys that are read begin with, or absent */
};

/* What the engine keeps as the kind of a table's rates. */
enum THROTTLE_MODE { THROTTLE_PROVISIONED, THROTTLE_ON_DEMAND };

/* `index` NULL, or a local one: the table's meter. */
RESULT throttle_read(struct call *c, const struct throttle_target *target,
                     const struct kv_index *index, double units);
/* `changes` of indexes may be written as fast as each of them. */
struct throttle_write {
    double units;  /* of the table, the factor in it */
    double factor; /* of the indexes: 2 in transactions, else 1 */
    const struct kv_changes *changes;
};
RESULT throttle_write(struct call *c, const struct throttle_target *target,
                      const struct throttle_write *write);
/* Of one that is let in whatever the meters say. */
void throttle_take_write(const struct throttle_target *target, const struct throttle_write *write);
/* Of a write that did not come to be: only the table's. */
RESULT throttle_failed_write(struct call *c, const struct throttle_target *target, double units);
/* Whether a write to the table would be let in, whatever indexes it meets. */
bool throttle_is_open(const struct throttle_target *target, enum KV_METER which);
/* What is told to who is not. */
RESULT throttle_refuse(struct call *c, const struct throttle_target *target, enum KV_METER which);
/* Tells the engine the units of a table and its indexes. Control thread. */
RESULT throttle_set(struct call *c, const struct dynamodb_table *table);
