// SPDX-License-Identifier: Apache-2.0
/*
 * Reading: from a place straight to the bytes where the hint holds, else by the index and over at
 * most INDEX_BYTES. Bytes come from the page cache in blocks that live in the caller's arena, and
 * records borrow from them. What is too old is passed over, whether it was trimmed already or not.
 * Any thread.
 */
#include "engines/log/inside.h"

#include "base/scope.h"
#include "base/time.h"
#include "store/key.h"

#include <errno.h>

#define BLOCK_FIRST (64 << 10) /* bytes */
#define BLOCK_MAX (1 << 20)
#define RECORDS_FIRST 64

struct cursor_over {
    const struct log_access *access;
    struct lane *lane;
    struct tail tail; /* nothing behind it is looked at */
    int fd;
    uint64_t base;   /* of the segment that is open */
    uint64_t offset; /* of the next record */
    uint64_t index;  /* of the next record */
    char *block;
    uint64_t block_at; /* offset of it */
    size_t block_len, block_size;
};

static void over_close(struct cursor_over *over)
{
    if (over->fd >= 0)
        close(TAKE_FD(over->fd));
    over->block_len = 0;
}

static int over_open(struct cursor_over *over, uint64_t base, uint64_t offset)
{
    over_close(over);
    int fd = segment_read_open(over->access->log, over->lane->id, base);
    if (fd < 0)
        return fd;
    over->fd = fd;
    over->base = base;
    over->offset = offset;
    return 0;
}

/* More bytes from `offset` on, at least `need`. 0: there are none. */
static int64_t fill(struct cursor_over *over, size_t need)
{
    uint64_t left = over->base == over->tail.base
                        ? over->tail.end > over->offset ? over->tail.end - over->offset : 0
                        : UINT64_MAX;
    size_t size = over->block_size ? over->block_size * 4 : BLOCK_FIRST;
    size = size < BLOCK_MAX ? size : BLOCK_MAX;
    size = size > need ? size : need;
    size = size < left ? size : (size_t)left;
    if (!size)
        return 0;
    over->block = arena_alloc(over->access->arena, size);
    over->block_size = size;
    over->block_at = over->offset;
    ssize_t len = pread(over->fd, over->block, size, (off_t)over->offset);
    over->block_len = len < 0 ? 0 : (size_t)len;
    return len < 0 ? -errno : len;
}

/* The record at `offset`: its bytes, 0 at the end of the segment, negative errno. */
static int64_t peek(struct cursor_over *over, struct log_record *ret)
{
    size_t need;
    for (int tries = 0; tries < 3; tries++) {
        struct span bytes = SPAN_NONE;
        if (over->block_len && over->offset >= over->block_at)
            bytes = span_from(span_of(over->block, over->block_len),
                              (size_t)(over->offset - over->block_at));
        if (over->base == over->tail.base && over->offset >= over->tail.end)
            return 0;
        int64_t size = frame_read(over->lane->id, bytes, ret, &need);
        if (size)
            return size;
        int64_t len = fill(over, need);
        if (len < (int64_t)need)
            return len < 0 ? len : 0;
    }
    return -EUCLEAN;
}

/* The next record without taking it. 0: there is none, 1, or negative errno. */
static int next(struct cursor_over *over, struct log_record *ret, int64_t *ret_size)
{
    if (over->index >= over->tail.next)
        return 0;
    *ret_size = peek(over, ret);
    if ((*ret_size <= 0 || ret->index != over->index) && over->base != over->tail.base) {
        /* The end of an older segment: the next one is named after the record. */
        int error = over_open(over, over->index, 0);
        if (error < 0)
            return error;
        *ret_size = peek(over, ret);
    }
    if (*ret_size < 0)
        return *ret_size == -EBADMSG ? -EUCLEAN : (int)*ret_size;
    return *ret_size && ret->index == over->index ? 1 : -EUCLEAN;
}

static void take(struct cursor_over *over, int64_t size)
{
    over->offset += (uint64_t)size;
    over->index++;
}

