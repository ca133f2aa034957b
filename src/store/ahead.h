// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * A file of the log that is ready before it is needed. What was allocated but never written costs
 * a sync twice, because the file system notes as well that there are bytes now; so a thread of its
 * own fills the next file with zeros while the one before it is written. Private to this folder.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum AHEAD { AHEAD_NONE, AHEAD_ASKED, AHEAD_BEING_MADE, AHEAD_READY };

struct ahead {
    int dir_fd; /* the log's folder; borrowed */
    uint64_t bytes;
    atomic_bool stopping;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t wake;
    pthread_t thread;
    bool running;
    enum AHEAD state;
};

void ahead_init(struct ahead *ahead, int dir_fd, uint64_t bytes);
void ahead_done(struct ahead *ahead);
/* Soon there is one, unless the disk has no room. Starts the thread. Any thread. */
void ahead_ask(struct ahead *ahead);
/* Gives it that name: 1, 0 when there is none now, or a negative errno. Any thread. */
int ahead_take(struct ahead *ahead, const char *name);
