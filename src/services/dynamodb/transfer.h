// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What moves between tables and S3 in the background: exports and imports. Each goes on step by
 * step, a transaction of its own on a worker, for the identity that asked for it; what ends it, and
 * tables that come and go with it, is the control thread's. A restart goes on where it stopped.
 */
#include "services/cloud.h"
#include "services/s3/s3.h"
#include "wire/call.h"

/* In records: for ever. */
enum TRANSFER_STATE { TRANSFER_RUNNING = 1, TRANSFER_ENDING, TRANSFER_COMPLETED, TRANSFER_FAILED };

struct transfers;
struct transfers *transfers_new(struct cloud *cloud);
void transfers_free(struct transfers *transfers);
/* There may be something to do. Control thread. */
void transfers_wake(struct transfers *transfers);

/* Has `step` do something in a transaction of its own, which is committed where it answers more
 * than 0. That answer, or a negative errno. Workers, the control thread. */
MUST_CHECK int transfer_run(struct cloud *cloud, int (*step)(struct call *c, void *user),
                            void *user);

/* For whom a step is taken. */
struct transfer_actor {
    struct span account, region, access_key;
};
/* Sets the call's account, region and caller. 0, or a negative errno: -ENOENT: he is gone. */
MUST_CHECK int transfer_act_for(struct call *c, const struct transfer_actor *actor);
/* What is kept of who asks now. */
struct span transfer_key_of_caller(const struct call *c);
/* NextToken: a text as digits, filled up with zeros to a multiple of `unit` bytes. */
struct span transfer_token_of(struct call *c, struct span text, size_t unit);
MUST_CHECK bool transfer_read_token(struct call *c, struct span token, struct span *ret);
/* What is told of a refusal of S3: "S3AccessDenied" and the like. */
struct span transfer_failure(struct call *c, const struct refusal *refusal);

/* export_step.c: one step of the first export that can go on, in c->txn. 1: done, 0: there is none,
 * or a negative errno. Workers. */
MUST_CHECK int export_step(struct call *c);
/* Ends those that have come to their end. Control thread. */
MUST_CHECK int export_finish(struct call *c);
