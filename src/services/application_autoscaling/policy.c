// SPDX-License-Identifier: Apache-2.0
/*
 * PutScalingPolicy, DescribeScalingPolicies, DeleteScalingPolicy: target tracking on the metric
 * that belongs to the dimension; tables have no other policies ("Step scaling policies overview").
 * Texts as AWS answers them where one was seen, else of our own: see README.md. Control thread.
 */
#include "services/application_autoscaling/scaling.h"

#include "base/id.h"
#include "services/application_autoscaling/page.h"

#include <errno.h>
#include <string.h>

#define GOAL_MIN 10.0 /* percent, as measured: the documentation says 20 */
#define GOAL_MAX 90.0
#define ANY_GOAL_MIN 8.51592E-109 /* of any metric */
#define ANY_GOAL_MAX 1.174271E108

/* ---- records --------------------------------------------------------------------------------- */

static struct scaling_policy key_of(const struct scaling_target *target, struct span name)
{
    return (struct scaling_policy){.account = target->account,
                                   .region = target->region,
                                   .resource = target->resource,
                                   .dimension = target->dimension,
                                   .name = name};
}

static int take_first(void *user, struct scaling_policy *policy)
{
    *(struct scaling_policy *)user = *policy;
    return 1;
}

int policy_of_target(struct call *c, const struct scaling_target *target,
                     struct scaling_policy *ret)
{
    struct scaling_policy from = key_of(target, SPAN_NONE);
    *ret = (struct scaling_policy){0};
    int error = scaling_policy_each(c->txn, &from, 4, c->arena, take_first, ret);
    return error < 0 ? error : ret->name.at ? 0 : -ENOENT;
}

double policy_goal(const struct scaling_policy *policy)
{
    double goal;
    memcpy(&goal, &policy->goal, sizeof goal);
    return goal;
}

RESULT policy_delete_all(struct call *c, const struct scaling_target *target)
{
    struct scaling_policy policy;
    int error;
    while (!(error = policy_of_target(c, target, &policy)))
        scaling_policy_delete(c->txn, &policy);
    return error == -ENOENT ? OK : refuse_errno(c, error, "reading a scaling policy");
}

/* ---- shown ----------------------------------------------------------------------------------- */

static struct span arn_of(struct call *c, const struct scaling_policy *policy)
{
    return arena_printf(c->arena,
                        "arn:aws:autoscaling:%.*s:%.*s:scalingPolicy:%.*s:resource/dynamodb/%.*s:"
                        "policyName/%.*s",
                        SPAN_ARG(policy->region), SPAN_ARG(policy->account), SPAN_ARG(policy->id),
                        SPAN_ARG(policy->resource), SPAN_ARG(policy->name));
}

struct span policy_alarm_name(struct call *c, const struct scaling_policy *policy,
                              enum POLICY_ALARM which)
{
    struct span id = which == POLICY_ALARM_HIGH ? policy->high : policy->low;
    return arena_printf(c->arena, "TargetTracking-%.*s-Alarm%s-%.*s", SPAN_ARG(policy->resource),
                        which == POLICY_ALARM_HIGH ? "High" : "Low", SPAN_ARG(id));
}

static struct application_autoscaling_alarms alarms_of(struct call *c,
                                                       const struct scaling_policy *policy)
{
    struct application_autoscaling_alarms alarms = {
        ARENA_ARRAY(c->arena, struct application_autoscaling_alarm, 2), 2};
    for (enum POLICY_ALARM which = POLICY_ALARM_HIGH; which <= POLICY_ALARM_LOW; which++) {
        struct span name = policy_alarm_name(c, policy, which);
        alarms.at[which] = (struct application_autoscaling_alarm){
            .alarm_name = name,
            .alarm_arn =
                arena_printf(c->arena, "arn:aws:cloudwatch:%.*s:%.*s:alarm:%.*s",
                             SPAN_ARG(policy->region), SPAN_ARG(policy->account), SPAN_ARG(name))};
    }
    return alarms;
}

struct application_autoscaling_target_tracking_scaling_policy_configuration *
policy_configuration(struct call *c, const struct scaling_policy *policy)
{
    struct scaling_place place = scaling_place_of(policy->resource, policy->dimension);
    struct application_autoscaling_target_tracking_scaling_policy_configuration *to = ARENA_NEW(
        c->arena, struct application_autoscaling_target_tracking_scaling_policy_configuration);
    to->target_value = policy_goal(policy);
    to->predefined_metric_specification =
        ARENA_NEW(c->arena, struct application_autoscaling_predefined_metric_specification);
    to->predefined_metric_specification->predefined_metric_type = place.dimension->metric;
    if (policy->has_in)
        SET(to, scale_in_cooldown, (int32_t)policy->in_cooldown);
    if (policy->has_out)
        SET(to, scale_out_cooldown, (int32_t)policy->out_cooldown);
    if (policy->has_disabled)
        SET(to, disable_scale_in, policy->in_disabled);
    return to;
}

