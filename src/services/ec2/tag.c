// SPDX-License-Identifier: Apache-2.0
/*
 * CreateTags, DeleteTags, DescribeTags and TagSpecifications. A tag is a record of its own, so one
 * code serves every kind of resource. Limits: "Tag your Amazon EC2 resources", tag restrictions.
 * Control thread.
 */
#include "services/ec2/tag.h"

#include "base/utf8.h"
#include "services/ec2/describe.h"
#include "services/ec2/home.h"

#include <errno.h>

#define TAGS_MAX 50
#define KEY_LETTERS 128
#define VALUE_LETTERS 256
#define PAGE_MIN 5
#define PAGE_MAX 1000

static struct stored_tag tag_of(const struct call *c, struct span resource, struct span name)
{
    return (struct stored_tag){
        .account = c->account, .region = c->region, .resource = resource, .name = name};
}

/* ---- reading -----------------------------------------------------------------------------------
 */

struct listing {
    struct call *c;
    struct ec2_tag_list *list;
};

static int list_next(void *user, struct stored_tag *tag)
{
    struct listing *listing = user;
    struct ec2_tag_list *list = listing->list;
    list->at = resource_grow(listing->c, list->at, list->count, sizeof *list->at);
    list->at[list->count++] = (struct ec2_tag){.key = tag->name, .value = tag->value};
    return 0;
}

RESULT tag_list(struct call *c, struct span resource, struct ec2_tag_list *ret)
{
    struct stored_tag from = tag_of(c, resource, SPAN_NONE);
    struct listing listing = {c, ret};
    *ret = (struct ec2_tag_list){.at = arena_alloc(c->arena, 0)};
    int error = stored_tag_each(c->txn, &from, 3, c->arena, list_next, &listing);
    return error < 0 ? refuse_errno(c, error, "reading tags") : OK;
}

RESULT tag_list_if_any(struct call *c, struct span resource, struct ec2_tag_list *ret)
{
    TRY(tag_list(c, resource, ret));
    if (!ret->count)
        ret->at = NULL;
    return OK;
}

static int drop_next(void *user, struct stored_tag *tag)
{
    const struct call *c = user;
    stored_tag_delete(c->txn, tag);
    return 0;
}

void tag_drop_all(struct call *c, struct span resource)
{
    struct stored_tag from = tag_of(c, resource, SPAN_NONE);
    /* What cannot be read now is found undecodable again by everybody who looks. */
    (void)!stored_tag_each(c->txn, &from, 3, c->arena, drop_next, c);
}

/* ---- writing -----------------------------------------------------------------------------------
 */

static RESULT check_tag(struct call *c, const struct ec2_tag *tag)
{
    if (span_is_empty(tag->key))
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Tag key cannot be null or empty. It must be between 1 and %d characters.",
                      KEY_LETTERS);
    if (span_starts_nocase(tag->key, S("aws:")))
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Tag keys starting with 'aws:' are reserved for internal use");
    if (utf8_count(tag->key) > KEY_LETTERS)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Tag key exceeds the maximum length of %d characters", KEY_LETTERS);
    if (utf8_count(tag->value) > VALUE_LETTERS)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Tag value exceeds the maximum length of %d characters", VALUE_LETTERS);
    return OK;
}

static RESULT check_tags(struct call *c, const struct ec2_tag_list *tags)
{
    for (size_t i = 0; i < tags->count; i++) {
        TRY(check_tag(c, &tags->at[i]));
        for (size_t j = 0; j < i; j++)
            if (span_eq(tags->at[i].key, tags->at[j].key))
                return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                              "Duplicate tag key '%.*s' specified.", SPAN_ARG(tags->at[i].key));
    }
    return OK;
}

static RESULT put_tags(struct call *c, struct span resource, const struct ec2_tag_list *tags)
{
    struct ec2_tag_list all;
    for (size_t i = 0; i < tags->count; i++) {
        struct stored_tag tag = tag_of(c, resource, tags->at[i].key);
        tag.value = tags->at[i].value.at ? tags->at[i].value : S("");
        stored_tag_put(c->txn, &tag);
    }
    TRY(tag_list(c, resource, &all));
    if (all.count > TAGS_MAX)
        return refuse(c, &EC2_TAG_LIMIT_EXCEEDED,
                      "The maximum number of Tags for a resource has been reached.");
    return OK;
}

void tag_put_own(struct call *c, struct span resource, const char *key, struct span value)
{
    struct stored_tag tag = tag_of(c, resource, span_of_cstr(key));
    tag.value = value;
    stored_tag_put(c->txn, &tag);
}

/* ---- TagSpecifications -------------------------------------------------------------------------
 */

static bool is_among(struct span type, const char *const *types, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (span_eq(type, span_of_cstr(types[i])))
            return true;
    return false;
}

RESULT tag_check_types(struct call *c, const struct ec2_tag_specification_list *specifications,
                       const char *const *types, size_t count)
{
    for (size_t i = 0; i < specifications->count; i++) {
        const struct ec2_tag_specification *one = &specifications->at[i];
        if (!one->resource_type.at)
            return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                          "Tag specification resource type must "
                          "have a value");
        if (!is_among(one->resource_type, types, count))
            return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                          "'%.*s' is not a valid taggable resource type for this operation.",
                          SPAN_ARG(one->resource_type));
        if (!one->tags.count)
            return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                          "Tag specification must have at least one tag");
        for (size_t j = 0; j < i; j++)
            if (span_eq(one->resource_type, specifications->at[j].resource_type))
                return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                              "The same resource type may not be specified more than once in tag "
                              "specifications");
        TRY(check_tags(c, &one->tags));
    }
    return OK;
}

