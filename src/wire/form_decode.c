// SPDX-License-Identifier: Apache-2.0
/*
 * name=value forms into structs: the query protocol (`Tags.member.1.Key=…`) and EC2's variant
 * (capitalised names, lists always flattened). The pairs are sorted once with '.' below every other
 * byte, so that everything below one name lies together; recursion then works on ranges and costs
 * no more than pairs times depth. Sources: "AWS query protocol", "AWS EC2 query protocol" (Smithy).
 * One thread per request.
 */
#include "base/text.h"
#include "base/utf8.h"
#include "wire/growing.h"
#include "wire/scalar.h"

#include <stdlib.h>

#define FORM_MAX_PAIRS 16384

struct pair {
    struct span key, value;
    size_t order; /* as sent */
};

struct form {
    struct decoder *d;
    struct pair *pairs;
    size_t count;
    bool ec2;
};

/* Pairs [from, to), whose keys are equal before `start`, where the next part of the name begins;
 * keys that end at start - 1 are values of this name itself. */
struct range {
    size_t from, to, start;
};

static RESULT read_value(struct form *f, const struct shape *shape, const struct field *field,
                         struct range range, void *to);

static int key_byte(struct span key, size_t at)
{
    return at == key.len ? -1 : key.at[at] == '.' ? 0 : (unsigned char)key.at[at] + 1;
}

static int compare_pairs(const void *left, const void *right)
{
    const struct pair *a = left, *b = right;
    for (size_t i = 0;; i++) {
        int x = key_byte(a->key, i), y = key_byte(b->key, i);
        if (x != y)
            return x - y;
        if (x < 0)
            return a->order < b->order ? -1 : 1;
    }
}

/* The part of the key that begins at `start`. */
static struct span part_at(struct span key, size_t start)
{
    struct span rest = span_from(key, start);
    return span_cut(&rest, '.');
}

/* Cuts the pairs with the next part of the name off *rest; false when none is left. */
static bool next_group(const struct form *f, struct range *rest, struct range *group,
                       struct span *name)
{
    while (rest->from < rest->to && f->pairs[rest->from].key.len < rest->start)
        rest->from++;
    if (rest->from >= rest->to)
        return false;
    *name = part_at(f->pairs[rest->from].key, rest->start);
    *group = (struct range){.from = rest->from, .start = rest->start + name->len + 1};
    size_t at = rest->from;
    while (at < rest->to && span_eq(part_at(f->pairs[at].key, rest->start), *name))
        at++;
    group->to = rest->from = at;
    return true;
}

/* The newest value of the name itself, or NULL. */
static const struct pair *own_pair(const struct form *f, struct range range)
{
    const struct pair *own = NULL;
    for (size_t i = range.from; i < range.to && f->pairs[i].key.len + 1 == range.start; i++)
        own = &f->pairs[i];
    return own;
}

static RESULT wrong_value(struct form *f, const struct shape *shape, const struct pair *pair)
{
    if (f->ec2)
        return decoder_malformed(f->d, "Value (%.*s) for parameter %.*s is invalid. Expected: %s",
                                 SPAN_ARG(span_first(pair->value, 1024)),
                                 SPAN_ARG(span_first(pair->key, 256)), scalar_name(shape->kind));
    return decoder_malformed(f->d, "STRING_VALUE can not be converted to %s %s",
                             shape->kind == KIND_INTEGER ? "an" : "a", scalar_name(shape->kind));
}

static RESULT read_scalar(struct form *f, const struct shape *shape, const struct field *field,
                          struct range range, void *to)
{
    const struct pair *pair = own_pair(f, range);
    if (!pair)
        return decoder_malformed(f->d, "Start of structure or map found where not expected.");
    enum TIME_FORMAT format =
        time_format_of(shape, field ? field->time_format : TIME_DEFAULT, TIME_ISO8601);
    if (!utf8_is_valid(pair->value) ||
        !scalar_read(f->d->c->arena, shape->kind, format, pair->value, to))
        return wrong_value(f, shape, pair);
    return OK;
}

static RESULT read_structure(struct form *f, const struct shape *shape, struct range range,
                             void *to)
{
    struct range group;
    struct span name;
    unsigned hint = 0, set = 0;
    TRY(decoder_enter(f->d));
    while (next_group(f, &range, &group, &name)) {
        const struct field *field = field_find(f->d->service, shape, name, FIELD_BY_QUERY, &hint);
        if (!field)
            field = field_by_element(f->d->service, shape, name, NULL);
        if (!field)
            continue;
        const struct shape *member = shape_at(f->d->service, field->shape);
        void *value;
        set++;
        TRY(decoder_member(f->d, field, member, to, &value));
        TRY(read_value(f, member, field, group, value));
    }
    f->d->depth--;
    return decoder_check_union(f->d, shape, set);
}

struct element {
    struct range range;
    uint64_t index;
};

static int compare_elements(const void *left, const void *right)
{
    const struct element *a = left, *b = right;
    return a->index < b->index ? -1 : a->index > b->index;
}

/* The numbered parts in the order of their numbers; gaps close. */
static RESULT read_elements(struct form *f, struct range range, struct element **ret_elements,
                            size_t *ret_count)
{
    struct growing array = {.size = sizeof(struct element)};
    struct range group;
    struct span name;
    while (next_group(f, &range, &group, &name)) {
        uint64_t index;
        if (!span_to_u64(name, &index))
            return decoder_malformed(f->d, "%.*s is not a valid index",
                                     SPAN_ARG(span_first(name, 256)));
        void *slot;
        TRY(growing_add(f->d, &array, &slot));
        *(struct element *)slot = (struct element){.range = group, .index = index};
    }
    *ret_elements = struct_at(growing_done(f->d, &array).at, 0, struct element);
    *ret_count = array.count;
    qsort(*ret_elements, *ret_count, sizeof **ret_elements, compare_elements);
    return OK;
}

