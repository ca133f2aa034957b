// SPDX-License-Identifier: Apache-2.0
/* What is told of item collections, and the refusal of one that is full. Any thread. */
#include "services/dynamodb/collection.h"

#include "services/dynamodb/attribute.h"

#include <errno.h>

#define WRITES_MAX 100 /* of one request */
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

static struct dynamodb_item_collection_metrics_per_table_pair *
entry_of(struct call *c, struct collections *all, struct span table_name)
{
    struct dynamodb_item_collection_metrics_per_table *shown = &all->shown;
    for (size_t i = 0; i < shown->count; i++)
        if (span_eq(shown->at[i].key, table_name))
            return &shown->at[i];
    if (!shown->at)
        shown->at = ARENA_ARRAY(c->arena, struct dynamodb_item_collection_metrics_per_table_pair,
                                WRITES_MAX);
    struct dynamodb_item_collection_metrics_per_table_pair *pair = &shown->at[shown->count++];
    pair->key = table_name;
    pair->value.at = ARENA_ARRAY(c->arena, struct dynamodb_item_collection_metrics, WRITES_MAX);
    return pair;
}

static bool is_told(const struct dynamodb_item_collection_metrics_multiple *list,
                    const struct dynamodb_item_collection_metrics *metrics)
{
    const struct dynamodb_attribute_value *value = &metrics->item_collection_key.at[0].value;
    for (size_t i = 0; i < list->count; i++) {
        const struct dynamodb_attribute_value *other = &list->at[i].item_collection_key.at[0].value;
        if (span_eq(other->s, value->s) && span_eq(other->n, value->n) &&
            span_eq(other->b, value->b))
            return true;
    }
    return false;
}

RESULT collections_add(struct call *c, struct collections *all,
                       const struct collection_write *write)
{
    struct kv_changes changes = {0};
    int error = kv_collection(write->access, write->table, write->key, &changes.collection);
    if (error < 0)
        return refuse_errno(c, error, "reading an item collection's size");
    const struct dynamodb_item_collection_metrics *metrics =
        collection_shown(c, all->wanted, write->table, write->map, &changes);
    if (!metrics)
        return OK;
    struct dynamodb_item_collection_metrics_per_table_pair *pair =
        entry_of(c, all, write->table_name);
    if (!is_told(&pair->value, metrics))
        pair->value.at[pair->value.count++] = *metrics;
    return OK;
}

RESULT collection_refuse(struct call *c, int error, const char *doing)
{
    if (error == -EDQUOT)
        return refuse(c, &DYNAMODB_ITEM_COLLECTION_SIZE_LIMIT_EXCEEDED_EXCEPTION,
                      "Collection size exceeded.");
    return refuse_errno(c, error, "%s", doing);
}
