// SPDX-License-Identifier: Apache-2.0
/* What is told of item collections, and the refusal of one that is full. Any thread. */
#include "services/dynamodb/collection.h"

#include "services/dynamodb/attribute.h"

#include <errno.h>

#define GIB ((double)(1 << 30))

static bool has_local(const struct kv_table *table)
{
    const struct kv_index *index;
    for (size_t at = 0; (index = kv_index_next(table, &at));)
        if (kv_index_schema(index)->local)
            return true;
    return false;
}

struct dynamodb_item_collection_metrics *collection_shown(struct call *c, struct span wanted,
                                                          const struct kv_table *table,
                                                          const struct kv_map *key,
                                                          const struct kv_changes *changes)
{
    if (!span_eq(wanted, S("SIZE")) || !has_local(table))
        return NULL;
    struct span name = kv_table_schema(table)->hash.name;
    struct dynamodb_item_collection_metrics *shown =
        ARENA_NEW(c->arena, struct dynamodb_item_collection_metrics);
    shown->item_collection_key.at =
        ARENA_ARRAY(c->arena, struct dynamodb_item_collection_key_attribute_map_pair, 1);
    shown->item_collection_key.count = 1;
    shown->item_collection_key.at[0].key = name;
    attribute_show(c, kv_map_get(key, name), &shown->item_collection_key.at[0].value);
    /* Whole gigabytes that it lies between. */
    double low = (double)(uint64_t)((double)changes->collection / GIB);
    shown->size_estimate_range_gb.at = ARENA_ARRAY(c->arena, double, 2);
    shown->size_estimate_range_gb.count = 2;
    shown->size_estimate_range_gb.at[0] = low;
    shown->size_estimate_range_gb.at[1] = low + 1;
    return shown;
}

RESULT collection_refuse(struct call *c, int error, const char *doing)
{
    if (error == -EDQUOT)
        return refuse(c, &DYNAMODB_ITEM_COLLECTION_SIZE_LIMIT_EXCEEDED_EXCEPTION,
                      "Collection size exceeded.");
    return refuse_errno(c, error, "%s", doing);
}
