// SPDX-License-Identifier: Apache-2.0
/*
 * The thread that makes commits durable. A cycle notes the newest ticket, syncs the log, and moves
 * the mark to that ticket: whatever committed while the sync ran is the next cycle's, so commits
 * gather by themselves while the disk is busy. It sleeps when nobody wants more than the mark. A
 * failed sync is final, because the kernel may have dropped the dirty pages and a second sync would
 * succeed without them.
 */
#include "store/inside.h"

#include "base/log.h"
#include "base/scope.h"
#include "base/time.h"
#include "store/journal.h"

#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

uint64_t store_latest(const struct store *store)
{
    return atomic_load_explicit(&store->commits.latest, memory_order_acquire);
}

uint64_t store_durable(const struct store *store)
{
    return atomic_load_explicit(&store->flusher.durable, memory_order_acquire);
}

/* The flusher says that it sleeps before it looks at `wanted` for the last time, and we look
 * whether it sleeps after raising `wanted`: one of the two sees the other. */
void store_want(struct store *store, uint64_t ticket)
{
    struct flusher *flusher = &store->flusher;
    uint64_t wanted = atomic_load_explicit(&flusher->wanted, memory_order_relaxed);
    do {
        if (wanted >= ticket)
            return;
    } while (!atomic_compare_exchange_weak(&flusher->wanted, &wanted, ticket));
    if (!atomic_load(&flusher->asleep))
        return;
    GUARD(&flusher->mutex);
    pthread_cond_signal(&flusher->wake);
}

static void waiter_deliver(struct mail *mail)
{
    struct store_waiter *waiter =
        (struct store_waiter *)((char *)mail - offsetof(struct store_waiter, mail));
    __atomic_store_n(&waiter->posted, false, __ATOMIC_SEQ_CST);
    waiter->moved(waiter, store_durable(waiter->store), waiter->store->failed);
}

/* With the mutex held. One mail a waiter is under way at a time. */
static void tell(struct store *store)
{
    for (struct store_waiter *waiter = store->flusher.waiters; waiter; waiter = waiter->next)
        if (!__atomic_exchange_n(&waiter->posted, true, __ATOMIC_SEQ_CST))
            loop_post(waiter->loop, &waiter->mail);
    pthread_cond_broadcast(&store->flusher.moved);
}

void store_add_waiter(struct store *store, struct store_waiter *waiter)
{
    GUARD(&store->flusher.mutex);
    waiter->store = store;
    waiter->mail = (struct mail){.deliver = waiter_deliver};
    waiter->posted = false;
    waiter->next = store->flusher.waiters;
    store->flusher.waiters = waiter;
}

void store_add_companion(struct store *store, struct store_companion *companion)
{
    GUARD(&store->flusher.mutex);
    companion->next = store->flusher.companions;
    store->flusher.companions = companion;
}

void store_fail(struct store *store, int error)
{
    int none = 0;
    if (!atomic_compare_exchange_strong(&store->failed, &none, error))
        return;
    GUARD(&store->flusher.mutex);
    tell(store);
    pthread_cond_broadcast(&store->commits.settled_more);
}

int store_wait(struct store *store, uint64_t ticket)
{
    store_want(store, ticket);
    GUARD(&store->flusher.mutex);
    while (store_durable(store) < ticket && !store->failed)
        pthread_cond_wait(&store->flusher.moved, &store->flusher.mutex);
    return store_durable(store) >= ticket ? 0 : store->failed;
}

static void after_push(struct after_list *list, struct after_durable after)
{
    if (list->count == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 16;
        list->at = store_grow(list->at, list->cap * sizeof *list->at);
    }
    list->at[list->count++] = after;
}

void flusher_after(struct store *store, uint64_t ticket, struct after_list *list)
{
    GUARD(&store->flusher.mutex);
    for (size_t i = 0; i < list->count; i++) {
        list->at[i].ticket = ticket;
        after_push(&store->flusher.after, list->at[i]);
    }
    list->count = 0;
    pthread_cond_signal(&store->flusher.wake);
}

/* With the mutex held: moves what is durable to `due`, keeping the order. */
static void after_take_due(struct flusher *flusher, uint64_t durable)
{
    size_t kept = 0;
    for (size_t i = 0; i < flusher->after.count; i++)
        if (flusher->after.at[i].ticket <= durable)
            after_push(&flusher->due, flusher->after.at[i]);
        else
            flusher->after.at[kept++] = flusher->after.at[i];
    flusher->after.count = kept;
}

static void after_run_due(struct flusher *flusher)
{
    for (size_t i = 0; i < flusher->due.count; i++)
        flusher->due.at[i].fn(flusher->due.at[i].thing);
    flusher->due.count = 0;
}

