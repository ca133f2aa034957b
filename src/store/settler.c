// SPDX-License-Identifier: Apache-2.0
/*
 * RocksDB runs without its own log: what it loses in a crash is in ours, from the ticket on that it
 * remembers. Of several writes of a key in one batch only the newest is applied. An entry leaves
 * the table of recent writes after its batch was applied, so a reader finds it in one of the two.
 * One settling at a time; the thread also makes room in the log. What commits carry for companions
 * passes by RocksDB, so a start reads the log again from where their files were synced.
 */
#include "store/settler.h"

#include "base/log.h"
#include "base/scope.h"
#include "store/journal.h"
#include "store/key.h"
#include "store/recent.h"
#include "store/tidier.h"

#include <endian.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define ALERT_MS 20                     /* a little is settled after this time */
#define CALM_MS 100                     /* the same, where nobody waits for it */
#define ALERT_ROUNDS 50                 /* of ALERT_MS at least */
#define CHECKPOINT_BYTES (128ULL << 20) /* of log; then RocksDB's memory goes to tables */

void settler_add(struct settler_batch *batch, const struct write_parts *written)
{
    if (written->deleted)
        rocksdb_writebatch_delete(batch->batch, written->key.at, written->key.len);
    else
        rocksdb_writebatch_put(batch->batch, written->key.at, written->key.len, written->value.at,
                               written->value.len);
}

int settler_apply(struct store *store, struct settler_batch *batch, uint64_t applied)
{
    uint64_t ticket = htobe64(applied);
    char *message = NULL;
    int error = index_make(store);
    if (error)
        return error;
    rocksdb_writebatch_put(batch->batch, APPLIED_KEY.at, APPLIED_KEY.len, (const char *)&ticket,
                           sizeof ticket);
    rocksdb_write(index_of(store), store->write_options, batch->batch, &message);
    rocksdb_writebatch_clear(batch->batch);
    return message ? store_error(message) : 0;
}

/* A write that a later one of this batch covers is passed over; one that is covered only by a
 * transaction behind the batch is not, since that one may not survive a crash. */
static void take(struct settler *settler, const char *write, const struct write_parts *parts)
{
    if (write_is_carried(write))
        return;
    uint64_t hash = span_hash(parts->key);
    struct recent_write newest = recent_newest(settler->recent, hash, write);
    if (newest.write != write && newest.ticket <= settler->batch.ticket)
        return;
    if (settler->count == settler->cap) {
        settler->cap = settler->cap ? settler->cap * 2 : 256;
        settler->taken = store_grow(settler->taken, settler->cap * sizeof *settler->taken);
    }
    settler->taken[settler->count] = (struct taken){settler->count, write, hash, *parts};
    settler->count++;
}

static void take_piece(struct settler *settler, struct span piece)
{
    for (const char *at = piece.at; at < piece.at + piece.len;) {
        struct record_head head = record_head_at(at);
        const char *end = at + sizeof head + head.body_len;
        for (at += sizeof head; at < end;) {
            struct write_parts written = write_at(at);
            take(settler, at, &written);
            at = written.end;
        }
    }
}

static void take_to(struct store *store, const struct place *end)
{
    struct place at = store->commits.settled;
    struct span piece;
    store->settler.count = 0;
    while (commits_next(&at, end, &piece))
        take_piece(&store->settler, piece);
}

static int taken_compare(const void *a, const void *b)
{
    const struct taken *left = a, *right = b;
    int order = span_compare(left->parts.key, right->parts.key);
    return order ? order : (left->order > right->order) - (left->order < right->order);
}

/* In order of keys: RocksDB's memory finds a place near the last one quickly. */
static void add_taken(struct settler *settler)
{
    if (settler->count)
        qsort(settler->taken, settler->count, sizeof *settler->taken, taken_compare);
    for (size_t i = 0; i < settler->count; i++)
        settler_add(&settler->batch, &settler->taken[i].parts);
}

/* What was passed over is not the newest write of its key, so the table of recent writes does not
 * point to it. */
