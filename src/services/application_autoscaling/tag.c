// SPDX-License-Identifier: Apache-2.0
/*
 * TagResource, UntagResource, ListTagsForResource: a target's tags are in its record. At most 50,
 * and none of AWS's own ("Tagging support for Application Auto Scaling"). Control thread.
 */
#include "services/application_autoscaling/scaling.h"

#define TAGS_MAX 50

static RESULT check(struct call *c, const struct application_autoscaling_tag_map *tags)
{
    for (size_t i = 0; i < tags->count; i++)
        if (span_starts_nocase(tags->at[i].key, S("aws:")))
            return refuse(c, &APPLICATION_AUTOSCALING_VALIDATION_EXCEPTION,
                          "Tag keys that begin with aws: are reserved: %.*s",
                          SPAN_ARG(tags->at[i].key));
    return OK;
}

static struct scaling_label *label_of(struct scaling_label_list *labels, struct span key)
{
    for (size_t i = 0; i < labels->count; i++)
        if (span_eq(labels->at[i].key, key))
            return &labels->at[i];
    return NULL;
}

RESULT tag_add(struct call *c, struct scaling_target *target,
               const struct application_autoscaling_tag_map *tags)
{
    struct scaling_label_list labels = {.count = target->labels.count};
    TRY(check(c, tags));
    labels.at = ARENA_ARRAY(c->arena, struct scaling_label, labels.count + tags->count);
    for (size_t i = 0; i < labels.count; i++)
        labels.at[i] = target->labels.at[i];
    for (size_t i = 0; i < tags->count; i++) {
        struct scaling_label *label = label_of(&labels, tags->at[i].key);
        if (!label)
            label = &labels.at[labels.count++];
        *label = (struct scaling_label){tags->at[i].key, tags->at[i].value};
    }
    if (labels.count > TAGS_MAX)
        return refuse(c, &APPLICATION_AUTOSCALING_TOO_MANY_TAGS_EXCEPTION,
                      "A scalable target can have at most %d tags", TAGS_MAX);
    target->labels = labels;
    return OK;
}

/* ---- by ARN ---------------------------------------------------------------------------------- */

struct search {
    struct call *c;
    struct span arn;
    struct scaling_target *found;
};

static int is_it(void *user, struct scaling_target *target)
{
    struct search *search = user;
    if (!span_eq(scaling_target_arn(search->c, target), search->arn))
        return 0;
    search->found = target;
    return 1;
}

static RESULT find(struct call *c, struct span arn, struct scaling_target **ret)
{
    struct search search = {.c = c, .arn = arn};
    struct scaling_target from = {.account = c->account, .region = c->region};
    int error = scaling_target_each(c->txn, &from, 2, c->arena, is_it, &search);
    if (error < 0)
        return refuse_errno(c, error, "looking for a scalable target");
    *ret = search.found;
    if (search.found)
        return OK;
    const struct refusal *refusal =
        refuse(c, &APPLICATION_AUTOSCALING_RESOURCE_NOT_FOUND_EXCEPTION,
               "The resource with ARN %.*s does not exist", SPAN_ARG(arn));
    return refusal_add(c, refusal, S("ResourceName"), arn);
}

RESULT
application_autoscaling_tag_resource(struct call *c,
                                     const struct application_autoscaling_tag_resource_in *in,
                                     struct application_autoscaling_tag_resource_out *out)
{
    struct scaling_target *target;
    TRY(find(c, in->resource_arn, &target));
    TRY(tag_add(c, target, &in->tags));
    scaling_target_put(c->txn, target);
    return OK;
}

static bool is_listed(const struct application_autoscaling_tag_key_list *keys, struct span key)
{
    for (size_t i = 0; i < keys->count; i++)
        if (span_eq(keys->at[i], key))
            return true;
    return false;
}

RESULT
application_autoscaling_untag_resource(struct call *c,
                                       const struct application_autoscaling_untag_resource_in *in,
                                       struct application_autoscaling_untag_resource_out *out)
{
    struct scaling_target *target;
    size_t kept = 0;
    TRY(find(c, in->resource_arn, &target));
    for (size_t i = 0; i < target->labels.count; i++)
        if (!is_listed(&in->tag_keys, target->labels.at[i].key))
            target->labels.at[kept++] = target->labels.at[i];
    target->labels.count = kept;
    scaling_target_put(c->txn, target);
    return OK;
}

RESULT application_autoscaling_list_tags_for_resource(
    struct call *c, const struct application_autoscaling_list_tags_for_resource_in *in,
    struct application_autoscaling_list_tags_for_resource_out *out)
{
    struct scaling_target *target;
    TRY(find(c, in->resource_arn, &target));
    out->tags.at =
        ARENA_ARRAY(c->arena, struct application_autoscaling_tag_map_pair, target->labels.count);
    for (size_t i = 0; i < target->labels.count; i++)
        out->tags.at[out->tags.count++] = (struct application_autoscaling_tag_map_pair){
            target->labels.at[i].key, target->labels.at[i].value};
    return OK;
}
