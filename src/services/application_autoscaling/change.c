// SPDX-License-Identifier: Apache-2.0
/*
 * Changes of a target and their activities, in the words of the real service's ("Scaling activities
 * for Application Auto Scaling"). Cooldowns: within the one after a scale-out only a larger one is
 * made; within the one after a scale-in no other scale-in ("Target tracking scaling policies").
 * Control thread.
 */
#include "services/application_autoscaling/change.h"

#include "services/application_autoscaling/tracking.h"

#define REFUSED_MS (5 * 60000LL) /* until a policy tries again what DynamoDB refused */

void change_note_points(struct arena *arena, struct scaling_target *target, uint64_t used,
                        uint64_t passed)
{
    uint64_t *points = ARENA_ARRAY(arena, uint64_t, TRACKING_LOW_MINUTES);
    size_t add = passed < TRACKING_LOW_MINUTES ? (size_t)passed : TRACKING_LOW_MINUTES;
    size_t kept = TRACKING_LOW_MINUTES - add;
    kept = kept < target->points.count ? kept : target->points.count;
    for (size_t i = 0; i < kept; i++)
        points[i] = target->points.at[target->points.count - kept + i];
    if (passed <= TRACKING_LOW_MINUTES)
        points[kept] = used;
    target->points = (struct record_numbers){points, kept + add};
}

/* ---- what is wanted ---------------------------------------------------------------------------
 */

static struct change within_bounds(struct call *c, const struct scaling_target *target,
                                   uint64_t units)
{
    bool low = units < target->min;
    uint64_t bound = low ? target->min : target->max;
    if (!target->bounded || (!low && units <= target->max))
        return (struct change){0};
    return (struct change){.units = bound,
                           .cause = arena_printf(c->arena, "%s capacity was set to %llu",
                                                 low ? "minimum" : "maximum",
                                                 (unsigned long long)bound)};
}

static bool may_follow(const struct call *c, const struct scaling_target *target,
                       const struct scaling_policy *policy, uint64_t from, uint64_t to)
{
    int64_t since_out = c->now_ms - target->scaled_out, since_in = c->now_ms - target->scaled_in;
    if (target->failed && c->now_ms - target->failed < REFUSED_MS)
        return false;
    if (to > from)
        return !target->out_suspended && (!target->scaled_out || to - from > target->added ||
                                          since_out >= policy->out_cooldown * 1000);
    return !target->in_suspended && !policy->in_disabled &&
           (!target->scaled_in || since_in >= policy->in_cooldown * 1000);
}

struct change change_wanted(struct call *c, const struct scaling_target *target,
                            const struct scaling_policy *policy,
                            const struct dynamodb_units_state *state)
{
    if (state->on_demand)
        return (struct change){0};
    struct change change = within_bounds(c, target, state->units);
    if (change.units || !policy)
        return change;
    uint64_t wanted = tracking_wanted(&(struct tracking){.points = target->points.at,
                                                         .count = target->points.count,
                                                         .units = state->units,
                                                         .min = target->min,
                                                         .max = target->max,
                                                         .goal = policy_goal(policy)});
    if (wanted == state->units || !may_follow(c, target, policy, state->units, wanted))
        return change;
    struct span alarm =
        policy_alarm_name(c, policy, wanted > state->units ? POLICY_ALARM_HIGH : POLICY_ALARM_LOW);
    return (struct change){
        .units = wanted,
        .by_policy = true,
        .cause = arena_printf(c->arena, "monitor alarm %.*s in state ALARM triggered policy %.*s",
                              SPAN_ARG(alarm), SPAN_ARG(policy->name))};
}

/* ---- what is done -----------------------------------------------------------------------------
 */

static struct span words(struct call *c, const struct scaling_target *target, const char *format,
                         uint64_t units)
{
    const struct scaling_place place = scaling_place_of(target->resource, target->dimension);
    return arena_printf(c->arena, "%s %s to %llu.", format, place.dimension->words,
                        (unsigned long long)units);
}

static void note_scaling(const struct call *c, struct scaling_target *target,
                         const struct change *change, uint64_t before)
{
    target->failed = 0;
    if (!change->by_policy)
        return;
    if (change->units < before) {
        target->scaled_in = c->now_ms;
        return;
    }
    target->scaled_out = c->now_ms;
    target->scaled_in = 0; /* the cooldown of a scale-in stops */
    target->added = change->units - before;
}