static void let_go(struct store *store)
{
    struct settler *settler = &store->settler;
    for (size_t i = 0; i < settler->count; i++) {
        const struct taken *taken = &settler->taken[i];
        recent_settled(settler->recent, taken->hash, taken->write);
        if (taken->parts.deleted)
            tidier_deleted(store, taken->parts.key);
    }
}

static void count_settled(struct store *store, size_t bytes)
{
    GUARD(&store->commits.mutex);
    store->commits.unsettled -= bytes;
    pthread_cond_broadcast(&store->commits.settled_more);
}

/* The ticket up to which nothing of the log is needed once RocksDB has it up to `settled`. */
static uint64_t applied_of(struct store *store, uint64_t settled)
{
    uint64_t kept = store->settler.kept;
    GUARD(&store->commits.mutex);
    return store->commits.carried <= kept || settled <= kept ? settled : kept;
}

/* The place behind a batch, which `end` ends at the latest; its bytes. */
static size_t batch_end(struct store *store, const struct place *end, struct place *ret)
{
    struct span piece;
    size_t bytes = 0;
    *ret = store->commits.settled;
    while (bytes < SETTLE_BYTES && commits_next(ret, end, &piece))
        bytes += piece.len;
    return bytes;
}

/* ---- its turn on the processors ----------------------------------------------------------------
 */

static void run_as(pid_t thread, int policy)
{
    if (sched_setscheduler(thread, policy, &(struct sched_param){0}))
        log_debug("the settler's scheduling stays: %s", strerror(errno));
}

/* Whoever may take a better place than it has may also come back from a worse one. A policy that
 * the operator chose is left alone. */
static bool may_come_back(void)
{
    int nice = getpriority(PRIO_PROCESS, 0);
    return sched_getscheduler(0) == SCHED_OTHER && setpriority(PRIO_PROCESS, 0, nice - 1) == 0 &&
           setpriority(PRIO_PROCESS, 0, nice) == 0;
}

void settler_hurry(struct store *store)
{
    if (atomic_exchange(&store->settler.behind, false))
        run_as(atomic_load(&store->settler.id), SCHED_OTHER);
}

/* While nobody waits for the thread, requests go first: a batch is milliseconds of work, and a loop
 * that wakes up meanwhile would wait for the next tick. Who needs it is alert before it hurries. */
static void fall_behind(struct store *store)
{
    struct settler *settler = &store->settler;
    if (atomic_load(&settler->id) != gettid() || atomic_load(&settler->alert) > 0)
        return;
    run_as(0, SCHED_IDLE);
    atomic_store(&settler->behind, true);
    if (atomic_load(&settler->alert) > 0)
        settler_hurry(store);
}

/* A key that is written again and again goes to RocksDB once a batch. The settler's mutex is held.
 */
static int settle_batch(struct store *store, const struct place *end, size_t bytes)
{
    struct settler *settler = &store->settler;
    settler->batch.ticket = end->ticket;
    take_to(store, end);
    add_taken(settler);
    uint64_t applied = applied_of(store, end->ticket);
    fall_behind(store);
    int error = settler_apply(store, &settler->batch, applied);
    settler_hurry(store);
    if (error) {
        store_fail(store, -EIO);
        return error;
    }
    let_go(store);
    commits_pass(&store->commits, &store->commits.settled, end);
    count_settled(store, bytes);
    return 0;
}

static int settle_to(struct store *store, const struct place *end)
{
    struct place batch;
    size_t bytes;
    int error = 0;
    while (!error && (bytes = batch_end(store, end, &batch)))
        error = settle_batch(store, &batch, bytes);
    return error;
}

static int settle(struct store *store)
{
    GUARD(&store->settler.mutex);
    struct place end = commits_end(&store->commits);
    return settle_to(store, &end);
}

int settler_settle(struct store *store, enum FAMILY family)
{
    if (!recent_unsettled(store->recent, family))
        return 0;
    atomic_store(&store->settler.alert, ALERT_ROUNDS);
    settler_hurry(store);
    return settle(store);
}

