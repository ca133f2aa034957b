// SPDX-License-Identifier: Apache-2.0
/*
 * One thread goes through the extents in the order in which they lie. It notes a few at a time in a
 * short transaction, pins them, and reads them when that has ended, so it holds nothing up. It
 * sleeps between reads to keep below its rate, and long between passes; who asks for a pass at once
 * gets it without pauses.
 */
#include "store/scrub.h"

#include "base/log.h"
#include "base/scope.h"
#include "base/time.h"
#include "store/key.h"
#include "store/segments.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH 32
#define BYTES_PER_SECOND (20LL << 20)
#define REST_MS (6 * HOUR_MS) /* between passes, and before the first */

struct pass {
    struct store *store;
    struct key next; /* where the next batch begins */
    struct extent extents[BATCH];
    size_t count;
    char *bytes;
};

/* True when it is time to stop altogether. Sleeps so long, or until somebody is in a hurry. */
static bool pause_for(struct scrubber *scrubber, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    GUARD(&scrubber->mutex);
    int error = 0;
    while (!scrubber->stopping && !scrubber->hurried && !error)
        error = pthread_cond_timedwait(&scrubber->wake, &scrubber->mutex, &until);
    return scrubber->stopping;
}

/* Notes and pins the next extents; false when there are none, or they cannot be read. */
static bool next_batch(struct pass *pass)
{
    struct key head;
    key_begin(&head, EXTENT_KEYSPACE);
    struct txn *txn = txn_begin(pass->store);
    struct cursor *cursor = cursor_open(txn, FAMILY_OBJECTS, key_span(&head));
    pass->count = 0;
    for (bool here = cursor_seek(cursor, key_span(&pass->next)); here && pass->count < BATCH;
         here = cursor_next(cursor)) {
        struct span key = cursor_key(cursor);
        pass->next.len = key.len;
        memcpy(pass->next.bytes, key.at, key.len);
        if (extent_record_read(key, cursor_value(cursor), &pass->extents[pass->count]))
            pass->count++;
    }
    key_raw(&pass->next, span_of("", 1)); /* just behind the last one */
    int error = cursor_error(cursor);
    if (error)
        log_error("the extents cannot be listed: %s", strerror(-error));
    cursor_close(cursor);
    extent_pin(pass->store, pass->extents, pass->count);
    txn_rollback(txn);
    return pass->count > 0;
}

static void check_extent(struct pass *pass, const struct extent *extent)
{
    struct scrubber *scrubber = pass->store->scrubber;
    int fd = extent_open(pass->store, extent->segment);
    if (fd >= 0) /* what is in memory says nothing about the disk */
        posix_fadvise(fd, (off_t)extent->offset, extent->len, POSIX_FADV_DONTNEED);
    int error = fd < 0 ? fd : extent_read(pass->store, extent, pass->bytes);
    atomic_fetch_add(&scrubber->bytes, extent->len);
    if (!error)
        return;
    atomic_fetch_add(&scrubber->damaged, 1);
    log_error("stored bytes are damaged: %u bytes at %llu of segment %u (%s)", extent->len,
              (unsigned long long)extent->offset, extent->segment, strerror(-error));
}

/* True when it is time to stop altogether. */
static bool check_batch(struct pass *pass)
{
    bool stop = false;
    for (size_t i = 0; i < pass->count && !stop; i++) {
        check_extent(pass, &pass->extents[i]);
        stop = pause_for(pass->store->scrubber,
                         (int64_t)pass->extents[i].len * 1000 / BYTES_PER_SECOND);
    }
    extent_unpin(pass->store, pass->extents, pass->count);
    return stop;
}

/* True when it is time to stop altogether. */
static bool run_pass(struct store *store)
{
    struct scrubber *scrubber = store->scrubber;
    struct pass pass = {.store = store, .bytes = store_alloc(EXTENT_STORED_MAX)};
    key_begin(&pass.next, EXTENT_KEYSPACE);
    atomic_store(&scrubber->damaged, 0);
    bool stop = false;
    while (!stop && next_batch(&pass))
        stop = check_batch(&pass);
    free(pass.bytes);
    return stop;
}

static bool is_hurried(struct scrubber *scrubber)
{
    GUARD(&scrubber->mutex);
    return scrubber->hurried;
}

static void *run(void *thing)
{
    struct store *store = thing;
    struct scrubber *scrubber = store->scrubber;
    while (!pause_for(scrubber, REST_MS)) {
        bool hurried = is_hurried(scrubber);
        if (run_pass(store))
            break;
        GUARD(&scrubber->mutex);
        scrubber->hurried &= !hurried; /* a wish that came meanwhile is for another pass */
        atomic_fetch_add(&scrubber->passes, 1);
    }
    return NULL;
}

int scrub_start(struct store *store)
{
    sigset_t all, before;
    struct scrubber *scrubber = store->scrubber = store_alloc(sizeof *scrubber);
    memset(scrubber, 0, sizeof *scrubber);
    pthread_mutex_init(&scrubber->mutex, NULL);
    pthread_cond_init(&scrubber->wake, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&scrubber->thread, NULL, run, store);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    scrubber->running = error == 0;
    return -error;
}

static void wake(struct scrubber *scrubber, bool *what)
{
    GUARD(&scrubber->mutex);
    *what = true;
    pthread_cond_signal(&scrubber->wake);
}

void store_scrub_now(struct store *store)
{
    wake(store->scrubber, &store->scrubber->hurried);
}

void scrub_stop(struct store *store)
{
    struct scrubber *scrubber = store->scrubber;
    if (!scrubber)
        return;
    wake(scrubber, &scrubber->stopping);
    if (scrubber->running)
        pthread_join(scrubber->thread, NULL);
    pthread_cond_destroy(&scrubber->wake);
    pthread_mutex_destroy(&scrubber->mutex);
    free(TAKE(store->scrubber));
}
