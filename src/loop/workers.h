// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * A pool of threads for what blocks: file writes, syncs, fork and exec. A job owns its inputs from
 * workers_submit until `done` runs on its home loop. Submit from any thread.
 */
#include "loop/loop.h"

struct workers;

struct job {
    void (*run)(struct job *job);  /* on a worker; may block */
    void (*done)(struct job *job); /* on `home`; NULL: none, the job frees itself in run */
    struct loop *home;
    struct mail mail; /* private */
    struct job *next; /* private */
};

/* `threads` is at least 1; at most `queue_ceiling` jobs wait for one of them. Negative errno. */
MUST_CHECK int workers_new(struct workers **ret, int threads, size_t queue_ceiling);
/* Waits for the jobs that were submitted, then ends the threads. Their `done` is posted, so the
 * home loops must outlive this. Accepts NULL. */
void workers_free(struct workers *workers);
/* 0, or -EAGAIN when the queue is full. */
MUST_CHECK int workers_submit(struct workers *workers, struct job *job);
