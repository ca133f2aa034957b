// SPDX-License-Identifier: Apache-2.0
/*
 * Structs as CBOR (RFC 8949) for Smithy's rpc-v2-cbor: shortest integers, structures as maps of
 * indefinite length (their members are not counted first), times as tag 1. AWS's older form differs
 * in its times. Pure, any thread.
 */
#include "wire/cbor.h"

struct cbor_style {
    const struct service *service;
    enum PROTOCOL protocol;
};

static void append_value(const struct cbor_style *style, const struct shape *shape,
                         const void *from, struct buf *out);

static void append_head(struct buf *out, unsigned major, uint64_t value)
{
    unsigned char head[9];
    size_t size = value < 24            ? 0
                  : value <= UINT8_MAX  ? 1
                  : value <= UINT16_MAX ? 2
                  : value <= UINT32_MAX ? 4
                                        : 8;
    unsigned info = size == 0   ? (unsigned)value
                    : size == 1 ? 24
                    : size == 2 ? 25
                    : size == 4 ? 26
                                : 27;
    head[0] = (unsigned char)(major << 5 | info);
    for (size_t i = 0; i < size; i++)
        head[size - i] = (unsigned char)(value >> (8 * i));
    buf_append(out, span_of(head, 1 + size));
}

static void append_integer(struct buf *out, int64_t value)
{
    if (value < 0)
        append_head(out, 1, (uint64_t)(-1 - value));
    else
        append_head(out, 0, (uint64_t)value);
}

static void append_bits(struct buf *out, unsigned char head, uint64_t bits, size_t size)
{
    unsigned char bytes[9] = {head};
    for (size_t i = 0; i < size; i++)
        bytes[size - i] = (unsigned char)(bits >> (8 * i));
    buf_append(out, span_of(bytes, 1 + size));
}

static void append_double(struct buf *out, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    append_bits(out, 0xfb, bits, sizeof bits);
}

static void append_float(struct buf *out, double value)
{
    float narrow = (float)value;
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    append_bits(out, 0xfa, bits, sizeof bits);
}

static void append_time(const struct cbor_style *style, int64_t ms, struct buf *out)
{
    append_head(out, 6, 1);
    if (style->protocol == PROTOCOL_AWS_CBOR)
        append_integer(out, ms);
    else if (ms % 1000 == 0)
        append_integer(out, ms / 1000);
    else
        append_double(out, (double)ms / 1000);
}

void cbor_append_text(struct buf *out, struct span text)
{
    append_head(out, 3, text.len);
    buf_append(out, text);
}

struct span cbor_content_type(const struct call *c)
{
    return c->protocol == PROTOCOL_AWS_CBOR ? S("application/x-amz-cbor-1.1")
                                            : S("application/cbor");
}

void cbor_begin_map(struct buf *out)
{
    buf_append_byte(out, (char)0xbf);
}

void cbor_end_map(struct buf *out)
{
    buf_append_byte(out, (char)0xff);
}

static void append_span(const struct shape *shape, struct span value, struct buf *out)
{
    if (span_is_absent(value)) {
        buf_append_byte(out, (char)0xf6);
        return;
    }
    append_head(out, shape->kind == KIND_BLOB ? 2 : 3, value.len);
    buf_append(out, value);
}

static void append_structure(const struct cbor_style *style, const struct shape *shape,
                             const void *from, struct buf *out)
{
    const struct field *field = first_field(style->service, shape);
    cbor_begin_map(out);
    for (unsigned i = 0; i < shape->field_count; i++, field++) {
        const struct shape *member = shape_at(style->service, field->shape);
        if (!slot_printed(field, member->kind, from) || (field->flags & FIELD_EVENT_HEADER))
            continue;
        cbor_append_text(out, service_text(style->service, field->name));
        append_value(style, member, slot_value(field, member->kind, from), out);
    }
    cbor_end_map(out);
}

static void append_list(const struct cbor_style *style, const struct shape *shape,
                        const struct any_list *list, struct buf *out)
{
    const struct shape *member = shape_at(style->service, shape->member);
    const char *at = list->at;
    append_head(out, 4, list->count);
    for (size_t i = 0; i < list->count; i++, at += shape->size)
        append_value(style, member, at, out);
}

static void append_map(const struct cbor_style *style, const struct shape *shape,
                       const struct any_map *map, struct buf *out)
{
    const struct shape *value = shape_at(style->service, shape->member);
    const char *at = map->at;
    append_head(out, 5, map->count);
    for (size_t i = 0; i < map->count; i++, at += shape->size) {
        cbor_append_text(out, *const_struct_at(at, 0, struct span));
        append_value(style, value, at + shape->value_offset, out);
    }
}

static void append_value(const struct cbor_style *style, const struct shape *shape,
                         const void *from, struct buf *out)
{
    switch ((enum KIND)shape->kind) {
    case KIND_BOOLEAN:
        return buf_append_byte(out, (char)(*(const bool *)from ? 0xf5 : 0xf4));
    case KIND_INTEGER:
        return append_integer(out, *(const int32_t *)from);
    case KIND_LONG:
        return append_integer(out, *(const int64_t *)from);
    case KIND_FLOAT:
        return append_float(out, *(const double *)from);
    case KIND_DOUBLE:
        return append_double(out, *(const double *)from);
    case KIND_TIMESTAMP:
        return append_time(style, *(const int64_t *)from, out);
    case KIND_STRING:
    case KIND_BLOB:
    case KIND_DOCUMENT:
        return append_span(shape, *(const struct span *)from, out);
    case KIND_LIST:
        return append_list(style, shape, from, out);
    case KIND_MAP:
        return append_map(style, shape, from, out);
    case KIND_STRUCTURE:
        return append_structure(style, shape, from, out);
    case KIND_STREAM:
        break;
    }
}

void cbor_encode(const struct call *c, const struct shape *shape, const void *from, struct buf *out)
{
    struct cbor_style style = {c->service, (enum PROTOCOL)c->protocol};
    append_structure(&style, shape, from, out);
}
