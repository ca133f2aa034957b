// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * One item that is being written: its lock, what is there, the condition, what is stored and what
 * is told of it. Everything lives in the call's arena. Any thread.
 */
#include "services/dynamodb/capacity.h"
#include "services/dynamodb/expression/expression.h"

#define ITEM_MAX (400 * 1024) /* bytes, names included */

struct item_target {
    struct kv_access access;
    struct kv_table *table;
    struct span table_name;
    struct kv_key key;
    struct span bytes; /* what is there, absent: nothing */
    struct kv_map old; /* the same, decoded by item_decode; empty: nothing */
    bool decoded;
    bool transacted; /* its units count twice */
    struct kv_changes changes;
};

/* Locks the key and reads what is there. */
RESULT item_lock(struct call *c, struct item_target *target);
/* Reads what is there; for a caller that holds the lock. */
RESULT item_read(struct call *c, struct item_target *target);
RESULT item_decode(struct call *c, struct item_target *target);

/* ConditionalCheckFailedException unless the condition (which may be absent) holds; with the item
 * where `wanted` (ReturnValuesOnConditionCheckFailure) says ALL_OLD. */
RESULT item_check(struct call *c, struct item_target *target, const struct expression *condition,
                  struct span wanted);
RESULT item_store(struct call *c, struct item_target *target, const struct kv_map *item);
RESULT item_remove(struct call *c, struct item_target *target);
/* Units of a write that changes nothing: of a transaction's check. */
RESULT item_charge(struct call *c, struct item_target *target);

/* What an update makes of the item, sizes checked; `key` has the key's attributes. False in
 * *ret_stored: there is still nothing. */
enum ITEM_MEASURE { ITEM_MEASURE_WHOLE, ITEM_MEASURE_ACTIONS };
struct item_update {
    const struct expression *update; /* may be absent */
    const struct kv_map *key;
    enum ITEM_MEASURE measure; /* UpdateItem alone counts a fee per action */
};
RESULT item_change(struct call *c, struct item_target *target, const struct item_update *update,
                   struct kv_map *ret_item, bool *ret_stored);

/* No path of the expression goes into a key attribute. */
RESULT item_check_key_paths(struct call *c, const struct kv_table *table,
                            const struct expression *expression);
/* No action of the update writes a key attribute. */
RESULT item_check_key_kept(struct call *c, const struct kv_table *table,
                           const struct expression *update);

/* `bytes`: of the larger of what was and what is. */
struct dynamodb_consumed_capacity *item_capacity(struct call *c, const struct item_target *target,
                                                 struct span wanted, size_t bytes);
