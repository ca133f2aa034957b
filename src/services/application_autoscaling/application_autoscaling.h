// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What of Application Auto Scaling runs by itself: once a minute it looks at what was used and does
 * what policies say; it executes schedules when their time comes. Made by the composition root once
 * the control loop is there.
 */
#include "services/application_autoscaling/application_autoscaling.api.h"
#include "services/cloud.h"
#include "services/dynamodb/dynamodb.h"

struct application_autoscaling;

/* ---- for services/dynamodb ------------------------------------------------------------------- */

/*
 * How units are scaled in the region of a call: a target and its policy, as one. These ask for no
 * permission: on the real service DynamoDB does this with a role of its own. Control thread.
 */
struct application_autoscaling_settings {
    int32_t min, max;
    struct span role;   /* ARN; wanted absent: the service-linked role, which is the only one */
    struct span policy; /* wanted absent: the name that DynamoDB gives policies */
    const struct application_autoscaling_target_tracking_scaling_policy_configuration *tracking;
};
/* -ENOENT: there is no target, or it has no policy. */
MUST_CHECK int application_autoscaling_find(struct call *c, const struct dynamodb_units *of,
                                            struct application_autoscaling_settings *ret);
/* In place of those that there are; refusals are Application Auto Scaling's. */
RESULT application_autoscaling_set(struct call *c, const struct dynamodb_units *of,
                                   const struct application_autoscaling_settings *wanted);
/* Deregisters the target, where there is one. */
RESULT application_autoscaling_end(struct call *c, const struct dynamodb_units *of);

/* ---- for the composition root ---------------------------------------------------------------- */

struct application_autoscaling *application_autoscaling_new(struct cloud *cloud);
/* After the control loop has stopped. */
void application_autoscaling_free(struct application_autoscaling *scaling);
