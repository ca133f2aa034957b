// SPDX-License-Identifier: Apache-2.0
/*
 * Segment files: one flat folder, named by lane and first record. A file grows by fallocate in
 * steps, so that appending changes no metadata of the file system and a full disk shows before the
 * bytes are written. What was written since the last cycle waits in a queue for the flusher, which
 * alone closes descriptors. Any thread; the two of the sync are the flusher's.
 */
#include "engines/log/inside.h"

#include "base/log.h"
#include "base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>

#define STEP_FIRST (256ULL << 10) /* bytes of one fallocate; doubles with the file */
#define STEP_MAX (8ULL << 20)
#define FILES_ONE_BY_ONE 64 /* more are synced with all of the file system, in one go */

void segment_name(uint64_t lane, uint64_t base, char to[SEGMENT_NAME_SIZE])
{
    snprintf(to, SEGMENT_NAME_SIZE, "%016llx-%016llx.log", (unsigned long long)lane,
             (unsigned long long)base);
}

static bool read_hex(struct span text, uint64_t *ret)
{
    *ret = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                                                : 16;
        if (digit == 16)
            return false;
        *ret = *ret << 4 | digit;
    }
    return true;
}

bool segment_name_read(struct span name, uint64_t *ret_lane, uint64_t *ret_base)
{
    return name.len == 16 + 1 + 16 + 4 && name.at[16] == '-' && span_ends(name, S(".log")) &&
           read_hex(span_first(name, 16), ret_lane) &&
           read_hex(span_first(span_from(name, 17), 16), ret_base);
}

int segment_open(struct log *log, struct lane *lane, uint64_t base, enum SEGMENT_OPEN how,
                 struct segment **ret)
{
    char name[SEGMENT_NAME_SIZE];
    struct stat status = {0};
    int flags = O_RDWR | O_CLOEXEC | (how == SEGMENT_FRESH ? O_CREAT | O_TRUNC : 0);
    segment_name(lane->id, base, name);
    AUTO_FD fd = openat(log->dir_fd, name, flags, 0600);
    if (fd < 0 || fstat(fd, &status))
        return -errno;
    if (how == SEGMENT_FRESH)
        atomic_store(&log->dir_changed, true);
    struct segment *segment = log_alloc(sizeof *segment);
    *segment = (struct segment){.log = log,
                                .lane = lane_ref(lane),
                                .fd = TAKE_FD(fd),
                                .base = base,
                                .allocated = (uint64_t)status.st_size};
    *ret = segment;
    return 0;
}

int segment_promise(struct segment *segment, uint64_t end)
{
    if (end <= segment->allocated)
        return 0;
    uint64_t step = segment->allocated < STEP_FIRST ? STEP_FIRST : segment->allocated;
    step = step < STEP_MAX ? step : STEP_MAX;
    if (segment->allocated + step < end)
        step = end - segment->allocated;
    int error = store_admit_bytes(segment->log->options.store, step);
    if (error < 0)
        return error;
    if (fallocate(segment->fd, 0, (off_t)segment->allocated, (off_t)step) && errno != EOPNOTSUPP)
        return -errno;
    segment->allocated += step;
    return 0;
}

/* With the mutex held. */
static void queue(struct segment *segment)
{
    if (segment->queued)
        return;
    segment->queued = true;
    segment->next = segment->log->queue;
    segment->log->queue = segment;
}

void segment_queue(struct segment *segment)
{
    GUARD(&segment->log->mutex);
    queue(segment);
}

void segment_retire(struct segment *segment, uint64_t end)
{
    if (segment->allocated > end && ftruncate(segment->fd, (off_t)end))
        log_debug("a segment keeps space behind its end: %s", strerror(errno));
    GUARD(&segment->log->mutex);
    segment->retired = true;
    queue(segment);
}

int segment_read_open(struct log *log, uint64_t lane, uint64_t base)
{
    char name[SEGMENT_NAME_SIZE];
    segment_name(lane, base, name);
    int fd = openat(log->dir_fd, name, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* ---- the flusher's part ---------------------------------------------------------------------- */

/* One segment on its way to the disk. */
struct going {
    struct segment *segment;
    bool retired;
    struct tail tail; /* before the sync, which covers it */
};

/* One cycle of the flusher. */
struct syncing {
    size_t count;
    int error;
    int *fds;
    struct going at[];
};

static struct syncing *take_queue(struct log *log)
{
    size_t count = 0;
    GUARD(&log->mutex);
    for (struct segment *segment = log->queue; segment; segment = segment->next)
        count++;
    struct syncing *syncing = log_alloc(sizeof *syncing + count * sizeof *syncing->at);
    *syncing = (struct syncing){.count = count};
    for (size_t i = 0; i < count; i++) {
        struct segment *segment = log->queue;
        log->queue = segment->next;
        segment->queued = false;
        syncing->at[i] = (struct going){.segment = segment, .retired = segment->retired};
    }
    return syncing;
}

void segment_begin_sync(struct store_companion *companion)
{
    struct log *log = (struct log *)((char *)companion - offsetof(struct log, companion));
    struct syncing *syncing = log->syncing = take_queue(log);
    bool few = syncing->count <= FILES_ONE_BY_ONE;
    syncing->fds = log_alloc((syncing->count + 1) * sizeof *syncing->fds);
    for (size_t i = 0; i < syncing->count; i++) {
        syncing->at[i].tail = lane_tail(syncing->at[i].segment->lane);
        syncing->fds[i] = syncing->at[i].segment->fd;
    }
    if (atomic_exchange(&log->dir_changed, false) && fsync(log->dir_fd))
        syncing->error = -errno;
    team_begin(log->team, syncing->fds, few ? syncing->count : 0);
    if (!few && syncfs(log->dir_fd))
        syncing->error = -errno;
}

static void segment_free(struct segment *segment)
{
    carry_forget(segment);
    close(segment->fd);
    lane_unref(segment->lane);
    free(segment);
}

int segment_finish_sync(struct store_companion *companion)
{
    struct log *log = (struct log *)((char *)companion - offsetof(struct log, companion));
    struct syncing *syncing = TAKE(log->syncing);
    int error = team_finish(log->team);
    error = error ? error : syncing->error;
    for (size_t i = 0; i < syncing->count; i++) {
        if (!error && syncing->at[i].segment->base == syncing->at[i].tail.base)
            lane_note_synced(syncing->at[i].segment->lane, &syncing->at[i].tail);
        if (syncing->at[i].retired)
            segment_free(syncing->at[i].segment);
    }
    free(syncing->fds);
    free(syncing);
    return error;
}
