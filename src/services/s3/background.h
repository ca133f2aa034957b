// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What of S3 runs by itself, each a row of steps on a worker, one at a time, in transactions of its
 * own: the sweep that executes lifecycle rules, the delivery of access logs, inventories, storage
 * class analyses, clearing away what large objects left. The control loop sends the next step, or
 * waits for its time by a timer that follows the clock which tests move. Private to this folder.
 */
#include "engines/object/object.h"
#include "services/cloud.h"
#include "wire/call.h"

enum BACKGROUND {
    BACKGROUND_SWEEP,
    BACKGROUND_LOG_DELIVERY,
    BACKGROUND_INVENTORY,
    BACKGROUND_ANALYTICS,
    BACKGROUND_CLEARING,
};

/* One step: blocks, without a transaction of the call's. *ret_next_ms: when to come back, now or
 * earlier when there is more, TIME_NONE when woken. 0 or a negative errno. */
typedef int background_step(struct call *c, int64_t *ret_next_ms);
/* Ends what a step began: commits when `result` is 0, else rolls back. 0 or a negative errno. */
MUST_CHECK int background_end(struct txn *txn, int result);
background_step sweep_step, log_delivery_step, inventory_step, analytics_step;
/* What is told of changes of objects in every bucket. */
const struct object_watcher *background_watcher(struct cloud *cloud);

/* A step once this call is durable. */
void background_wake(struct call *c, enum BACKGROUND which);
