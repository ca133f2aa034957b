// SPDX-License-Identifier: Apache-2.0
/*
 * Lifecycle rules as they are put: checked in S3's words, with ids for those that have none, and
 * made known to the sweep. Sources: PutBucketLifecycleConfiguration, "Lifecycle configuration
 * elements". Control thread; reads on loops.
 */
#include "base/id.h"
#include "base/time.h"
#include "services/s3/document.h"
#include "services/s3/lifecycle.h"
#include "services/s3/sweep.h"
#include "services/s3/transition.h"

#define RULES_MAX 1000
#define ID_MAX 255

static const struct document_form form = {DOCUMENT_LIFECYCLE,
                                          S3_SHAPE_BUCKET_LIFECYCLE_CONFIGURATION};

static RESULT refuse_argument(struct call *c, const char *message)
{
    return refuse(c, &S3_INVALID_ARGUMENT, "%s", message);
}

static RESULT refuse_request(struct call *c, const char *message)
{
    return refuse(c, &S3_INVALID_REQUEST, "%s", message);
}

/* ---- filters -------------------------------------------------------------------------------- */

static RESULT check_tags(struct call *c, const struct s3_tag_set *tags)
{
    for (size_t i = 0; i < tags->count; i++)
        for (size_t j = 0; j < i; j++)
            if (span_eq(tags->at[i].key, tags->at[j].key))
                return refuse_request(c, "Duplicate Tag Keys are not allowed.");
    return OK;
}

/* What a filter asks for, whether alone or in its And. */
struct conditions {
    size_t count;
    bool tags, sizes;
};

#define SIZES_OF(filter)                                                                           \
    ((size_t)(filter)->has.object_size_greater_than + (filter)->has.object_size_less_than)

static RESULT check_and(struct call *c, const struct s3_lifecycle_rule_and_operator *and,
                        struct conditions *out)
{
    size_t count = !span_is_absent(and->prefix) + and->tags.count + SIZES_OF(and);
    if (count < 2)
        return place_refuse_xml(c);
    TRY(check_tags(c, &and->tags));
    if (SIZES_OF(and) == 2 && and->object_size_greater_than >= and->object_size_less_than)
        return refuse_request(c, "'ObjectSizeGreaterThan' has to be a value smaller than "
                                 "'ObjectSizeLessThan'.");
    out->tags = and->tags.count > 0;
    out->sizes = SIZES_OF(and) > 0;
    return OK;
}

static RESULT check_filter(struct call *c, const struct s3_lifecycle_rule *rule,
                           struct conditions *out)
{
    const struct s3_lifecycle_rule_filter *filter = rule->filter;
    *out = (struct conditions){.count = 0};
    if (!filter == span_is_absent(rule->prefix)) /* one of the two */
        return place_refuse_xml(c);
    if (lifecycle_prefix(rule).len > OBJECT_NAME_MAX)
        return refuse_request(c, "The maximum size of a prefix is 1024.");
    if (!filter)
        return OK;
    if (!span_is_absent(filter->prefix) + !!filter->tag + SIZES_OF(filter) + !!filter->and > 1)
        return place_refuse_xml(c);
    out->tags = filter->tag;
    out->sizes = SIZES_OF(filter) > 0;
    return filter->and ? check_and(c, filter->and, out) : OK;
}

/* ---- actions -------------------------------------------------------------------------------- */

static RESULT refuse_date(struct call *c, int64_t date)
{
    char text[TIME_TEXT_SIZE];
    const struct refusal *refusal = refuse_with(
        c, &S3_INVALID_ARGUMENT, S("ArgumentValue"),
        arena_copy(c->arena, time_iso8601_millis(date, text)), "'Date' must be at midnight GMT");
    return refusal_add(c, refusal, S("ArgumentName"), S("Date"));
}

static RESULT check_expiration(struct call *c, const struct s3_lifecycle_expiration *expiration,
                               const struct conditions *conditions)
{
    bool marker = expiration->has.expired_object_delete_marker;
    if (expiration->has.days + expiration->has.date + marker != 1)
        return place_refuse_xml(c);
    if (marker && conditions->tags)
        return refuse_request(c, "ExpiredObjectDeleteMarker cannot be specified with Tags.");
    if (marker && conditions->sizes)
        return refuse_request(c, "ExpiredObjectDeleteMarker cannot be specified with Object Size.");
    if (expiration->has.days && expiration->days <= 0)
        return refuse_argument(c, "'Days' for Expiration action must be a positive integer");
    if (expiration->has.date && expiration->date % DAY_MS != 0)
        return refuse_date(c, expiration->date);
    return OK;
}

static RESULT check_noncurrent(struct call *c,
                               const struct s3_noncurrent_version_expiration *action,
                               const struct s3_lifecycle_rule *rule)
{
    if (!action->has.noncurrent_days)
        return place_refuse_xml(c);
    if (action->noncurrent_days <= 0)
        return refuse_argument(c, "'NoncurrentDays' for NoncurrentVersionExpiration action must be "
                                  "a positive integer");
    if (!action->has.newer_noncurrent_versions)
        return OK;
    if (!rule->filter)
        return refuse_request(c, "Base level prefix cannot be used in Lifecycle V2, prefixes are "
                                 "only supported in the Filter.");
    if (action->newer_noncurrent_versions <= 0 || action->newer_noncurrent_versions > 100)
        return refuse_argument(c,
                               "'NewerNoncurrentVersions' for NoncurrentVersionExpiration action "
                               "must be a positive integer between 1 and 100");
    return OK;
}

