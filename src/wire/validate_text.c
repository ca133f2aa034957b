// SPDX-License-Identifier: Apache-2.0
/* The words of validation errors. The services run on Java, and values are told as its toString()
 * prints them; long ones are cut. Pure, any thread. */
#include "wire/validate_text.h"

#include "wire/scalar.h"

#define MOST_OF_A_TEXT 4096 /* bytes */

static void append_lower_first(struct span name, struct buf *out)
{
    char first = name.len ? name.at[0] : ' ';
    buf_append_byte(out, first >= 'A' && first <= 'Z' ? (char)(first | 0x20) : first);
    buf_append(out, span_from(name, 1));
}

void validation_append_path(const struct service *service, const struct path *path, struct buf *out)
{
    if (path->parent) {
        validation_append_path(service, path->parent, out);
        buf_append_byte(out, '.');
    }
    if (path->index)
        buf_printf(out, "%zu.member", path->index);
    else if (path->key.at)
        buf_printf(out, "%.*s.member", SPAN_ARG(span_first(path->key, 256)));
    else
        append_lower_first(service_text(service, path->field->name), out);
}

void validation_append_parameter(const struct service *service, const struct path *path,
                                 struct buf *out)
{
    if (path->parent) {
        validation_append_parameter(service, path->parent, out);
        buf_append_byte(out, '.');
    }
    if (path->index)
        buf_append_u64(out, path->index);
    else
        buf_append(out, service_text(service, path->field->query));
}

static void append_structure(const struct service *service, const struct shape *shape,
                             const void *value, struct buf *out)
{
    const struct field *field = first_field(service, shape);
    buf_append(out, service_text(service, shape->name));
    buf_append_byte(out, '(');
    for (unsigned i = 0; i < shape->field_count; i++, field++) {
        const struct shape *member = shape_at(service, field->shape);
        buf_append(out, i ? S(", ") : S(""));
        append_lower_first(service_text(service, field->name), out);
        buf_append_byte(out, '=');
        bool given = slot_given(field, member->kind, value);
        if (given && (field->flags & FIELD_SENSITIVE))
            buf_append(out, S("*** Sensitive Data Redacted ***"));
        else
            validation_append_value(service, member,
                                    given ? slot_value(field, member->kind, value) : NULL, out);
    }
    buf_append_byte(out, ')');
}

static void append_list(const struct service *service, const struct shape *shape,
                        const struct any_list *list, struct buf *out)
{
    const struct shape *member = shape_at(service, shape->member);
    const char *at = list->at;
    buf_append_byte(out, '[');
    for (size_t i = 0; i < list->count && out->len < MOST_OF_A_TEXT; i++) {
        buf_append(out, i ? S(", ") : S(""));
        validation_append_value(service, member, at + i * shape->size, out);
    }
    buf_append_byte(out, ']');
}

static void append_map(const struct service *service, const struct shape *shape,
                       const struct any_map *map, struct buf *out)
{
    const struct shape *value = shape_at(service, shape->member);
    const char *at = map->at;
    buf_append_byte(out, '{');
    for (size_t i = 0; i < map->count && out->len < MOST_OF_A_TEXT; i++, at += shape->size) {
        buf_append(out, i ? S(", ") : S(""));
        buf_append(out, span_first(*const_struct_at(at, 0, struct span), MOST_OF_A_TEXT));
        buf_append_byte(out, '=');
        validation_append_value(service, value, at + shape->value_offset, out);
    }
    buf_append_byte(out, '}');
}

static void append_scalar(const struct shape *shape, const void *value, struct buf *out)
{
    char room[SCALAR_TEXT_SIZE];
    struct scalar_style style = {.format = TIME_ISO8601, .fraction = FRACTION_ALWAYS};
    struct span text = scalar_text(shape->kind, style, value, room);
    bool real = shape->kind == KIND_FLOAT || shape->kind == KIND_DOUBLE;
    buf_append(out, span_first(text, MOST_OF_A_TEXT));
    if (real && span_find_byte(text, '.') == SPAN_NOT_FOUND &&
        span_find_byte(text, 'e') == SPAN_NOT_FOUND)
        buf_append(out, S(".0"));
}

void validation_append_value(const struct service *service, const struct shape *shape,
                             const void *value, struct buf *out)
{
    if (!value) {
        buf_append(out, S("null"));
        return;
    }
    switch ((enum KIND)shape->kind) {
    case KIND_STRUCTURE:
        return append_structure(service, shape, value, out);
    case KIND_LIST:
        return append_list(service, shape, value, out);
    case KIND_MAP:
        return append_map(service, shape, value, out);
    case KIND_BLOB: {
        size_t len = ((const struct span *)value)->len;
        buf_printf(out, "java.nio.HeapByteBuffer[pos=0 lim=%zu cap=%zu]", len, len);
        return;
    }
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
    append_scalar(shape, value, out);
}

static void append_bound(const struct shape *shape, int64_t bound, const char *than,
                         struct buf *out)
{
    bool real = shape->kind == KIND_FLOAT || shape->kind == KIND_DOUBLE;
    buf_printf(out, "Member must have %s %s than or equal to %lld%s",
               is_number(shape) ? "value" : "length", than, (long long)bound, real ? ".0" : "");
}

static void append_enum(const struct service *service, const struct shape *shape, struct buf *out)
{
    buf_append(out, S("Member must satisfy enum value set: ["));
    for (uint32_t i = 0; i < shape->value_count; i++) {
        buf_append(out, i ? S(", ") : S(""));
        buf_append(out, service_text(service, service->enum_values[shape->first_value + i]));
    }
    buf_append_byte(out, ']');
}

void validation_append_constraint(const struct service *service, const struct shape *shape,
                                  enum CONSTRAINT constraint, struct buf *out)
{
    switch (constraint) {
    case CONSTRAINT_NULL:
        return buf_append(out, S("Member must not be null"));
    case CONSTRAINT_MAX:
        return append_bound(shape, shape->max, "less", out);
    case CONSTRAINT_MIN:
        return append_bound(shape, shape->min, "greater", out);
    case CONSTRAINT_ENUM:
        return append_enum(service, shape, out);
    case CONSTRAINT_PATTERN:
        break;
    }
    buf_append(out, S("Member must satisfy regular expression pattern: "));
    buf_append(out, service_text(service, shape->pattern));
}

void validation_append_constraints(const struct service *service, const struct shape *shape,
                                   struct buf *out)
{
    const struct {
        enum CONSTRAINT constraint;
        bool has;
    } all[] = {
        {CONSTRAINT_MAX, (shape->flags & SHAPE_HAS_MAX) != 0},
        {CONSTRAINT_MIN, (shape->flags & SHAPE_HAS_MIN) != 0},
        {CONSTRAINT_PATTERN, shape->pattern != 0},
        {CONSTRAINT_ENUM, shape->value_count != 0},
    };
    size_t from = out->len;
    buf_append_byte(out, '[');
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        if (all[i].has) {
            buf_append(out, out->len > from + 1 ? S(", ") : S(""));
            validation_append_constraint(service, shape, all[i].constraint, out);
        }
    buf_append_byte(out, ']');
}
