// SPDX-License-Identifier: Apache-2.0
/*
 * PutScheduledAction, DescribeScheduledActions, DeleteScheduledAction; step.c executes them. Texts
 * as AWS answers them where one was seen, else of our own: see README.md. Control thread.
 */
#include "services/application_autoscaling/scaling.h"

#include "base/id.h"
#include "services/application_autoscaling/page.h"
#include "services/application_autoscaling/schedule.h"

#include <errno.h>

#define ACTIONS_MAX 200 /* of a target ("Quotas for Application Auto Scaling") */

typedef struct application_autoscaling_put_scheduled_action_in put_in;

static struct scaling_action key_of(const struct scaling_target *target, struct span name)
{
    return (struct scaling_action){.account = target->account,
                                   .region = target->region,
                                   .resource = target->resource,
                                   .dimension = target->dimension,
                                   .name = name};
}

int64_t scheduled_action_next(const struct scaling_action *action, int64_t after_ms)
{
    struct schedule schedule;
    int64_t from = action->start > after_ms ? action->start - 1 : after_ms;
    if (!schedule_read(action->schedule, &schedule))
        return 0;
    int64_t next = schedule_next(&schedule, action->start ? action->start : action->created, from);
    return next == TIME_NONE || (action->end && next > action->end) ? 0 : next;
}

/* ---- PutScheduledAction -----------------------------------------------------------------------
 */

static RESULT check_schedule(struct call *c, struct span text)
{
    struct schedule schedule;
    if (schedule_read(text, &schedule))
        return OK;
    return refuse(c, &APPLICATION_AUTOSCALING_VALIDATION_EXCEPTION,
                  "Invalid schedule expression. Details: Schedule expressions must have the "
                  "following syntax: rate(<number>\\s?(minutes?|hours?|days?)), "
                  "cron(<cron_expression>) or at(yyyy-MM-dd'T'HH:mm:ss).");
}

static RESULT check_timezone(struct call *c, struct span zone)
{
    static const struct span utc[] = {S_INIT("UTC"), S_INIT("Etc/UTC"), S_INIT("Etc/GMT"),
                                      S_INIT("GMT")};
    for (size_t i = 0; i < ARRAY_LEN(utc); i++)
        if (!zone.at || span_eq(zone, utc[i]))
            return OK;
    return refuse(c, &APPLICATION_AUTOSCALING_VALIDATION_EXCEPTION,
                  "The time zone %.*s is not supported by kintoun yet", SPAN_ARG(zone));
}

static RESULT check_bounds(struct call *c, const struct scaling_action *action)
{
    if (!action->has_min && !action->has_max)
        return refuse(c, &APPLICATION_AUTOSCALING_VALIDATION_EXCEPTION,
                      "A ScalableTargetAction with MinCapacity, MaxCapacity or both is required");
    if (action->has_min && action->has_max && action->max < action->min)
        return refuse(c, &APPLICATION_AUTOSCALING_VALIDATION_EXCEPTION,
                      "Maximum capacity cannot be less than minimum capacity");
    return OK;
}

static RESULT check_times(struct call *c, const struct scaling_action *action)
{
    if (action->start && action->end && action->end <= action->start)
        return refuse(c, &APPLICATION_AUTOSCALING_VALIDATION_EXCEPTION,
                      "The end time must be after the start time");
    return OK;
}

static RESULT set_bounds(struct call *c,
                         const struct application_autoscaling_scalable_target_action *wanted,
                         struct scaling_action *action)
{
    if (!wanted)
        return OK;
    if ((wanted->has.min_capacity && wanted->min_capacity < 1) ||
        (wanted->has.max_capacity && wanted->max_capacity < 1))
        return refuse(c, &APPLICATION_AUTOSCALING_VALIDATION_EXCEPTION,
                      "Minimum capacity cannot be less than 1");
    action->has_min = wanted->has.min_capacity;
    action->min = action->has_min ? (uint64_t)wanted->min_capacity : 0;
    action->has_max = wanted->has.max_capacity;
    action->max = action->has_max ? (uint64_t)wanted->max_capacity : 0;
    return OK;
}