RESULT change_make(struct call *c, struct scaling_target *target, const struct change *change)
{
    const struct scaling_place place = scaling_place_of(target->resource, target->dimension);
    struct dynamodb_units_state state;
    int error = dynamodb_units_look(c, &place.capacity, &state);
    if (error < 0)
        return refuse_errno(c, error, "reading a table's capacity");
    TRY(dynamodb_units_set(c, &place.capacity, change->units));
    note_scaling(c, target, change, state.units);
    const struct scaling_activity activity =
        activity_note(c, target,
                      &(struct activity_news){
                          .description = words(c, target, "Setting", change->units),
                          .cause = change->cause,
                          .message = arena_printf(
                              c->arena, "%.*s Waiting for change to be fulfilled by dynamodb.",
                              SPAN_ARG(words(c, target, "Successfully set", change->units))),
                          .state = ACTIVITY_IN_PROGRESS});
    target->begun = activity.begun;
    target->activity = activity.id;
    target->bounded = false;
    return OK;
}

void change_refused(struct call *c, struct scaling_target *target, const struct change *change,
                    const struct refusal *refusal)
{
    target->failed = c->now_ms;
    target->bounded = false;
    target->activity = SPAN_NONE;
    activity_note(
        c, target,
        &(struct activity_news){
            .description = words(c, target, "Setting", change->units),
            .cause = change->cause,
            .message = arena_printf(c->arena, "%.*s Reason: Failed updating table: %.*s",
                                    SPAN_ARG(words(c, target, "Failed to set", change->units)),
                                    SPAN_ARG(refusal->message)),
            .state = ACTIVITY_FAILED,
            .ended = true});
}

void change_end(struct call *c, struct scaling_target *target)
{
    struct scaling_activity activity = {.account = target->account,
                                        .region = target->region,
                                        .resource = target->resource,
                                        .dimension = target->dimension,
                                        .begun = target->begun,
                                        .id = target->activity};
    if (!target->activity.at)
        return;
    target->activity = SPAN_NONE;
    if (scaling_activity_get(c->txn, c->arena, &activity) < 0)
        return;
    size_t first = span_find_byte(activity.message, '.');
    activity.message = arena_printf(c->arena, "%.*s Change successfully fulfilled by dynamodb.",
                                    SPAN_ARG(span_first(activity.message, first + 1)));
    activity.state = ACTIVITY_SUCCESSFUL;
    activity.ended = c->now_ms;
    scaling_activity_put(c->txn, &activity);
}

/* ---- bounds -----------------------------------------------------------------------------------
 */

static struct span bounds_words(struct call *c, const char *doing,
                                const struct scaling_action *action)
{
    unsigned long long min = action->min, max = action->max;
    if (action->has_min && action->has_max)
        return arena_printf(c->arena, "%s min capacity to %llu and max capacity to %llu", doing,
                            min, max);
    return arena_printf(c->arena, "%s %s capacity to %llu", doing, action->has_min ? "min" : "max",
                        action->has_min ? min : max);
}

void change_bounds(struct call *c, struct scaling_target *target,
                   const struct scaling_action *action)
{
    uint64_t min = action->has_min ? action->min : target->min;
    uint64_t max = action->has_max ? action->max : target->max;
    bool good = min <= max;
    struct activity_news news = {.description = bounds_words(c, "Setting", action),
                                 .cause = arena_printf(c->arena,
                                                       "scheduled action name %.*s was triggered",
                                                       SPAN_ARG(action->name)),
                                 .state = good ? ACTIVITY_SUCCESSFUL : ACTIVITY_FAILED};
    news.message = good ? bounds_words(c, "Successfully set", action)
                        : arena_printf(c->arena,
                                       "%.*s. Reason: Maximum capacity cannot be less than "
                                       "minimum capacity",
                                       SPAN_ARG(bounds_words(c, "Failed to set", action)));
    activity_note(c, target, &news);
    if (!good)
        return;
    target->min = min;
    target->max = max;
    target->bounded = true;
}
