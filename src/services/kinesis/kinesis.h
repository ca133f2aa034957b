// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What of Kinesis runs by itself: the steps of streams and consumers between their states. Made by
 * the composition root once the control loop is there; goes on with what an earlier process left.
 */
#include "services/cloud.h"

struct kinesis;

/* Negative errno when the store cannot be read or written. */
int kinesis_new(struct cloud *cloud, struct kinesis **ret);
/* After the control loop has stopped and the store is closed. Accepts NULL. */
void kinesis_free(struct kinesis *kinesis);
