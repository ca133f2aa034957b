// SPDX-License-Identifier: Apache-2.0
/*
 * Structs as XML for the query, ec2 and rest-xml protocols: elements by the members' wire names,
 * lists and maps wrapped or flattened, attributes, namespaces. Absent members are left out. Pure,
 * any thread.
 */
#include "base/text.h"
#include "wire/encoder.h"

static void append_value(const struct xml_style *style, const struct shape *shape,
                         uint8_t time_format, const void *from, struct buf *out);

static struct span escape_of(unsigned char byte, char room[8])
{
    static const char digits[] = "0123456789ABCDEF";
    switch (byte) {
    case '&':
        return S("&amp;");
    case '<':
        return S("&lt;");
    case '>':
        return S("&gt;");
    case '"':
        return S("&quot;");
    default:
        break;
    }
    /* S3 prints control characters of keys as references too, although XML 1.0 has none for them.
     */
    char *at = room;
    at = mempcpy(at, "&#x", 3);
    if (byte >> 4)
        *at++ = digits[byte >> 4];
    *at++ = digits[byte & 15];
    *at++ = ';';
    return span_of(room, (size_t)(at - room));
}

/* What does not stand for itself: markup and control characters but tab and line feed. */
static const bool escaped[256] = {
    [0 ... '\t' - 1] = true,
    ['\n' + 1 ... 0x1f] = true,
    ['&'] = true,
    ['<'] = true,
    ['>'] = true,
    ['"'] = true,
};

void xml_encode_text(struct buf *out, struct span text)
{
    char room[8];
    while (text.len) {
        size_t clean = 0;
        while (clean < text.len && !escaped[(unsigned char)text.at[clean]])
            clean++;
        buf_append(out, span_first(text, clean));
        if (clean == text.len)
            return;
        buf_append(out, escape_of((unsigned char)text.at[clean], room));
        text = span_from(text, clean + 1);
    }
}

static void append_open(struct buf *out, struct span name)
{
    buf_append_byte(out, '<');
    buf_append(out, name);
    buf_append_byte(out, '>');
}

static void append_close(struct buf *out, struct span name)
{
    buf_append(out, S("</"));
    buf_append(out, name);
    buf_append_byte(out, '>');
}

void xml_encode_element(struct buf *out, struct span name, struct span text)
{
    append_open(out, name);
    xml_encode_text(out, text);
    append_close(out, name);
}

static void append_attribute(struct buf *out, struct span name, struct span value)
{
    buf_append_byte(out, ' ');
    buf_append(out, name);
    buf_append(out, S("=\""));
    xml_encode_text(out, value);
    buf_append_byte(out, '"');
}

static struct scalar_style scalar_style_of(const struct xml_style *style, const struct shape *shape,
                                           uint8_t time_format)
{
    return (struct scalar_style){.format = time_format_of(shape, time_format, TIME_ISO8601),
                                 .fraction = style->fraction};
}

void xml_encode_attributes(const struct xml_style *style, const struct shape *shape,
                           const void *from, struct buf *out)
{
    const struct field *field = first_field(style->service, shape);
    for (unsigned i = 0; i < shape->field_count; i++, field++) {
        const struct shape *member = shape_at(style->service, field->shape);
        if (!(field->flags & FIELD_ATTRIBUTE) || !slot_printed(field, member->kind, from))
            continue;
        char room[SCALAR_TEXT_SIZE];
        struct scalar_style scalar = scalar_style_of(style, member, field->time_format);
        append_attribute(
            out, service_text(style->service, field->wire),
            scalar_text(member->kind, scalar, slot_value(field, member->kind, from), room));
    }
}

/* ` xmlns="…"` or ` xmlns:prefix="…"` of a member. */
static void append_namespace(const struct xml_style *style, const struct field *field,
                             struct buf *out)
{
    if (!field->xml_uri)
        return;
    buf_append(out, S(" xmlns"));
    if (field->xml_prefix) {
        buf_append_byte(out, ':');
        buf_append(out, service_text(style->service, field->xml_prefix));
    }
    buf_append(out, S("=\""));
    xml_encode_text(out, service_text(style->service, field->xml_uri));
    buf_append_byte(out, '"');
}

