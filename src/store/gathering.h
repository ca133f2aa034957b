// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * MD5 of streams that several workers hold at the same time. It is the dearest digest of a body,
 * and many streams cost little more than one; so who comes while others hash waits for them, and is
 * then hashed together with all that came meanwhile. Private to this folder.
 */
#include "base/hash.h"

#include <pthread.h>

#define GATHERING_ALONE 2 /* streams that are hashed each by its own thread before any waits */
#define GATHERING_MAX 16  /* streams that are hashed together */

struct gathered {
    struct md5_piece piece;
    enum { GATHERED_WAITS, GATHERED_LEADS, GATHERED_DONE } state;
    pthread_cond_t moved;
    struct gathered *next;
};

struct gathering {
    pthread_mutex_t mutex; /* guards all */
    struct gathered *first, **last;
    int alone;     /* threads that hash their own stream */
    bool together; /* one hashes many */
};

void gathering_init(struct gathering *gathering);
void gathering_done(struct gathering *gathering);
/* MD5_Update, perhaps on another thread. Blocks: on workers. */
void gathering_feed(struct gathering *gathering, MD5_CTX *md5, struct span bytes);
