// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Where the values of a shape lie, shared by all codecs: look-ups in the tables of wire/shape.h and
 * the tests for "is it there". Pure, any thread.
 */
#include "wire/shape.h"

static inline const struct shape *shape_at(const struct service *service, uint16_t index)
{
    return &service->shapes[index];
}

static inline const struct field *first_field(const struct service *service,
                                              const struct shape *shape)
{
    return &service->fields[shape->first_field];
}

static inline const void *slot_pointer(const struct field *field, const void *base)
{
    return *(const void *const *)const_struct_at(base, field->offset, void);
}

/* Marks an optional scalar as present. */
static inline void slot_mark(const struct field *field, void *base)
{
    if (field->has != NO_HAS)
        *struct_at(base, field->has, bool) = true;
}

/* Whether the request brought the member: required scalars have a `has` bool for this. */
static inline bool slot_given(const struct field *field, uint8_t kind, const void *base)
{
    if (field->has != NO_HAS)
        return *const_struct_at(base, field->has, bool);
    /* Spans, lists, maps and pointers all begin with a pointer that is NULL when absent. */
    return kind == KIND_STREAM || slot_pointer(field, base) != NULL;
}

/* Whether a reply prints the member, which is no stream: a required scalar always has a value. */
static inline bool slot_shown(const struct field *field, const void *base)
{
    if (field->has == NO_HAS)
        return slot_pointer(field, base) != NULL;
    return (field->flags & FIELD_REQUIRED) || *const_struct_at(base, field->has, bool);
}

/* The same for any member. */
static inline bool slot_printed(const struct field *field, uint8_t kind, const void *base)
{
    return (field->has == NO_HAS && kind == KIND_STREAM) || slot_shown(field, base);
}

/* Members of a reply's or an event's body: labels and query words mean nothing in a reply, so they
 * are there too. */
static inline bool slot_in_body(const struct field *field)
{
    return !(field->flags & FIELD_EVENT_HEADER) &&
           (field->location == IN_BODY || field->location == IN_QUERY || field->location == IN_URI);
}

/* The value of a member: a structure's own memory, everything else as it lies. */
static inline const void *slot_value(const struct field *field, uint8_t kind, const void *base)
{
    if (kind == KIND_STRUCTURE)
        return slot_pointer(field, base);
    return const_struct_at(base, field->offset, void);
}

enum FIELD_TEXT { FIELD_BY_NAME, FIELD_BY_WIRE, FIELD_BY_QUERY };

static inline uint32_t field_text_of(const struct field *field, enum FIELD_TEXT which)
{
    return which == FIELD_BY_NAME   ? field->name
           : which == FIELD_BY_WIRE ? field->wire
                                    : field->query;
}

/*
 * The field of that name, or NULL. *hint is where the search begins and becomes the place behind
 * the hit: senders mostly keep the order of the model.
 */
static inline const struct field *field_find(const struct service *service,
                                             const struct shape *shape, struct span name,
                                             enum FIELD_TEXT which, unsigned *hint)
{
    const struct field *fields = first_field(service, shape);
    unsigned at = *hint;
    for (unsigned tried = 0; tried < shape->field_count; tried++, at++) {
        if (at >= shape->field_count)
            at = 0;
        if (span_eq(service_text(service, field_text_of(&fields[at], which)), name)) {
            *hint = at + 1;
            return &fields[at];
        }
    }
    return NULL;
}

/*
 * A flattened list whose element has a name goes by that name. `found` is what field_find answered:
 * it stands unless it is such a list, which its own name does not mean.
 */
static inline const struct field *field_by_element(const struct service *service,
                                                   const struct shape *shape, struct span name,
                                                   const struct field *found)
{
    const struct field *field = first_field(service, shape);
    for (unsigned i = 0; i < shape->field_count; i++, field++) {
        const struct shape *list = shape_at(service, field->shape);
        if (list->kind == KIND_LIST && (field->flags & FIELD_FLATTENED) && list->member_wire &&
            span_eq(service_text(service, list->member_wire), name))
            return field;
    }
    return found;
}

/* TIME_FORMAT of a value: the member's, else the shape's, else the protocol's. */
static inline enum TIME_FORMAT time_format_of(const struct shape *shape, uint8_t of_field,
                                              enum TIME_FORMAT otherwise)
{
    if (of_field != TIME_DEFAULT)
        return (enum TIME_FORMAT)of_field;
    return shape->time_format != TIME_DEFAULT ? (enum TIME_FORMAT)shape->time_format : otherwise;
}

static inline struct span text_or(const struct service *service, uint32_t offset,
                                  struct span otherwise)
{
    return offset ? service_text(service, offset) : otherwise;
}
