// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Item collections: what a table with local indexes has under one hash key, indexes included, at
 * most 10 GB ("Item collections"). Any thread.
 */
#include "engines/kv/kv.h"
#include "services/dynamodb/dynamodb.api.h"
#include "wire/call.h"

/* After a write; NULL when nobody asks (ReturnItemCollectionMetrics) or the table has no local
 * index. `key` has the hash key's attribute. */
struct dynamodb_item_collection_metrics *collection_shown(struct call *c, struct span wanted,
                                                          const struct kv_table *table,
                                                          const struct kv_map *key,
                                                          const struct kv_changes *changes);
/* The same of several writes: one entry for each collection. */
struct collections {
    struct span wanted;
    struct dynamodb_item_collection_metrics_per_table shown;
};
struct collection_write {
    const struct kv_access *access;
    struct span table_name; /* as it was asked for */
    const struct kv_table *table;
    const struct kv_key *key;
    const struct kv_map *map; /* has the hash key's attribute */
};
RESULT collections_add(struct call *c, struct collections *all,
                       const struct collection_write *write);
/* The refusal of what kv_put answered. */
RESULT collection_refuse(struct call *c, int error, const char *doing);
