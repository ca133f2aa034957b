// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Changes of a target's capacity and of its bounds, and what is noted of them. Control thread. */
#include "services/application_autoscaling/scaling.h"

struct change {
    uint64_t units; /* 0: none is wanted */
    bool by_policy;
    struct span cause;
};

/* Adds a minute in which so many half units were used and then minutes of rest, `passed` in all. */
void change_note_points(struct arena *arena, struct scaling_target *target, uint64_t used,
                        uint64_t passed);
/* What the bounds, or else the policy (NULL: none), ask for now. */
struct change change_wanted(struct call *c, const struct scaling_target *target,
                            const struct scaling_policy *policy,
                            const struct dynamodb_units_state *state);
/* Has DynamoDB do it, notes it as an activity that goes on and in the target. */
RESULT change_make(struct call *c, struct scaling_target *target, const struct change *change);
/* What DynamoDB would not do. */
void change_refused(struct call *c, struct scaling_target *target, const struct change *change,
                    const struct refusal *refusal);
/* The activity that goes on was successful. */
void change_end(struct call *c, struct scaling_target *target);
/* A scheduled action sets the bounds. */
void change_bounds(struct call *c, struct scaling_target *target,
                   const struct scaling_action *action);
