// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What the files of this folder share. Control thread. */
#include "services/application_autoscaling/application_autoscaling.api.h"
#include "services/application_autoscaling/application_autoscaling.h"
#include "services/application_autoscaling/scaling.records.h"
#include "services/dynamodb/dynamodb.h"
#include "wire/call.h"

/* ---- place.c: what is scaled ---- */

struct scaling_dimension {
    struct span name; /* dynamodb:table:ReadCapacityUnits */
    struct span metric;
    bool of_index;
    enum KV_METER which;
    const char *words; /* read capacity units */
};

struct scaling_place {
    struct span resource;
    const struct scaling_dimension *dimension;
    struct dynamodb_units capacity; /* where DynamoDB has it */
};

/* As every call names it. */
struct scaling_name {
    struct span service_namespace, resource, dimension;
};
#define SCALING_NAME(in)                                                                           \
    (&(struct scaling_name){(in)->service_namespace, (in)->resource_id, (in)->scalable_dimension})

/* A place that there could be, whether or not there is such a table. */
RESULT scaling_place_read(struct call *c, const struct scaling_name *name,
                          struct scaling_place *ret);
/* What the Describe operations are narrowed to: absent members are any. */
RESULT scaling_check_filter(struct call *c, const struct scaling_name *filter);
bool scaling_is_within(const struct scaling_name *filter, struct span resource,
                       struct span dimension);
/* The place of a record. */
struct scaling_place scaling_place_of(struct span resource, struct span dimension);

/* ---- target.c ---- */

/* The registered one; ObjectNotFoundException with "No scalable target SAYS for service namespace:
 * …". Asks for the permission of the operation. */
RESULT scaling_target_find(struct call *c, const struct scaling_place *place, const char *says,
                           struct scaling_target *ret);
struct span scaling_target_arn(struct call *c, const struct scaling_target *target);
/* The same for whoever was permitted: its id is absent where none is registered. */
RESULT scaling_target_look(struct call *c, const struct scaling_place *place,
                           struct scaling_target *ret);
/* Registers or changes one that was looked at. */
RESULT scaling_target_set(struct call *c, const struct scaling_place *place,
                          const struct application_autoscaling_register_scalable_target_in *in,
                          struct scaling_target *target);
/* With its policies and schedules; what was done stays to be looked at. */
RESULT scaling_target_end(struct call *c, const struct scaling_target *target);

/* ---- policy.c, scheduled_action.c ---- */

/* That target's policy, -ENOENT. */
MUST_CHECK int policy_of_target(struct call *c, const struct scaling_target *target,
                                struct scaling_policy *ret);
enum POLICY_ALARM { POLICY_ALARM_HIGH, POLICY_ALARM_LOW };
struct span policy_alarm_name(struct call *c, const struct scaling_policy *policy,
                              enum POLICY_ALARM which);
/* Percent. */
double policy_goal(const struct scaling_policy *policy);
struct application_autoscaling_target_tracking_scaling_policy_configuration *
policy_configuration(struct call *c, const struct scaling_policy *policy);
struct policy_wish {
    struct span name;
    const struct application_autoscaling_target_tracking_scaling_policy_configuration *tracking;
};
/* The policy of a target, which may have one of another name only where that was deleted. */
RESULT policy_put(struct call *c, const struct scaling_place *place, struct scaling_target *target,
                  const struct policy_wish *wish, struct scaling_policy *ret);
RESULT policy_delete_all(struct call *c, const struct scaling_target *target);
/* When it is due after that time; 0: never. */
int64_t scheduled_action_next(const struct scaling_action *action, int64_t after_ms);
RESULT scheduled_action_delete_all(struct call *c, const struct scaling_target *target);

/* ---- tag.c ---- */
RESULT tag_add(struct call *c, struct scaling_target *target,
               const struct application_autoscaling_tag_map *tags);

/* ---- activity.c ---- */

/* In records: for ever. */
enum ACTIVITY_STATE { ACTIVITY_IN_PROGRESS = 1, ACTIVITY_SUCCESSFUL, ACTIVITY_FAILED };

struct activity_news {
    struct span description, cause, message;
    enum ACTIVITY_STATE state;
    bool ended;
};
/* Notes one of now, and forgets those that are six weeks old. */
struct scaling_activity activity_note(struct call *c, const struct scaling_target *target,
                                      const struct activity_news *news);

/* ---- step.c ---- */

/* Has the control thread look after targets, once this call is durable. */
void scaling_wake_after(struct call *c);
