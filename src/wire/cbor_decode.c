// SPDX-License-Identifier: Apache-2.0
/*
 * CBOR (RFC 8949) into structs, for Smithy's rpc-v2-cbor and AWS's older form, whose times are
 * milliseconds: definite and indefinite lengths, half to
 * double floats, tag 1 for times; null and undefined mean "absent". Every length is checked against
 * what is left before it is used. One thread per request.
 */
#include "base/utf8.h"
#include "wire/growing.h"
#include "wire/scalar.h"

#include <math.h>

enum MAJOR {
    MAJOR_UNSIGNED,
    MAJOR_NEGATIVE,
    MAJOR_BYTES,
    MAJOR_TEXT,
    MAJOR_ARRAY,
    MAJOR_MAP,
    MAJOR_TAG,
    MAJOR_SIMPLE,
};

#define INFO_INDEFINITE 31
#define SIMPLE_FALSE 20
#define SIMPLE_TRUE 21
#define SIMPLE_NULL 22
#define SIMPLE_UNDEFINED 23
#define INFO_HALF 25
#define INFO_SINGLE 26
#define INFO_DOUBLE 27
#define BREAK 0xff

struct item {
    enum MAJOR major;
    uint8_t info;
    uint64_t value; /* number, length or bits */
};

struct cbor_decoder {
    struct decoder *d;
    const unsigned char *at, *end;
};

static RESULT read_value(struct cbor_decoder *b, const struct shape *shape, struct item item,
                         void *to);

static RESULT broken(struct cbor_decoder *b)
{
    return decoder_malformed(b->d, "The CBOR is malformed");
}

static RESULT wrong_type(struct cbor_decoder *b, const struct shape *shape)
{
    return decoder_malformed(b->d, "The CBOR value can not be converted to %s %s",
                             shape->kind == KIND_INTEGER ? "an" : "a", scalar_name(shape->kind));
}

static size_t left(const struct cbor_decoder *b)
{
    return (size_t)(b->end - b->at);
}

/* The head of the next item. */
static bool next_item(struct cbor_decoder *b, struct item *item)
{
    if (b->at == b->end)
        return false;
    unsigned char first = *b->at++;
    *item = (struct item){.major = first >> 5, .info = first & 31, .value = first & 31};
    if (item->info < 24)
        return true;
    if (item->info > 27)
        return item->info == INFO_INDEFINITE && item->major >= MAJOR_BYTES &&
               item->major != MAJOR_TAG;
    size_t size = (size_t)1 << (item->info - 24);
    if (left(b) < size)
        return false;
    item->value = 0;
    for (size_t i = 0; i < size; i++)
        item->value = item->value << 8 | *b->at++;
    return true;
}

static bool is_null(struct item item)
{
    return item.major == MAJOR_SIMPLE &&
           (item.info == SIMPLE_NULL || item.info == SIMPLE_UNDEFINED);
}

/* Takes the end of an array or map: by count, or at a break. */
static bool at_end(struct cbor_decoder *b, struct item container, uint64_t done)
{
    if (container.info != INFO_INDEFINITE)
        return done == container.value;
    if (b->at == b->end || *b->at != BREAK)
        return false;
    b->at++;
    return true;
}

/* Bytes or text, whole or in chunks of the same type. */
static bool read_string(struct cbor_decoder *b, struct item item, struct span *out)
{
    if (item.info != INFO_INDEFINITE) {
        if (item.value > left(b))
            return false;
        *out = span_of(b->at, (size_t)item.value);
        b->at += item.value;
        return true;
    }
    char *text = arena_alloc(b->d->c->arena, left(b));
    size_t len = 0;
    for (uint64_t done = 0; !at_end(b, item, done); done++) {
        struct item chunk;
        if (!next_item(b, &chunk) || chunk.major != item.major || chunk.info == INFO_INDEFINITE ||
            chunk.value > left(b))
            return false;
        memcpy(text + len, b->at, (size_t)chunk.value);
        len += (size_t)chunk.value;
        b->at += chunk.value;
    }
    *out = span_of(text, len);
    return true;
}

