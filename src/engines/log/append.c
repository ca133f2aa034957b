// SPDX-License-Identifier: Apache-2.0
/*
 * Appending. Entries are grouped by lane, the lanes locked in ascending order, the bytes written
 * behind the lanes' ends, and the new ends put into the caller's transaction. Key invariant: bytes
 * are in the file and the file in the flusher's queue before the commit, so a ticket covers them;
 * readers see them only after it. Locks end with the transaction. Any thread.
 */
#include "engines/log/inside.h"

#include "base/id.h"
#include "base/log.h"
#include "base/time.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#define PARTS_MAX 1023    /* of one writev: three a record */
#define ROLL_MIN_MS 60000 /* a segment takes records of at least so long a time … */
#define ROLL_PARTS 24     /* … and of at most this part of what the stream keeps */

/* The entries of one lane, and what becomes of the lane. */
struct run {
    struct log *log;
    struct lane *lane;
    const size_t *order; /* of entries */
    size_t count;
    struct tail tail;        /* after it */
    struct segment *segment; /* after it */
    uint64_t indexed;
    bool carried; /* its bytes travel in the transaction */
    uint64_t bytes, records, throttled;
    uint32_t seal; /* of its frames; 0: they are plain */
};

/* ---- grouping -------------------------------------------------------------------------------- */

struct batch {
    const struct log_access *access;
    struct log_stream *stream;
    struct log_entry *entries;
    size_t count;
    int64_t now_ms;
    size_t bytes; /* of all entries */
    struct run *runs;
    size_t run_count;
};

static int order_compare(const void *a, const void *b, void *thing)
{
    const struct log_entry *entries = thing;
    size_t left = *(const size_t *)a, right = *(const size_t *)b;
    if (entries[left].lane != entries[right].lane)
        return entries[left].lane < entries[right].lane ? -1 : 1;
    return left < right ? -1 : left > right;
}

static void group(struct batch *batch)
{
    struct arena *arena = batch->access->arena;
    batch->bytes = 0;
    size_t *order = ARENA_ARRAY(arena, size_t, batch->count);
    for (size_t i = 0; i < batch->count; i++) {
        batch->entries[i].lane = stream_route(batch->stream, batch->entries[i].hash);
        batch->bytes += batch->entries[i].key.len + batch->entries[i].data.len;
        order[i] = i;
    }
    if (batch->count > 1)
        qsort_r(order, batch->count, sizeof *order, order_compare, batch->entries);
    batch->runs = ARENA_ARRAY(arena, struct run, batch->count);
    batch->run_count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        uint32_t lane = batch->entries[order[i]].lane;
        if (!i || lane != batch->entries[order[i - 1]].lane)
            batch->runs[batch->run_count++] = (struct run){.log = batch->stream->log,
                                                           .lane = stream_lane(batch->stream, lane),
                                                           .order = &order[i]};
        batch->runs[batch->run_count - 1].count++;
    }
}

/* ---- locks ----------------------------------------------------------------------------------- */

static void unlock(struct batch *batch, size_t count)
{
    while (count-- > 0)
        pthread_mutex_unlock(&batch->runs[count].lane->append);
}

/* False when a lane was closed since the stream was found. */
static bool lock(struct batch *batch)
{
    bool closed = false;
    for (size_t i = 0; i < batch->run_count; i++) {
        pthread_mutex_lock(&batch->runs[i].lane->append);
        closed |= batch->runs[i].lane->closed;
    }
    if (closed)
        unlock(batch, batch->run_count);
    return !closed;
}

static int find_and_lock(struct batch *batch, struct span name)
{
    do {
        int error = log_find(batch->access, name, &batch->stream);
        if (error < 0)
            return error;
        group(batch);
    } while (!lock(batch));
    return 0;
}

/* ---- the end of the transaction -------------------------------------------------------------- */

static void add(_Atomic uint64_t *counter, uint64_t value)
{
    atomic_fetch_add_explicit(counter, value, memory_order_relaxed);
}

static void keep(struct run *run)
{
    struct lane *lane = run->lane;
    if (run->segment != lane->segment) {
        if (lane->segment)
            segment_retire(lane->segment, lane->tail.end);
        lane->segment = run->segment;
    }
    lane->indexed = run->indexed;
    lane_publish(run->log, lane, &run->tail);
    add(&lane->bytes_in, run->bytes);
    add(&lane->records_in, run->records);
}

