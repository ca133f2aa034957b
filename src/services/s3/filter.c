// SPDX-License-Identifier: Apache-2.0
/* Reading filters and asking them. Pure. */
#include "services/s3/filter.h"
#include "services/s3/place.h"

static bool is_there(struct span text)
{
    return !span_is_absent(text);
}

RESULT filter_read(struct call *c, const struct filter_wish *wish, struct filter *out)
{
    struct s3_tag one;
    struct s3_tag_set tags = {.at = &one, .count = wish->tag ? 1 : 0};
    if (wish->tag)
        one = *wish->tag;
    size_t said =
        (size_t)is_there(wish->prefix) + is_there(wish->point) + tags.count + (size_t)wish->both;
    size_t both = is_there(wish->and_prefix) + is_there(wish->and_point) + wish->and_tags.count;
    if (said != 1 || (wish->both && both < 2))
        return place_refuse_xml(c);
    *out = (struct filter){.prefix = wish->both ? wish->and_prefix : wish->prefix,
                           .point = wish->both ? wish->and_point : wish->point};
    return tags_read(c, wish->both ? &wish->and_tags : &tags, TAGGED_OBJECT, &out->tags);
}

struct filter filter_copy(struct arena *arena, const struct filter *filter)
{
    const struct tags *tags = &filter->tags;
    struct tags copy = {.at = ARENA_ARRAY(arena, struct s3_pair, tags->count),
                        .count = tags->count};
    for (size_t i = 0; i < tags->count; i++)
        copy.at[i] = (struct s3_pair){arena_copy(arena, tags->at[i].key),
                                      arena_copy(arena, tags->at[i].value)};
    return (struct filter){.prefix = arena_copy(arena, filter->prefix),
                           .point = arena_copy(arena, filter->point),
                           .tags = copy};
}

static bool has_tag(const struct s3_pair_list *tags, const struct s3_pair *wanted)
{
    for (size_t i = 0; tags && i < tags->count; i++)
        if (span_eq(tags->at[i].key, wanted->key))
            return span_eq(tags->at[i].value, wanted->value);
    return false;
}

bool filter_covers(const struct filter *filter, const struct filter_subject *subject)
{
    if (!span_starts(subject->key, filter->prefix) ||
        (is_there(filter->point) && !span_eq(filter->point, subject->point)))
        return false;
    for (size_t i = 0; i < filter->tags.count; i++)
        if (!has_tag(subject->tags, &filter->tags.at[i]))
            return false;
    return true;
}