static bool read_text(struct cbor_decoder *b, struct item item, struct span *out)
{
    return item.major == MAJOR_TEXT && read_string(b, item, out) && utf8_is_valid(*out);
}

/* RFC 8949, appendix D. */
static double half_to_double(uint64_t bits)
{
    int exponent = (int)(bits >> 10 & 31);
    double mantissa = (double)(bits & 1023);
    double value = exponent == 0    ? ldexp(mantissa, -24)
                   : exponent != 31 ? ldexp(mantissa + 1024, exponent - 25)
                   : mantissa == 0  ? INFINITY
                                    : NAN;
    return bits & 0x8000 ? -value : value;
}

static bool read_double(struct item item, double *out)
{
    if (item.major == MAJOR_UNSIGNED || item.major == MAJOR_NEGATIVE) {
        *out = item.major == MAJOR_UNSIGNED ? (double)item.value : -1 - (double)item.value;
        return true;
    }
    if (item.major != MAJOR_SIMPLE)
        return false;
    if (item.info == INFO_HALF) {
        *out = half_to_double(item.value);
    } else if (item.info == INFO_SINGLE) {
        uint32_t bits = (uint32_t)item.value;
        float value;
        memcpy(&value, &bits, sizeof value);
        *out = value;
    } else if (item.info == INFO_DOUBLE) {
        memcpy(out, &item.value, sizeof *out);
    } else {
        return false;
    }
    return true;
}

static bool read_integer(struct item item, uint8_t kind, void *to)
{
    if (item.major > MAJOR_NEGATIVE || item.value > INT64_MAX)
        return false;
    int64_t value = item.major == MAJOR_NEGATIVE ? -1 - (int64_t)item.value : (int64_t)item.value;
    if (kind == KIND_LONG) {
        *(int64_t *)to = value;
        return true;
    }
    if (value < INT32_MIN || value > INT32_MAX)
        return false;
    *(int32_t *)to = (int32_t)value;
    return true;
}

static bool read_time(struct cbor_decoder *b, struct item item, int64_t *to)
{
    double value, scale = b->d->c->protocol == PROTOCOL_AWS_CBOR ? 1 : 1000;
    if (item.major != MAJOR_TAG || item.value != 1 || !next_item(b, &item) ||
        !read_double(item, &value) || !(fabs(value) < 1e17 / scale))
        return false;
    *to = (int64_t)llround(value * scale);
    return true;
}

static bool read_boolean(struct item item, bool *to)
{
    *to = item.info == SIMPLE_TRUE;
    return item.major == MAJOR_SIMPLE && (item.info == SIMPLE_FALSE || item.info == SIMPLE_TRUE);
}

/* Passes over one item, whatever it is. */
static RESULT skip(struct cbor_decoder *b, struct item item)
{
    struct span ignored;
    switch (item.major) {
    case MAJOR_UNSIGNED:
    case MAJOR_NEGATIVE:
        return OK;
    case MAJOR_SIMPLE:
        return item.info == INFO_INDEFINITE ? broken(b) : OK;
    case MAJOR_BYTES:
    case MAJOR_TEXT:
        return read_string(b, item, &ignored) ? OK : broken(b);
    case MAJOR_TAG:
    case MAJOR_ARRAY:
    case MAJOR_MAP:
        break;
    }
    uint64_t per_entry = item.major == MAJOR_MAP ? 2 : 1;
    if (item.major == MAJOR_TAG)
        item = (struct item){.major = MAJOR_ARRAY, .value = 1};
    TRY(decoder_enter(b->d));
    for (uint64_t done = 0; !at_end(b, item, done); done++)
        for (uint64_t part = 0; part < per_entry; part++) {
            struct item inner;
            if (!next_item(b, &inner))
                return broken(b);
            TRY(skip(b, inner));
        }
    b->d->depth--;
    return OK;
}

