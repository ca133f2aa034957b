// SPDX-License-Identifier: Apache-2.0
/* What lifecycle rules say. Pure but for loading them; any thread. */
#include "services/s3/lifecycle.h"

#include "base/text.h"
#include "base/time.h"
#include "services/s3/document.h"

#define SMALL_OBJECT ((uint64_t)128 * 1024) /* bytes: not worth the move below that */

RESULT lifecycle_load(struct call *c, const struct s3_bucket_record *bucket,
                      struct s3_lifecycle_rules *out)
{
    static const struct document_form form = {DOCUMENT_LIFECYCLE,
                                              S3_SHAPE_BUCKET_LIFECYCLE_CONFIGURATION};
    struct s3_bucket_lifecycle_configuration kept = {.rules = {.count = 0}};
    bool found;
    TRY(document_get_form(c, bucket, form, &kept, &found));
    *out = found ? kept.rules : (struct s3_lifecycle_rules){.count = 0};
    return OK;
}

struct lifecycle_subject lifecycle_subject(struct span key, const struct object *object,
                                           const struct s3_attributes *attributes)
{
    return (struct lifecycle_subject){.key = key,
                                      .size = object->size,
                                      .tags = attributes->tags,
                                      .modified_ms = object->modified_ms,
                                      .class = storage_class_named(attributes->storage_class)};
}

/* ---- filters -------------------------------------------------------------------------------- */

static bool has_tag(const struct s3_pair_list *tags, const struct s3_tag *tag)
{
    for (size_t i = 0; i < tags->count; i++)
        if (span_eq(tags->at[i].key, tag->key))
            return span_eq(tags->at[i].value, tag->value);
    return false;
}

static bool has_tags(const struct s3_pair_list *tags, const struct s3_tag_set *wanted)
{
    for (size_t i = 0; i < wanted->count; i++)
        if (!has_tag(tags, &wanted->at[i]))
            return false;
    return true;
}

/* A filter and its And have these members alike. */
#define SIZE_FITS(filter, size)                                                                    \
    ((!(filter)->has.object_size_greater_than ||                                                   \
      (size) > (uint64_t)(filter)->object_size_greater_than) &&                                    \
     (!(filter)->has.object_size_less_than || (size) < (uint64_t)(filter)->object_size_less_than))

struct span lifecycle_prefix(const struct s3_lifecycle_rule *rule)
{
    const struct s3_lifecycle_rule_filter *filter = rule->filter;
    return !filter ? rule->prefix : filter->and ? filter->and->prefix : filter->prefix;
}

static bool is_on(const struct s3_lifecycle_rule *rule, struct span key)
{
    return span_eq(rule->status, S("Enabled")) && span_starts(key, lifecycle_prefix(rule));
}

static bool covers(const struct s3_lifecycle_rule *rule, const struct lifecycle_subject *subject)
{
    const struct s3_lifecycle_rule_filter *filter = rule->filter;
    if (!is_on(rule, subject->key))
        return false;
    if (!filter)
        return true;
    if (filter->tag && !has_tag(&subject->tags, filter->tag))
        return false;
    if (!SIZE_FITS(filter, subject->size))
        return false;
    return !filter->and ||
           (has_tags(&subject->tags, &filter->and->tags) && SIZE_FITS(filter->and, subject->size));
}

/* ---- times ---------------------------------------------------------------------------------- */

int64_t lifecycle_midnight(int64_t ms)
{
    return (ms + DAY_MS - 1) / DAY_MS * DAY_MS;
}

static int64_t after_days(int64_t ms, int32_t days)
{
    return lifecycle_midnight(ms + days * DAY_MS);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a == TIME_NONE || (b != TIME_NONE && b < a) ? b : a;
}

/* Of an Expiration action by its Days or Date. */
static int64_t expires_at(const struct s3_lifecycle_rule *rule, int64_t modified_ms)
{
    const struct s3_lifecycle_expiration *expiration = rule->expiration;
    if (!expiration)
        return TIME_NONE;
    return expiration->has.days   ? after_days(modified_ms, expiration->days)
           : expiration->has.date ? expiration->date
                                  : TIME_NONE;
}

int64_t lifecycle_expiry(const struct s3_lifecycle_rules *rules,
                         const struct lifecycle_subject *subject,
                         const struct s3_lifecycle_rule **ret_rule)
{
    int64_t first = TIME_NONE;
    for (size_t i = 0; i < rules->count; i++) {
        const struct s3_lifecycle_rule *rule = &rules->at[i];
        int64_t at = covers(rule, subject) ? expires_at(rule, subject->modified_ms) : TIME_NONE;
        if (at != TIME_NONE && (first == TIME_NONE || at < first)) {
            first = at;
            *ret_rule = rule;
        }
    }
    return first;
}

int64_t lifecycle_older_expiry(const struct s3_lifecycle_rules *rules,
                               const struct lifecycle_subject *subject, int64_t newer_ms,
                               uint64_t rank)
{
    int64_t first = TIME_NONE;
    for (size_t i = 0; i < rules->count; i++) {
        const struct s3_noncurrent_version_expiration *action =
            rules->at[i].noncurrent_version_expiration;
        if (!action || !covers(&rules->at[i], subject))
            continue;
        if (!action->has.newer_noncurrent_versions ||
            rank >= (uint64_t)action->newer_noncurrent_versions)
            first = earlier(first, after_days(newer_ms, action->noncurrent_days));
    }
    return first;
}

