// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Primary keys of items and of requests. Any thread. */
#include "engines/kv/kv.h"
#include "wire/call.h"

/* From all of an item's attributes. */
RESULT key_of_item(struct call *c, const struct kv_table *table, const struct kv_map *item,
                   struct kv_key *ret);
/* From a request's Key, which has the key's attributes and no others. */
RESULT key_of_request(struct call *c, const struct kv_table *table, const struct kv_map *key,
                      struct kv_key *ret);
