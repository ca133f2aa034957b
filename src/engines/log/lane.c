// SPDX-License-Identifier: Apache-2.0
/*
 * One lane: its place in memory, the record of its end, and what a start does about it. The end is
 * written in the transaction of the records, so after a crash the store says which records are
 * there, and the segment is cut to it; where the segment ends sooner, which can only be behind what
 * was synced, the lane ends there. Start-up, but for the references.
 */
#include "engines/log/inside.h"

#include "base/log.h"
#include "base/scope.h"
#include "store/key.h"

#include <errno.h>
#include <stdlib.h>

#define BLOCK (1 << 20) /* bytes read at once */

void *log_alloc(size_t size)
{
    void *memory = malloc(size);
    if (!memory)
        log_fatal("out of memory: %zu bytes", size);
    return memory;
}

struct lane *lane_new(uint64_t id)
{
    struct lane *lane = log_alloc(sizeof *lane);
    memset(lane, 0, sizeof *lane);
    lane->id = id;
    atomic_init(&lane->references, 1);
    pthread_mutex_init(&lane->append, NULL);
    pthread_mutex_init(&lane->mutex, NULL);
    return lane;
}

struct lane *lane_ref(struct lane *lane)
{
    atomic_fetch_add_explicit(&lane->references, 1, memory_order_relaxed);
    return lane;
}

void lane_unref(struct lane *lane)
{
    if (atomic_fetch_sub_explicit(&lane->references, 1, memory_order_acq_rel) > 1)
        return;
    pthread_mutex_destroy(&lane->append);
    pthread_mutex_destroy(&lane->mutex);
    free(lane);
}

struct tail lane_tail(struct lane *lane)
{
    GUARD(&lane->mutex);
    return lane->tail;
}

void lane_put_tail(struct txn *txn, uint64_t lane, const struct tail *tail)
{
    struct key key;
    lane_key(KEYSPACE_TAIL, lane, &key);
    txn_put(txn, FAMILY_LOGS, key_span(&key), span_of(tail, sizeof *tail));
}

void lane_note_synced(struct lane *lane, const struct tail *tail)
{
    GUARD(&lane->mutex);
    lane->tail.synced_base = tail->base;
    lane->tail.synced_end = tail->end;
    lane->tail.synced_next = tail->next;
}

void lane_publish(struct log *log, struct lane *lane, const struct tail *tail)
{
    GUARD(&lane->mutex);
    struct tail synced = lane->tail;
    lane->tail = *tail;
    lane->tail.synced_base = synced.synced_base; /* the flusher may have moved them meanwhile */
    lane->tail.synced_end = synced.synced_end;
    lane->tail.synced_next = synced.synced_next;
    lane->ticket = store_latest(log->options.store);
    for (struct log_watch *watch = lane->watches; watch; watch = watch->next)
        if (__atomic_exchange_n(&watch->armed, false, __ATOMIC_SEQ_CST) &&
            !__atomic_exchange_n(&watch->posted, true, __ATOMIC_SEQ_CST))
            loop_post(watch->loop, &watch->mail);
}

/* ---- recovery -------------------------------------------------------------------------------- */

struct scan {
    int fd;
    uint64_t lane;
    uint64_t at, end; /* bytes */
    uint64_t next;    /* expected record */
    char *block;
    size_t block_size;
};

static ssize_t read_block(struct scan *scan)
{
    uint64_t left = scan->end - scan->at;
    size_t size = left < scan->block_size ? (size_t)left : scan->block_size;
    ssize_t len = pread(scan->fd, scan->block, size, (off_t)scan->at);
    return len < 0 ? -errno : len;
}