static bool speaks_of_sizes(const struct s3_lifecycle_rule *rule)
{
    const struct s3_lifecycle_rule_filter *filter = rule->filter;
    if (!filter)
        return false;
    if (filter->and)
        return filter->and->has.object_size_greater_than || filter->and->has.object_size_less_than;
    return filter->has.object_size_greater_than || filter->has.object_size_less_than;
}

/* The deeper of the class so far and the one that this rule names, if the object may go there. */
static const struct storage_class *deeper(const struct lifecycle_move *move,
                                          const struct s3_lifecycle_rule *rule, struct span name,
                                          const struct storage_class *so_far)
{
    const struct storage_class *to = storage_class_named(name), *from = move->subject->class;
    if (!to || !from || !storage_class_leads(from, to) || (so_far && so_far->depth >= to->depth))
        return so_far;
    bool taken = move->subject->size >= SMALL_OBJECT || speaks_of_sizes(rule) ||
                 (move->varied_minimum && to->any_size);
    return taken ? to : so_far;
}

const struct storage_class *lifecycle_transition(const struct lifecycle_move *move)
{
    const struct storage_class *found = NULL;
    for (size_t i = 0; i < move->rules->count; i++) {
        const struct s3_lifecycle_rule *rule = &move->rules->at[i];
        for (size_t j = 0; covers(rule, move->subject) && j < rule->transitions.count; j++) {
            const struct s3_transition *transition = &rule->transitions.at[j];
            int64_t at = transition->has.date
                             ? transition->date
                             : after_days(move->subject->modified_ms, transition->days);
            if (at <= move->now_ms)
                found = deeper(move, rule, transition->storage_class, found);
        }
    }
    return found;
}

const struct storage_class *lifecycle_older_transition(const struct lifecycle_move *move,
                                                       int64_t newer_ms, uint64_t rank)
{
    const struct storage_class *found = NULL;
    for (size_t i = 0; i < move->rules->count; i++) {
        const struct s3_lifecycle_rule *rule = &move->rules->at[i];
        const struct s3_noncurrent_version_transition_list *list =
            &rule->noncurrent_version_transitions;
        for (size_t j = 0; covers(rule, move->subject) && j < list->count; j++) {
            const struct s3_noncurrent_version_transition *transition = &list->at[j];
            bool kept = transition->has.newer_noncurrent_versions &&
                        rank < (uint64_t)transition->newer_noncurrent_versions;
            if (!kept && after_days(newer_ms, transition->noncurrent_days) <= move->now_ms)
                found = deeper(move, rule, transition->storage_class, found);
        }
    }
    return found;
}

/* A rule that expires objects by age or date takes markers along; one may be for markers alone. */
int64_t lifecycle_marker_expiry(const struct s3_lifecycle_rules *rules, struct span key,
                                int64_t modified_ms)
{
    int64_t first = TIME_NONE;
    struct lifecycle_subject subject = {.key = key, .modified_ms = modified_ms};
    for (size_t i = 0; i < rules->count; i++) {
        const struct s3_lifecycle_rule *rule = &rules->at[i];
        if (!rule->expiration || !covers(rule, &subject))
            continue;
        bool at_once = rule->expiration->has.expired_object_delete_marker &&
                       rule->expiration->expired_object_delete_marker;
        first = earlier(first, at_once ? modified_ms : expires_at(rule, modified_ms));
    }
    return first;
}

int64_t lifecycle_upload_expiry(const struct s3_lifecycle_rules *rules, struct span key,
                                int64_t started_ms)
{
    int64_t first = TIME_NONE;
    for (size_t i = 0; i < rules->count; i++) {
        const struct s3_abort_incomplete_multipart_upload *action =
            rules->at[i].abort_incomplete_multipart_upload;
        if (action && is_on(&rules->at[i], key))
            first = earlier(first, after_days(started_ms, action->days_after_initiation));
    }
    return first;
}

/* ---- what replies say ----------------------------------------------------------------------- */

RESULT lifecycle_describe(struct call *c, const struct place *place,
                          const struct lifecycle_subject *subject, struct span *out)
{
    struct s3_lifecycle_rules rules;
    const struct s3_lifecycle_rule *rule = NULL;
    char date[TIME_TEXT_SIZE];
    if (!document_is_there(&place->bucket, DOCUMENT_LIFECYCLE))
        return OK;
    TRY(lifecycle_load(c, &place->bucket, &rules));
    int64_t at = lifecycle_expiry(&rules, subject, &rule);
    if (at == TIME_NONE)
        return OK;
    struct span text = time_http_date(at, date);
    struct span id = uri_encode(c->arena, rule->id, URI_SLASH_ENCODED);
    *out = arena_printf(c->arena, "expiry-date=\"%.*s\", rule-id=\"%.*s\"", SPAN_ARG(text),
                        SPAN_ARG(id));
    return OK;
}
