// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What of S3 runs by itself: the sweep that executes lifecycle rules. Made by the composition root
 * once the control loop and the workers are there; goes on where an earlier process stopped.
 */
#include "services/cloud.h"

struct s3;

struct s3 *s3_new(struct cloud *cloud);
/* After the control loop and the workers have stopped. */
void s3_free(struct s3 *s3);
