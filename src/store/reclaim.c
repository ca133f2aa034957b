// SPDX-License-Identifier: Apache-2.0
/*
 * Frees extents whose last reference is durably gone, on a thread of its own that starts with the
 * first of them. Before, it waits until the transactions open at that moment have ended: one of
 * them may have read the old record and be about to pin. After that a pin says who is still
 * reading; pinned extents are tried again later.
 */
#include "store/segments.h"

#include "base/log.h"
#include "base/scope.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#define RETRY_MS 50

void reclaim_add(struct dead_list *list, const struct extent *extent)
{
    if (list->count == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 16;
        list->at = store_grow(list->at, list->cap * sizeof *list->at);
    }
    list->at[list->count++] = *extent;
}

static uint64_t pin_key(const struct extent *extent)
{
    return (uint64_t)extent->segment << 18 | extent->offset / EXTENT_ALIGN;
}

static struct pin_stripe *stripe_of(struct store *store, uint64_t key)
{
    return &store->segments->pins[(key * 0x9e3779b97f4a7c15ULL) >> 56];
}

static struct pin *pin_find(struct pin_stripe *stripe, uint64_t key)
{
    for (uint32_t i = 0; i < stripe->count; i++)
        if (stripe->at[i].key == key)
            return &stripe->at[i];
    return NULL;
}

static void pin_one(struct store *store, const struct extent *extent)
{
    uint64_t key = pin_key(extent);
    struct pin_stripe *stripe = stripe_of(store, key);
    GUARD(&stripe->mutex);
    struct pin *pin = pin_find(stripe, key);
    if (pin) {
        pin->count++;
        return;
    }
    if (stripe->count == stripe->cap) {
        stripe->cap = stripe->cap ? stripe->cap * 2 : 4;
        stripe->at = store_grow(stripe->at, stripe->cap * sizeof *stripe->at);
    }
    stripe->at[stripe->count++] = (struct pin){key, 1};
}

static void unpin_one(struct store *store, const struct extent *extent)
{
    uint64_t key = pin_key(extent);
    struct pin_stripe *stripe = stripe_of(store, key);
    GUARD(&stripe->mutex);
    struct pin *pin = pin_find(stripe, key);
    if (!pin)
        log_fatal("an extent is unpinned that was not pinned");
    if (--pin->count == 0)
        *pin = stripe->at[--stripe->count];
}

void extent_pin(struct store *store, const struct extent *extents, size_t count)
{
    for (size_t i = 0; i < count; i++)
        pin_one(store, &extents[i]);
}

void extent_unpin(struct store *store, const struct extent *extents, size_t count)
{
    for (size_t i = 0; i < count; i++)
        unpin_one(store, &extents[i]);
}

bool extent_is_pinned(struct store *store, const struct extent *extent)
{
    uint64_t key = pin_key(extent);
    struct pin_stripe *stripe = stripe_of(store, key);
    GUARD(&stripe->mutex);
    return pin_find(stripe, key) != NULL;
}

/* Frees what nobody reads; the rest stays in the list. */
static void free_unpinned(struct store *store, struct dead_list *list)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++)
        if (extent_is_pinned(store, &list->at[i]))
            list->at[kept++] = list->at[i];
        else
            segments_free(store, &list->at[i]);
    list->count = kept;
}

static void wait_a_while(struct segments *segments)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += RETRY_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&segments->dead_wake, &segments->dead_mutex, &until);
}

/* Moves what is new to `mine`; false when the thread is to end and nothing new is there. */
static bool take_new(struct segments *segments, struct dead_list *mine)
{
    GUARD(&segments->dead_mutex);
    while (!segments->dead.count && !segments->stopping && !mine->count)
        pthread_cond_wait(&segments->dead_wake, &segments->dead_mutex);
    if (!segments->dead.count && !segments->stopping)
        wait_a_while(segments); /* for pins to go */
    bool more = segments->dead.count > 0;
    for (size_t i = 0; i < segments->dead.count; i++)
        reclaim_add(mine, &segments->dead.at[i]);
    segments->dead.count = 0;
    return more || !segments->stopping;
}

static void *run(void *thing)
{
    struct store *store = thing;
    struct dead_list mine = {0};
    while (take_new(store->segments, &mine)) {
        readers_wait(store);
        free_unpinned(store, &mine);
    }
    free(mine.at);
    return NULL;
}

/* With the mutex held. */
static void start(struct store *store)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    store->segments->reclaiming =
        pthread_create(&store->segments->reclaimer, NULL, run, store) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void reclaim_later(struct store *store, const struct extent *extents, size_t count)
{
    struct segments *segments = store->segments;
    GUARD(&segments->dead_mutex);
    for (size_t i = 0; i < count; i++)
        reclaim_add(&segments->dead, &extents[i]);
    if (!segments->reclaiming && !segments->stopping)
        start(store);
    pthread_cond_signal(&segments->dead_wake);
}

void reclaim_stop(struct store *store)
{
    struct segments *segments = store->segments;
    pthread_mutex_lock(&segments->dead_mutex);
    segments->stopping = true;
    pthread_cond_signal(&segments->dead_wake);
    bool running = segments->reclaiming;
    pthread_mutex_unlock(&segments->dead_mutex);
    if (running)
        pthread_join(segments->reclaimer, NULL);
}
