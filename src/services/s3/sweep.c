// SPDX-License-Identifier: Apache-2.0
/*
 * When lifecycle rules are executed: a bucket's pass begins when its rules change and at every
 * midnight, since all that rules say comes due at one. It runs in batches, one at a time for the
 * whole program. On a worker.
 */
#include "services/s3/sweep.h"

#include "base/id.h"
#include "base/time.h"
#include "services/cloud.h"
#include "services/s3/background.h"
#include "services/s3/document.h"

#include <errno.h>

/* The buckets with rules, and which of them is due first. */
struct choice {
    struct txn *txn;
    struct arena *arena;
    struct s3_sweep first;
    int64_t now_ms;
    bool any;
};

static int consider(void *user, void *record)
{
    struct choice *choice = user;
    const struct s3_lifecycle *lifecycle = record;
    struct s3_sweep sweep = {.bucket = lifecycle->bucket};
    int result = s3_sweep_get(choice->txn, choice->arena, &sweep);
    if (result < 0 && result != -ENOENT)
        return result;
    if (result == -ENOENT || sweep.edition != lifecycle->edition)
        sweep = (struct s3_sweep){
            .bucket = lifecycle->bucket, .edition = lifecycle->edition, .due = choice->now_ms};
    if (!choice->any || sweep.due < choice->first.due)
        choice->first = sweep;
    choice->any = true;
    return 0;
}

/* The rules in force; 0 with no rules when they or the bucket are gone. */
static int load(struct sweep_bucket *sweep)
{
    struct call *c = sweep->c;
    c->txn = txn_begin(c->cloud->store);
    sweep->bucket.name = sweep->at->bucket;
    int result = s3_bucket_record_get(c->txn, c->arena, &sweep->bucket);
    if (result == 0)
        result = lifecycle_load(c, &sweep->bucket, &sweep->rules) ||
                         tiering_load(c, &sweep->bucket, &sweep->tierings)
                     ? -EBADMSG
                     : 0;
    txn_rollback(c->txn);
    c->txn = NULL;
    return result == -ENOENT ? 0 : result;
}

static int choose(struct call *c, struct choice *choice)
{
    struct s3_lifecycle from = {.bucket = SPAN_NONE};
    choice->txn = txn_begin(c->cloud->store);
    choice->arena = c->arena;
    choice->now_ms = c->now_ms;
    int result =
        record_each(choice->txn, &s3_lifecycle_table, &from, 0, c->arena, consider, choice);
    txn_rollback(choice->txn);
    return result;
}

void sweep_schedule(struct call *c, const struct s3_bucket_record *bucket)
{
    struct s3_lifecycle lifecycle = {.bucket = bucket->name, .edition = random_u64()};
    if (document_is_there(bucket, DOCUMENT_LIFECYCLE) || bucket->tiered) {
        s3_lifecycle_put(c->txn, &lifecycle);
        background_wake(c, BACKGROUND_SWEEP);
        return;
    }
    s3_lifecycle_delete(c->txn, &lifecycle);
    s3_sweep_delete(c->txn, &(struct s3_sweep){.bucket = bucket->name});
}

/* One batch of what is due; *ret_next says when to come back. */
int sweep_step(struct call *c, int64_t *ret_next)
{
    struct choice choice = {.any = false};
    struct sweep_bucket sweep = {.c = c, .at = &choice.first};
    *ret_next = TIME_NONE;
    int result = choose(c, &choice);
    if (result < 0 || !choice.any)
        return result;
    *ret_next = choice.first.due;
    if (choice.first.due > c->now_ms)
        return 0;
    if (sweep_is_at_start(&choice.first))
        choice.first.due = c->now_ms;
    result = load(&sweep);
    if (result < 0)
        return result;
    *ret_next = c->now_ms; /* there may be more at once */
    return sweep_batch(&sweep);
}
