// SPDX-License-Identifier: Apache-2.0
/*
 * The order that makes values canonical, and how large they count. Sizes follow "DynamoDB item
 * sizes and formats" and what the real service was measured to charge for numbers: one byte, one
 * for each pair of digits as they lie about the decimal point, and one for a minus sign unless all
 * twenty pairs are used. Pure.
 */
#include "engines/kv/kv.h"

#include <stdlib.h>

#define INSERT_MAX 12      /* up to so many are sorted by insertion */
#define CONTAINER_SIZE 3   /* of a list or map */
#define ELEMENT_SIZE 1     /* of each thing in it */
#define FULL_NUMBER_LEN 22 /* a number of twenty pairs */

static int compare_pairs(const void *a, const void *b)
{
    return span_compare(((const struct kv_pair *)a)->name, ((const struct kv_pair *)b)->name);
}

static int compare_spans(const void *a, const void *b)
{
    return span_compare(*(const struct span *)a, *(const struct span *)b);
}

static void insert_pairs(struct kv_pair *pairs, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct kv_pair pair = pairs[i];
        size_t to = i;
        for (; to && span_compare(pairs[to - 1].name, pair.name) > 0; to--)
            pairs[to] = pairs[to - 1];
        pairs[to] = pair;
    }
}

void kv_sort_pairs(struct kv_pair *pairs, size_t count)
{
    if (count <= INSERT_MAX)
        insert_pairs(pairs, count);
    else
        qsort(pairs, count, sizeof *pairs, compare_pairs);
}

bool kv_sort_set(struct span *elements, size_t count)
{
    if (count > 1)
        qsort(elements, count, sizeof *elements, compare_spans);
    for (size_t i = 1; i < count; i++)
        if (span_eq(elements[i - 1], elements[i]))
            return false;
    return true;
}

const struct kv_value *kv_map_get(const struct kv_map *map, struct span name)
{
    size_t from = 0, to = map->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int order = span_compare(map->at[middle].name, name);
        if (order == 0)
            return &map->at[middle].value;
        if (order < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return NULL;
}

static bool list_eq(const struct kv_list *a, const struct kv_list *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!kv_value_eq(&a->at[i], &b->at[i]))
            return false;
    return true;
}

static bool map_eq(const struct kv_map *a, const struct kv_map *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!span_eq(a->at[i].name, b->at[i].name) ||
            !kv_value_eq(&a->at[i].value, &b->at[i].value))
            return false;
    return true;
}

static bool set_eq(const struct kv_set *a, const struct kv_set *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!span_eq(a->at[i], b->at[i]))
            return false;
    return true;
}

bool kv_value_eq(const struct kv_value *a, const struct kv_value *b)
{
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case KV_STRING:
    case KV_NUMBER:
    case KV_BINARY:
        return span_eq(a->bytes, b->bytes);
    case KV_BOOL:
        return a->truth == b->truth;
    case KV_NULL:
        return true;
    case KV_STRING_SET:
    case KV_NUMBER_SET:
    case KV_BINARY_SET:
        return set_eq(&a->set, &b->set);
    case KV_LIST:
        return list_eq(&a->list, &b->list);
    case KV_MAP:
        return map_eq(&a->map, &b->map);
    }
    return false;
}

static size_t number_size(struct span number)
{
    bool negative = !(number.at[0] & 0x80);
    return number.len - 1 + (negative && number.len < FULL_NUMBER_LEN ? 1 : 0);
}

static size_t set_size(const struct kv_value *value)
{
    size_t size = 0;
    for (size_t i = 0; i < value->set.count; i++)
        size += value->type == KV_NUMBER_SET ? number_size(value->set.at[i]) : value->set.at[i].len;
    return size;
}

static size_t list_size(const struct kv_list *list)
{
    size_t size = CONTAINER_SIZE + ELEMENT_SIZE * list->count;
    for (size_t i = 0; i < list->count; i++)
        size += kv_value_size(&list->at[i]);
    return size;
}

size_t kv_map_size(const struct kv_map *map)
{
    size_t size = 0;
    for (size_t i = 0; i < map->count; i++)
        size += map->at[i].name.len + kv_value_size(&map->at[i].value);
    return size;
}

size_t kv_value_size(const struct kv_value *value)
{
    switch (value->type) {
    case KV_STRING:
    case KV_BINARY:
        return value->bytes.len;
    case KV_NUMBER:
        return number_size(value->bytes);
    case KV_BOOL:
    case KV_NULL:
        return 1;
    case KV_STRING_SET:
    case KV_NUMBER_SET:
    case KV_BINARY_SET:
        return set_size(value);
    case KV_LIST:
        return list_size(&value->list);
    case KV_MAP:
        return CONTAINER_SIZE + ELEMENT_SIZE * value->map.count + kv_map_size(&value->map);
    }
    return 0;
}
