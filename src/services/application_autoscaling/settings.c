// SPDX-License-Identifier: Apache-2.0
/*
 * A target and its policy as one thing, for DynamoDB's operations on the auto scaling of global
 * tables: made, told and ended here, seen by this service's own operations like any other. What
 * names and roles there are the real service was measured to have in 2026. Control thread.
 */
#include "services/application_autoscaling/scaling.h"

#include "services/application_autoscaling/role.h"

#include <errno.h>

static struct scaling_place place_of(struct call *c, const struct dynamodb_units *of)
{
    bool table = span_is_absent(of->index);
    struct span dimension =
        arena_printf(c->arena, "dynamodb:%s:%sCapacityUnits", table ? "table" : "index",
                     of->which == KV_METER_READ ? "Read" : "Write");
    struct span resource = arena_printf(c->arena, "table/%.*s%s%.*s", SPAN_ARG(of->table),
                                        table ? "" : "/index/", SPAN_ARG(of->index));
    return scaling_place_of(resource, dimension);
}

/* DynamoDBReadCapacityUtilization:table/NAME */
static struct span given_name(struct call *c, const struct scaling_place *place)
{
    return arena_printf(c->arena, "%.*s:%.*s", SPAN_ARG(place->dimension->metric),
                        SPAN_ARG(place->resource));
}

int application_autoscaling_find(struct call *c, const struct dynamodb_units *of,
                                 struct application_autoscaling_settings *ret)
{
    const struct scaling_place place = place_of(c, of);
    struct scaling_policy policy;
    struct scaling_target target = {.account = c->account,
                                    .region = c->region,
                                    .resource = place.resource,
                                    .dimension = place.dimension->name};
    int error = scaling_target_get(c->txn, c->arena, &target);
    if (!error)
        error = policy_of_target(c, &target, &policy);
    if (error < 0)
        return error;
    *ret = (struct application_autoscaling_settings){.min = (int32_t)target.min,
                                                     .max = (int32_t)target.max,
                                                     .role = role_arn(c, c->account),
                                                     .policy = policy.name,
                                                     .tracking = policy_configuration(c, &policy)};
    return 0;
}

/* Of the role that DynamoDB acts with there; the name of its session has no source. */
static RESULT check_role(struct call *c, struct span role)
{
    if (!role.at || span_eq(role, role_arn(c, c->account)))
        return OK;
    return refuse(c, &APPLICATION_AUTOSCALING_VALIDATION_EXCEPTION,
                  "User: arn:aws:sts::%.*s:assumed-role/AWSServiceRoleForDynamoDBReplication/"
                  "DynamoDBReplication is not authorized to perform: iam:PassRole on resource: "
                  "%.*s because no identity-based policy allows the iam:PassRole action",
                  SPAN_ARG(c->account), SPAN_ARG(role));
}

/* A policy of another name makes room. */
static RESULT replace_policy(struct call *c, const struct scaling_place *place,
                             struct scaling_target *target, const struct policy_wish *wish)
{
    struct scaling_policy policy;
    int error = policy_of_target(c, target, &policy);
    if (error < 0 && error != -ENOENT)
        return refuse_errno(c, error, "reading a scaling policy");
    if (!error && !span_eq(policy.name, wish->name))
        scaling_policy_delete(c->txn, &policy);
    return policy_put(c, place, target, wish, &policy);
}

RESULT application_autoscaling_set(struct call *c, const struct dynamodb_units *of,
                                   const struct application_autoscaling_settings *wanted)
{
    const struct scaling_place place = place_of(c, of);
    const struct policy_wish wish = {wanted->policy.at ? wanted->policy : given_name(c, &place),
                                     wanted->tracking};
    struct application_autoscaling_register_scalable_target_in in = {0};
    struct scaling_target target;
    SET(&in, min_capacity, wanted->min);
    SET(&in, max_capacity, wanted->max);
    TRY(check_role(c, wanted->role));
    TRY(scaling_target_look(c, &place, &target));
    TRY(scaling_target_set(c, &place, &in, &target));
    return replace_policy(c, &place, &target, &wish);
}

RESULT application_autoscaling_end(struct call *c, const struct dynamodb_units *of)
{
    const struct scaling_place place = place_of(c, of);
    struct scaling_target target;
    TRY(scaling_target_look(c, &place, &target));
    return target.id.at ? scaling_target_end(c, &target) : OK;
}
