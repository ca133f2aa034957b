// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * MD5 of streams that several workers hold at the same time. It is the dearest digest of a body,
 * and many streams cost little more than one; so where there are more streams than processors they
 * are hashed together. Private to this folder.
 */
#include "base/hash.h"

#include <pthread.h>
#include <stdatomic.h>

#define GATHERING_FEW 3                    /* streams that are not worth gathering on any machine */
#define GATHERING_MAX 16                   /* streams that are hashed together */
#define GATHERING_GOOD 8                   /* so many need not wait for more */
#define GATHERING_WAIT_NS 3000000          /* at most, for company */
#define GATHERING_TURN ((size_t)64 * 1024) /* bytes of each stream */

struct gathered {
    struct md5_piece piece;
    enum { GATHERED_WAITS, GATHERED_LEADS, GATHERED_DONE } state;
    pthread_cond_t moved;
    struct gathered *next;
};

struct gathering {
    pthread_mutex_t mutex; /* guards all */
    struct gathered *first, **last, *leader;
    size_t waiting;
    atomic_int streams; /* under way; needs no mutex */
    int few;            /* so many are hashed each by its own thread */
    bool together;      /* one hashes many */
};

void gathering_init(struct gathering *gathering);
void gathering_done(struct gathering *gathering);
/* A stream begins and ends. */
void gathering_join(struct gathering *gathering);
void gathering_leave(struct gathering *gathering);
/* MD5_Update, perhaps on another thread. Blocks: on workers. */
void gathering_feed(struct gathering *gathering, MD5_CTX *md5, struct span bytes);