/* What was written behind the end must not be taken for records by a later start. */
static void drop(struct run *run)
{
    if (run->segment && run->segment != run->lane->segment) {
        segment_retire(run->segment, 0);
    } else if (run->segment) {
        run->segment->allocated = run->lane->tail.end;
        if (ftruncate(run->segment->fd, (off_t)run->lane->tail.end))
            log_debug("a segment keeps bytes behind its end: %s", strerror(errno));
    }
}

static void run_ended(void *thing, enum TXN_END end)
{
    struct run *run = thing;
    add(&run->lane->throttled_in, run->throttled);
    if (run->records && end == TXN_COMMITTED)
        keep(run);
    else if (run->records)
        drop(run);
    pthread_mutex_unlock(&run->lane->append);
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Which entries the lane takes now. */
static void admit(struct batch *batch, struct run *run)
{
    const struct log_settings *limits = &batch->stream->settings;
    bool unlimited = run->log->options.unlimited;
    int64_t now_ms = clock_steady_ms();
    for (size_t i = 0; i < run->count; i++) {
        struct log_entry *entry = &batch->entries[run->order[i]];
        uint64_t bytes = entry->key.len + entry->data.len;
        bool taken =
            unlimited || (rate_is_open(&run->lane->rate_records_in, limits->records_in, now_ms) &&
                          rate_take(&run->lane->rate_bytes_in, limits->bytes_in, bytes, now_ms) &&
                          rate_take(&run->lane->rate_records_in, limits->records_in, 1, now_ms));
        entry->error = taken ? 0 : -EAGAIN;
        run->throttled += !taken;
        run->records += taken;
        run->bytes += taken ? bytes : 0;
    }
}

static int64_t roll_ms(const struct log_settings *settings)
{
    int64_t part = settings->retention_ms / ROLL_PARTS;
    return part > ROLL_MIN_MS ? part : ROLL_MIN_MS;
}

/* The segment to write to: the newest one, or a new one when that is full or old. */
static int prepare(struct batch *batch, struct run *run)
{
    struct tail *tail = &run->tail;
    size_t around = sizeof(struct frame) + (run->seal ? SEAL_TAG_SIZE : 0);
    uint64_t size = run->bytes + run->records * around;
    bool full = tail->end && (tail->end + size > SEGMENT_MAX ||
                              batch->now_ms - tail->first_ms > roll_ms(&batch->stream->settings));
    if (full) {
        struct period period = {tail->first_ms, tail->last_ms};
        index_put_period(batch->access->txn, run->lane->id, tail->base, &period);
        tail->base = tail->next;
        tail->end = 0;
    }
    run->segment = full ? NULL : run->lane->segment;
    run->indexed = full ? 0 : run->lane->indexed;
    run->carried = run->segment && batch->bytes <= CARRY_BYTES; /* a new file's name is synced */
    int error = 0;
    if (!run->segment)
        error = segment_open(run->log, run->lane, tail->base, SEGMENT_FRESH, &run->segment);
    return error < 0 ? error : segment_promise(run->segment, tail->end + size);
}

static int write_parts(int fd, struct iovec *parts, int count, uint64_t at)
{
    while (count) {
        ssize_t len = pwritev(fd, parts, count, (off_t)at);
        if (len < 0 && errno == EINTR)
            continue;
        if (len <= 0)
            return len ? -errno : -EIO;
        at += (uint64_t)len;
        for (; count && (size_t)len >= parts->iov_len; parts++, count--)
            len -= (ssize_t)parts->iov_len;
        if (count) {
            parts->iov_base = (char *)parts->iov_base + len;
            parts->iov_len -= (size_t)len;
        }
    }
    return 0;
}

static struct iovec part_of(struct span bytes)
{
    return (struct iovec){(void *)(uintptr_t)bytes.at, bytes.len};
}

/* Gives the entry its number and time, and its parts of the file. */
static void lay(struct batch *batch, struct run *run, struct log_entry *entry, struct frame *frame,
                struct iovec parts[3])
{
    struct tail *tail = &run->tail;
    tail->last_ms = batch->now_ms > tail->last_ms ? batch->now_ms : tail->last_ms;
    entry->index = tail->next++;
    entry->time_ms = tail->last_ms;
    *frame = (struct frame){.data_len = (uint32_t)entry->data.len,
                            .index = entry->index,
                            .time_ms = entry->time_ms,
                            .key_len = (uint32_t)entry->key.len,
                            .seal = run->seal};
    struct span key = entry->key, data = entry->data;
    entry->sealed = run->seal != 0;
    if (entry->sealed) {
        key = frame_seal(run->lane, batch->access->arena, frame, key, data);
        data = S("");
    }
    frame->crc32c = frame_checksum(run->lane->id, frame, key, data);
    parts[0] = part_of(span_of(frame, sizeof *frame));
    parts[1] = part_of(key);
    parts[2] = part_of(data);
    if (!tail->end)
        tail->first_ms = entry->time_ms;
    if (!tail->end || tail->end - run->indexed >= INDEX_BYTES) {
        struct mark mark = {entry->index, tail->base, tail->end, entry->time_ms};
        index_put(batch->access->txn, run->lane->id, &mark);
        run->indexed = tail->end;
    }
    tail->end += sizeof *frame + key.len + data.len;
}

static int write_carried(struct batch *batch, struct run *run, struct iovec *parts, int count,
                         uint64_t at)
{
    size_t size = 0;
    for (int i = 0; i < count; i++)
        size += parts[i].iov_len;
    char *bytes = arena_alloc(batch->access->arena, size), *to = bytes;
    for (int i = 0; i < count; i++)
        if (parts[i].iov_len)
            to = mempcpy(to, parts[i].iov_base, parts[i].iov_len);
    const struct carried carried = {run->tail.base, at, span_of(bytes, size)};
    carry_put(batch->access->txn, run->lane->id, &carried);
    struct iovec whole = part_of(carried.bytes);
    return write_parts(run->segment->fd, &whole, 1, at);
}

static int write_run(struct batch *batch, struct run *run)
{
    struct arena *arena = batch->access->arena;
    size_t chunk = run->records < PARTS_MAX / 3 ? (size_t)run->records : PARTS_MAX / 3;
    struct iovec *parts = ARENA_ARRAY(arena, struct iovec, chunk * 3);
    struct frame *frames = ARENA_ARRAY(arena, struct frame, chunk);
    uint64_t from = run->tail.end;
    size_t laid = 0;
    int error = 0;
    for (size_t i = 0; i < run->count && !error; i++) {
        struct log_entry *entry = &batch->entries[run->order[i]];
        if (!entry->error) {
            lay(batch, run, entry, &frames[laid], &parts[laid * 3]);
            laid++;
        }
        if (laid == chunk || (laid && i + 1 == run->count)) {
            error = run->carried ? write_carried(batch, run, parts, (int)laid * 3, from)
                                 : write_parts(run->segment->fd, parts, (int)laid * 3, from);
            from = run->tail.end;
            laid = 0;
        }
    }
    return error;
}

static int append_run(struct batch *batch, struct run *run)
{
    run->tail = lane_tail(run->lane);
    run->segment = run->lane->segment;
    admit(batch, run);
    if (!run->records)
        return 0;
    while (batch->stream->settings.sealed && !run->seal)
        random_bytes(&run->seal, sizeof run->seal);
    int error = prepare(batch, run);
    if (!error)
        error = write_run(batch, run);
    if (error) {
        if (run->segment)
            segment_queue(run->segment);
        return error;
    }
    if (run->carried)
        carry_note(run->segment);
    else
        segment_queue(run->segment);
    lane_put_tail(batch->access->txn, run->lane->id, &run->tail);
    return 0;
}

int log_append(const struct log_access *access, struct span name, struct log_entry *entries,
               size_t count, int64_t now_ms)
{
    struct batch batch = {.access = access, .entries = entries, .count = count, .now_ms = now_ms};
    int error = find_and_lock(&batch, name);
    if (error < 0)
        return error;
    for (size_t i = 0; i < batch.run_count; i++)
        txn_at_end(access->txn, run_ended, &batch.runs[i]);
    for (size_t i = 0; i < batch.run_count && !error; i++)
        error = append_run(&batch, &batch.runs[i]);
    for (size_t i = 0; i < count && !error; i++)
        entries[i].created_ms = log_lane_numbered(batch.stream, entries[i].lane)->created_ms;
    return error;
}
