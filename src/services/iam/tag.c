// SPDX-License-Identifier: Apache-2.0
/*
 * Tags of users, roles, policies and instance profiles: keys are unique without regard to case and
 * keep their order. Control thread. Source: "Tagging IAM resources".
 */
#include "services/iam/iam.h"

#define TAGS_MAX 50

static struct auth_tag *tag_with_key(struct auth_tag_list tags, struct span key)
{
    for (size_t i = 0; i < tags.count; i++)
        if (span_eq_nocase(tags.at[i].key, key))
            return &tags.at[i];
    return NULL;
}

static bool has_duplicates(struct iam_tag_list_type tags)
{
    for (size_t i = 0; i < tags.count; i++)
        for (size_t j = 0; j < i; j++)
            if (span_eq_nocase(tags.at[i].key, tags.at[j].key))
                return true;
    return false;
}

RESULT iam_tags_set(struct call *c, struct iam_tag_list_type given, struct auth_tag_list *tags)
{
    if (has_duplicates(given))
        return refuse(c, &IAM_INVALID_INPUT,
                      "Duplicate tag keys found. Please note that Tag keys are case insensitive.");
    struct auth_tag_list merged = {
        .at = ARENA_ARRAY(c->arena, struct auth_tag, tags->count + given.count),
        .count = tags->count,
    };
    if (tags->count)
        memcpy(merged.at, tags->at, tags->count * sizeof *tags->at);
    for (size_t i = 0; i < given.count; i++) {
        struct auth_tag *tag = tag_with_key(merged, given.at[i].key);
        tag = tag ? tag : &merged.at[merged.count++];
        *tag = (struct auth_tag){.key = given.at[i].key, .value = given.at[i].value};
    }
    if (merged.count > TAGS_MAX)
        return refuse(c, &IAM_LIMIT_EXCEEDED, "The number of tags has reached the maximum limit.");
    *tags = merged;
    return OK;
}

void iam_tags_drop(struct call *c, struct iam_tag_key_list_type keys, struct auth_tag_list *tags)
{
    size_t kept = 0;
    for (size_t i = 0; i < tags->count; i++) {
        bool dropped = false;
        for (size_t j = 0; j < keys.count; j++)
            dropped |= span_eq_nocase(tags->at[i].key, keys.at[j]);
        if (!dropped)
            tags->at[kept++] = tags->at[i];
    }
    tags->count = kept;
}

static struct iam_tag_list_type copied(struct call *c, const struct auth_tag *from, size_t count)
{
    struct iam_tag_list_type tags = {.at = ARENA_ARRAY(c->arena, struct iam_tag, count)};
    for (size_t i = 0; i < count; i++)
        tags.at[tags.count++] = (struct iam_tag){.key = from[i].key, .value = from[i].value};
    return tags;
}

struct iam_tag_list_type iam_tags_shown(struct call *c, struct auth_tag_list tags)
{
    return tags.count ? copied(c, tags.at, tags.count) : (struct iam_tag_list_type){0};
}

RESULT iam_tags_list(struct call *c, struct auth_tag_list tags, const struct iam_tags_in *in,
                     struct iam_tags_out *out)
{
    TRY(iam_page_begin(c, in->marker, in->max_items, &out->page));
    size_t first = iam_page_first(&out->page), end = first;
    while (end < tags.count && iam_page_takes_index(&out->page, end))
        end++;
    out->tags = copied(c, tags.at + (first < end ? first : 0), end - first);
    return OK;
}
