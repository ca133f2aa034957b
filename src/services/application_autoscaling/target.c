// SPDX-License-Identifier: Apache-2.0
/*
 * RegisterScalableTarget, DescribeScalableTargets, DeregisterScalableTarget. A target whose
 * capacity is out of its bounds is brought within them at once; the real service does that when a
 * target is registered or changed, and not when the table is. Texts as AWS answers them where one
 * was seen, else of our own: see README.md. Control thread.
 */
#include "services/application_autoscaling/scaling.h"

#include "auth/identity.h"
#include "base/id.h"
#include "services/application_autoscaling/page.h"
#include "services/application_autoscaling/role.h"

#include <errno.h>

#define TARGETS_MAX 5000 /* of DynamoDB ("Quotas for Application Auto Scaling") */
#define ID_DIGITS 36

struct span scaling_target_arn(struct call *c, const struct scaling_target *target)
{
    return arena_printf(c->arena, "arn:aws:application-autoscaling:%.*s:%.*s:scalable-target/%.*s",
                        SPAN_ARG(target->region), SPAN_ARG(target->account), SPAN_ARG(target->id));
}

/* For the operation that is going on. */
static RESULT permit(struct call *c, struct span arn)
{
    struct span action = arena_printf(c->arena, "application-autoscaling:%.*s",
                                      SPAN_ARG(service_text(c->service, c->operation->name)));
    return auth_require(c, action, arn, NULL, c->account);
}

RESULT scaling_target_look(struct call *c, const struct scaling_place *place,
                           struct scaling_target *ret)
{
    *ret = (struct scaling_target){.account = c->account,
                                   .region = c->region,
                                   .resource = place->resource,
                                   .dimension = place->dimension->name};
    int error = scaling_target_get(c->txn, c->arena, ret);
    return error < 0 && error != -ENOENT ? refuse_errno(c, error, "reading a scalable target") : OK;
}

/* Asks for the permission, of all targets where there is none of that name. */
static RESULT look(struct call *c, const struct scaling_place *place, struct scaling_target *ret,
                   bool *ret_found)
{
    TRY(scaling_target_look(c, place, ret));
    *ret_found = ret->id.at != NULL;
    return permit(c, *ret_found ? scaling_target_arn(c, ret) : S("*"));
}

RESULT scaling_target_find(struct call *c, const struct scaling_place *place, const char *says,
                           struct scaling_target *ret)
{
    bool found;
    TRY(look(c, place, ret, &found));
    if (found)
        return OK;
    return refuse(c, &APPLICATION_AUTOSCALING_OBJECT_NOT_FOUND_EXCEPTION,
                  "No scalable target %s for service namespace: dynamodb, resource ID: %.*s, "
                  "scalable dimension: %.*s",
                  says, SPAN_ARG(place->resource), SPAN_ARG(place->dimension->name));
}

/* ---- RegisterScalableTarget ----------------------------------------------------------------- */

static RESULT check_exists(struct call *c, const struct scaling_place *place)
{
    struct dynamodb_units_state state;
    int error = dynamodb_units_look(c, &place->capacity, &state);
    if (error == -ENOENT)
        return refuse(c, &APPLICATION_AUTOSCALING_VALIDATION_EXCEPTION,
                      "DynamoDB %s does not exist: %.*s",
                      place->dimension->of_index ? "index" : "table", SPAN_ARG(place->resource));
    return error < 0 ? refuse_errno(c, error, "reading a table's capacity") : OK;
}

static int count_one(void *user, struct scaling_target *target)
{
    ++*(size_t *)user;
    return 0;
}

static RESULT check_quota(struct call *c)
{
    size_t count = 0;
    struct scaling_target from = {.account = c->account, .region = c->region};
    int error = scaling_target_each(c->txn, &from, 2, c->arena, count_one, &count);
    if (error < 0)
        return refuse_errno(c, error, "counting scalable targets");
    if (count < TARGETS_MAX)
        return OK;
    return refuse(c, &APPLICATION_AUTOSCALING_LIMIT_EXCEEDED_EXCEPTION,
                  "The maximum number of scalable targets for service namespace: dynamodb is %d",
                  TARGETS_MAX);
}

static RESULT check_new(struct call *c,
                        const struct application_autoscaling_register_scalable_target_in *in)
{
    if (!in->has.min_capacity || !in->has.max_capacity)
        return refuse(c, &APPLICATION_AUTOSCALING_VALIDATION_EXCEPTION,
                      "MinCapacity and MaxCapacity are required when a scalable target is "
                      "registered");
    return check_quota(c);
}

static RESULT check_bounds(struct call *c, int64_t min, int64_t max)
{
    if (min < 1)
        return refuse(c, &APPLICATION_AUTOSCALING_VALIDATION_EXCEPTION,
                      "Minimum capacity cannot be less than 1");
    if (max < min)
        return refuse(c, &APPLICATION_AUTOSCALING_VALIDATION_EXCEPTION,
                      "Maximum capacity cannot be less than minimum capacity");
    return OK;
}

static void suspend(const struct application_autoscaling_suspended_state *wanted,
                    struct scaling_target *target)
{
    const struct {
        bool given, value;
        bool *to;
    } parts[] = {
        {wanted->has.dynamic_scaling_in_suspended, wanted->dynamic_scaling_in_suspended,
         &target->in_suspended},
        {wanted->has.dynamic_scaling_out_suspended, wanted->dynamic_scaling_out_suspended,
         &target->out_suspended},
        {wanted->has.scheduled_scaling_suspended, wanted->scheduled_scaling_suspended,
         &target->schedule_suspended},
    };
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (parts[i].given)
            *parts[i].to = parts[i].value;
}