/* One element; `field` (may be NULL) brings namespace and time format. */
static void append_element(const struct xml_style *style, struct span name,
                           const struct field *field, const struct shape *shape, const void *from,
                           struct buf *out)
{
    buf_append_byte(out, '<');
    buf_append(out, name);
    if (field)
        append_namespace(style, field, out);
    if (shape->kind == KIND_STRUCTURE)
        xml_encode_attributes(style, shape, from, out);
    buf_append_byte(out, '>');
    append_value(style, shape, field ? field->time_format : TIME_DEFAULT, from, out);
    append_close(out, name);
}

static struct span element_name(const struct xml_style *style, const struct shape *list)
{
    return text_or(style->service, list->member_wire, style->ec2 ? S("item") : S("member"));
}

static void append_elements(const struct xml_style *style, struct span name,
                            const struct shape *shape, const struct any_list *list, struct buf *out)
{
    const struct shape *member = shape_at(style->service, shape->member);
    const char *at = list->at;
    for (size_t i = 0; i < list->count; i++, at += shape->size)
        append_element(style, name, NULL, member, at, out);
}

static void append_entries(const struct xml_style *style, struct span name,
                           const struct shape *shape, const struct any_map *map, struct buf *out)
{
    const struct service *service = style->service;
    const struct shape *key = shape_at(service, shape->key);
    const struct shape *value = shape_at(service, shape->member);
    struct span key_name = text_or(service, shape->key_wire, S("key"));
    struct span value_name = text_or(service, shape->member_wire, S("value"));
    const char *at = map->at;
    for (size_t i = 0; i < map->count; i++, at += shape->size) {
        append_open(out, name);
        append_element(style, key_name, NULL, key, at, out);
        append_element(style, value_name, NULL, value, at + shape->value_offset, out);
        append_close(out, name);
    }
}

static void append_value(const struct xml_style *style, const struct shape *shape,
                         uint8_t time_format, const void *from, struct buf *out)
{
    char room[SCALAR_TEXT_SIZE];
    switch ((enum KIND)shape->kind) {
    case KIND_STRUCTURE:
        return xml_encode_members(style, shape, PRINT_ALL, from, out);
    case KIND_LIST:
        return append_elements(style, element_name(style, shape), shape, from, out);
    case KIND_MAP:
        return append_entries(style, S("entry"), shape, from, out);
    case KIND_BLOB:
        return base64_append(out, *(const struct span *)from);
    case KIND_BOOLEAN:
    case KIND_INTEGER:
    case KIND_LONG:
    case KIND_FLOAT:
    case KIND_DOUBLE:
    case KIND_STRING:
    case KIND_TIMESTAMP:
    case KIND_DOCUMENT:
    case KIND_STREAM:
        break;
    }
    xml_encode_text(
        out, scalar_text(shape->kind, scalar_style_of(style, shape, time_format), from, room));
}

static void append_member(const struct xml_style *style, const struct field *field,
                          const struct shape *member, const void *from, struct buf *out)
{
    struct span name = service_text(style->service, field->wire);
    const void *value = slot_value(field, member->kind, from);
    bool flat = (field->flags & FIELD_FLATTENED) != 0;
    if (flat && member->kind == KIND_LIST)
        append_elements(style, text_or(style->service, member->member_wire, name), member, value,
                        out);
    else if (flat && member->kind == KIND_MAP)
        append_entries(style, name, member, value, out);
    else
        append_element(style, name, field, member, value, out);
}

void xml_encode_members(const struct xml_style *style, const struct shape *shape, enum PRINT which,
                        const void *from, struct buf *out)
{
    const struct field *field = first_field(style->service, shape);
    for (unsigned i = 0; i < shape->field_count; i++, field++) {
        const struct shape *member = shape_at(style->service, field->shape);
        if ((field->flags & FIELD_ATTRIBUTE) || !slot_printed(field, member->kind, from))
            continue;
        if (which == PRINT_IN_BODY && !slot_in_body(field))
            continue;
        append_member(style, field, member, from, out);
    }
}

void xml_encode_payload(const struct xml_style *style, const struct field *field, const void *from,
                        struct buf *out)
{
    const struct shape *shape = shape_at(style->service, field->shape);
    append_element(style, service_text(style->service, field->wire), field, shape,
                   slot_value(field, shape->kind, from), out);
}
