// SPDX-License-Identifier: Apache-2.0
/*
 * Items as bytes.
 *
 *   item    01, size, count, pairs        size: kv_map_size, so that a writer need not decode
 *   pair    length of the name, name, value
 *   value   kind, then
 *           string, binary: length, bytes        number: its own bytes (number.c)
 *           set: count, elements as above        list: count, values
 *           map: count, pairs                    true, false, null: nothing
 *
 * Lengths and counts are LEB128. Names ascend, set elements ascend, so equal items have equal
 * bytes. A second format byte is free for items whose names are in a table of the table's. Pure.
 */
#include "engines/kv/kv.h"

#define FORMAT 1

/* On disk: stable for ever. */
enum KIND {
    KIND_STRING = 1,
    KIND_NUMBER = 2,
    KIND_BINARY = 3,
    KIND_TRUE = 4,
    KIND_FALSE = 5,
    KIND_NULL = 6,
    KIND_STRING_SET = 7,
    KIND_NUMBER_SET = 8,
    KIND_BINARY_SET = 9,
    KIND_LIST = 10,
    KIND_MAP = 11,
};

static const uint8_t kind_of_type[] = {
    [KV_STRING] = KIND_STRING,
    [KV_NUMBER] = KIND_NUMBER,
    [KV_BINARY] = KIND_BINARY,
    [KV_BOOL] = KIND_FALSE,
    [KV_NULL] = KIND_NULL,
    [KV_STRING_SET] = KIND_STRING_SET,
    [KV_NUMBER_SET] = KIND_NUMBER_SET,
    [KV_BINARY_SET] = KIND_BINARY_SET,
    [KV_LIST] = KIND_LIST,
    [KV_MAP] = KIND_MAP,
};

static const enum KV_TYPE type_of_kind[] = {
    [KIND_STRING] = KV_STRING,
    [KIND_NUMBER] = KV_NUMBER,
    [KIND_BINARY] = KV_BINARY,
    [KIND_TRUE] = KV_BOOL,
    [KIND_FALSE] = KV_BOOL,
    [KIND_NULL] = KV_NULL,
    [KIND_STRING_SET] = KV_STRING_SET,
    [KIND_NUMBER_SET] = KV_NUMBER_SET,
    [KIND_BINARY_SET] = KV_BINARY_SET,
    [KIND_LIST] = KV_LIST,
    [KIND_MAP] = KV_MAP,
};

/* ---- writing -------------------------------------------------------------------------------- */

static void put_count(struct buf *out, size_t value)
{
    while (value >= 0x80) {
        buf_append_byte(out, (char)(value | 0x80));
        value >>= 7;
    }
    buf_append_byte(out, (char)value);
}

static void put_bytes(struct buf *out, struct span bytes)
{
    put_count(out, bytes.len);
    buf_append(out, bytes);
}

static void put_set(struct buf *out, enum KV_TYPE type, const struct kv_set *set)
{
    put_count(out, set->count);
    for (size_t i = 0; i < set->count; i++)
        if (type == KV_NUMBER_SET)
            buf_append(out, set->at[i]);
        else
            put_bytes(out, set->at[i]);
}

static void put_value(struct buf *out, const struct kv_value *value);

static void put_pairs(struct buf *out, const struct kv_map *map)
{
    put_count(out, map->count);
    for (size_t i = 0; i < map->count; i++) {
        put_bytes(out, map->at[i].name);
        put_value(out, &map->at[i].value);
    }
}

static void put_list(struct buf *out, const struct kv_list *list)
{
    put_count(out, list->count);
    for (size_t i = 0; i < list->count; i++)
        put_value(out, &list->at[i]);
}

static void put_value(struct buf *out, const struct kv_value *value)
{
    bool truth = value->type == KV_BOOL && value->truth;
    buf_append_byte(out, (char)(truth ? KIND_TRUE : kind_of_type[value->type]));
    switch (value->type) {
    case KV_STRING:
    case KV_BINARY:
        put_bytes(out, value->bytes);
        return;
    case KV_NUMBER:
        buf_append(out, value->bytes);
        return;
    case KV_BOOL:
    case KV_NULL:
        return;
    case KV_STRING_SET:
    case KV_NUMBER_SET:
    case KV_BINARY_SET:
        put_set(out, value->type, &value->set);
        return;
    case KV_LIST:
        put_list(out, &value->list);
        return;
    case KV_MAP:
        put_pairs(out, &value->map);
        return;
    }
}

