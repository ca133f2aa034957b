// SPDX-License-Identifier: Apache-2.0
/*
 * Checks the transitions of a lifecycle rule, in S3's words. A Transition has days or a date, a
 * NoncurrentVersionTransition days; both are reduced to steps, so that one set of checks serves
 * both. Sources: "Transitioning objects using Amazon S3 Lifecycle", "Lifecycle configuration
 * elements". Control thread.
 */
#include "services/s3/transition.h"

#include "base/time.h"
#include "services/s3/lifecycle.h"

#define IA_STAY_DAYS 30 /* before something leaves STANDARD_IA or ONEZONE_IA again */
#define NEWER_VERSIONS_MAX 100

struct step {
    const struct storage_class *class;
    int64_t at; /* days, or a date */
    bool dated;
};

/* The words for one kind of transition, and what the rule's expiration beside it says. */
struct kind {
    const char *action, *days, *expiration;
    struct span filter;
};

static RESULT check_step(struct call *c, const struct kind *kind, const struct step *step)
{
    if (!step->class || step->class->depth == 0)
        return place_refuse_xml(c);
    if (step->dated && step->at % DAY_MS != 0)
        return refuse(c, &S3_INVALID_ARGUMENT, "'Date' must be at midnight GMT");
    if (!step->dated && step->at < 0)
        return refuse(c, &S3_INVALID_ARGUMENT, "'%s' in %s action must be nonnegative", kind->days,
                      kind->action);
    if (!step->dated && step->at < step->class->least_days)
        return refuse(c, &S3_INVALID_ARGUMENT,
                      "'%s' in %s action must be greater than or equal to %d for storageClass "
                      "'%.*s'",
                      kind->days, kind->action, step->class->least_days,
                      SPAN_ARG(step->class->name));
    return OK;
}

static RESULT refuse_order(struct call *c, const struct kind *kind, const struct step *deep,
                           const struct step *shallow)
{
    const char *member = deep->dated ? "Date" : kind->days;
    const char *more = shallow->class->least_days ? "30 days more than" : "greater than";
    return refuse(c, &S3_INVALID_ARGUMENT,
                  "'%s' in the %s action for StorageClass '%.*s' for %.*s must be %s '%s' in the "
                  "%s action for StorageClass '%.*s' for %.*s",
                  member, kind->action, SPAN_ARG(deep->class->name), SPAN_ARG(kind->filter), more,
                  member, kind->action, SPAN_ARG(shallow->class->name), SPAN_ARG(kind->filter));
}

static RESULT refuse_mixture(struct call *c, const struct kind *kind)
{
    return refuse(c, &S3_INVALID_REQUEST,
                  "Found mixed 'Date' and 'Days' based Expiration and Transition actions in "
                  "lifecycle rule for %.*s",
                  SPAN_ARG(kind->filter));
}

static RESULT check_pair(struct call *c, const struct kind *kind, const struct step *a,
                         const struct step *b)
{
    if (a->class == b->class)
        return refuse(c, &S3_INVALID_REQUEST,
                      "'StorageClass' must be different for '%s' actions in same 'Rule' with %.*s",
                      kind->action, SPAN_ARG(kind->filter));
    if (a->dated != b->dated)
        return refuse_mixture(c, kind);
    const struct step *deep = a->class->depth > b->class->depth ? a : b;
    const struct step *shallow = deep == a ? b : a;
    int64_t unit = deep->dated ? DAY_MS : 1;
    int64_t gap = shallow->class->least_days ? IA_STAY_DAYS * unit : 1;
    return deep->at - shallow->at < gap ? refuse_order(c, kind, deep, shallow) : OK;
}

static RESULT check_steps(struct call *c, const struct kind *kind, const struct step *steps,
                          size_t count)
{
    for (size_t i = 0; i < count; i++)
        TRY(check_step(c, kind, &steps[i]));
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            TRY(check_pair(c, kind, &steps[j], &steps[i]));
    return OK;
}

