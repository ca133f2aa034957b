// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What of Application Auto Scaling runs by itself: once a minute it looks at what was used and does
 * what policies say; it executes schedules when their time comes. Made by the composition root once
 * the control loop is there.
 */
#include "services/cloud.h"

struct application_autoscaling;

struct application_autoscaling *application_autoscaling_new(struct cloud *cloud);
/* After the control loop has stopped. */
void application_autoscaling_free(struct application_autoscaling *scaling);