RESULT tag_new_typed(struct call *c, const char *type, struct span resource,
                     const struct ec2_tag_specification_list *specifications)
{
    for (size_t i = 0; i < specifications->count; i++)
        if (span_eq(specifications->at[i].resource_type, span_of_cstr(type)))
            TRY(put_tags(c, resource, &specifications->at[i].tags));
    return OK;
}

RESULT tag_new(struct call *c, const struct resource_kind *kind, struct span resource,
               const struct ec2_tag_specification_list *specifications)
{
    TRY(tag_check_types(c, specifications, &kind->type, 1));
    return tag_new_typed(c, kind->type, resource, specifications);
}

/* ---- the operations ----------------------------------------------------------------------------
 */

static RESULT check_resources(struct call *c, const struct ec2_resource_id_list *resources)
{
    for (size_t i = 0; i < resources->count; i++) {
        struct span id = resources->at[i];
        const struct resource_kind *kind = resource_kind_of(id);
        if (!kind)
            return refuse(c, &EC2_INVALID_ID, "The ID '%.*s' is not valid", SPAN_ARG(id));
        void *record = arena_zalloc(c->arena, 1, kind->record->size);
        TRY(resource_get(c, kind, id, record));
    }
    return OK;
}

RESULT ec2_create_tags(struct call *c, const struct ec2_create_tags_in *in,
                       struct ec2_create_tags_out *out)
{
    if (!in->tags.count)
        return refuse(c, &EC2_MISSING_PARAMETER, "The request must contain the parameter Tags");
    TRY(check_tags(c, &in->tags));
    TRY(check_resources(c, &in->resources));
    for (size_t i = 0; i < in->resources.count; i++)
        TRY(put_tags(c, in->resources.at[i], &in->tags));
    return OK;
}

/* A tag that is named with a value goes only if it has that value. */
static RESULT drop_tag(struct call *c, struct span resource, const struct ec2_tag *wanted)
{
    struct stored_tag tag = tag_of(c, resource, wanted->key);
    int error = stored_tag_get(c->txn, c->arena, &tag);
    if (!error && (!wanted->value.at || span_eq(wanted->value, tag.value)))
        stored_tag_delete(c->txn, &tag);
    return error && error != -ENOENT ? refuse_errno(c, error, "reading a tag") : OK;
}

RESULT ec2_delete_tags(struct call *c, const struct ec2_delete_tags_in *in,
                       struct ec2_delete_tags_out *out)
{
    TRY(check_resources(c, &in->resources));
    for (size_t i = 0; i < in->resources.count; i++) {
        if (!in->tags.at)
            tag_drop_all(c, in->resources.at[i]);
        for (size_t j = 0; j < in->tags.count; j++)
            TRY(drop_tag(c, in->resources.at[i], &in->tags.at[j]));
    }
    return OK;
}

/* ---- DescribeTags ------------------------------------------------------------------------------
 */

static const struct filter_name tag_filters[] = {
    {"key", "Key"},
    {"resource-id", "ResourceId"},
    {"resource-type", "ResourceType"},
    {"value", "Value"},
};
static const struct filter_table tag_filter_table = {EC2_SHAPE_TAG_DESCRIPTION, tag_filters,
                                                     ARRAY_LEN(tag_filters)};

struct describing {
    struct call *c;
    const struct ec2_describe_tags_in *in;
    struct ec2_describe_tags_out *out;
};

static int describe_next(void *user, struct stored_tag *tag)
{
    struct describing *d = user;
    struct ec2_tag_description_list *list = &d->out->tags;
    const struct resource_kind *kind = resource_kind_of(tag->resource);
    struct ec2_tag_description shown = {
        .key = tag->name,
        .value = tag->value,
        .resource_id = tag->resource,
        .resource_type = kind ? span_of_cstr(kind->type) : SPAN_NONE,
    };
    if (!filter_passes(d->c, &tag_filter_table, &d->in->filters, &shown))
        return 0;
    if (d->in->max_results && list->count == (size_t)d->in->max_results) {
        d->out->next_token = describe_token(
            d->c, "tag",
            arena_printf(d->c->arena, "%.*s:%.*s", SPAN_ARG(tag->resource), SPAN_ARG(tag->name)));
        return 1;
    }
    list->at = resource_grow(d->c, list->at, list->count, sizeof *list->at);
    list->at[list->count++] = shown;
    return 0;
}

RESULT ec2_describe_tags(struct call *c, const struct ec2_describe_tags_in *in,
                         struct ec2_describe_tags_out *out)
{
    struct span from;
    if (in->has.max_results && (in->max_results < PAGE_MIN || in->max_results > PAGE_MAX))
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Value (%d) for parameter maxResults is invalid.", in->max_results);
    TRY(filter_check(c, &tag_filter_table, &in->filters));
    TRY(describe_read_token(c, "tag", in->next_token, &from));
    struct stored_tag first = tag_of(c, SPAN_NONE, SPAN_NONE);
    if (from.at) {
        first.resource = span_cut(&from, ':');
        first.name = from;
    }
    out->tags.at = arena_alloc(c->arena, 0);
    struct describing d = {c, in, out};
    int error = stored_tag_each(c->txn, &first, 2, c->arena, describe_next, &d);
    return error < 0 ? refuse_errno(c, error, "reading tags") : OK;
}
