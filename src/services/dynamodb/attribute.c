// SPDX-License-Identifier: Apache-2.0
/*
 * Attribute values in and out. The rules and texts are the real service's: exactly one type, 38
 * digits, no empty or doubled sets, 32 levels. Numbers leave in plain notation, sets in the order
 * of their values. Any thread.
 */
#include "services/dynamodb/attribute.h"

#include "base/text.h"
#include "wire/codec.h"

#include <stddef.h>
#include <stdlib.h>

#define SHOWN_SET_MAX (64 << 10) /* bytes of a refused set that are told */
#define JSON_MAX (16 << 20)      /* bytes of an item of 400 KB as JSON */
#define THINGS_MAX (420 * 1024)  /* more than there can be in 400 KB */

_Static_assert(sizeof(struct dynamodb_put_item_input_attribute_map_pair) ==
                       sizeof(struct dynamodb_attribute_map_pair) &&
                   sizeof(struct dynamodb_key_pair) == sizeof(struct dynamodb_attribute_map_pair) &&
                   sizeof(struct dynamodb_map_attribute_value_pair) ==
                       sizeof(struct dynamodb_attribute_map_pair),
               "maps of attributes have one layout");

struct reading {
    struct call *c;
    const char *begin; /* of every message */
    int depth;
    size_t things; /* elements and attributes so far */
};

static RESULT read_value(struct reading *reading, const struct dynamodb_attribute_value *value,
                         struct kv_value *ret);

static RESULT bad(struct reading *reading, const char *message)
{
    return refuse(reading->c, &DYNAMODB_VALIDATION_EXCEPTION, "%s%s", reading->begin, message);
}

/* Everything but one empty element of a set weighs at least a byte, so this is refused before
 * memory is taken for what cannot be stored anyway. */
