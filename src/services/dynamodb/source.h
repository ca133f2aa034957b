// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What Query, Scan and SELECT read: a table or one of its indexes, by the attributes of its key.
 * Any thread.
 */
#include "services/dynamodb/expression/expression.h"

struct source {
    struct kv_access access;
    struct kv_table *table;
    struct span table_name;
    const struct kv_index *index;         /* NULL: the table itself */
    const struct kv_index_schema *schema; /* of the index */
    struct kv_key_part hash[KV_INDEX_PARTS_MAX], range[KV_INDEX_PARTS_MAX];
    size_t hash_count, range_count;
    struct kv_key_part keys[2 + 2 * KV_INDEX_PARTS_MAX]; /* of table and index, each once */
    size_t key_count;
};

RESULT source_open(struct call *c, struct span table_name, struct span index_name,
                   struct source *ret);
/* Whether entries of the index have this attribute; a table has all. */
bool source_has(const struct source *source, struct span attribute);

/* What part of the items is wanted, and whether they have to be fetched from the table. */
struct source_select {
    struct span select; /* absent: whatever fits the rest */
    const struct expression *projection, *filter;
    bool named;      /* the projection is AttributesToGet */
    bool consistent; /* ConsistentRead */
};
RESULT source_check_select(struct call *c, const struct source_select *select, bool index);
RESULT source_check_index(struct call *c, const struct source *source,
                          const struct source_select *select, bool *ret_fetch);

/* A starting key: as many attributes as there are in all keys, with their types. */
RESULT source_check_start(struct call *c, const struct source *source, const struct kv_map *start);
struct dynamodb_key source_last(struct call *c, const struct source *source,
                                const struct kv_map *item);
