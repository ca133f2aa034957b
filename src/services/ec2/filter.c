// SPDX-License-Identifier: Apache-2.0
/*
 * Filters: a path of member names is walked through the tables of wire/shape.h, so one function
 * reads every structure that is shown, and a resource's filters are a table of texts. Pure.
 */
#include "services/ec2/filter.h"

#include "base/time.h"
#include "wire/slot.h"

#define FILTERS_MAX 50
#define VALUES_MAX 200

/* '*' and '?' as EC2's filters have them, '\' before what is meant literally. On a mismatch only
 * the latest star takes one more byte, so the work is at most pattern times text, whatever the
 * client sends. */
static bool glob_passes(struct span pattern, struct span text)
{
    size_t p = 0, t = 0, after_star = SIZE_MAX, star_text = 0;
    while (t < text.len) {
        bool literal = p + 1 < pattern.len && pattern.at[p] == '\\';
        if (!literal && p < pattern.len && pattern.at[p] == '*') {
            after_star = ++p;
            star_text = t;
        } else if (p < pattern.len &&
                   (pattern.at[p + literal] == text.at[t] || (!literal && pattern.at[p] == '?'))) {
            p += 1 + literal;
            t++;
        } else if (after_star != SIZE_MAX) {
            p = after_star;
            t = ++star_text;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.at[p] == '*')
        p++;
    return p == pattern.len;
}

struct look {
    struct call *c;
    const struct ec2_filter *filter;
    struct span tag; /* of the tag whose value counts; absent: no filter of a tag */
};

static bool text_passes(const struct look *look, struct span text)
{
    for (size_t i = 0; i < look->filter->values.count; i++)
        if (glob_passes(look->filter->values.at[i], text))
            return true;
    return false;
}

static struct span scalar_text(struct call *c, uint8_t kind, const void *value)
{
    char time[TIME_TEXT_SIZE];
    if (kind == KIND_BOOLEAN)
        return *(const bool *)value ? S("true") : S("false");
    if (kind == KIND_INTEGER)
        return arena_printf(c->arena, "%d", *(const int32_t *)value);
    if (kind == KIND_LONG)
        return arena_printf(c->arena, "%lld", (long long)*(const int64_t *)value);
    if (kind == KIND_TIMESTAMP)
        return arena_copy(c->arena, time_iso8601_millis(*(const int64_t *)value, time));
    return *(const struct span *)value;
}

static const struct field *member_of(struct call *c, const struct shape *shape, struct span name)
{
    unsigned hint = 0;
    return field_find(c->service, shape, name, FIELD_BY_NAME, &hint);
}

static bool value_passes(const struct look *look, const struct shape *shape, const void *value,
                         struct span path);

static bool member_passes(const struct look *look, const struct shape *shape, const void *base,
                          struct span path)
{
    struct span name = span_cut(&path, '.');
    const struct field *field = member_of(look->c, shape, name);
    const struct shape *of = field ? shape_at(look->c->service, field->shape) : NULL;
    return field && slot_printed(field, of->kind, base) &&
           value_passes(look, of, slot_value(field, of->kind, base), path);
}

static bool element_passes(const struct look *look, const struct shape *list, const void *value,
                           struct span path)
{
    const struct any_list *elements = value;
    for (size_t i = 0; i < elements->count; i++)
        if (value_passes(look, shape_at(look->c->service, list->member),
                         (const char *)elements->at + i * list->size, path))
            return true;
    return false;
}

/* A tag passes a filter of another tag's value never. */
static bool is_other_tag(const struct look *look, const struct shape *shape, const void *base)
{
    const struct field *key = look->tag.at ? member_of(look->c, shape, S("Key")) : NULL;
    return key && !span_eq(*const_struct_at(base, key->offset, struct span), look->tag);
}

/* The depth is the path's. */
static bool value_passes(const struct look *look, const struct shape *shape, const void *value,
                         struct span path)
{
    if (shape->kind == KIND_LIST)
        return element_passes(look, shape, value, path);
    if (shape->kind == KIND_STRUCTURE)
        return !is_other_tag(look, shape, value) && member_passes(look, shape, value, path);
    return text_passes(look, scalar_text(look->c, shape->kind, value));
}

static bool is_tag_filter(struct span name)
{
    return span_eq(name, S("tag-key")) || span_starts(name, S("tag:"));
}

/* "Tags.", "TagSet." or those of an instance in its reservation, empty where the structure is a tag
 * itself, absent where it shows none. */
static struct span tags_path(struct call *c, const struct shape *shape)
{
    return member_of(c, shape, S("Tags"))        ? S("Tags.")
           : member_of(c, shape, S("TagSet"))    ? S("TagSet.")
           : member_of(c, shape, S("Instances")) ? S("Instances.Tags.")
           : member_of(c, shape, S("Key"))       ? S("")
                                                 : SPAN_NONE;
}

/* Absent: there is no such filter. */
static struct span path_of(struct call *c, const struct filter_table *table, struct span name)
{
    for (size_t i = 0; i < table->count; i++)
        if (span_eq(name, span_of_cstr(table->names[i].name)))
            return span_of_cstr(table->names[i].path);
    struct span tags = tags_path(c, shape_at(c->service, table->shape));
    if (!tags.at || !is_tag_filter(name))
        return SPAN_NONE;
    const struct span parts[] = {tags, span_eq(name, S("tag-key")) ? S("Key") : S("Value")};
    return arena_join(c->arena, parts, ARRAY_LEN(parts));
}

RESULT filter_check(struct call *c, const struct filter_table *table,
                    const struct ec2_filter_list *filters)
{
    size_t values = 0;
    for (size_t i = 0; i < filters->count; i++) {
        const struct ec2_filter *filter = &filters->at[i];
        values += filter->values.count;
        if (!path_of(c, table, filter->name).at)
            return refuse(c, &EC2_INVALID_PARAMETER_VALUE, "The filter '%.*s' is invalid",
                          SPAN_ARG(filter->name));
    }
    if (filters->count > FILTERS_MAX || values > VALUES_MAX)
        return refuse(c, &EC2_FILTER_LIMIT_EXCEEDED,
                      "The maximum number of filter values specified on a single call is %d",
                      VALUES_MAX);
    return OK;
}

bool filter_passes(struct call *c, const struct filter_table *table,
                   const struct ec2_filter_list *filters, const void *shown)
{
    const struct shape *shape = shape_at(c->service, table->shape);
    for (size_t i = 0; i < filters->count; i++) {
        struct span name = filters->at[i].name;
        struct look look = {.c = c, .filter = &filters->at[i]};
        if (span_starts(name, S("tag:")))
            look.tag = span_from(name, strlen("tag:"));
        if (!value_passes(&look, shape, shown, path_of(c, table, name)))
            return false;
    }
    return true;
}