static int count_one(void *user, struct scaling_action *action)
{
    ++*(size_t *)user;
    return 0;
}

static RESULT make(struct call *c, const struct scaling_target *target, const put_in *in,
                   struct scaling_action *action)
{
    struct scaling_action from = key_of(target, SPAN_NONE);
    size_t count = 0;
    if (!in->schedule.at)
        return refuse(c, &APPLICATION_AUTOSCALING_VALIDATION_EXCEPTION,
                      "Schedule is required when a scheduled action is created");
    int error = scaling_action_each(c->txn, &from, 4, c->arena, count_one, &count);
    if (error < 0)
        return refuse_errno(c, error, "counting scheduled actions");
    if (count >= ACTIONS_MAX)
        return refuse(c, &APPLICATION_AUTOSCALING_LIMIT_EXCEEDED_EXCEPTION,
                      "The maximum number of scheduled actions of a scalable target is %d",
                      ACTIONS_MAX);
    action->id = id_uuid(c->arena);
    action->created = c->now_ms;
    return OK;
}

/* What is not given stays as it was, but a new schedule begins without times. */
static void set_times(const put_in *in, struct scaling_action *action)
{
    if (in->schedule.at) {
        action->schedule = in->schedule;
        action->start = action->end = 0;
        action->timezone = SPAN_NONE;
    }
    if (in->timezone.at)
        action->timezone = in->timezone;
    if (in->has.start_time)
        action->start = in->start_time;
    if (in->has.end_time)
        action->end = in->end_time;
}

RESULT application_autoscaling_put_scheduled_action(
    struct call *c, const struct application_autoscaling_put_scheduled_action_in *in,
    struct application_autoscaling_put_scheduled_action_out *out)
{
    struct scaling_place place;
    struct scaling_target target;
    TRY(scaling_place_read(c, SCALING_NAME(in), &place));
    TRY(scaling_target_find(c, &place, "registered", &target));
    struct scaling_action action = key_of(&target, in->scheduled_action_name);
    int error = scaling_action_get(c->txn, c->arena, &action);
    if (error < 0 && error != -ENOENT)
        return refuse_errno(c, error, "reading a scheduled action");
    if (error)
        TRY(make(c, &target, in, &action));
    set_times(in, &action);
    TRY(set_bounds(c, in->scalable_target_action, &action));
    TRY(check_schedule(c, action.schedule));
    TRY(check_timezone(c, action.timezone));
    TRY(check_times(c, &action));
    TRY(check_bounds(c, &action));
    action.next = scheduled_action_next(&action, c->now_ms);
    scaling_action_put(c->txn, &action);
    scaling_wake_after(c);
    return OK;
}

/* ---- DescribeScheduledActions, DeleteScheduledAction ------------------------------------------
 */

struct listing {
    struct call *c;
    const struct application_autoscaling_describe_scheduled_actions_in *in;
    struct application_autoscaling_scheduled_actions *out;
    struct page page;
};

static struct application_autoscaling_scheduled_action shown(struct call *c,
                                                             const struct scaling_action *action)
{
    struct application_autoscaling_scalable_target_action *bounds =
        ARENA_NEW(c->arena, struct application_autoscaling_scalable_target_action);
    if (action->has_min)
        SET(bounds, min_capacity, (int32_t)action->min);
    if (action->has_max)
        SET(bounds, max_capacity, (int32_t)action->max);
    struct application_autoscaling_scheduled_action to = {
        .scheduled_action_name = action->name,
        .scheduled_action_arn = arena_printf(
            c->arena,
            "arn:aws:autoscaling:%.*s:%.*s:scheduledAction:%.*s:resource/dynamodb/%.*s:"
            "scheduledActionName/%.*s",
            SPAN_ARG(action->region), SPAN_ARG(action->account), SPAN_ARG(action->id),
            SPAN_ARG(action->resource), SPAN_ARG(action->name)),
        .service_namespace = S("dynamodb"),
        .schedule = action->schedule,
        .timezone = action->timezone,
        .resource_id = action->resource,
        .scalable_dimension = action->dimension,
        .scalable_target_action = bounds,
        .creation_time = action->created};
    if (action->start)
        SET(&to, start_time, action->start);
    if (action->end)
        SET(&to, end_time, action->end);
    return to;
}

