// SPDX-License-Identifier: Apache-2.0
/*
 * The zeros are written piece by piece into allocated room and each piece is waited for, so that a
 * sync of the log that comes by meanwhile has little to wait for. What a start finds half made is
 * made anew.
 */
#include "store/ahead.h"

#include "base/log.h"
#include "base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define NAME "ahead"
#define PIECE_BYTES (512 << 10)

void ahead_init(struct ahead *ahead, int dir_fd, uint64_t bytes)
{
    *ahead = (struct ahead){.dir_fd = dir_fd, .bytes = bytes};
    pthread_mutex_init(&ahead->mutex, NULL);
    pthread_cond_init(&ahead->wake, NULL);
}

static int write_piece(int fd, uint64_t at)
{
    static const char zeros[PIECE_BYTES];
    ssize_t len = pwrite(fd, zeros, PIECE_BYTES, (off_t)at);
    if (len != PIECE_BYTES)
        return len < 0 ? -errno : -EIO;
    int how = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    return sync_file_range(fd, (off_t)at, PIECE_BYTES, (unsigned)how) ? -errno : 0;
}

static int make(const struct ahead *ahead)
{
    AUTO_FD fd = openat(ahead->dir_fd, NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || fallocate(fd, 0, 0, (off_t)ahead->bytes))
        return -errno;
    int error = 0;
    for (uint64_t at = 0; at < ahead->bytes && !error && !ahead->stopping; at += PIECE_BYTES)
        error = write_piece(fd, at);
    return error ? error : fdatasync(fd) ? -errno : 0;
}

static bool wait_for_ask(struct ahead *ahead)
{
    GUARD(&ahead->mutex);
    while (ahead->state != AHEAD_ASKED && !ahead->stopping)
        pthread_cond_wait(&ahead->wake, &ahead->mutex);
    ahead->state = AHEAD_BEING_MADE;
    return !ahead->stopping;
}

static void *run(void *thing)
{
    struct ahead *ahead = thing;
    pthread_setname_np(pthread_self(), "ahead");
    while (wait_for_ask(ahead)) {
        int error = make(ahead);
        if (error) {
            log_debug("no file of the log ahead: %s", strerror(-error));
            unlinkat(ahead->dir_fd, NAME, 0);
        }
        GUARD(&ahead->mutex);
        ahead->state = error ? AHEAD_NONE : AHEAD_READY;
    }
    return NULL;
}

void ahead_ask(struct ahead *ahead)
{
    sigset_t all, before; /* signals are the main thread's */
    GUARD(&ahead->mutex);
    if (ahead->state != AHEAD_NONE)
        return;
    ahead->state = AHEAD_ASKED;
    pthread_cond_signal(&ahead->wake);
    if (ahead->running)
        return;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    ahead->running = !pthread_create(&ahead->thread, NULL, run, ahead);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

int ahead_take(struct ahead *ahead, const char *name)
{
    GUARD(&ahead->mutex);
    if (ahead->state != AHEAD_READY)
        return 0;
    ahead->state = AHEAD_NONE;
    return renameat(ahead->dir_fd, NAME, ahead->dir_fd, name) ? -errno : 1;
}

void ahead_done(struct ahead *ahead)
{
    pthread_mutex_lock(&ahead->mutex);
    ahead->stopping = true;
    pthread_cond_signal(&ahead->wake);
    pthread_mutex_unlock(&ahead->mutex);
    if (ahead->running)
        pthread_join(ahead->thread, NULL);
    pthread_cond_destroy(&ahead->wake);
    pthread_mutex_destroy(&ahead->mutex);
}