/* Passes over whole records; 0: no more of them, 1: go on, or negative errno. */
static int scan_block(struct scan *scan)
{
    struct log_record record;
    size_t need = 0, used = 0;
    ssize_t len = read_block(scan);
    if (len < 0)
        return (int)len;
    struct span bytes = span_of(scan->block, (size_t)len);
    for (;;) {
        int64_t size = frame_read(scan->lane, span_from(bytes, used), &record, &need);
        if (size <= 0 || record.index != scan->next) {
            bool whole = size != 0 || scan->at + used + need > scan->end;
            scan->at += used;
            if (whole || (size_t)len < scan->block_size)
                return 0;
            break;
        }
        used += (size_t)size;
        scan->next++;
    }
    if (need > scan->block_size) {
        free(scan->block);
        scan->block = log_alloc(need);
        scan->block_size = need;
    }
    return 1;
}

static int scan_run(struct scan *scan)
{
    int more;
    scan->block_size = BLOCK;
    scan->block = log_alloc(BLOCK);
    do
        more = scan->at < scan->end ? scan_block(scan) : 0;
    while (more > 0);
    free(scan->block);
    return more;
}

static bool segment_is_there(struct log *log, uint64_t lane, uint64_t base)
{
    AUTO_FD fd = segment_read_open(log, lane, base);
    return fd >= 0;
}

/* Reads on from `at` in one segment; -EUCLEAN when it does not even reach that far. */
static int scan_segment(struct log *log, struct lane *lane, uint64_t base, struct scan *scan)
{
    AUTO_FD fd = segment_read_open(log, lane->id, base);
    if (fd == -ENOENT && !scan->at)
        return 0;
    off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
    if (fd == -ENOENT || size < (off_t)scan->at)
        return -EUCLEAN;
    if (fd < 0)
        return fd;
    scan->fd = fd;
    scan->lane = lane->id;
    scan->end = scan->end < (uint64_t)size ? scan->end : (uint64_t)size;
    return scan_run(scan);
}

/* From the last sync to the end. 1 when the end had to be moved. */
static int verify(struct log *log, struct lane *lane, struct tail *tail)
{
    struct scan scan = {.at = tail->synced_end, .next = tail->synced_next};
    uint64_t base = tail->synced_base;
    for (;;) {
        bool newest = base == tail->base;
        scan.end = newest ? tail->end : UINT64_MAX;
        int error = scan_segment(log, lane, base, &scan);
        if (error < 0)
            return error;
        if (newest && scan.at == tail->end && scan.next == tail->next)
            return 0;
        if (newest || scan.next <= base || !segment_is_there(log, lane->id, scan.next))
            break;
        base = scan.next;
        scan.at = 0;
    }
    tail->base = base;
    tail->end = scan.at;
    tail->next = scan.next;
    return 1;
}

/* What lies behind the end is no record of anybody's. */
static int open_newest(struct log *log, struct lane *lane, const struct tail *tail)
{
    if (!tail->end)
        return 0;
    int error = segment_open(log, lane, tail->base, SEGMENT_EXISTING, &lane->segment);
    if (error < 0)
        return error;
    if (lane->segment->allocated > tail->end && ftruncate(lane->segment->fd, (off_t)tail->end))
        return -errno;
    lane->segment->allocated = tail->end;
    segment_queue(lane->segment);
    return 0;
}

int lane_load(struct log *log, struct txn *txn, struct arena *arena, struct lane *lane)
{
    struct key key;
    struct span value;
    struct tail *tail = &lane->tail;
    lane_key(KEYSPACE_TAIL, lane->id, &key);
    int error = txn_get(txn, FAMILY_LOGS, key_span(&key), arena, &value);
    if (error)
        return error == -ENOENT ? 0 : error;
    if (value.len != sizeof *tail)
        return -EBADMSG;
    memcpy(tail, value.at, sizeof *tail);
    error = verify(log, lane, tail);
    if (error < 0)
        return error;
    if (error == 1) {
        log_debug("lane %llx ends at record %llu: what came then was not synced",
                  (unsigned long long)lane->id, (unsigned long long)tail->next);
        error = index_forget(txn, arena, lane->id, tail->next, UINT64_MAX);
        lane_put_tail(txn, lane->id, tail);
    }
    return error < 0 ? error : open_newest(log, lane, tail);
}
