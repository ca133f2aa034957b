// SPDX-License-Identifier: Apache-2.0
/* Structs as JSON; absent members are left out. Member names come from models and need no escapes,
 * so they go out as they are. Pure, any thread. */
#include "base/text.h"
#include "wire/encoder.h"

static void write_value(const struct service *service, const struct shape *shape,
                        uint8_t time_format, const void *from, struct json_writer *writer);

static void write_key(struct json_writer *writer, struct span name)
{
    char *room = buf_room(writer->out, name.len + 4);
    if (!room)
        return;
    char *at = room;
    if (writer->comma)
        *at++ = ',';
    *at++ = '"';
    at = mempcpy(at, name.at, name.len);
    *at++ = '"';
    *at++ = ':';
    writer->out->len += (size_t)(at - room);
    writer->comma = false;
}

/* No member is a stream in JSON; of a structure with many members most are absent, so their shapes
 * are not looked at. */
static void write_structure(const struct service *service, const struct shape *shape,
                            enum PRINT which, const void *from, struct json_writer *writer)
{
    const struct field *field = first_field(service, shape);
    json_begin_object(writer);
    for (unsigned i = 0; i < shape->field_count; i++, field++) {
        if (!slot_shown(field, from))
            continue;
        if (which == PRINT_IN_BODY && !slot_in_body(field))
            continue;
        const struct shape *member = shape_at(service, field->shape);
        write_key(writer, service_text(service, field->wire));
        write_value(service, member, field->time_format, slot_value(field, member->kind, from),
                    writer);
    }
    json_end_object(writer);
}

static void write_list(const struct service *service, const struct shape *shape,
                       const struct any_list *list, struct json_writer *writer)
{
    const struct shape *member = shape_at(service, shape->member);
    const char *at = list->at;
    json_begin_array(writer);
    for (size_t i = 0; i < list->count; i++, at += shape->size)
        write_value(service, member, TIME_DEFAULT, at, writer);
    json_end_array(writer);
}

static void write_map(const struct service *service, const struct shape *shape,
                      const struct any_map *map, struct json_writer *writer)
{
    const struct shape *value = shape_at(service, shape->member);
    const char *at = map->at;
    json_begin_object(writer);
    for (size_t i = 0; i < map->count; i++, at += shape->size) {
        json_key(writer, *const_struct_at(at, 0, struct span));
        write_value(service, value, TIME_DEFAULT, at + shape->value_offset, writer);
    }
    json_end_object(writer);
}

static void write_text(const struct shape *shape, uint8_t time_format, const void *from,
                       struct json_writer *writer)
{
    char room[SCALAR_TEXT_SIZE];
    struct scalar_style style = {.format = time_format_of(shape, time_format, TIME_EPOCH),
                                 .fraction = FRACTION_WHERE_NEEDED};
    struct span text = scalar_text(shape->kind, style, from, room);
    bool quoted = text.at[0] == 'N' || text.at[0] == 'I' || (text.len > 1 && text.at[1] == 'I');
    if (shape->kind == KIND_TIMESTAMP)
        quoted = style.format != TIME_EPOCH;
    if (quoted)
        json_string(writer, text);
    else
        json_literal(writer, text);
}

static void write_blob(struct span blob, struct json_writer *writer)
{
    json_literal(writer, S("\""));
    base64_append(writer->out, blob);
    buf_append_byte(writer->out, '"');
}

static void write_span(const struct shape *shape, struct span value, struct json_writer *writer)
{
    if (span_is_absent(value))
        json_literal(writer, S("null"));
    else if (shape->kind == KIND_BLOB)
        write_blob(value, writer);
    else if (shape->kind == KIND_DOCUMENT)
        json_literal(writer, value);
    else
        json_string(writer, value);
}

static void write_value(const struct service *service, const struct shape *shape,
                        uint8_t time_format, const void *from, struct json_writer *writer)
{
    switch ((enum KIND)shape->kind) {
    case KIND_BOOLEAN:
    case KIND_INTEGER:
    case KIND_LONG:
    case KIND_FLOAT:
    case KIND_DOUBLE:
    case KIND_TIMESTAMP:
        return write_text(shape, time_format, from, writer);
    case KIND_STRING:
    case KIND_BLOB:
    case KIND_DOCUMENT:
        return write_span(shape, *(const struct span *)from, writer);
    case KIND_LIST:
        return write_list(service, shape, from, writer);
    case KIND_MAP:
        return write_map(service, shape, from, writer);
    case KIND_STRUCTURE:
        return write_structure(service, shape, PRINT_ALL, from, writer);
    case KIND_STREAM:
        break;
    }
}

void json_encode(const struct service *service, const struct shape *shape, enum PRINT which,
                 const void *from, struct buf *out)
{
    struct json_writer writer = {.out = out};
    if (shape->kind == KIND_STRUCTURE)
        write_structure(service, shape, which, from, &writer);
    else
        write_value(service, shape, TIME_DEFAULT, from, &writer);
}

void wire_json_write(const struct service *service, uint16_t shape, const void *in, struct buf *out)
{
    json_encode(service, shape_at(service, shape), PRINT_ALL, in, out);
}
