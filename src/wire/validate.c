// SPDX-License-Identifier: Apache-2.0
/*
 * Required, length, range, pattern and enum checks over a decoded input. JSON and query services
 * collect up to ten errors into one message; EC2 and S3 answer the first, in their own words
 * (validate_refusal.c). Structures, and lists and maps of them, are named by a path; a list or map
 * of single values is named as a whole. Texts: recorded answers of the services. One thread per
 * request.
 */
#include "base/utf8.h"
#include "wire/codec.h"
#include "wire/pattern.h"
#include "wire/validation.h"

static void check_structure(struct validation *v, const struct shape *shape, const void *base,
                            const struct path *path);

static void check_children(struct validation *v, const struct shape *shape, const void *value,
                           const struct path *path);

static bool is_enum_value(const struct service *service, const struct shape *shape,
                          struct span value)
{
    for (uint32_t i = 0; i < shape->value_count; i++)
        if (span_eq(service_text(service, service->enum_values[shape->first_value + i]), value))
            return true;
    return false;
}

static int64_t length_of(const struct shape *shape, const void *value)
{
    switch ((int)shape->kind) {
    case KIND_STRING:
        return (int64_t)utf8_count(*(const struct span *)value);
    case KIND_BLOB:
    case KIND_DOCUMENT:
        return (int64_t)((const struct span *)value)->len;
    case KIND_LIST:
    case KIND_MAP:
        return (int64_t)((const struct any_list *)value)->count;
    default:
        return 0;
    }
}

static double number_of(const struct shape *shape, const void *value)
{
    switch ((int)shape->kind) {
    case KIND_INTEGER:
        return *(const int32_t *)value;
    case KIND_LONG:
        return (double)*(const int64_t *)value;
    default:
        return *(const double *)value;
    }
}

/* A text of n bytes has between n/4 and n characters: mostly that settles it without counting. */
static bool is_surely_within(const struct shape *shape, struct span text)
{
    return (!(shape->flags & SHAPE_HAS_MAX) || (int64_t)text.len <= shape->max) &&
           (!(shape->flags & SHAPE_HAS_MIN) || (int64_t)(text.len + 3) / 4 >= shape->min);
}

static unsigned check_bounds(const struct shape *shape, const void *value)
{
    unsigned failed = 0;
    if (is_number(shape)) {
        double number = number_of(shape, value);
        if ((shape->flags & SHAPE_HAS_MIN) && !(number >= (double)shape->min))
            failed |= CONSTRAINT_MIN;
        if ((shape->flags & SHAPE_HAS_MAX) && !(number <= (double)shape->max))
            failed |= CONSTRAINT_MAX;
        return failed;
    }
    if (shape->kind == KIND_STRUCTURE || shape->kind == KIND_STREAM)
        return 0;
    if (shape->kind == KIND_STRING && is_surely_within(shape, *(const struct span *)value))
        return 0;
    int64_t length = length_of(shape, value);
    if ((shape->flags & SHAPE_HAS_MIN) && length < shape->min)
        failed |= CONSTRAINT_MIN;
    if ((shape->flags & SHAPE_HAS_MAX) && length > shape->max)
        failed |= CONSTRAINT_MAX;
    return failed;
}

/* CONSTRAINT bits that the value itself breaks. */
static unsigned check_own(const struct validation *v, const struct shape *shape, const void *value)
{
    unsigned failed = 0;
    if (shape->flags & (SHAPE_HAS_MIN | SHAPE_HAS_MAX))
        failed |= check_bounds(shape, value);
    if (shape->kind != KIND_STRING)
        return failed;
    struct span text = *(const struct span *)value;
    if (shape->pattern && !pattern_matches(service_text(v->service, shape->pattern), text))
        failed |= CONSTRAINT_PATTERN;
    if (shape->value_count && !is_enum_value(v->service, shape, text))
        failed |= CONSTRAINT_ENUM;
    return failed;
}