void kv_item_encode(const struct kv_map *item, struct buf *out)
{
    buf_append_byte(out, FORMAT);
    put_count(out, kv_map_size(item));
    put_pairs(out, item);
}

/* ---- reading -------------------------------------------------------------------------------- */

struct reader {
    struct span rest;
    struct arena *arena;
    int depth;
};

static bool take_count(struct span *rest, size_t *ret)
{
    size_t value = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        if (!rest->len)
            return false;
        unsigned char byte = (unsigned char)rest->at[0];
        *rest = span_from(*rest, 1);
        value |= (size_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *ret = value;
            return true;
        }
    }
    return false;
}

static bool take_bytes(struct span *rest, struct span *ret)
{
    size_t len;
    if (!take_count(rest, &len) || len > rest->len)
        return false;
    *ret = span_first(*rest, len);
    *rest = span_from(*rest, len);
    return true;
}

static bool take_number(struct span *rest, struct span *ret)
{
    size_t len = kv_number_len(*rest);
    *ret = span_first(*rest, len);
    *rest = span_from(*rest, len);
    return len > 0;
}

/* A count of things of which each takes at least one byte, so that it bounds what is allocated. */
static bool take_things(struct reader *reader, size_t *ret)
{
    return take_count(&reader->rest, ret) && *ret <= reader->rest.len;
}

static bool take_set(struct reader *reader, enum KV_TYPE type, struct kv_set *ret)
{
    if (!take_things(reader, &ret->count))
        return false;
    ret->at = ARENA_ARRAY(reader->arena, struct span, ret->count);
    for (size_t i = 0; i < ret->count; i++)
        if (!(type == KV_NUMBER_SET ? take_number(&reader->rest, &ret->at[i])
                                    : take_bytes(&reader->rest, &ret->at[i])))
            return false;
    return true;
}

static bool take_value(struct reader *reader, struct kv_value *ret);

static bool take_pairs(struct reader *reader, struct kv_map *ret)
{
    if (!take_things(reader, &ret->count))
        return false;
    ret->at = ARENA_ARRAY(reader->arena, struct kv_pair, ret->count);
    for (size_t i = 0; i < ret->count; i++)
        if (!take_bytes(&reader->rest, &ret->at[i].name) || !take_value(reader, &ret->at[i].value))
            return false;
    return true;
}

static bool take_list(struct reader *reader, struct kv_list *ret)
{
    if (!take_things(reader, &ret->count))
        return false;
    ret->at = ARENA_ARRAY(reader->arena, struct kv_value, ret->count);
    for (size_t i = 0; i < ret->count; i++)
        if (!take_value(reader, &ret->at[i]))
            return false;
    return true;
}

static bool take_content(struct reader *reader, unsigned char kind, struct kv_value *ret)
{
    switch (ret->type) {
    case KV_STRING:
    case KV_BINARY:
        return take_bytes(&reader->rest, &ret->bytes);
    case KV_NUMBER:
        return take_number(&reader->rest, &ret->bytes);
    case KV_BOOL:
        ret->truth = kind == KIND_TRUE;
        return true;
    case KV_NULL:
        return true;
    case KV_STRING_SET:
    case KV_NUMBER_SET:
    case KV_BINARY_SET:
        return take_set(reader, ret->type, &ret->set);
    case KV_LIST:
        return take_list(reader, &ret->list);
    case KV_MAP:
        return take_pairs(reader, &ret->map);
    }
    return false;
}

static bool take_value(struct reader *reader, struct kv_value *ret)
{
    if (!reader->rest.len || reader->depth == KV_DEPTH_MAX)
        return false;
    unsigned char kind = (unsigned char)reader->rest.at[0];
    reader->rest = span_from(reader->rest, 1);
    if (kind < KIND_STRING || kind > KIND_MAP)
        return false;
    ret->type = type_of_kind[kind];
    reader->depth++;
    bool good = take_content(reader, kind, ret);
    reader->depth--;
    return good;
}

static bool take_head(struct span *rest, size_t *ret_size)
{
    if (!rest->len || rest->at[0] != FORMAT)
        return false;
    *rest = span_from(*rest, 1);
    return take_count(rest, ret_size);
}

bool kv_item_decode(struct span bytes, struct arena *arena, struct kv_map *ret)
{
    struct reader reader = {.rest = bytes, .arena = arena};
    size_t size;
    return take_head(&reader.rest, &size) && take_pairs(&reader, ret) && !reader.rest.len;
}

size_t kv_item_size(struct span bytes)
{
    size_t size;
    return take_head(&bytes, &size) ? size : 0;
}