/* -ENOENT: there is no record at all. */
static int seek_mark(struct cursor_over *over, const struct mark *mark)
{
    int error = over_open(over, mark->base, mark->offset);
    over->index = mark->index;
    return error;
}

static int seek_index(struct cursor_over *over, uint64_t index)
{
    struct mark mark;
    struct log_record record;
    int64_t size;
    int error = index_find(over->access->txn, over->lane->id, index, &mark);
    if (!error)
        error = seek_mark(over, &mark);
    while (!error && over->index < index) {
        error = next(over, &record, &size);
        if (error <= 0)
            return error ? error : -ENOENT;
        take(over, size);
        error = 0;
    }
    return error;
}

static int seek_time(struct cursor_over *over, int64_t time_ms)
{
    struct mark mark;
    struct log_record record;
    int64_t size;
    int error = index_find_time(over->access->txn, over->lane->id, time_ms, &mark);
    if (!error)
        error = seek_mark(over, &mark);
    while (!error) {
        error = next(over, &record, &size);
        if (error <= 0 || record.time_ms >= time_ms)
            return error < 0 ? error : 0;
        take(over, size);
        error = 0;
    }
    return error;
}

static struct cursor_over over_new(const struct log_access *access, struct lane *lane)
{
    return (struct cursor_over){.access = access, .lane = lane, .tail = lane_tail(lane), .fd = -1};
}

/* Goes to the place, and on to what is kept if that is older. 0 with a record or at the end. */
static int seek(struct cursor_over *over, const struct log_place *from, int64_t horizon_ms)
{
    struct log_record record;
    int64_t size;
    over->index = from->index;
    if (from->index >= over->tail.next)
        return 0;
    int error = -ENOENT;
    if (from->base != LOG_NO_BASE)
        error = over_open(over, from->base, from->offset);
    if (error == -ENOENT)
        error = seek_index(over, from->index);
    if (!error)
        error = next(over, &record, &size);
    if (error == 1 && record.time_ms >= horizon_ms)
        return 0;
    if (error == 1 || error == -ENOENT)
        error = seek_time(over, horizon_ms);
    if (error == -ENOENT) { /* all of it was trimmed */
        over->index = over->tail.next;
        error = 0;
    }
    return error;
}

static struct log_place place_of(const struct cursor_over *over)
{
    bool known = over->fd >= 0;
    return (struct log_place){over->index, known ? over->base : LOG_NO_BASE,
                              known ? over->offset : 0};
}

int log_place_at(const struct log_access *access, const struct log_stream *stream, uint32_t number,
                 int64_t time_ms, struct log_place *ret)
{
    struct cursor_over over = over_new(access, stream_lane(stream, number));
    int error = seek_time(&over, time_ms);
    if (error == -ENOENT) {
        over.index = over.tail.next;
        error = 0;
    }
    *ret = place_of(&over);
    over_close(&over);
    return error;
}

/* ---- log_read -------------------------------------------------------------------------------- */

static void collect(struct arena *arena, struct log_reading *reading, size_t *room,
                    const struct log_record *record)
{
    if (reading->count == *room) {
        size_t grown = *room ? *room * 2 : RECORDS_FIRST;
        struct log_record *records = arena_alloc(arena, grown * sizeof *records);
        if (reading->count)
            memcpy(records, reading->records, reading->count * sizeof *records);
        reading->records = records;
        *room = grown;
    }
    reading->records[reading->count++] = *record;
}

static int read_all(struct cursor_over *over, struct log_reading *reading)
{
    struct log_record record;
    int64_t size;
    size_t room = 0;
    int more = 0;
    uint64_t until = reading->until ? reading->until : UINT64_MAX;
    while (reading->count < reading->most_records && over->index < until &&
           (more = next(over, &record, &size)) == 1) {
        size_t bytes = record.key.len + record.data.len;
        if (reading->count && reading->bytes + bytes > reading->most_bytes)
            break;
        if (record.seal && frame_open(over->lane, over->access->arena, &record) < 0)
            return -EUCLEAN;
        collect(over->access->arena, reading, &room, &record);
        reading->bytes += bytes;
        take(over, size);
    }
    return more < 0 ? more : 0;
}