/* What expires has been moved before. */
static RESULT check_end(struct call *c, const struct kind *kind, const struct step *steps,
                        size_t count, const struct step *end)
{
    for (size_t i = 0; i < count; i++) {
        if (steps[i].dated != end->dated)
            return refuse_mixture(c, kind);
        const char *member = end->dated ? "Date" : kind->days;
        if (end->at <= steps[i].at)
            return refuse(c, &S3_INVALID_ARGUMENT,
                          "'%s' in the %s action for %.*s must be greater than '%s' in the %s "
                          "action",
                          member, kind->expiration, SPAN_ARG(kind->filter), member, kind->action);
    }
    return OK;
}

static RESULT check_current(struct call *c, const struct s3_lifecycle_rule *rule,
                            const struct kind *kind)
{
    size_t count = rule->transitions.count;
    struct step *steps = ARENA_ARRAY(c->arena, struct step, count);
    for (size_t i = 0; i < count; i++) {
        const struct s3_transition *transition = &rule->transitions.at[i];
        if (transition->has.days == transition->has.date ||
            span_is_empty(transition->storage_class))
            return place_refuse_xml(c);
        steps[i] = (struct step){.class = storage_class_named(transition->storage_class),
                                 .at = transition->has.date ? transition->date : transition->days,
                                 .dated = transition->has.date};
    }
    TRY(check_steps(c, kind, steps, count));
    const struct s3_lifecycle_expiration *expiration = rule->expiration;
    if (!expiration || (!expiration->has.days && !expiration->has.date))
        return OK;
    struct step end = {.at = expiration->has.date ? expiration->date : expiration->days,
                       .dated = expiration->has.date};
    return check_end(c, kind, steps, count, &end);
}

static RESULT check_newer(struct call *c, const struct s3_lifecycle_rule *rule,
                          const struct s3_noncurrent_version_transition *transition)
{
    if (!transition->has.newer_noncurrent_versions)
        return OK;
    if (!rule->filter)
        return refuse(c, &S3_INVALID_REQUEST,
                      "NewerNoncurrentVersions element can only be used in Lifecycle V2.");
    if (transition->newer_noncurrent_versions > 0 &&
        transition->newer_noncurrent_versions <= NEWER_VERSIONS_MAX)
        return OK;
    return refuse(c, &S3_INVALID_ARGUMENT,
                  "'NewerNoncurrentVersions' for NoncurrentVersionTransition action must be a "
                  "positive integer between 1 and 100");
}

static RESULT check_noncurrent(struct call *c, const struct s3_lifecycle_rule *rule,
                               const struct kind *kind)
{
    size_t count = rule->noncurrent_version_transitions.count;
    struct step *steps = ARENA_ARRAY(c->arena, struct step, count);
    for (size_t i = 0; i < count; i++) {
        const struct s3_noncurrent_version_transition *transition =
            &rule->noncurrent_version_transitions.at[i];
        if (!transition->has.noncurrent_days || span_is_empty(transition->storage_class))
            return place_refuse_xml(c);
        TRY(check_newer(c, rule, transition));
        steps[i] = (struct step){.class = storage_class_named(transition->storage_class),
                                 .at = transition->noncurrent_days};
    }
    TRY(check_steps(c, kind, steps, count));
    const struct s3_noncurrent_version_expiration *expiration = rule->noncurrent_version_expiration;
    if (!expiration)
        return OK;
    struct step end = {.at = expiration->noncurrent_days};
    return check_end(c, kind, steps, count, &end);
}

/* As S3 names a rule's filter. */
static struct span filter_text(struct call *c, const struct s3_lifecycle_rule *rule)
{
    struct span prefix = lifecycle_prefix(rule);
    return arena_printf(c->arena, rule->filter ? "filter '(prefix=%.*s)'" : "prefix '%.*s'",
                        SPAN_ARG(prefix));
}

RESULT transition_check_rule(struct call *c, const struct s3_lifecycle_rule *rule)
{
    struct kind current = {.action = "Transition",
                           .days = "Days",
                           .expiration = "Expiration",
                           .filter = filter_text(c, rule)};
    struct kind noncurrent = {.action = "NoncurrentVersionTransition",
                              .days = "NoncurrentDays",
                              .expiration = "NoncurrentVersionExpiration",
                              .filter = current.filter};
    TRY(check_current(c, rule, &current));
    return check_noncurrent(c, rule, &noncurrent);
}
