// SPDX-License-Identifier: Apache-2.0
/*
 * What was done to targets, and DescribeScalingActivities: of the last six weeks, the newest first
 * ("Scaling activities for Application Auto Scaling"). Control thread.
 */
#include "services/application_autoscaling/scaling.h"

#include "base/id.h"
#include "base/time.h"
#include "services/application_autoscaling/page.h"

#include <stdlib.h>

#define KEPT_MS (42 * DAY_MS)

/* The records of a target begin with its newest. */
static uint64_t countdown(int64_t ms)
{
    return UINT64_MAX - (uint64_t)ms;
}

static int forget(void *user, struct scaling_activity *activity)
{
    scaling_activity_delete(user, activity);
    return 0;
}

struct scaling_activity activity_note(struct call *c, const struct scaling_target *target,
                                      const struct activity_news *news)
{
    struct scaling_activity activity = {.account = target->account,
                                        .region = target->region,
                                        .resource = target->resource,
                                        .dimension = target->dimension,
                                        .begun = countdown(c->now_ms),
                                        .id = id_uuid(c->arena),
                                        .description = news->description,
                                        .cause = news->cause,
                                        .message = news->message,
                                        .state = news->state,
                                        .ended = news->ended ? c->now_ms : 0};
    struct scaling_activity old = activity;
    old.begun = countdown(c->now_ms - KEPT_MS);
    old.id = SPAN_NONE;
    /* One that stays a little longer does no harm. */
    if (scaling_activity_each(c->txn, &old, 4, c->arena, forget, c->txn) == 0)
        scaling_activity_put(c->txn, &activity);
    return activity;
}

/* ---- DescribeScalingActivities -------------------------------------------------------------- */

struct found {
    struct scaling_activity **at;
    size_t count, room;
    const struct scaling_name *filter;
    struct call *c;
};

static int take(void *user, struct scaling_activity *activity)
{
    struct found *found = user;
    if (!scaling_is_within(found->filter, activity->resource, activity->dimension))
        return 0;
    if (found->count == found->room) {
        struct scaling_activity **old = found->at;
        found->room = found->room ? found->room * 2 : 64;
        found->at = ARENA_ARRAY(found->c->arena, struct scaling_activity *, found->room);
        for (size_t i = 0; i < found->count; i++)
            found->at[i] = old[i];
    }
    found->at[found->count++] = activity;
    return 0;
}

static int newest_first(const void *a, const void *b)
{
    const struct scaling_activity *one = *(struct scaling_activity *const *)a;
    const struct scaling_activity *two = *(struct scaling_activity *const *)b;
    if (one->begun != two->begun)
        return one->begun < two->begun ? -1 : 1;
    return span_compare(one->id, two->id);
}

static struct application_autoscaling_scaling_activity
shown(const struct scaling_activity *activity)
{
    static const struct span states[] = {[ACTIVITY_IN_PROGRESS] = S_INIT("InProgress"),
                                         [ACTIVITY_SUCCESSFUL] = S_INIT("Successful"),
                                         [ACTIVITY_FAILED] = S_INIT("Failed")};
    struct application_autoscaling_scaling_activity to = {
        .activity_id = activity->id,
        .service_namespace = S("dynamodb"),
        .resource_id = activity->resource,
        .scalable_dimension = activity->dimension,
        .description = activity->description,
        .cause = activity->cause,
        .start_time = (int64_t)(UINT64_MAX - activity->begun),
        .status_code = states[activity->state],
        .status_message = activity->message};
    if (activity->ended)
        SET(&to, end_time, activity->ended);
    return to;
}

RESULT application_autoscaling_describe_scaling_activities(
    struct call *c, const struct application_autoscaling_describe_scaling_activities_in *in,
    struct application_autoscaling_describe_scaling_activities_out *out)
{
    struct page page;
    struct scaling_activity from = {.account = c->account, .region = c->region};
    struct found found = {.filter = SCALING_NAME(in), .c = c};
    TRY(scaling_check_filter(c, found.filter));
    if (in->include_not_scaled_activities)
        return refuse(c, &APPLICATION_AUTOSCALING_VALIDATION_EXCEPTION,
                      "IncludeNotScaledActivities is not supported by kintoun yet");
    TRY(page_begin(c, in->next_token, in->has.max_results ? &in->max_results : NULL, &page));
    int error = scaling_activity_each(c->txn, &from, 2, c->arena, take, &found);
    if (error < 0)
        return refuse_errno(c, error, "listing scaling activities");
    if (found.count)
        qsort(found.at, found.count, sizeof(struct scaling_activity *), newest_first);
    out->scaling_activities.at =
        ARENA_ARRAY(c->arena, struct application_autoscaling_scaling_activity, page.limit);
    for (size_t i = 0; i < found.count && span_is_absent(page.next_token); i++) {
        const struct span position[] = {
            arena_printf(c->arena, "%016llx", (unsigned long long)found.at[i]->begun),
            found.at[i]->id};
        if (page_takes(c, &page, position, ARRAY_LEN(position)))
            out->scaling_activities.at[out->scaling_activities.count++] = shown(found.at[i]);
    }
    out->next_token = page.next_token;
    return OK;
}
