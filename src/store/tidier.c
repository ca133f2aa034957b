// SPDX-License-Identifier: Apache-2.0
/*
 * One range at a time: who asks while another one waits asks again when he comes by the next time.
 * Whoever deletes very many keys side by side, a bucket or a table, is noticed by the settler,
 * which asks before anybody reads there. The thread starts with the first of them. Compacting
 * writes what it reads, so it needs room.
 */
#include "store/tidier.h"

#include "base/buf.h"
#include "base/scope.h"

#include <signal.h>
#include <stdlib.h>

#define PLACE_LEN 10          /* bytes of a key that say what it is about, and in which bucket */
#define DELETED_MANY 20000    /* keys below one place */
#define BYTES_PER_DELETED 512 /* where there is more in the range, other keys are meant */

/* RocksDB's BottommostLevelCompaction: else a table of nothing but deletions may be moved down as
 * it is, where it stays for ever. */
enum { FORCE_OPTIMIZED = 3 };

enum TIDYING { TIDYING_NOTHING, TIDYING_ASKED, TIDYING_NOW };

struct tidier {
    pthread_mutex_t mutex; /* guards all but `options` and `deleted` */
    pthread_cond_t wake;
    pthread_t thread;
    bool running, stopping;
    enum TIDYING state;
    struct buf from, to; /* the thread's while it tidies */
    rocksdb_compactoptions_t *options;
    struct {
        struct buf from, to;
        uint64_t count;
    } deleted; /* below one place; the settler's mutex guards it */
};

uint64_t tidier_met(void)
{
    rocksdb_perfcontext_t *counts = rocksdb_perfcontext_create(); /* this thread's */
    uint64_t met = rocksdb_perfcontext_metric(counts, rocksdb_internal_delete_skipped_count);
    rocksdb_perfcontext_destroy(counts);
    return met;
}

void tidier_init(struct store *store)
{
    struct tidier *tidier = store->tidier = store_alloc(sizeof *tidier);
    *tidier = (struct tidier){.options = rocksdb_compactoptions_create()};
    rocksdb_compactoptions_set_exclusive_manual_compaction(tidier->options, 0);
    rocksdb_compactoptions_set_bottommost_level_compaction(tidier->options, FORCE_OPTIMIZED);
    buf_init(&tidier->from, SIZE_MAX);
    buf_init(&tidier->to, SIZE_MAX);
    buf_init(&tidier->deleted.from, SIZE_MAX);
    buf_init(&tidier->deleted.to, SIZE_MAX);
    pthread_mutex_init(&tidier->mutex, NULL);
    pthread_cond_init(&tidier->wake, NULL);
}

/* False when it is time to stop. */
static bool wait_to_tidy(struct tidier *tidier)
{
    GUARD(&tidier->mutex);
    tidier->state = tidier->state == TIDYING_NOW ? TIDYING_NOTHING : tidier->state;
    while (tidier->state != TIDYING_ASKED && !tidier->stopping)
        pthread_cond_wait(&tidier->wake, &tidier->mutex);
    tidier->state = TIDYING_NOW;
    return !tidier->stopping;
}

static void *run(void *thing)
{
    struct store *store = thing;
    struct tidier *tidier = store->tidier;
    while (wait_to_tidy(tidier))
        rocksdb_compact_range_opt(index_of(store), tidier->options, tidier->from.at,
                                  tidier->from.len, tidier->to.at, tidier->to.len);
    return NULL;
}

/* With the mutex held. */
static void start(struct store *store)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    store->tidier->running = pthread_create(&store->tidier->thread, NULL, run, store) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void set(struct buf *buf, struct span key)
{
    buf_clear(buf);
    buf_append(buf, key);
}

bool tidier_ask(struct store *store, struct span from, struct span to)
{
    struct tidier *tidier = store->tidier;
    if (store_health(store))
        return false;
    GUARD(&tidier->mutex);
    if (tidier->state != TIDYING_NOTHING || tidier->stopping)
        return false;
    set(&tidier->from, from);
    set(&tidier->to, to);
    tidier->state = TIDYING_ASKED;
    if (!tidier->running)
        start(store);
    pthread_cond_signal(&tidier->wake);
    return true;
}

/* Whether the range has little beside what was deleted. */
static bool is_mostly_deleted(struct store *store, const struct tidier *tidier)
{
    const char *from = tidier->deleted.from.at, *to = tidier->deleted.to.at;
    uint64_t size = 0;
    char *message = NULL;
    rocksdb_approximate_sizes(index_of(store), 1, &from, &tidier->deleted.from.len, &to,
                              &tidier->deleted.to.len, &size, &message);
    if (message)
        rocksdb_free(message);
    return !message && size <= tidier->deleted.count * BYTES_PER_DELETED;
}

void tidier_deleted(struct store *store, struct span key)
{
    struct tidier *tidier = store->tidier;
    struct span from = buf_span(&tidier->deleted.from), to = buf_span(&tidier->deleted.to);
    bool known = span_eq(span_first(key, PLACE_LEN), span_first(from, PLACE_LEN));
    if (!known)
        tidier->deleted.count = 0;
    if (!known || span_compare(key, from) < 0)
        set(&tidier->deleted.from, key);
    if (!known || span_compare(key, to) > 0)
        set(&tidier->deleted.to, key);
    if (++tidier->deleted.count % DELETED_MANY)
        return;
    if (!is_mostly_deleted(store, tidier) ||
        tidier_ask(store, buf_span(&tidier->deleted.from), buf_span(&tidier->deleted.to)))
        buf_clear(&tidier->deleted.from); /* begins anew; else again with more */
}

void tidier_stop(struct store *store)
{
    struct tidier *tidier = store->tidier;
    pthread_mutex_lock(&tidier->mutex);
    tidier->stopping = true;
    pthread_cond_signal(&tidier->wake);
    bool running = tidier->running;
    pthread_mutex_unlock(&tidier->mutex);
    if (!running)
        return;
    rocksdb_disable_manual_compaction(index_of(store)); /* ends the one under way */
    pthread_join(tidier->thread, NULL);
}

void tidier_done(struct store *store)
{
    struct tidier *tidier = store->tidier;
    rocksdb_compactoptions_destroy(tidier->options);
    pthread_cond_destroy(&tidier->wake);
    pthread_mutex_destroy(&tidier->mutex);
    buf_done(&tidier->from);
    buf_done(&tidier->to);
    buf_done(&tidier->deleted.from);
    buf_done(&tidier->deleted.to);
    free(tidier);
}