/* Narrows the range to what stands below `.wrapper`; an empty value of the name itself means an
 * empty list. */
static RESULT unwrap(struct form *f, struct range *range, struct span wrapper)
{
    struct range rest = *range, group;
    struct span name;
    *range = (struct range){.start = range->start};
    while (next_group(f, &rest, &group, &name)) {
        if (!span_eq(name, wrapper))
            return decoder_malformed(f->d, "Unexpected list element termination");
        *range = group;
    }
    return OK;
}

static RESULT read_list(struct form *f, const struct shape *shape, const struct field *field,
                        struct range range, struct any_list *to)
{
    const struct shape *member = shape_at(f->d->service, shape->member);
    unsigned flags = field ? field->flags & FIELD_FLATTENED : shape->flags & SHAPE_FLATTENED;
    struct growing array = {.size = shape->size};
    struct element *elements;
    size_t count;
    if (!flags && !f->ec2)
        TRY(unwrap(f, &range, text_or(f->d->service, shape->member_wire, S("member"))));
    TRY(decoder_enter(f->d));
    TRY(read_elements(f, range, &elements, &count));
    for (size_t i = 0; i < count; i++) {
        void *element;
        TRY(growing_add(f->d, &array, &element));
        TRY(read_value(f, member, NULL, elements[i].range, element));
    }
    f->d->depth--;
    *to = growing_done(f->d, &array);
    return OK;
}

static RESULT read_entry(struct form *f, const struct shape *shape, struct range range, void *entry)
{
    const struct service *service = f->d->service;
    struct span key_name = text_or(service, shape->key_wire, S("key"));
    struct span value_name = text_or(service, shape->member_wire, S("value"));
    struct range group;
    struct span name;
    while (next_group(f, &range, &group, &name))
        if (span_eq(name, key_name))
            TRY(read_scalar(f, shape_at(service, shape->key), NULL, group, entry));
        else if (span_eq(name, value_name))
            TRY(read_value(f, shape_at(service, shape->member), NULL, group,
                           struct_at(entry, shape->value_offset, void)));
    if (span_is_absent(*struct_at(entry, 0, struct span)))
        return decoder_malformed(f->d, "Unexpected complex element termination");
    return OK;
}

static RESULT read_map(struct form *f, const struct shape *shape, const struct field *field,
                       struct range range, struct any_map *to)
{
    unsigned flags = field ? field->flags & FIELD_FLATTENED : shape->flags & SHAPE_FLATTENED;
    struct growing array = {.size = shape->size};
    struct element *elements;
    size_t count;
    if (!flags)
        TRY(unwrap(f, &range, S("entry")));
    TRY(decoder_enter(f->d));
    TRY(read_elements(f, range, &elements, &count));
    for (size_t i = 0; i < count; i++) {
        void *entry;
        TRY(growing_add(f->d, &array, &entry));
        TRY(read_entry(f, shape, elements[i].range, entry));
    }
    f->d->depth--;
    *to = growing_map(f->d, &array);
    return OK;
}

static RESULT read_value(struct form *f, const struct shape *shape, const struct field *field,
                         struct range range, void *to)
{
    switch ((enum KIND)shape->kind) {
    case KIND_STRUCTURE:
        return read_structure(f, shape, range, to);
    case KIND_LIST:
        return read_list(f, shape, field, range, to);
    case KIND_MAP:
        return read_map(f, shape, field, range, to);
    case KIND_BOOLEAN:
    case KIND_INTEGER:
    case KIND_LONG:
    case KIND_FLOAT:
    case KIND_DOUBLE:
    case KIND_STRING:
    case KIND_BLOB:
    case KIND_TIMESTAMP:
    case KIND_DOCUMENT:
    case KIND_STREAM:
        break;
    }
    return read_scalar(f, shape, field, range, to);
}

static RESULT read_pairs(struct form *f, struct span form)
{
    size_t most = 1;
    for (size_t i = 0; i < form.len; i++)
        most += form.at[i] == '&';
    if (most > FORM_MAX_PAIRS)
        return decoder_malformed(f->d, "The request has more than %d parameters", FORM_MAX_PAIRS);
    void *pairs;
    TRY(decoder_take(f->d, most * sizeof *f->pairs, &pairs));
    f->pairs = pairs;
    while (!span_is_absent(form)) {
        struct span value = span_cut(&form, '&');
        struct span key = span_cut(&value, '=');
        if (key.len == 0)
            continue;
        struct pair *pair = &f->pairs[f->count];
        pair->order = f->count++;
        pair->key = form_decode(f->d->c->arena, key);
        pair->value = value.at ? form_decode(f->d->c->arena, value) : S("");
        if (span_is_absent(pair->key) || span_is_absent(pair->value))
            return decoder_malformed(f->d, "The request is not a valid form");
    }
    qsort(f->pairs, f->count, sizeof *f->pairs, compare_pairs);
    return OK;
}

const struct refusal *form_decode_input(struct decoder *d, const struct shape *shape,
                                        struct span form, void *to)
{
    struct form f = {.d = d, .ec2 = d->c->protocol == PROTOCOL_EC2};
    TRY(read_pairs(&f, form));
    return read_structure(&f, shape, (struct range){.to = f.count}, to);
}
