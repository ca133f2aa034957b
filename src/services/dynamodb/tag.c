// SPDX-License-Identifier: Apache-2.0
/*
 * TagResource, UntagResource, ListTagsOfResource: a table's tags are in its record ("Adding tags
 * and labels to resources": at most 50, keys up to 128 and values up to 256 characters, "aws:" is
 * reserved). Control thread.
 */
#include "services/dynamodb/reference.h"
#include "services/dynamodb/table.h"

#include <errno.h>

#define TAGS_MAX 50

static struct dynamodb_label *label_of(struct dynamodb_label_list *labels, struct span key)
{
    for (size_t i = 0; i < labels->count; i++)
        if (span_eq(labels->at[i].key, key))
            return &labels->at[i];
    return NULL;
}

static RESULT check_tags(struct call *c, const struct dynamodb_tag_list *tags)
{
    if (tags->count > TAGS_MAX)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "One or more parameter values were invalid: Too many tags: at most %d tags "
                      "are allowed",
                      TAGS_MAX);
    for (size_t i = 0; i < tags->count; i++) {
        if (span_starts_nocase(tags->at[i].key, S("aws:")))
            return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                          "One or more parameter values were invalid: Tag keys that begin with "
                          "aws: are reserved: %.*s",
                          SPAN_ARG(tags->at[i].key));
        for (size_t j = 0; j < i; j++)
            if (span_eq(tags->at[j].key, tags->at[i].key))
                return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                              "One or more parameter values were invalid: Duplicate tag key: %.*s",
                              SPAN_ARG(tags->at[i].key));
    }
    return OK;
}

RESULT table_add_tags(struct call *c, struct dynamodb_table *table,
                      const struct dynamodb_tag_list *tags)
{
    struct dynamodb_label_list labels = {.count = table->labels.count};
    TRY(check_tags(c, tags));
    labels.at = ARENA_ARRAY(c->arena, struct dynamodb_label, labels.count + tags->count);
    for (size_t i = 0; i < labels.count; i++)
        labels.at[i] = table->labels.at[i];
    for (size_t i = 0; i < tags->count; i++) {
        struct dynamodb_label *label = label_of(&labels, tags->at[i].key);
        if (!label)
            label = &labels.at[labels.count++];
        *label = (struct dynamodb_label){tags->at[i].key, tags->at[i].value};
    }
    if (labels.count > TAGS_MAX)
        return refuse(c, &DYNAMODB_LIMIT_EXCEEDED_EXCEPTION,
                      "The number of tags of a resource is limited to %d", TAGS_MAX);
    table->labels = labels;
    return OK;
}

static RESULT find(struct call *c, struct span arn, struct dynamodb_table *ret)
{
    struct span name;
    TRY(reference_read_arn(c, arn, &name));
    *ret = reference_key(c, name);
    int error = dynamodb_table_get(c->txn, c->arena, ret);
    if (error == -ENOENT)
        return refuse(c, &DYNAMODB_RESOURCE_NOT_FOUND_EXCEPTION,
                      "Requested resource not found: ResourcArn: %.*s not found", SPAN_ARG(arn));
    return error < 0 ? refuse_errno(c, error, "reading a table's record") : OK;
}

RESULT dynamodb_tag_resource(struct call *c, const struct dynamodb_tag_resource_in *in,
                             struct dynamodb_tag_resource_out *out)
{
    struct dynamodb_table table;
    if (!in->tags.count)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Atleast one Tag needs to be provided as Input.");
    TRY(find(c, in->resource_arn, &table));
    TRY(table_add_tags(c, &table, &in->tags));
    dynamodb_table_put(c->txn, &table);
    return OK;
}

static bool listed(const struct dynamodb_tag_key_list *keys, struct span key)
{
    for (size_t i = 0; i < keys->count; i++)
        if (span_eq(keys->at[i], key))
            return true;
    return false;
}

RESULT dynamodb_untag_resource(struct call *c, const struct dynamodb_untag_resource_in *in,
                               struct dynamodb_untag_resource_out *out)
{
    struct dynamodb_table table;
    size_t kept = 0;
    if (!in->tag_keys.count)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Atleast one Tag Key needs to be provided as Input.");
    TRY(find(c, in->resource_arn, &table));
    for (size_t i = 0; i < table.labels.count; i++)
        if (!listed(&in->tag_keys, table.labels.at[i].key))
            table.labels.at[kept++] = table.labels.at[i];
    table.labels.count = kept;
    dynamodb_table_put(c->txn, &table);
    return OK;
}

/* All fit into one answer, so no token was ever given out. */
RESULT dynamodb_list_tags_of_resource(struct call *c,
                                      const struct dynamodb_list_tags_of_resource_in *in,
                                      struct dynamodb_list_tags_of_resource_out *out)
{
    struct dynamodb_table table;
    if (in->next_token.at)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION, "Invalid NextToken");
    TRY(find(c, in->resource_arn, &table));
    out->tags.at = ARENA_ARRAY(c->arena, struct dynamodb_tag, table.labels.count);
    out->tags.count = table.labels.count;
    for (size_t i = 0; i < table.labels.count; i++)
        out->tags.at[i] = (struct dynamodb_tag){table.labels.at[i].key, table.labels.at[i].value};
    return OK;
}