/* Whoever answers with what is not durable yet must wait for it: a read in the transaction says so
 * to the store. */
int read_wait_for_ticket(const struct log_access *access, struct lane *lane)
{
    struct key key;
    struct span ignored;
    pthread_mutex_lock(&lane->mutex);
    uint64_t ticket = lane->ticket;
    pthread_mutex_unlock(&lane->mutex);
    if (ticket <= store_durable(txn_store(access->txn)))
        return 0;
    lane_key(KEYSPACE_TAIL, lane->id, &key);
    int error = txn_get(access->txn, FAMILY_LOGS, key_span(&key), access->arena, &ignored);
    return error == -ENOENT ? 0 : error;
}

int log_end(const struct log_access *access, const struct log_stream *stream, uint32_t number,
            struct log_place *ret)
{
    struct lane *lane = stream_lane(stream, number);
    *ret = log_place_of(lane_tail(lane).next);
    return read_wait_for_ticket(access, lane);
}

static bool admit(const struct log_stream *stream, struct lane *lane)
{
    const struct log_settings *limits = &stream->settings;
    if (stream->log->options.unlimited)
        return true;
    int64_t now_ms = clock_steady_ms();
    GUARD(&lane->mutex);
    return rate_is_open(&lane->rate_bytes_out, limits->bytes_out, now_ms) &&
           rate_take(&lane->rate_reads, limits->reads, 1, now_ms);
}

bool log_admit_seek(const struct log_stream *stream, uint32_t number)
{
    struct lane *lane = stream_lane(stream, number);
    if (stream->log->options.unlimited)
        return true;
    GUARD(&lane->mutex);
    return rate_take(&lane->rate_seeks, stream->settings.seeks, 1, clock_steady_ms());
}

void read_account(const struct log_stream *stream, struct lane *lane,
                  const struct log_reading *reading, int64_t oldest_ms)
{
    uint64_t age_ms = reading->count ? (uint64_t)(reading->now_ms - oldest_ms) : 0;
    atomic_fetch_add_explicit(&lane->bytes_out, reading->bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&lane->records_out, reading->count, memory_order_relaxed);
    atomic_store_explicit(&lane->age_ms, age_ms, memory_order_relaxed);
    if (reading->pace != LOG_SHARED || stream->log->options.unlimited)
        return;
    GUARD(&lane->mutex);
    rate_charge(&lane->rate_bytes_out, stream->settings.bytes_out, reading->bytes,
                clock_steady_ms());
}

int log_read(const struct log_access *access, const struct log_stream *stream,
             struct log_reading *reading)
{
    struct lane *lane = stream_lane(stream, reading->lane);
    const struct log_lane *told = log_lane_numbered(stream, reading->lane);
    if (reading->pace == LOG_SHARED && !admit(stream, lane)) {
        atomic_fetch_add_explicit(&lane->throttled_out, 1, memory_order_relaxed);
        return -EAGAIN;
    }
    struct cursor_over over = over_new(access, lane);
    reading->count = reading->bytes = 0;
    int error = seek(&over, &reading->from, log_horizon(stream, reading->now_ms));
    if (!error)
        error = read_all(&over, reading);
    reading->next = place_of(&over);
    over_close(&over);
    if (error)
        return error;
    bool all = over.index >= over.tail.next;
    int64_t newest_ms = reading->count ? reading->records[reading->count - 1].time_ms : 0;
    reading->behind_ms = all ? 0 : reading->now_ms - newest_ms;
    reading->ended = all && told->closed_ms;
    read_account(stream, lane, reading, reading->count ? reading->records[0].time_ms : 0);
    return read_wait_for_ticket(access, lane);
}
