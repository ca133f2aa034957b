// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What an instance is told to do by itself: recover, be named. Control thread. */
#include "services/ec2/resource.h"

/* Of RunInstances; the subnet has said how it is named otherwise. */
RESULT instance_options_read(struct call *c, const struct ec2_run_instances_in *in,
                             struct stored_instance *to);
void instance_options_show(struct call *c, const struct stored_instance *instance,
                           struct ec2_instance *to);
