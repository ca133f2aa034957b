// SPDX-License-Identifier: Apache-2.0
/*
 * Collects a call's condition keys, by hand or from the decoded input through the shape tables.
 * Everything lives in the call's arena. The call's thread.
 */
#include "auth/condition.h"

#include "auth/principal.h"

const struct condition_value *condition_get(const struct call *c, struct span key)
{
    for (const struct condition_value *at = c->conditions; at; at = at->next)
        if (span_eq(at->key, key))
            return at;
    return NULL;
}

void condition_set(struct call *c, struct span key, const struct span *values, size_t count)
{
    struct condition_value *value = ARENA_NEW(c->arena, struct condition_value);
    *value = (struct condition_value){
        .key = principal_lname(c->arena, key),
        .values = values,
        .count = count,
        .next = c->conditions, /* the newest is found first */
    };
    c->conditions = value;
}

void condition_set_one(struct call *c, struct span key, struct span value)
{
    if (span_is_absent(value))
        return;
    struct span *values = ARENA_NEW(c->arena, struct span);
    *values = value;
    condition_set(c, key, values, 1);
}

static bool is_present(const struct field *field, const void *in)
{
    return field->has == NO_HAS || *const_struct_at(in, field->has, bool);
}

static struct span scalar_text(struct call *c, const struct field *field, const void *in)
{
    switch ((enum KIND)c->service->shapes[field->shape].kind) {
    case KIND_STRING:
        return *const_struct_at(in, field->offset, struct span);
    case KIND_BOOLEAN:
        return *const_struct_at(in, field->offset, bool) ? S("true") : S("false");
    case KIND_INTEGER:
        return arena_printf(c->arena, "%d", (int)*const_struct_at(in, field->offset, int32_t));
    case KIND_LONG:
        return arena_printf(c->arena, "%lld",
                            (long long)*const_struct_at(in, field->offset, int64_t));
    case KIND_FLOAT:
    case KIND_DOUBLE:
    case KIND_BLOB:
    case KIND_TIMESTAMP:
    case KIND_DOCUMENT:
    case KIND_STREAM:
    case KIND_LIST:
    case KIND_MAP:
    case KIND_STRUCTURE:
        break;
    }
    return SPAN_NONE;
}

static bool is_text_list(const struct service *service, const struct field *field)
{
    const struct shape *shape = &service->shapes[field->shape];
    return shape->kind == KIND_LIST && service->shapes[shape->member].kind == KIND_STRING;
}

static void set_member(struct call *c, struct span key, const struct field *field, const void *in)
{
    if (is_text_list(c->service, field)) {
        const struct any_list *list = const_struct_at(in, field->offset, struct any_list);
        if (list->at)
            condition_set(c, key, list->at, list->count);
    } else if (is_present(field, in)) {
        condition_set_one(c, key, scalar_text(c, field, in));
    }
}

static const struct field *field_named(const struct service *service, const struct shape *shape,
                                       struct span name)
{
    for (size_t i = 0; i < shape->field_count; i++) {
        const struct field *field = &service->fields[shape->first_field + i];
        if (span_eq(service_text(service, field->name), name))
            return field;
    }
    return NULL;
}

/* Where a list of tags has what: structures with members Key and Value. */
struct tag_layout {
    size_t size;
    const struct field *key, *value;
};

static bool tag_layout_of(const struct service *service, const struct field *tags,
                          struct tag_layout *out)
{
    const struct shape *list = &service->shapes[tags->shape];
    if (list->kind != KIND_LIST)
        return false;
    const struct shape *tag = &service->shapes[list->member];
    if (tag->kind != KIND_STRUCTURE)
        return false;
    *out = (struct tag_layout){.size = tag->size,
                               .key = field_named(service, tag, S("Key")),
                               .value = field_named(service, tag, S("Value"))};
    return out->key && out->value;
}

static void set_tags(struct call *c, const struct field *tags, const void *in)
{
    struct tag_layout layout;
    const struct any_list *list = const_struct_at(in, tags->offset, struct any_list);
    if (!tag_layout_of(c->service, tags, &layout) || !list->count)
        return;
    struct span *keys = ARENA_ARRAY(c->arena, struct span, list->count);
    for (size_t i = 0; i < list->count; i++) {
        const char *tag = (const char *)list->at + i * layout.size;
        keys[i] = *const_struct_at(tag, layout.key->offset, struct span);
        condition_set_one(c, arena_printf(c->arena, "aws:RequestTag/%.*s", SPAN_ARG(keys[i])),
                          *const_struct_at(tag, layout.value->offset, struct span));
    }
    condition_set(c, S("aws:TagKeys"), keys, list->count);
}

void condition_from_input(struct call *c, const void *in)
{
    const struct service *service = c->service;
    if (c->operation->input == NO_SHAPE)
        return;
    const struct shape *shape = &service->shapes[c->operation->input];
    for (size_t i = 0; i < service->condition_member_count; i++) {
        const struct condition_member *member = &service->condition_members[i];
        const struct field *field =
            field_named(service, shape, service_text(service, member->member));
        if (field)
            set_member(c, service_text(service, member->key), field, in);
    }
    const struct field *tags = field_named(service, shape, S("Tags"));
    if (tags)
        set_tags(c, tags, in);
    const struct field *keys = field_named(service, shape, S("TagKeys"));
    if (keys)
        set_member(c, S("aws:TagKeys"), keys, in);
}