static bool is_listed(const struct application_autoscaling_resource_ids_max_len1600 *names,
                      struct span name)
{
    for (size_t i = 0; i < names->count; i++)
        if (span_eq(names->at[i], name))
            return true;
    return !names->count;
}

static int list_one(void *user, struct scaling_action *action)
{
    struct listing *listing = user;
    const struct span position[] = {action->resource, action->dimension, action->name};
    if (!is_listed(&listing->in->scheduled_action_names, action->name) ||
        !scaling_is_within(SCALING_NAME(listing->in), action->resource, action->dimension) ||
        !page_takes(listing->c, &listing->page, position, ARRAY_LEN(position)))
        return !span_is_absent(listing->page.next_token);
    listing->out->at[listing->out->count++] = shown(listing->c, action);
    return 0;
}

RESULT application_autoscaling_describe_scheduled_actions(
    struct call *c, const struct application_autoscaling_describe_scheduled_actions_in *in,
    struct application_autoscaling_describe_scheduled_actions_out *out)
{
    struct listing listing = {.c = c, .in = in, .out = &out->scheduled_actions};
    struct scaling_action from = {.account = c->account, .region = c->region};
    TRY(scaling_check_filter(c, SCALING_NAME(in)));
    TRY(page_begin(c, in->next_token, in->has.max_results ? &in->max_results : NULL,
                   &listing.page));
    out->scheduled_actions.at =
        ARENA_ARRAY(c->arena, struct application_autoscaling_scheduled_action, listing.page.limit);
    int error = scaling_action_each(c->txn, &from, 2, c->arena, list_one, &listing);
    if (error < 0)
        return refuse_errno(c, error, "listing scheduled actions");
    out->next_token = listing.page.next_token;
    return OK;
}

RESULT application_autoscaling_delete_scheduled_action(
    struct call *c, const struct application_autoscaling_delete_scheduled_action_in *in,
    struct application_autoscaling_delete_scheduled_action_out *out)
{
    struct scaling_place place;
    struct scaling_target target;
    TRY(scaling_place_read(c, SCALING_NAME(in), &place));
    TRY(scaling_target_find(c, &place, "registered", &target));
    struct scaling_action action = key_of(&target, in->scheduled_action_name);
    int error = scaling_action_get(c->txn, c->arena, &action);
    if (error < 0 && error != -ENOENT)
        return refuse_errno(c, error, "reading a scheduled action");
    if (error)
        return refuse(c, &APPLICATION_AUTOSCALING_OBJECT_NOT_FOUND_EXCEPTION,
                      "No scheduled action found for service namespace: dynamodb, resource ID: "
                      "%.*s, scalable dimension: %.*s, scheduled action name: %.*s",
                      SPAN_ARG(place.resource), SPAN_ARG(place.dimension->name),
                      SPAN_ARG(action.name));
    scaling_action_delete(c->txn, &action);
    return OK;
}

static int drop_one(void *user, struct scaling_action *action)
{
    scaling_action_delete(user, action);
    return 0;
}

RESULT scheduled_action_delete_all(struct call *c, const struct scaling_target *target)
{
    struct scaling_action from = key_of(target, SPAN_NONE);
    int error = scaling_action_each(c->txn, &from, 4, c->arena, drop_one, c->txn);
    return error < 0 ? refuse_errno(c, error, "deleting scheduled actions") : OK;
}