RESULT scaling_target_set(struct call *c, const struct scaling_place *place,
                          const struct application_autoscaling_register_scalable_target_in *in,
                          struct scaling_target *target)
{
    if (!target->id.at) {
        TRY(check_new(c, in));
        target->id = id_hex(c->arena, S(""), ID_DIGITS);
        target->created = c->now_ms;
        target->minute = (uint64_t)(c->now_ms / 60000);
    }
    int64_t min = in->has.min_capacity ? in->min_capacity : (int64_t)target->min;
    int64_t max = in->has.max_capacity ? in->max_capacity : (int64_t)target->max;
    TRY(check_bounds(c, min, max));
    TRY(check_exists(c, place));
    TRY(role_ensure(c));
    target->min = (uint64_t)min;
    target->max = (uint64_t)max;
    if (in->suspended_state)
        suspend(in->suspended_state, target);
    TRY(tag_add(c, target, &in->tags));
    target->bounded = true;
    scaling_target_put(c->txn, target);
    scaling_wake_after(c);
    return OK;
}

RESULT application_autoscaling_register_scalable_target(
    struct call *c, const struct application_autoscaling_register_scalable_target_in *in,
    struct application_autoscaling_register_scalable_target_out *out)
{
    struct scaling_place place;
    struct scaling_target target;
    bool found;
    TRY(scaling_place_read(c, SCALING_NAME(in), &place));
    TRY(look(c, &place, &target, &found));
    TRY(scaling_target_set(c, &place, in, &target));
    out->scalable_target_arn = scaling_target_arn(c, &target);
    return OK;
}

/* ---- DescribeScalableTargets ---------------------------------------------------------------- */

struct listing {
    struct call *c;
    const struct application_autoscaling_describe_scalable_targets_in *in;
    struct application_autoscaling_scalable_targets *out;
    struct page page;
};

static struct application_autoscaling_scalable_target *shown(struct call *c,
                                                             const struct scaling_target *target)
{
    struct application_autoscaling_scalable_target *to =
        ARENA_NEW(c->arena, struct application_autoscaling_scalable_target);
    struct application_autoscaling_suspended_state *state =
        ARENA_NEW(c->arena, struct application_autoscaling_suspended_state);
    SET(state, dynamic_scaling_in_suspended, target->in_suspended);
    SET(state, dynamic_scaling_out_suspended, target->out_suspended);
    SET(state, scheduled_scaling_suspended, target->schedule_suspended);
    *to = (struct application_autoscaling_scalable_target){.service_namespace = S("dynamodb"),
                                                           .resource_id = target->resource,
                                                           .scalable_dimension = target->dimension,
                                                           .min_capacity = (int32_t)target->min,
                                                           .max_capacity = (int32_t)target->max,
                                                           .role_arn = role_arn(c, target->account),
                                                           .creation_time = target->created,
                                                           .suspended_state = state,
                                                           .scalable_target_arn =
                                                               scaling_target_arn(c, target)};
    return to;
}

static bool is_listed(const struct application_autoscaling_resource_ids_max_len1600 *ids,
                      struct span resource)
{
    for (size_t i = 0; i < ids->count; i++)
        if (span_eq(ids->at[i], resource))
            return true;
    return !ids->count;
}

static int list_one(void *user, struct scaling_target *target)
{
    struct listing *listing = user;
    const struct span position[] = {target->resource, target->dimension};
    if (!is_listed(&listing->in->resource_ids, target->resource) ||
        (listing->in->scalable_dimension.at &&
         !span_eq(listing->in->scalable_dimension, target->dimension)) ||
        !page_takes(listing->c, &listing->page, position, ARRAY_LEN(position)))
        return !span_is_absent(listing->page.next_token);
    listing->out->at[listing->out->count++] = *shown(listing->c, target);
    return 0;
}

RESULT application_autoscaling_describe_scalable_targets(
    struct call *c, const struct application_autoscaling_describe_scalable_targets_in *in,
    struct application_autoscaling_describe_scalable_targets_out *out)
{
    struct listing listing = {.c = c, .in = in, .out = &out->scalable_targets};
    struct scaling_target from = {.account = c->account, .region = c->region};
    TRY(scaling_check_filter(
        c, &(struct scaling_name){in->service_namespace,
                                  in->resource_ids.count ? in->resource_ids.at[0] : SPAN_NONE,
                                  in->scalable_dimension}));
    TRY(page_begin(c, in->next_token, in->has.max_results ? &in->max_results : NULL,
                   &listing.page));
    out->scalable_targets.at =
        ARENA_ARRAY(c->arena, struct application_autoscaling_scalable_target, listing.page.limit);
    int error = scaling_target_each(c->txn, &from, 2, c->arena, list_one, &listing);
    if (error < 0)
        return refuse_errno(c, error, "listing scalable targets");
    out->next_token = listing.page.next_token;
    return OK;
}

/* ---- DeregisterScalableTarget --------------------------------------------------------------- */

RESULT scaling_target_end(struct call *c, const struct scaling_target *target)
{
    TRY(policy_delete_all(c, target));
    TRY(scheduled_action_delete_all(c, target));
    scaling_target_delete(c->txn, target);
    return OK;
}

RESULT application_autoscaling_deregister_scalable_target(
    struct call *c, const struct application_autoscaling_deregister_scalable_target_in *in,
    struct application_autoscaling_deregister_scalable_target_out *out)
{
    struct scaling_place place;
    struct scaling_target target;
    TRY(scaling_place_read(c, SCALING_NAME(in), &place));
    TRY(scaling_target_find(c, &place, "found", &target));
    return scaling_target_end(c, &target);
}