static RESULT check_abort(struct call *c, const struct s3_abort_incomplete_multipart_upload *action,
                          const struct conditions *conditions)
{
    if (conditions->tags)
        return refuse_request(c, "AbortIncompleteMultipartUpload cannot be specified with Tags.");
    if (conditions->sizes)
        return refuse_request(c, "AbortIncompleteMultipartUpload cannot be specified with Object "
                                 "Size.");
    if (!action->has.days_after_initiation)
        return place_refuse_xml(c);
    if (action->days_after_initiation <= 0)
        return refuse_argument(c, "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action "
                                  "must be a positive integer");
    return OK;
}

static RESULT check_rule(struct call *c, const struct s3_lifecycle_rule *rule)
{
    struct conditions conditions;
    if (rule->id.len > ID_MAX)
        return refuse_argument(c, "ID length should not exceed allowed limit of 255");
    TRY(check_filter(c, rule, &conditions));
    if (!rule->expiration && !rule->noncurrent_version_expiration && !rule->transitions.count &&
        !rule->noncurrent_version_transitions.count && !rule->abort_incomplete_multipart_upload)
        return refuse_request(c, "At least one action needs to be specified in a rule.");
    if (rule->expiration)
        TRY(check_expiration(c, rule->expiration, &conditions));
    if (rule->noncurrent_version_expiration)
        TRY(check_noncurrent(c, rule->noncurrent_version_expiration, rule));
    if (rule->abort_incomplete_multipart_upload)
        TRY(check_abort(c, rule->abort_incomplete_multipart_upload, &conditions));
    return transition_check_rule(c, rule);
}

static RESULT check_rules(struct call *c, struct s3_lifecycle_rules *rules)
{
    if (rules->count == 0)
        return place_refuse_xml(c);
    if (rules->count > RULES_MAX)
        return refuse_request(c, "The number of lifecycle rules must not exceed the allowed limit "
                                 "of 1000 rules");
    for (size_t i = 0; i < rules->count; i++) {
        struct s3_lifecycle_rule *rule = &rules->at[i];
        TRY(check_rule(c, rule));
        if (span_is_empty(rule->id))
            rule->id = id_alnum(c->arena, SPAN_NONE, 48);
        for (size_t j = 0; j < i; j++)
            if (span_eq(rule->id, rules->at[j].id))
                return refuse_argument(c, "Rule ID must be unique. Found same ID for more than one "
                                          "rule");
    }
    return OK;
}

/* ---- operations ----------------------------------------------------------------------------- */

static struct span minimum_of(const struct s3_bucket_record *bucket)
{
    return bucket->varied_minimum ? S("varies_by_storage_class") : S("all_storage_classes_128K");
}

static RESULT read_minimum(struct call *c, struct span minimum, struct s3_bucket_record *bucket)
{
    bucket->varied_minimum = span_eq(minimum, S("varies_by_storage_class"));
    if (span_is_absent(minimum) || bucket->varied_minimum ||
        span_eq(minimum, S("all_storage_classes_128K")))
        return OK;
    return refuse(c, &S3_INVALID_REQUEST, "Invalid TransitionDefaultMinimumObjectSize found: %.*s",
                  SPAN_ARG(minimum));
}

RESULT
s3_put_bucket_lifecycle_configuration(struct call *c,
                                      const struct s3_put_bucket_lifecycle_configuration_in *in,
                                      struct s3_put_bucket_lifecycle_configuration_out *out)
{
    struct s3_bucket_record bucket;
    struct s3_bucket_lifecycle_configuration *wish = in->lifecycle_configuration;
    TRY(place_record(c, (struct place_name){in->bucket, in->expected_bucket_owner}, &bucket));
    TRY(read_minimum(c, in->transition_default_minimum_object_size, &bucket));
    if (!wish)
        return place_refuse_xml(c);
    TRY(check_rules(c, &wish->rules));
    document_put_form(c, &bucket, form, wish);
    sweep_schedule(c, &bucket);
    out->transition_default_minimum_object_size = minimum_of(&bucket);
    return OK;
}

RESULT
s3_get_bucket_lifecycle_configuration(struct call *c,
                                      const struct s3_get_bucket_lifecycle_configuration_in *in,
                                      struct s3_get_bucket_lifecycle_configuration_out *out)
{
    struct s3_bucket_record bucket;
    TRY(place_record(c, (struct place_name){in->bucket, in->expected_bucket_owner}, &bucket));
    TRY(lifecycle_load(c, &bucket, &out->rules));
    if (out->rules.count == 0)
        return refuse_with(c, &S3_NO_SUCH_LIFECYCLE_CONFIGURATION, S("BucketName"), in->bucket,
                           "The lifecycle configuration does not exist");
    out->transition_default_minimum_object_size = minimum_of(&bucket);
    return OK;
}

RESULT s3_delete_bucket_lifecycle(struct call *c, const struct s3_delete_bucket_lifecycle_in *in,
                                  struct s3_delete_bucket_lifecycle_out *out)
{
    struct s3_bucket_record bucket;
    TRY(place_record(c, (struct place_name){in->bucket, in->expected_bucket_owner}, &bucket));
    document_delete(c, &bucket, DOCUMENT_LIFECYCLE);
    sweep_schedule(c, &bucket);
    return OK;
}
