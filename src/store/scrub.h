// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Re-reads every extent in the background, from the disk and not from memory, and compares it with
 * its checksum: what rots unread is found while there may still be a copy. Private to this folder
 * but for store_scrub_now and the counters in store_stats.
 */
#include "store/inside.h"

struct scrubber {
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t wake;
    pthread_t thread;
    bool running, stopping, hurried;
    _Atomic uint64_t bytes, passes, damaged; /* damaged: found by the pass under way or the last */
};

MUST_CHECK int scrub_start(struct store *store);
void scrub_stop(struct store *store);