static RESULT count_things(struct reading *reading, size_t count)
{
    reading->things += count;
    if (reading->things > THINGS_MAX)
        return refuse(reading->c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Item size has exceeded the maximum allowed size");
    return OK;
}

static RESULT read_number(struct reading *reading, struct span text, struct span *ret)
{
    char *to = arena_alloc(reading->c->arena, KV_NUMBER_MAX);
    size_t len = 0;
    switch (kv_number_read(text, to, &len)) {
    case KV_NUMBER_GOOD:
        *ret = span_of(to, len);
        return OK;
    case KV_NUMBER_NOT_ONE:
        return refuse(reading->c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "%sThe parameter cannot be converted to a numeric value: %.*s",
                      reading->begin, SPAN_ARG(span_first(text, 1024)));
    case KV_NUMBER_TOO_LONG:
        return bad(reading, "Attempting to store more than 38 significant digits in a Number");
    case KV_NUMBER_TOO_LARGE:
        return bad(reading, "Number overflow. Attempting to store a number with magnitude larger "
                            "than supported range");
    case KV_NUMBER_TOO_SMALL:
        break;
    }
    return bad(reading, "Number underflow. Attempting to store a number with magnitude smaller "
                        "than supported range");
}

/* ---- sets ----------------------------------------------------------------------------------- */

struct place_in_set {
    struct span bytes;
    size_t index;
};

static int compare_places(const void *a, const void *b)
{
    const struct place_in_set *x = a, *y = b;
    int order = span_compare(x->bytes, y->bytes);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

/* The first element, as sent, that an earlier one equals. */
static size_t first_repeat(const struct place_in_set *sorted, size_t count)
{
    size_t first = SIZE_MAX;
    for (size_t i = 1; i < count; i++)
        if (span_eq(sorted[i - 1].bytes, sorted[i].bytes) && sorted[i].index < first)
            first = sorted[i].index;
    return first;
}

static void show_element(struct reading *reading, bool binary, struct span bytes, struct buf *out)
{
    if (out->len > 1)
        buf_append(out, binary ? S(",") : S(", "));
    buf_append_byte(out, '"');
    buf_append(out, binary ? base64_of(reading->c->arena, bytes) : bytes);
    buf_append_byte(out, '"');
}

/* The real service fills a sorted set until an element does not go in, and tells what is in, that
 * element, and the rest as sent. */
static RESULT refuse_repeat(struct reading *reading, bool binary, const struct span *elements,
                            size_t count)
{
    struct call *c = reading->c;
    struct buf text;
    struct place_in_set *sorted = ARENA_ARRAY(c->arena, struct place_in_set, count);
    for (size_t i = 0; i < count; i++)
        sorted[i] = (struct place_in_set){elements[i], i};
    qsort(sorted, count, sizeof *sorted, compare_places);
    size_t repeat = first_repeat(sorted, count);
    buf_init(&text, SHOWN_SET_MAX);
    buf_append_byte(&text, '[');
    for (size_t i = 0; i < count && !text.over; i++)
        if (sorted[i].index < repeat)
            show_element(reading, binary, sorted[i].bytes, &text);
    for (size_t i = repeat; i < count && !text.over; i++)
        show_element(reading, binary, elements[i], &text);
    const struct refusal *refusal =
        refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
               "%sOne or more parameter values were invalid: Input collection %.*s]%s contains "
               "duplicates.",
               reading->begin, (int)text.len, text.at, binary ? "of type BS" : "");
    buf_done(&text);
    return refusal;
}

static RESULT read_set(struct reading *reading, enum KV_TYPE type, const struct span *elements,
                       size_t count, struct kv_value *ret)
{
    static const char *const empty[] = {
        [KV_STRING_SET] =
            "One or more parameter values were invalid: An string set  may not be empty",
        [KV_NUMBER_SET] =
            "One or more parameter values were invalid: An number set  may not be empty",
        [KV_BINARY_SET] =
            "One or more parameter values were invalid: Binary sets should not be empty",
    };
    if (!count)
        return bad(reading, empty[type]);
    TRY(count_things(reading, count));
    struct span *sorted = ARENA_ARRAY(reading->c->arena, struct span, count);
    for (size_t i = 0; i < count; i++) {
        if (type == KV_NUMBER_SET)
            TRY(read_number(reading, elements[i], &sorted[i]));
        else
            sorted[i] = elements[i];
    }
    *ret = (struct kv_value){.type = type, .set = {sorted, count}};
    if (kv_sort_set(sorted, count))
        return OK;
    if (type == KV_NUMBER_SET)
        return bad(reading, "One or more parameter values were invalid: Input collection contains "
                            "duplicates.");
    return refuse_repeat(reading, type == KV_BINARY_SET, elements, count);
}

/* ---- documents ------------------------------------------------------------------------------ */

static RESULT read_pairs(struct reading *reading, struct attribute_pairs pairs, struct kv_map *ret)
{
    const struct dynamodb_attribute_map_pair *from = pairs.at;
    TRY(count_things(reading, pairs.count));
    struct kv_pair *to = ARENA_ARRAY(reading->c->arena, struct kv_pair, pairs.count);
    for (size_t i = 0; i < pairs.count; i++) {
        to[i].name = from[i].key;
        TRY(read_value(reading, &from[i].value, &to[i].value));
    }
    kv_sort_pairs(to, pairs.count);
    *ret = (struct kv_map){to, pairs.count};
    return OK;
}

static RESULT read_list(struct reading *reading, const struct dynamodb_list_attribute_value *list,
                        struct kv_value *ret)
{
    TRY(count_things(reading, list->count));
    struct kv_value *to = ARENA_ARRAY(reading->c->arena, struct kv_value, list->count);
    for (size_t i = 0; i < list->count; i++)
        TRY(read_value(reading, &list->at[i], &to[i]));
    *ret = (struct kv_value){.type = KV_LIST, .list = {to, list->count}};
    return OK;
}

/* Which members are set, as bits by type. */
static unsigned types_of(const struct dynamodb_attribute_value *value)
{
    return (unsigned)(value->s.at != NULL) << KV_STRING |
           (unsigned)(value->n.at != NULL) << KV_NUMBER |
           (unsigned)(value->b.at != NULL) << KV_BINARY | (unsigned)value->has.bool_ << KV_BOOL |
           (unsigned)value->has.null_ << KV_NULL |
           (unsigned)(value->ss.at != NULL) << KV_STRING_SET |
           (unsigned)(value->ns.at != NULL) << KV_NUMBER_SET |
           (unsigned)(value->bs.at != NULL) << KV_BINARY_SET |
           (unsigned)(value->l.at != NULL) << KV_LIST | (unsigned)(value->m.at != NULL) << KV_MAP;
}

static RESULT read_content(struct reading *reading, const struct dynamodb_attribute_value *value,
                           struct kv_value *ret)
{
    switch (ret->type) {
    case KV_STRING:
        ret->bytes = value->s;
        return OK;
    case KV_NUMBER:
        return read_number(reading, value->n, &ret->bytes);
    case KV_BINARY:
        ret->bytes = value->b;
        return OK;
    case KV_BOOL:
        ret->truth = value->bool_;
        return OK;
    case KV_NULL:
        return value->null_ ? OK
                            : bad(reading, "One or more parameter values were invalid: Null "
                                           "attribute value types must have the value of true");
    case KV_STRING_SET:
        return read_set(reading, KV_STRING_SET, value->ss.at, value->ss.count, ret);
    case KV_NUMBER_SET:
        return read_set(reading, KV_NUMBER_SET, value->ns.at, value->ns.count, ret);
    case KV_BINARY_SET:
        return read_set(reading, KV_BINARY_SET, value->bs.at, value->bs.count, ret);
    case KV_LIST:
        return read_list(reading, &value->l, ret);
    case KV_MAP:
        return read_pairs(reading, ATTRIBUTE_PAIRS(value->m), &ret->map);
    }
    return OK;
}

static RESULT read_value(struct reading *reading, const struct dynamodb_attribute_value *value,
                         struct kv_value *ret)
{
    unsigned types = types_of(value);
    if (!types)
        return bad(reading, "Supplied AttributeValue is empty, must contain exactly one of the "
                            "supported datatypes");
    if (types & (types - 1))
        return bad(reading, "Supplied AttributeValue has more than one datatypes set, must contain "
                            "exactly one of the supported datatypes");
    if (reading->depth == KV_DEPTH_MAX)
        return bad(reading, "Nesting Levels have exceeded supported limits: Attributes in the item "
                            "have nested levels beyond supported limit");
    ret->type = (enum KV_TYPE)__builtin_ctz(types);
    reading->depth++;
    TRY(read_content(reading, value, ret));
    reading->depth--;
    return OK;
}

static struct reading reading_of(struct call *c, enum ATTRIBUTE_WORDS words)
{
    return (struct reading){
        .c = c, .begin = words == ATTRIBUTE_WRAPPED ? "1 validation error detected: " : ""};
}

RESULT attribute_read_map(struct call *c, enum ATTRIBUTE_WORDS words, struct attribute_pairs pairs,
                          struct kv_map *ret)
{
    struct reading reading = reading_of(c, words);
    return read_pairs(&reading, pairs, ret);
}

RESULT attribute_read(struct call *c, enum ATTRIBUTE_WORDS words,
                      const struct dynamodb_attribute_value *value, struct kv_value *ret)
{
    struct reading reading = reading_of(c, words);
    return read_value(&reading, value, ret);
}

/* ---- out ------------------------------------------------------------------------------------ */

static struct span number_text(struct call *c, struct span number)
{
    char text[KV_NUMBER_TEXT_MAX];
    return arena_copy(c->arena, span_of(text, kv_number_print(number, text)));
}

static struct span *show_set(struct call *c, const struct kv_value *value)
{
    struct span *to = ARENA_ARRAY(c->arena, struct span, value->set.count);
    for (size_t i = 0; i < value->set.count; i++)
        to[i] = value->type == KV_NUMBER_SET ? number_text(c, value->set.at[i]) : value->set.at[i];
    return to;
}

static struct dynamodb_list_attribute_value show_list(struct call *c, const struct kv_list *list)
{
    struct dynamodb_attribute_value *to =
        ARENA_ARRAY(c->arena, struct dynamodb_attribute_value, list->count);
    for (size_t i = 0; i < list->count; i++)
        attribute_show(c, &list->at[i], &to[i]);
    return (struct dynamodb_list_attribute_value){to, list->count};
}

static struct dynamodb_map_attribute_value show_pairs(struct call *c, const struct kv_map *map)
{
    struct dynamodb_map_attribute_value_pair *to =
        ARENA_ARRAY(c->arena, struct dynamodb_map_attribute_value_pair, map->count);
    for (size_t i = 0; i < map->count; i++) {
        to[i].key = map->at[i].name;
        attribute_show(c, &map->at[i].value, &to[i].value);
    }
    return (struct dynamodb_map_attribute_value){to, map->count};
}

void attribute_show(struct call *c, const struct kv_value *value,
                    struct dynamodb_attribute_value *ret)
{
    switch (value->type) {
    case KV_STRING:
        ret->s = value->bytes;
        return;
    case KV_NUMBER:
        ret->n = number_text(c, value->bytes);
        return;
    case KV_BINARY:
        ret->b = value->bytes;
        return;
    case KV_BOOL:
        SET(ret, bool_, value->truth);
        return;
    case KV_NULL:
        SET(ret, null_, true);
        return;
    case KV_STRING_SET:
        ret->ss =
            (struct dynamodb_string_set_attribute_value){show_set(c, value), value->set.count};
        return;
    case KV_NUMBER_SET:
        ret->ns =
            (struct dynamodb_number_set_attribute_value){show_set(c, value), value->set.count};
        return;
    case KV_BINARY_SET:
        ret->bs =
            (struct dynamodb_binary_set_attribute_value){show_set(c, value), value->set.count};
        return;
    case KV_LIST:
        ret->l = show_list(c, &value->list);
        return;
    case KV_MAP:
        ret->m = show_pairs(c, &value->map);
        return;
    }
}

struct dynamodb_attribute_map attribute_show_map(struct call *c, const struct kv_map *map)
{
    struct dynamodb_attribute_map_pair *to =
        ARENA_ARRAY(c->arena, struct dynamodb_attribute_map_pair, map->count);
    for (size_t i = 0; i < map->count; i++) {
        to[i].key = map->at[i].name;
        attribute_show(c, &map->at[i].value, &to[i].value);
    }
    return (struct dynamodb_attribute_map){to, map->count};
}

static uint16_t shape_named(struct span name)
{
    uint16_t at = 0;
    while (at < dynamodb_service.shape_count &&
           !span_eq(service_text(&dynamodb_service, dynamodb_service.shapes[at].name), name))
        at++;
    return at;
}

RESULT attribute_read_json(struct call *c, struct span json, struct kv_map *ret)
{
    struct dynamodb_attribute_map map = {.at = NULL};
    TRY(wire_json_read(c, &dynamodb_service, shape_named(S("AttributeMap")), json, &map));
    return attribute_read_map(c, ATTRIBUTE_PLAIN, ATTRIBUTE_PAIRS(map), ret);
}

RESULT attribute_read_put(struct call *c, struct span json, struct dynamodb_put *ret)
{
    return wire_json_read(c, &dynamodb_service, shape_named(S("Put")), json, ret);
}

struct span attribute_json(struct call *c, const struct kv_map *map)
{
    struct dynamodb_attribute_map shown = attribute_show_map(c, map);
    struct buf *out = arena_buf(c->arena, JSON_MAX);
    wire_json_write(&dynamodb_service, shape_named(S("AttributeMap")), &shown, out);
    return buf_span(out);
}

struct span attribute_type_name(enum KV_TYPE type)
{
    static const struct span names[] = {
        [KV_STRING] = S_INIT("S"),      [KV_NUMBER] = S_INIT("N"),
        [KV_BINARY] = S_INIT("B"),      [KV_BOOL] = S_INIT("BOOL"),
        [KV_NULL] = S_INIT("NULL"),     [KV_STRING_SET] = S_INIT("SS"),
        [KV_NUMBER_SET] = S_INIT("NS"), [KV_BINARY_SET] = S_INIT("BS"),
        [KV_LIST] = S_INIT("L"),        [KV_MAP] = S_INIT("M"),
    };
    return names[type];
}

enum KV_TYPE attribute_key_type(struct span name)
{
    return span_eq(name, S("N")) ? KV_NUMBER : span_eq(name, S("B")) ? KV_BINARY : KV_STRING;
}
