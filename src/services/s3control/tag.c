// SPDX-License-Identifier: Apache-2.0
/* Tags of buckets and access points. Writes on the control thread, reads on loops. Sources:
 * recorded answers; TagResource, for the number. */
#include "services/s3control/tag.h"

#include "services/s3control/account.h"

#define TAGS_MAX 50
#define KEY_MAX_CODE_POINTS 128
#define VALUE_MAX_CODE_POINTS 256

/* ---- rules ---------------------------------------------------------------------------------- */

static RESULT check_tag(struct call *c, const struct s3control_tag *tag)
{
    if (span_is_absent(tag->key) || span_is_absent(tag->value))
        return refuse(c, &S3CONTROL_MALFORMED_XML,
                      "The XML you provided was not well-formed or did not validate against our "
                      "published schema");
    if (span_starts(tag->key, S("aws:")))
        return refuse(c, &S3CONTROL_INVALID_TAG,
                      "User-defined tag keys can't start with \"aws:\". This prefix is reserved "
                      "for system tags. Remove \"aws:\" from your tag keys and try again.");
    if (tag->key.len == 0 || !s3_is_tag_text(tag->key, KEY_MAX_CODE_POINTS) ||
        !s3_is_tag_text(tag->value, VALUE_MAX_CODE_POINTS))
        return refuse(c, &S3CONTROL_INVALID_TAG,
                      "This request contains a tag key or value that isn't valid. Valid "
                      "characters include the following: [a-zA-Z+-=._:/]. Tag keys can contain up "
                      "to 128 characters. Tag values can contain up to 256 characters.");
    return OK;
}

static struct s3_pair *tag_of_key(const struct s3_pair_list *tags, struct span key)
{
    for (size_t i = 0; i < tags->count; i++)
        if (span_eq(tags->at[i].key, key))
            return &tags->at[i];
    return NULL;
}

RESULT tag_read_list(struct call *c, const struct s3control_tag_list *list,
                     struct s3_pair_list *out)
{
    *out = (struct s3_pair_list){.at = ARENA_ARRAY(c->arena, struct s3_pair, list->count)};
    for (size_t i = 0; i < list->count; i++) {
        TRY(check_tag(c, &list->at[i]));
        if (tag_of_key(out, list->at[i].key))
            return refuse(c, &S3CONTROL_INVALID_TAG,
                          "There are duplicate tag keys in your request. Remove the duplicate tag "
                          "keys and try again.");
        out->at[out->count++] = (struct s3_pair){list->at[i].key, list->at[i].value};
    }
    return OK;
}

/* ---- operations ----------------------------------------------------------------------------- */

static RESULT find(struct call *c, struct span account, struct span arn, struct s3_pair_list *ret)
{
    bool found;
    TRY(account_check(c, account));
    TRY(s3_tags_find(c, arn, ret, &found));
    return found ? OK
                 : refuse(c, &S3CONTROL_NO_SUCH_RESOURCE, "The specified resource doesn't exist.");
}

RESULT s3control_tag_resource(struct call *c, const struct s3control_tag_resource_in *in,
                              struct s3control_tag_resource_out *out)
{
    struct s3_pair_list tags, wish;
    TRY(tag_read_list(c, &in->tags, &wish));
    TRY(find(c, in->account_id, in->resource_arn, &tags));
    struct s3_pair_list all = {.at = ARENA_ARRAY(c->arena, struct s3_pair, tags.count + wish.count),
                               .count = tags.count};
    if (tags.count)
        memcpy(all.at, tags.at, tags.count * sizeof *tags.at);
    for (size_t i = 0; i < wish.count; i++) {
        struct s3_pair *old = tag_of_key(&all, wish.at[i].key);
        *(old ? old : &all.at[all.count++]) = wish.at[i];
    }
    if (all.count > TAGS_MAX)
        return refuse(c, &S3CONTROL_INVALID_TAG, "Bucket tag count cannot be greater than 50");
    return s3_tags_set(c, in->resource_arn, all);
}

static bool is_listed(const struct s3control_tag_key_list *keys, struct span key)
{
    for (size_t i = 0; i < keys->count; i++)
        if (span_eq(keys->at[i], key))
            return true;
    return false;
}

RESULT s3control_untag_resource(struct call *c, const struct s3control_untag_resource_in *in,
                                struct s3control_untag_resource_out *out)
{
    struct s3_pair_list tags;
    size_t kept = 0;
    TRY(find(c, in->account_id, in->resource_arn, &tags));
    for (size_t i = 0; i < tags.count; i++)
        if (!is_listed(&in->tag_keys, tags.at[i].key))
            tags.at[kept++] = tags.at[i];
    tags.count = kept;
    return s3_tags_set(c, in->resource_arn, tags);
}

RESULT s3control_list_tags_for_resource(struct call *c,
                                        const struct s3control_list_tags_for_resource_in *in,
                                        struct s3control_list_tags_for_resource_out *out)
{
    struct s3_pair_list tags;
    TRY(find(c, in->account_id, in->resource_arn, &tags));
    out->tags.at = ARENA_ARRAY(c->arena, struct s3control_tag, tags.count);
    for (size_t i = 0; i < tags.count; i++)
        out->tags.at[out->tags.count++] = (struct s3control_tag){tags.at[i].key, tags.at[i].value};
    return OK;
}
