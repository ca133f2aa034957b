// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What of S3 runs by itself, each a row of steps on a worker, one at a time, in transactions of its
 * own: the sweep that executes lifecycle rules, the delivery of access logs, inventories. The
 * control loop sends the next step, or waits for its time by a timer that follows the clock which
 * tests move. Private to this folder.
 */
#include "wire/call.h"

enum BACKGROUND { BACKGROUND_SWEEP, BACKGROUND_LOG_DELIVERY, BACKGROUND_INVENTORY };

/* One step: blocks, without a transaction of the call's. *ret_next_ms: when to come back, now or
 * earlier when there is more, TIME_NONE when woken. 0 or a negative errno. */
typedef int background_step(struct call *c, int64_t *ret_next_ms);
background_step sweep_step, log_delivery_step, inventory_step;

/* A step once this call is durable. */
void background_wake(struct call *c, enum BACKGROUND which);