/* Writes and syncs what was committed up to `end`. */
static int write_log(struct store *store, const struct place *end)
{
    struct place at = store->commits.written;
    struct span piece;
    while (commits_next(&at, end, &piece)) {
        int error = journal_append(store->journal, piece);
        if (error)
            return error;
    }
    int error = journal_sync(store->journal);
    if (store->flusher.extra_sync_us > 0)
        usleep((useconds_t)store->flusher.extra_sync_us);
    return error;
}

struct store_companion *flusher_companions(struct store *store)
{
    GUARD(&store->flusher.mutex);
    return store->flusher.companions;
}

static int make_durable(struct store *store, const struct place *end)
{
    int64_t began = clock_measure_us();
    struct store_companion *first = flusher_companions(store), *companion;
    for (companion = first; companion; companion = companion->next)
        companion->begin(companion);
    int error = write_log(store, end);
    for (companion = first; companion; companion = companion->next) {
        int theirs = companion->finish(companion);
        error = error ? error : theirs;
    }
    uint64_t took = (uint64_t)(clock_measure_us() - began);
    atomic_fetch_add_explicit(&store->syncs, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&store->sync_us_total, took, memory_order_relaxed);
    if (took > atomic_load_explicit(&store->sync_us_max, memory_order_relaxed))
        atomic_store_explicit(&store->sync_us_max, took, memory_order_relaxed);
    if (error)
        return error;
    directory_note_durable(store, end->ticket);
    commits_pass(&store->commits, &store->commits.written, end);
    return 0;
}

static void cycle(struct store *store)
{
    struct flusher *flusher = &store->flusher;
    struct place end = commits_end(&store->commits);
    bool moves = end.ticket > store_durable(store);
    if (moves) {
        int error = make_durable(store, &end);
        if (error) {
            log_debug("syncing the log failed: %s", strerror(-error));
            store_fail(store, -EIO);
            return;
        }
    }
    space_look(store);
    pthread_mutex_lock(&flusher->mutex);
    atomic_store_explicit(&flusher->durable, end.ticket, memory_order_release);
    after_take_due(flusher, end.ticket);
    if (moves)
        tell(store);
    pthread_mutex_unlock(&flusher->mutex);
    after_run_due(flusher);
}

/* More is wanted than is durable (and there is more), or functions wait. With the mutex held. */
static bool has_work(struct store *store)
{
    struct flusher *flusher = &store->flusher;
    uint64_t durable = store_durable(store);
    if (store->failed)
        return false;
    return flusher->after.count ||
           (atomic_load(&flusher->wanted) > durable && store_latest(store) > durable);
}

/* A full disk is looked at again and again, so that writes come back by themselves. */
static void sleep_on(struct store *store)
{
    struct flusher *flusher = &store->flusher;
    if (atomic_load_explicit(&store->space.level, memory_order_relaxed) == SPACE_ENOUGH) {
        pthread_cond_wait(&flusher->wake, &flusher->mutex);
        return;
    }
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += SPACE_LOOK_US * 1000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&flusher->wake, &flusher->mutex, &until);
    space_look(store);
}

/* False: stop, nothing is left to do. */
static bool next_cycle(struct store *store)
{
    struct flusher *flusher = &store->flusher;
    GUARD(&flusher->mutex);
    atomic_store(&flusher->asleep, true);
    while (!has_work(store) && !flusher->stopping)
        sleep_on(store);
    atomic_store(&flusher->asleep, false);
    return has_work(store);
}

static void *run(void *thing)
{
    struct store *store = thing;
    pthread_setname_np(pthread_self(), "flusher");
    while (next_cycle(store))
        cycle(store);
    return NULL;
}

int flusher_start(struct store *store, int64_t extra_sync_us)
{
    struct flusher *flusher = &store->flusher;
    flusher->extra_sync_us = extra_sync_us;
    atomic_store(&flusher->durable, store_latest(store));
    pthread_mutex_init(&flusher->mutex, NULL);
    pthread_cond_init(&flusher->wake, NULL);
    pthread_cond_init(&flusher->moved, NULL);
    sigset_t all, before; /* signals are the main thread's */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&flusher->thread, NULL, run, store);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -error;
}

void flusher_stop(struct store *store)
{
    struct flusher *flusher = &store->flusher;
    store_want(store, store_latest(store));
    pthread_mutex_lock(&flusher->mutex);
    flusher->stopping = true;
    pthread_cond_signal(&flusher->wake);
    pthread_mutex_unlock(&flusher->mutex);
    pthread_join(flusher->thread, NULL);
    free(flusher->after.at);
    free(flusher->due.at);
    pthread_cond_destroy(&flusher->wake);
    pthread_cond_destroy(&flusher->moved);
    pthread_mutex_destroy(&flusher->mutex);
}
