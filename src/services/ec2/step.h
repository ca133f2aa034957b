// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Steps that resources take by themselves (the `step` of their kind). Control thread. */
#include "services/ec2/ec2.h"
#include "wire/call.h"

struct steps;

struct steps *ec2_steps(struct ec2 *ec2);

struct steps *steps_new(struct cloud *cloud);
void steps_free(struct steps *steps);
/* Once the call's transaction is durable and `due_ms` has come (0: at once), the resource takes a
 * step. */
void step_await(struct call *c, struct span id, int64_t due_ms);
/* The resource's step at once, in a transaction of its own: something that is not in records has
 * changed. Not from within a handler or a step. */
void step_take_now(struct steps *steps, struct span account, struct span region, struct span id);
