// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Executes lifecycle rules and Intelligent-Tiering (sweep.c); private to this folder. */
#include "services/s3/lifecycle.h"
#include "services/s3/tiering.h"

/* One batch of one bucket's pass, in transactions of its own; blocks. `c` has no transaction. */
struct sweep_bucket {
    struct call *c;
    struct s3_bucket_record bucket;
    struct s3_lifecycle_rules rules;
    struct tiering_list tierings;
    struct s3_sweep *at; /* how far it is; moved on */
};
/* No batch of this pass was done yet. */
bool sweep_is_at_start(const struct s3_sweep *at);
/* What the bucket says has changed: its pass begins anew, or there is none any more. */
void sweep_schedule(struct call *c, const struct s3_bucket_record *bucket);
MUST_CHECK int sweep_batch(struct sweep_bucket *sweep);
