// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What is written, what was acknowledged, and what must be found. The notes lie in memory shared by
 * the process that is killed and the one that checks: a note of `begun` stands before the commit,
 * one of `acked` after the ticket was durable.
 */
#include "trial.h"

#include "store/draft.h"

#define ROWS 2   /* writers of small records */
#define SLOTS 12 /* large bodies */
#define BODY_MAX (3 << 20)

struct notes {
    struct trial_notes trial;
    struct {
        _Atomic uint64_t begun, acked;
    } rows[ROWS], slots[SLOTS];
    _Atomic uint64_t started; /* bytes and calls may be counted */
};

/* One transaction of a row: two records and the row's counter. Negative errno. */
MUST_CHECK int world_put_row(struct store *store, struct notes *notes, uint64_t row);
/* Version `version` of a slot: every fourth deletes, the others put a body, spilled or small. */
struct world;
MUST_CHECK int world_new(struct world **ret, struct store *store, struct notes *notes);
void world_free(struct world *world);
/* Runs `count` slot operations from `first` on, several at once, until all are done or failed. */
void world_put_slots(struct world *world, uint64_t count);

/* Opens the store and compares everything; prints what is wrong. On success the notes say what was
 * found. */
MUST_CHECK bool world_check(const char *dir, struct notes *notes);