static struct application_autoscaling_scaling_policy shown(struct call *c,
                                                           const struct scaling_policy *policy)
{
    return (struct application_autoscaling_scaling_policy){
        .policy_arn = arn_of(c, policy),
        .policy_name = policy->name,
        .service_namespace = S("dynamodb"),
        .resource_id = policy->resource,
        .scalable_dimension = policy->dimension,
        .policy_type = S("TargetTrackingScaling"),
        .target_tracking_scaling_policy_configuration = policy_configuration(c, policy),
        .alarms = alarms_of(c, policy),
        .creation_time = policy->created};
}

/* ---- PutScalingPolicy ------------------------------------------------------------------------ */

typedef struct application_autoscaling_target_tracking_scaling_policy_configuration configuration;

static RESULT check_type(struct call *c,
                         const struct application_autoscaling_put_scaling_policy_in *in)
{
    if (!in->policy_type.at)
        return refuse(c, &APPLICATION_AUTOSCALING_VALIDATION_EXCEPTION,
                      "PolicyType is required when a scaling policy is created");
    if (!span_eq(in->policy_type, S("TargetTrackingScaling")))
        return refuse(c, &APPLICATION_AUTOSCALING_VALIDATION_EXCEPTION,
                      "%.*s policies are not supported for service namespace: dynamodb",
                      SPAN_ARG(in->policy_type));
    if (!in->target_tracking_scaling_policy_configuration ||
        in->step_scaling_policy_configuration || in->predictive_scaling_policy_configuration)
        return refuse(c, &APPLICATION_AUTOSCALING_VALIDATION_EXCEPTION,
                      "A policy of type TargetTrackingScaling needs a "
                      "TargetTrackingScalingPolicyConfiguration and no other");
    return OK;
}

static RESULT check_metric(struct call *c, const struct scaling_place *place,
                           const configuration *wanted)
{
    const struct application_autoscaling_predefined_metric_specification *metric =
        wanted->predefined_metric_specification;
    if (wanted->customized_metric_specification)
        return refuse(c, &APPLICATION_AUTOSCALING_VALIDATION_EXCEPTION,
                      "CustomizedMetricSpecification is not supported by kintoun yet");
    if (!metric)
        return refuse(c, &APPLICATION_AUTOSCALING_VALIDATION_EXCEPTION,
                      "A metric specification is required");
    if (!span_eq(metric->predefined_metric_type, place->dimension->metric))
        return refuse(c, &APPLICATION_AUTOSCALING_VALIDATION_EXCEPTION,
                      "The predefined metric type %.*s cannot be used with the scalable dimension "
                      "%.*s",
                      SPAN_ARG(metric->predefined_metric_type), SPAN_ARG(place->dimension->name));
    if (metric->resource_label.at)
        return refuse(c, &APPLICATION_AUTOSCALING_VALIDATION_EXCEPTION,
                      "A resource label cannot be used with the predefined metric type %.*s",
                      SPAN_ARG(metric->predefined_metric_type));
    return OK;
}

/* 90.1, 100.0: as Java prints a double of such a size. */
static struct span number(struct call *c, double value)
{
    struct span text = arena_printf(c->arena, "%.15g", value);
    bool plain =
        span_find_byte(text, '.') == SPAN_NOT_FOUND && span_find_byte(text, 'e') == SPAN_NOT_FOUND;
    return plain ? arena_printf(c->arena, "%.*s.0", SPAN_ARG(text)) : text;
}

static RESULT check_goal(struct call *c, const struct scaling_place *place, double goal)
{
    if (goal < ANY_GOAL_MIN || goal > ANY_GOAL_MAX)
        return refuse(c, &APPLICATION_AUTOSCALING_VALIDATION_EXCEPTION,
                      "For target tracking scaling, target value must be between "
                      "'8.51592E-109' and '1.174271E108', but was '%.*s'.",
                      SPAN_ARG(number(c, goal)));
    if (goal < GOAL_MIN || goal > GOAL_MAX)
        return refuse(c, &APPLICATION_AUTOSCALING_VALIDATION_EXCEPTION,
                      "For predefined metric type %.*s, target value must be between '%.1f' and "
                      "'%.1f', but was '%.*s'.",
                      SPAN_ARG(place->dimension->metric), GOAL_MIN, GOAL_MAX,
                      SPAN_ARG(number(c, goal)));
    return OK;
}

static void configure(const configuration *wanted, struct scaling_policy *policy)
{
    memcpy(&policy->goal, &wanted->target_value, sizeof policy->goal);
    policy->has_in = wanted->has.scale_in_cooldown;
    policy->in_cooldown = policy->has_in ? wanted->scale_in_cooldown : 0;
    policy->has_out = wanted->has.scale_out_cooldown;
    policy->out_cooldown = policy->has_out ? wanted->scale_out_cooldown : 0;
    policy->has_disabled = wanted->has.disable_scale_in;
    policy->in_disabled = policy->has_disabled && wanted->disable_scale_in;
}

