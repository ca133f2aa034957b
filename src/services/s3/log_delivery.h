// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Brings lines of access logs from the store into objects of the target bucket, once a minute by
 * the clock that tests move. Lines outlive the process: what was not delivered is delivered after
 * the next start.
 */
#include "services/cloud.h"

struct log_delivery;
struct log_delivery *log_delivery_new(struct cloud *cloud);
/* After the control loop and the workers have stopped. */
void log_delivery_free(struct log_delivery *delivery);
