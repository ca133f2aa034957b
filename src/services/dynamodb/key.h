// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Primary keys of items and of requests. Any thread. */
#include "engines/kv/kv.h"
#include "wire/call.h"

/* From all of an item's attributes; the keys of indexes that it has are checked, too. */
RESULT key_of_item(struct call *c, const struct kv_table *table, const struct kv_map *item,
                   struct kv_key *ret);
/* The same for BatchWriteItem, which says of any key that is not there or of another type that it
 * does not match the schema. */
RESULT key_of_batch_item(struct call *c, const struct kv_table *table, const struct kv_map *item,
                         struct kv_key *ret);
/* What an item has of the keys of indexes: types, not empty, lengths. */
RESULT key_check_indexes(struct call *c, const struct kv_table *table, const struct kv_map *item);
enum KEY_KIND { KEY_HASH, KEY_RANGE };
/* A value that is compared with a key's attribute: not empty, not too long. */
RESULT key_check_value(struct call *c, enum KEY_KIND kind, const struct kv_key_part *part,
                       const struct kv_value *value);
/* From a request's Key, which has the key's attributes and no others. */
RESULT key_of_request(struct call *c, const struct kv_table *table, const struct kv_map *key,
                      struct kv_key *ret);
