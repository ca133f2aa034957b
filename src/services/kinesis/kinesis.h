// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What of Kinesis runs by itself: the steps of streams and consumers between their states. Made by
 * the composition root once the control loop is there; goes on with what an earlier process left.
 * And records that other services put.
 */
#include "services/cloud.h"
#include "wire/call.h"
#include "wire/refusal.h"

struct kinesis;

/* Negative errno when the store cannot be read or written. */
int kinesis_new(struct cloud *cloud, struct kinesis **ret);
/* After the control loop has stopped and the store is closed. Accepts NULL. */
void kinesis_free(struct kinesis *kinesis);

/* ---- for other services ---------------------------------------------------------------------- */

/* A stream by its ARN. -ENOENT. Any thread. */
struct kinesis_look {
    bool here;           /* of the call's region; also when there is no such stream */
    bool active;         /* records may be put */
    uint64_t record_max; /* bytes of key and data */
};
MUST_CHECK int kinesis_look(struct call *c, struct span arn, struct kinesis_look *ret);
/* May the caller put records into it? */
RESULT kinesis_may_put(struct call *c, struct span arn);

struct kinesis_delivered {
    struct span key, data;
};
/* Appends records in c->txn, once in a transaction. Answers how many of the first ones their shards
 * took: with fewer than `count` the transaction has to be rolled back, since later ones may have
 * been taken before earlier ones. -ENOENT: the stream is gone. Any thread. */
MUST_CHECK int kinesis_deliver(struct call *c, struct span arn,
                               const struct kinesis_delivered *records, size_t count);
