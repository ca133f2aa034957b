// SPDX-License-Identifier: Apache-2.0
/*
 * What gives space back: segments whose newest record is too old, and all of dropped streams. One
 * job at a time on a worker, each lane in a transaction of its own; files go once that is durable,
 * so a crash leaves files without an index at worst, which the next start removes. Starts by
 * itself every minute, and when a stream changed. Key invariant: the lane's `append` is held while
 * its newest segment is dropped.
 */
#include "engines/log/inside.h"

#include "base/log.h"
#include "base/scope.h"
#include "base/time.h"
#include "engines/log/log.records.h"
#include "store/folder.h"
#include "store/key.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

#define EVERY_MS 60000
#define FULL_QUEUE_MS 50
#define SEGMENTS_AT_ONCE 256
#define ARENA_FIRST 65536
#define ARENA_CEILING (64 << 20)

static void remove_file(struct log *log, uint64_t lane, uint64_t base)
{
    char name[SEGMENT_NAME_SIZE];
    segment_name(lane, base, name);
    if (unlinkat(log->dir_fd, name, 0) && errno != ENOENT)
        log_debug("%s stays until the next start: %s", name, strerror(errno));
}

/* The segments of a lane, oldest first. */
struct segments {
    struct {
        uint64_t base;
        struct period period;
    } at[SEGMENTS_AT_ONCE];
    size_t count;
};

static int list_segments(struct txn *txn, uint64_t lane, struct segments *list)
{
    struct key prefix;
    lane_key(KEYSPACE_SEGMENT, lane, &prefix);
    list->count = 0;
    struct cursor *cursor = cursor_open(txn, FAMILY_LOGS, key_span(&prefix));
    for (bool more = cursor_first(cursor); more && list->count < SEGMENTS_AT_ONCE;
         more = cursor_next(cursor)) {
        struct span key = span_from(cursor_key(cursor), prefix.len);
        if (!key_read_u64(&key, &list->at[list->count].base) ||
            cursor_value(cursor).len != sizeof(struct period))
            continue;
        memcpy(&list->at[list->count++].period, cursor_value(cursor).at, sizeof(struct period));
    }
    int error = cursor_error(cursor);
    cursor_close(cursor);
    return error;
}

/* ---- old segments ---------------------------------------------------------------------------- */

struct trimming {
    struct log *log;
    struct txn *txn;
    struct arena *arena;
    struct lane *lane;
    int64_t horizon_ms;
    struct segments segments;
    size_t going; /* of them */
};

/* With `append` held. The newest segment goes too when all of it is too old. */
static int forget_old(struct trimming *trimming, struct tail *tail)
{
    struct segments *list = &trimming->segments;
    int error = list_segments(trimming->txn, trimming->lane->id, list);
    while (!error && trimming->going + 1 < list->count &&
           list->at[trimming->going].period.last_ms < trimming->horizon_ms)
        trimming->going++;
    bool all = !error && trimming->going + 1 == list->count &&
               list->at[trimming->going].base == tail->base && tail->last_ms < trimming->horizon_ms;
    trimming->going += all;
    if (error || !trimming->going)
        return error;
    if (all) {
        tail->base = tail->next;
        tail->end = 0;
        tail->synced_base = tail->base;
        tail->synced_end = 0;
        tail->synced_next = tail->next;
    }
    uint64_t to = all ? tail->next : list->at[trimming->going].base;
    lane_put_tail(trimming->txn, trimming->lane->id, tail);
    return index_forget(trimming->txn, trimming->arena, trimming->lane->id, 0, to);
}

/* Whether a start could do without the older segments: it looks behind the last sync. */
static bool is_synced(const struct tail *tail)
{
    return tail->synced_base == tail->base;
}

static int commit(struct log *log, struct txn *txn, int error)
{
    uint64_t ticket;
    if (error < 0) {
        txn_rollback(txn);
        return error;
    }
    error = txn_commit(txn, &ticket);
    return error < 0 ? error : store_wait(log->options.store, ticket);
}

static void replace_tail(struct lane *lane, const struct tail *tail)
{
    if (tail->end || !lane->segment)
        return;
    segment_retire(TAKE(lane->segment), lane->tail.end);
    GUARD(&lane->mutex);
    lane->tail = *tail;
}

static int trim_lane(struct log *log, struct arena *arena, struct lane *lane, int64_t horizon_ms)
{
    struct tail tail = lane_tail(lane);
    if (!tail.end || !is_synced(&tail))
        return 0;
    struct trimming *trimming = ARENA_NEW(arena, struct trimming);
    *trimming = (struct trimming){.log = log,
                                  .txn = txn_begin(log->options.store),
                                  .arena = arena,
                                  .lane = lane,
                                  .horizon_ms = horizon_ms};
    GUARD(&lane->append);
    tail = lane_tail(lane);
    int error = is_synced(&tail) ? forget_old(trimming, &tail) : 0;
    size_t going = error ? 0 : trimming->going;
    error = commit(log, trimming->txn, error);
    if (error < 0 || !going)
        return error;
    replace_tail(lane, &tail);
    for (size_t i = 0; i < going; i++)
        remove_file(log, lane->id, trimming->segments.at[i].base);
    return 0;
}