static void check_list(struct validation *v, const struct shape *shape, const struct any_list *list,
                       const struct path *path)
{
    const struct shape *member = shape_at(v->service, shape->member);
    unsigned failed = 0;
    const char *at = list->at;
    if (member->flags & SHAPE_UNCONSTRAINED)
        return;
    for (size_t i = 0; i < list->count; i++)
        failed |= check_own(v, member, at + i * shape->size);
    if (failed)
        validation_report_all(v, path, shape, list, CONSTRAINED_MEMBERS);
    for (size_t i = 0; i < list->count; i++) {
        struct path element = {.parent = path, .field = path->field, .index = i + 1};
        check_children(v, member, at + i * shape->size, &element);
    }
}

static void check_map(struct validation *v, const struct shape *shape, const struct any_map *map,
                      const struct path *path)
{
    const struct shape *key = shape_at(v->service, shape->key);
    const struct shape *value = shape_at(v->service, shape->member);
    unsigned failed_keys = 0, failed_values = 0;
    const char *at = map->at;
    for (size_t i = 0; i < map->count; i++) {
        failed_keys |= check_own(v, key, at + i * shape->size);
        failed_values |= check_own(v, value, at + i * shape->size + shape->value_offset);
    }
    if (failed_keys)
        validation_report_all(v, path, shape, map, CONSTRAINED_KEYS);
    if (failed_values)
        validation_report_all(v, path, shape, map, CONSTRAINED_VALUES);
    for (size_t i = 0; i < map->count && !(value->flags & SHAPE_UNCONSTRAINED); i++) {
        struct path entry = {.parent = path,
                             .field = path->field,
                             .key = *const_struct_at(at, i * shape->size, struct span)};
        check_children(v, value, at + i * shape->size + shape->value_offset, &entry);
    }
}

static void check_children(struct validation *v, const struct shape *shape, const void *value,
                           const struct path *path)
{
    if ((shape->flags & SHAPE_UNCONSTRAINED) || v->count >= VALIDATION_MAX_ERRORS)
        return;
    if (shape->kind == KIND_STRUCTURE)
        check_structure(v, shape, value, path);
    else if (shape->kind == KIND_LIST)
        check_list(v, shape, value, path);
    else if (shape->kind == KIND_MAP)
        check_map(v, shape, value, path);
}

/* The order in which the services tell several broken constraints of one value. */
static const enum CONSTRAINT order[] = {CONSTRAINT_PATTERN, CONSTRAINT_MAX, CONSTRAINT_MIN,
                                        CONSTRAINT_ENUM};

static void check_structure(struct validation *v, const struct shape *shape, const void *base,
                            const struct path *path)
{
    const struct field *field = first_field(v->service, shape);
    for (unsigned i = 0; i < shape->field_count; i++, field++) {
        const struct shape *member = shape_at(v->service, field->shape);
        if ((member->flags & SHAPE_UNCONSTRAINED) && !(field->flags & FIELD_REQUIRED))
            continue;
        struct path here = {.parent = path, .field = field};
        if (!slot_given(field, member->kind, base)) {
            if (field->flags & FIELD_REQUIRED)
                validation_report(v, &here, member, NULL, CONSTRAINT_NULL);
            continue;
        }
        const void *value = slot_value(field, member->kind, base);
        unsigned failed = check_own(v, member, value);
        for (size_t bit = 0; failed && bit < ARRAY_LEN(order); bit++)
            if (failed & order[bit])
                validation_report(v, &here, member, value, order[bit]);
        check_children(v, member, value, &here);
    }
}

const struct refusal *wire_validate(struct call *c, const void *in)
{
    const struct operation *operation = c->operation;
    if (operation->input == NO_SHAPE)
        return OK;
    struct validation v = {.c = c, .service = c->service};
    check_structure(&v, shape_at(c->service, operation->input), in, NULL);
    return v.count ? validation_refusal(&v) : OK;
}