static RESULT read_list(struct cbor_decoder *b, const struct shape *shape, struct item item,
                        struct any_list *to)
{
    const struct shape *member = shape_at(b->d->service, shape->member);
    struct growing array = {.size = shape->size};
    if (item.major != MAJOR_ARRAY)
        return wrong_type(b, shape);
    TRY(decoder_enter(b->d));
    for (uint64_t done = 0; !at_end(b, item, done); done++) {
        struct item inner;
        void *element;
        if (!next_item(b, &inner))
            return broken(b);
        TRY(growing_add(b->d, &array, &element));
        if (is_null(inner) && member->kind == KIND_STRING)
            continue;
        TRY(read_value(b, member, inner, element));
    }
    b->d->depth--;
    *to = growing_done(b->d, &array);
    return OK;
}

static RESULT read_map(struct cbor_decoder *b, const struct shape *shape, struct item item,
                       struct any_map *to)
{
    const struct shape *value = shape_at(b->d->service, shape->member);
    struct growing array = {.size = shape->size};
    if (item.major != MAJOR_MAP)
        return wrong_type(b, shape);
    TRY(decoder_enter(b->d));
    for (uint64_t done = 0; !at_end(b, item, done); done++) {
        struct item inner;
        struct span key;
        void *entry;
        if (!next_item(b, &inner) || !read_text(b, inner, &key) || !next_item(b, &inner))
            return broken(b);
        if (is_null(inner) && value->kind != KIND_STRING)
            continue;
        TRY(growing_add(b->d, &array, &entry));
        *(struct span *)entry = key;
        if (!is_null(inner))
            TRY(read_value(b, value, inner, struct_at(entry, shape->value_offset, void)));
    }
    b->d->depth--;
    *to = growing_map(b->d, &array);
    return OK;
}

static RESULT read_structure(struct cbor_decoder *b, const struct shape *shape, struct item item,
                             void *to)
{
    unsigned hint = 0, set = 0;
    if (item.major != MAJOR_MAP)
        return wrong_type(b, shape);
    TRY(decoder_enter(b->d));
    for (uint64_t done = 0; !at_end(b, item, done); done++) {
        struct item inner;
        struct span key;
        if (!next_item(b, &inner) || !read_text(b, inner, &key) || !next_item(b, &inner))
            return broken(b);
        const struct field *field = field_find(b->d->service, shape, key, FIELD_BY_NAME, &hint);
        if (is_null(inner))
            continue;
        if (!field) {
            TRY(skip(b, inner));
            continue;
        }
        const struct shape *member = shape_at(b->d->service, field->shape);
        void *value;
        set++;
        TRY(decoder_member(b->d, field, member, to, &value));
        TRY(read_value(b, member, inner, value));
    }
    b->d->depth--;
    return decoder_check_union(b->d, shape, set);
}

static bool read_scalar(struct cbor_decoder *b, const struct shape *shape, struct item item,
                        void *to)
{
    switch ((int)shape->kind) {
    case KIND_BOOLEAN:
        return read_boolean(item, to);
    case KIND_INTEGER:
    case KIND_LONG:
        return read_integer(item, shape->kind, to);
    case KIND_FLOAT:
    case KIND_DOUBLE:
        return read_double(item, to);
    case KIND_STRING:
        return read_text(b, item, to);
    case KIND_BLOB:
        return item.major == MAJOR_BYTES && read_string(b, item, to);
    case KIND_TIMESTAMP:
        return read_time(b, item, to);
    default:
        return false;
    }
}

static RESULT read_value(struct cbor_decoder *b, const struct shape *shape, struct item item,
                         void *to)
{
    if (shape->kind == KIND_LIST)
        return read_list(b, shape, item, to);
    if (shape->kind == KIND_MAP)
        return read_map(b, shape, item, to);
    if (shape->kind == KIND_STRUCTURE)
        return read_structure(b, shape, item, to);
    return read_scalar(b, shape, item, to) ? OK : wrong_type(b, shape);
}

const struct refusal *cbor_decode(struct decoder *d, const struct shape *shape, struct span cbor,
                                  void *to)
{
    struct cbor_decoder b = {.d = d, .at = (const unsigned char *)cbor.at};
    struct item item;
    b.end = b.at + cbor.len;
    if (!next_item(&b, &item))
        return broken(&b);
    TRY(read_value(&b, shape, item, to));
    return b.at == b.end ? OK : broken(&b);
}