static int trim_streams(struct log *log, struct arena *arena)
{
    size_t count;
    int error = 0;
    struct log_stream **streams = stream_all(log, arena, &count);
    for (size_t i = 0; i < count; i++) {
        int64_t horizon_ms = log_horizon(streams[i], clock_now_ms());
        for (size_t j = 0; j < streams[i]->count && !error; j++) {
            struct arena_mark mark = arena_mark(arena);
            error = trim_lane(log, arena, streams[i]->running[j], horizon_ms);
            arena_rewind(arena, mark);
        }
        stream_unref(streams[i]);
    }
    return error;
}

/* ---- dropped streams ------------------------------------------------------------------------- */

static int take_first(void *user, struct log_dropped *dropped)
{
    *(struct log_dropped *)user = *dropped;
    return 1;
}

static int forget_lane(struct log *log, struct arena *arena, uint64_t lane)
{
    struct key key;
    struct segments *list = ARENA_NEW(arena, struct segments);
    do {
        struct txn *txn = txn_begin(log->options.store);
        int error = list_segments(txn, lane, list);
        if (!error)
            error = index_forget(txn, arena, lane, 0, UINT64_MAX);
        lane_key(KEYSPACE_TAIL, lane, &key);
        txn_delete(txn, FAMILY_LOGS, key_span(&key));
        error = commit(log, txn, error);
        if (error < 0)
            return error;
        for (size_t i = 0; i < list->count; i++)
            remove_file(log, lane, list->at[i].base);
    } while (list->count == SEGMENTS_AT_ONCE);
    return 0;
}

/* 1 when there was one. */
static int drop_one(struct log *log, struct arena *arena)
{
    struct log_dropped dropped = {0};
    struct txn *txn = txn_begin(log->options.store);
    int error = log_dropped_each(txn, &(struct log_dropped){0}, 0, arena, take_first, &dropped);
    txn_rollback(txn);
    if (error < 0 || !dropped.here)
        return error;
    for (uint64_t i = 0; i < dropped.lanes; i++) {
        struct arena_mark mark = arena_mark(arena);
        error = forget_lane(log, arena, dropped.id << 32 | i);
        arena_rewind(arena, mark);
        if (error < 0)
            return error;
    }
    txn = txn_begin(log->options.store);
    log_dropped_delete(txn, &dropped);
    error = commit(log, txn, 0);
    return error < 0 ? error : 1;
}

/* ---- files without an index ------------------------------------------------------------------ */

static bool is_indexed(struct txn *txn, struct arena *arena, uint64_t lane, uint64_t base)
{
    struct key key;
    struct span ignored;
    lane_key(KEYSPACE_SEGMENT, lane, &key);
    key_u64(&key, base);
    return txn_get(txn, FAMILY_LOGS, key_span(&key), arena, &ignored) != -ENOENT;
}

int trim_orphans(struct log *log, struct txn *txn, struct arena *arena)
{
    uint64_t lane, base;
    DIR *dir = folder_open(log->dir_fd, ".");
    if (!dir)
        return -errno;
    for (struct dirent *entry; (entry = readdir(dir));)
        if (segment_name_read(span_of_cstr(entry->d_name), &lane, &base) &&
            !is_indexed(txn, arena, lane, base))
            remove_file(log, lane, base);
    closedir(dir);
    return 0;
}

/* ---- the job --------------------------------------------------------------------------------- */

static void run(struct job *job)
{
    struct log *log = (struct log *)((char *)job - offsetof(struct log, job));
    struct arena arena;
    int error;
    arena_init(&arena, ARENA_FIRST, ARENA_CEILING);
    do
        error = drop_one(log, &arena);
    while (error == 1);
    if (error >= 0)
        error = trim_streams(log, &arena);
    if (error < 0)
        log_debug("trimming: %s", strerror(-error));
    arena_done(&arena);
}

static void again_in(struct log *log, int64_t ms)
{
    loop_timer_set(log->options.home, &log->timer, clock_steady_ms() + ms);
}

static void submit(struct log *log)
{
    loop_timer_clear(log->options.home, &log->timer);
    log->busy = workers_submit(log->options.workers, &log->job) == 0;
    if (!log->busy)
        again_in(log, FULL_QUEUE_MS);
}

static void on_timer(struct timer *timer)
{
    struct log *log = (struct log *)((char *)timer - offsetof(struct log, timer));
    if (!log->busy)
        submit(log);
}

static void on_done(struct job *job)
{
    struct log *log = (struct log *)((char *)job - offsetof(struct log, job));
    log->busy = false;
    again_in(log, EVERY_MS);
    if (log->again)
        submit(log);
    log->again = false;
}

static void on_wake(struct mail *mail)
{
    struct log *log = (struct log *)((char *)mail - offsetof(struct log, mail));
    atomic_store(&log->posted, false);
    if (log->busy)
        log->again = true;
    else
        submit(log);
}

void trim_wake(void *thing)
{
    struct log *log = thing;
    if (!atomic_exchange(&log->posted, true))
        loop_post(log->options.home, &log->mail);
}

void trim_start(struct log *log)
{
    log->job = (struct job){.run = run, .done = on_done, .home = log->options.home};
    log->mail.deliver = on_wake;
    log->timer.due = on_timer;
    trim_wake(log);
}