/* The policy of that name, or a new one where the target has none. */
static RESULT find_or_make(struct call *c, struct scaling_target *target, struct span name,
                           struct scaling_policy *ret)
{
    int error = policy_of_target(c, target, ret);
    if (error < 0 && error != -ENOENT)
        return refuse_errno(c, error, "reading a scaling policy");
    if (!error && span_eq(ret->name, name))
        return OK;
    if (!error)
        return refuse(c, &APPLICATION_AUTOSCALING_VALIDATION_EXCEPTION,
                      "Only one TargetTrackingScaling policy for a given metric specification is "
                      "allowed.");
    *ret = key_of(target, name);
    ret->id = id_uuid(c->arena);
    ret->created = c->now_ms;
    ret->high = id_uuid(c->arena);
    ret->low = id_uuid(c->arena);
    target->points.count = 0;
    target->minute = (uint64_t)(c->now_ms / 60000);
    scaling_target_put(c->txn, target);
    return OK;
}

RESULT policy_put(struct call *c, const struct scaling_place *place, struct scaling_target *target,
                  const struct policy_wish *wish, struct scaling_policy *ret)
{
    TRY(check_goal(c, place, wish->tracking->target_value));
    TRY(find_or_make(c, target, wish->name, ret));
    configure(wish->tracking, ret);
    scaling_policy_put(c->txn, ret);
    scaling_wake_after(c);
    return OK;
}

RESULT application_autoscaling_put_scaling_policy(
    struct call *c, const struct application_autoscaling_put_scaling_policy_in *in,
    struct application_autoscaling_put_scaling_policy_out *out)
{
    const struct policy_wish wish = {in->policy_name,
                                     in->target_tracking_scaling_policy_configuration};
    struct scaling_place place;
    struct scaling_target target;
    struct scaling_policy policy;
    TRY(scaling_place_read(c, SCALING_NAME(in), &place));
    TRY(scaling_target_find(c, &place, "registered", &target));
    TRY(check_type(c, in));
    TRY(check_metric(c, &place, wish.tracking));
    TRY(policy_put(c, &place, &target, &wish, &policy));
    out->policy_arn = arn_of(c, &policy);
    out->alarms = alarms_of(c, &policy);
    return OK;
}

/* ---- DescribeScalingPolicies, DeleteScalingPolicy -------------------------------------------- */

struct listing {
    struct call *c;
    const struct application_autoscaling_describe_scaling_policies_in *in;
    struct application_autoscaling_scaling_policies *out;
    struct page page;
};

static bool is_listed(const struct application_autoscaling_resource_ids_max_len1600 *names,
                      struct span name)
{
    for (size_t i = 0; i < names->count; i++)
        if (span_eq(names->at[i], name))
            return true;
    return !names->count;
}

static int list_one(void *user, struct scaling_policy *policy)
{
    struct listing *listing = user;
    const struct span position[] = {policy->resource, policy->dimension, policy->name};
    if (!is_listed(&listing->in->policy_names, policy->name) ||
        !scaling_is_within(SCALING_NAME(listing->in), policy->resource, policy->dimension) ||
        !page_takes(listing->c, &listing->page, position, ARRAY_LEN(position)))
        return !span_is_absent(listing->page.next_token);
    listing->out->at[listing->out->count++] = shown(listing->c, policy);
    return 0;
}

RESULT application_autoscaling_describe_scaling_policies(
    struct call *c, const struct application_autoscaling_describe_scaling_policies_in *in,
    struct application_autoscaling_describe_scaling_policies_out *out)
{
    struct listing listing = {.c = c, .in = in, .out = &out->scaling_policies};
    struct scaling_policy from = {.account = c->account, .region = c->region};
    TRY(scaling_check_filter(c, SCALING_NAME(in)));
    TRY(page_begin(c, in->next_token, in->has.max_results ? &in->max_results : NULL,
                   &listing.page));
    out->scaling_policies.at =
        ARENA_ARRAY(c->arena, struct application_autoscaling_scaling_policy, listing.page.limit);
    int error = scaling_policy_each(c->txn, &from, 2, c->arena, list_one, &listing);
    if (error < 0)
        return refuse_errno(c, error, "listing scaling policies");
    out->next_token = listing.page.next_token;
    return OK;
}

RESULT application_autoscaling_delete_scaling_policy(
    struct call *c, const struct application_autoscaling_delete_scaling_policy_in *in,
    struct application_autoscaling_delete_scaling_policy_out *out)
{
    struct scaling_place place;
    struct scaling_target target;
    struct scaling_policy policy;
    TRY(scaling_place_read(c, SCALING_NAME(in), &place));
    TRY(scaling_target_find(c, &place, "registered", &target));
    int error = policy_of_target(c, &target, &policy);
    if (error < 0 && error != -ENOENT)
        return refuse_errno(c, error, "reading a scaling policy");
    if (error == -ENOENT || !span_eq(policy.name, in->policy_name))
        return refuse(c, &APPLICATION_AUTOSCALING_OBJECT_NOT_FOUND_EXCEPTION,
                      "No scaling policy found for service namespace: dynamodb, resource ID: "
                      "%.*s, scalable dimension: %.*s, policy name: %.*s",
                      SPAN_ARG(place.resource), SPAN_ARG(place.dimension->name),
                      SPAN_ARG(in->policy_name));
    scaling_policy_delete(c->txn, &policy);
    scaling_wake_after(c);
    return OK;
}