/* What was carried so far comes to the companions' files; readers need not wait for that. */
static int keep_carried(struct store *store, uint64_t *ret_applied)
{
    struct settler *settler = &store->settler;
    int error = 0;
    pthread_mutex_lock(&settler->mutex);
    *ret_applied = store->commits.settled.ticket;
    bool kept = applied_of(store, *ret_applied) == *ret_applied;
    pthread_mutex_unlock(&settler->mutex);
    if (kept)
        return 0;
    for (struct store_companion *it = flusher_companions(store); it && !error; it = it->next)
        error = it->settle(it);
    if (error)
        return error;
    GUARD(&settler->mutex);
    settler->kept = *ret_applied;
    return settler_apply(store, &settler->batch, applied_of(store, store->commits.settled.ticket));
}

/* What RocksDB has in memory goes to tables, then the log needs nothing before that any more. */
static int checkpoint(struct store *store)
{
    char *message = NULL;
    uint64_t applied;
    int error = keep_carried(store, &applied);
    if (error)
        return error;
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
    rocksdb_flush(index_of(store), options, &message);
    rocksdb_flushoptions_destroy(options);
    if (message)
        return store_error(message);
    journal_forget(store->journal, applied);
    return 0;
}

void settler_wake(struct store *store)
{
    pthread_cond_signal(&store->settler.wake);
}

static struct timespec after_ms(int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += ms * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    return until;
}

/* Whoever looks at a range waits for what is not settled, so there should be little while ranges
 * are looked at. When they are not, more gathers, and a key that is written often goes to RocksDB
 * less often. */
static int64_t next_round_ms(struct settler *settler)
{
    if (atomic_load_explicit(&settler->alert, memory_order_relaxed) <= 0)
        return CALM_MS;
    atomic_fetch_sub_explicit(&settler->alert, 1, memory_order_relaxed);
    return ALERT_MS;
}

/* Until there is much to do, or something for a while. False: the end. */
static bool wait_for_commits(struct store *store)
{
    struct commits *commits = &store->commits;
    struct settler *settler = &store->settler;
    GUARD(&commits->mutex);
    while (commits->unsettled == 0 && !settler->stopping)
        pthread_cond_wait(&settler->wake, &commits->mutex);
    struct timespec until = after_ms(next_round_ms(settler));
    while (commits->unsettled < SETTLE_BYTES && !settler->stopping &&
           pthread_cond_timedwait(&settler->wake, &commits->mutex, &until) != ETIMEDOUT)
        ;
    return !settler->stopping;
}

static void *run(void *thing)
{
    struct store *store = thing;
    pthread_setname_np(pthread_self(), "settler");
    rocksdb_set_perf_level(rocksdb_disable); /* its counters, which nobody reads, cost a tenth */
    if (may_come_back())
        atomic_store(&store->settler.id, gettid());
    while (wait_for_commits(store) && !atomic_load(&store->failed)) {
        int error = settle(store);
        if (!error && journal_bytes(store->journal) >= CHECKPOINT_BYTES)
            error = checkpoint(store);
        if (error)
            store_fail(store, -EIO);
    }
    return NULL;
}

int settler_start(struct store *store)
{
    struct settler *settler = &store->settler;
    pthread_mutex_init(&settler->mutex, NULL);
    pthread_cond_init(&settler->wake, NULL);
    settler->recent = store->recent;
    settler->batch.batch = rocksdb_writebatch_create();
    sigset_t all, before; /* signals are the main thread's */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&settler->thread, NULL, run, store);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -error;
}

void settler_stop(struct store *store)
{
    struct settler *settler = &store->settler;
    pthread_mutex_lock(&store->commits.mutex);
    settler->stopping = true;
    pthread_cond_signal(&settler->wake);
    pthread_mutex_unlock(&store->commits.mutex);
    settler_hurry(store);
    pthread_join(settler->thread, NULL);
    uint64_t applied;
    if (!atomic_load(&store->failed) && (settle(store) || keep_carried(store, &applied)))
        log_debug("what was committed last is in the log only");
    rocksdb_writebatch_destroy(settler->batch.batch);
    free(settler->taken);
    pthread_mutex_destroy(&settler->mutex);
    pthread_cond_destroy(&settler->wake);
}
