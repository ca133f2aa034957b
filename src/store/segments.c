// SPDX-License-Identifier: Apache-2.0
/*
 * The table of segment files and the space in the newest ones. A file grows by fallocate in steps,
 * so that writes into it change no metadata but their own extents and a full disk shows before the
 * bytes are written. A failed sync makes its segment useless for new extents: what was synced
 * before stays readable. Allocation and syncs run on workers; the table is locked.
 */
#include "store/segments.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define STEP (16ULL << 20) /* bytes of one fallocate */
#define NAME_SIZE 16

static void name_of(uint32_t number, char name[NAME_SIZE])
{
    snprintf(name, NAME_SIZE, "%08u.seg", number);
}

struct segment *segment_add(struct segments *segments, uint32_t number)
{
    if (segments->count == segments->cap) {
        segments->cap = segments->cap ? segments->cap * 2 : 16;
        segments->at = store_grow(segments->at, segments->cap * sizeof(struct segment *));
    }
    struct segment *segment = store_alloc(sizeof *segment);
    *segment = (struct segment){.number = number, .fd = -1};
    pthread_mutex_init(&segment->sync_mutex, NULL);
    segments->at[segments->count++] = segment;
    return segment;
}

void segment_free(struct segment *segment)
{
    if (segment->fd >= 0)
        close(segment->fd);
    pthread_mutex_destroy(&segment->sync_mutex);
    free(segment);
}

/* With the mutex held. */
static size_t position_of(const struct segments *segments, uint32_t number)
{
    size_t low = 0, high = segments->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (segments->at[middle]->number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct segment *segment_numbered(struct segments *segments, uint32_t number)
{
    size_t at = position_of(segments, number);
    bool found = at < segments->count && segments->at[at]->number == number;
    return found ? segments->at[at] : NULL;
}

int segment_fd(struct segments *segments, struct segment *segment)
{
    char name[NAME_SIZE];
    if (segment->fd >= 0)
        return segment->fd;
    name_of(segment->number, name);
    segment->fd = openat(segments->dir_fd, name, O_RDWR | O_CLOEXEC);
    return segment->fd >= 0 ? segment->fd : -errno;
}

int extent_open(struct store *store, uint32_t number)
{
    GUARD(&store->segments->mutex);
    struct segment *segment = segment_numbered(store->segments, number);
    return segment ? segment_fd(store->segments, segment) : -ENOENT;
}

/* Takes a segment without extents out of the table; the caller frees it without the mutex, since
 * giving up a file's space takes time. */
static struct segment *take_out(struct segments *segments, struct segment *segment)
{
    size_t at = position_of(segments, segment->number);
    memmove(&segments->at[at], &segments->at[at + 1],
            (--segments->count - at) * sizeof *segments->at);
    return segment;
}

void segment_remove(struct segments *segments, struct segment *segment)
{
    char name[NAME_SIZE];
    name_of(segment->number, name);
    if (unlinkat(segments->dir_fd, name, 0))
        log_debug("%s stays until the next start: %s", name, strerror(errno));
    segment_free(segment);
}

/* A new file, its name durable: extents in it are referred to by durable records. */
static int begin_segment(struct segments *segments, int lane)
{
    char name[NAME_SIZE];
    name_of(segments->next_number, name);
    AUTO_FD fd = openat(segments->dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    if (fsync(segments->dir_fd)) {
        int error = -errno;
        unlinkat(segments->dir_fd, name, 0);
        return error;
    }
    struct segment *segment = segment_add(segments, segments->next_number++);
    segment->fd = TAKE_FD(fd);
    segment->grows = true;
    segments->current[lane] = segment;
    return 0;
}

/* With the mutex held: ends a lane's segment, dropping it when nothing in it is used. */
static struct segment *end_segment(struct segments *segments, int lane)
{
    struct segment *ended = TAKE(segments->current[lane]);
    if (ended)
        ended->grows = false;
    return ended && ended->extents == 0 ? take_out(segments, ended) : NULL;
}

/* Makes sure that the file system has promised `size` bytes more. */
static int promise(struct store *store, struct segment *segment, uint64_t size)
{
    if (segment->end + size <= segment->allocated)
        return 0;
    uint64_t step = SEGMENT_MAX - segment->allocated;
    step = step < STEP ? step : STEP;
    space_look_now(store);
    uint64_t bytes_free = store->space.bytes_free, reserve = store->space.reserve;
    if (bytes_free < reserve + step)
        step = segment->end + size - segment->allocated;
    if (bytes_free < reserve + step)
        return -ENOSPC;
    if (fallocate(segment->fd, 0, (off_t)segment->allocated, (off_t)step) && errno != EOPNOTSUPP)
        return -errno;
    segment->allocated += step;
    return 0;
}

static bool has_room(const struct segment *segment, uint32_t size)
{
    return segment && !segment->failed && segment->end + size <= SEGMENT_MAX;
}

int segments_enter(struct store *store)
{
    atomic_int *writers = store->segments->writers;
    int best = 0;
    for (int lane = 1; lane < SEGMENT_LANES; lane++)
        if (atomic_load(&writers[lane]) < atomic_load(&writers[best]))
            best = lane;
    atomic_fetch_add(&writers[best], 1);
    return best;
}

void segments_leave(struct store *store, int lane)
{
    atomic_fetch_sub(&store->segments->writers[lane], 1);
}

int segments_allocate(struct store *store, int lane, uint32_t size, struct extent *out)
{
    struct segments *segments = store->segments;
    struct segment *dropped = NULL;
    size = (uint32_t)whole_blocks(size);
    pthread_mutex_lock(&segments->mutex);
    int error = 0;
    if (!has_room(segments->current[lane], size)) {
        dropped = end_segment(segments, lane);
        error = begin_segment(segments, lane);
    }
    struct segment *segment = segments->current[lane];
    if (!error)
        error = promise(store, segment, size);
    if (!error) {
        *out = (struct extent){.offset = segment->end, .segment = segment->number};
        segment->end += size;
        segment->live += size;
        segment->extents++;
    }
    pthread_mutex_unlock(&segments->mutex);
    if (dropped)
        segment_remove(segments, dropped);
    return error;
}

static void punch(int fd, uint64_t offset, uint64_t len)
{
    if (len && fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)len))
        log_debug("no hole at %llu: %s", (unsigned long long)offset, strerror(errno));
}

void segments_trim(struct store *store, const struct extent *extent, uint32_t size)
{
    struct segments *segments = store->segments;
    uint64_t kept = whole_blocks(extent->len), rest = whole_blocks(size) - kept;
    if (!rest)
        return;
    pthread_mutex_lock(&segments->mutex);
    struct segment *segment = segment_numbered(segments, extent->segment);
    segment->live -= rest;
    bool last = segment->end == extent->offset + kept + rest;
    if (last)
        segment->end -= rest;
    int fd = segment->fd;
    pthread_mutex_unlock(&segments->mutex);
    if (!last)
        punch(fd, extent->offset + kept, rest);
}

void segments_free(struct store *store, const struct extent *extent)
{
    struct segments *segments = store->segments;
    int fd = extent_open(store, extent->segment);
    if (fd < 0)
        return;
    punch(fd, extent->offset, whole_blocks(extent->len));
    pthread_mutex_lock(&segments->mutex);
    struct segment *segment = segment_numbered(segments, extent->segment), *dropped = NULL;
    segment->live -= whole_blocks(extent->len);
    if (--segment->extents == 0 && !segment->grows)
        dropped = take_out(segments, segment);
    pthread_mutex_unlock(&segments->mutex);
    if (dropped)
        segment_remove(segments, dropped);
}

static struct segment *segment_of(struct store *store, uint32_t number)
{
    GUARD(&store->segments->mutex);
    return segment_numbered(store->segments, number);
}

int segments_append(struct store *store, struct extent *extent, struct span bytes)
{
    struct segment *segment = segment_of(store, extent->segment);
    for (size_t at = 0; at < bytes.len;) {
        off_t offset = (off_t)(extent->offset + extent->len + at);
        ssize_t len = pwrite(segment->fd, bytes.at + at, bytes.len - at, offset);
        if (len < 0 && errno == EINTR)
            continue;
        if (len <= 0)
            return len ? -errno : -EIO;
        at += (size_t)len;
    }
    extent->crc32c = crc32c_feed(extent->crc32c, bytes);
    extent->len += (uint32_t)bytes.len;
    atomic_fetch_add(&segment->written, 1);
    space_count(store, bytes.len);
    return 0;
}

void segments_write_back(struct store *store, const struct extent *extent, uint32_t from)
{
    struct segment *segment = segment_of(store, extent->segment);
    sync_file_range(segment->fd, (off_t)(extent->offset + from), (off_t)(extent->len - from),
                    SYNC_FILE_RANGE_WRITE);
}

static int segment_sync(struct segment *segment)
{
    uint64_t wanted = atomic_load(&segment->written);
    GUARD(&segment->sync_mutex);
    if (segment->failed)
        return -EIO;
    if (segment->synced >= wanted)
        return 0; /* somebody's sync began after our last write */
    uint64_t covered = atomic_load(&segment->written);
    if (fdatasync(segment->fd)) {
        segment->failed = true;
        return -EIO;
    }
    segment->synced = covered;
    return 0;
}

int segments_sync(struct store *store, const struct extent *extents, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i && extents[i].segment == extents[i - 1].segment)
            continue;
        int error = segment_sync(segment_of(store, extents[i].segment));
        if (error)
            return error;
    }
    return 0;
}

void segments_stats(struct store *store, struct store_stats *out)
{
    struct segments *segments = store->segments;
    GUARD(&segments->mutex);
    for (size_t i = 0; i < segments->count; i++) {
        char name[NAME_SIZE];
        struct stat status;
        name_of(segments->at[i]->number, name);
        out->extent_bytes_live += segments->at[i]->live;
        if (!fstatat(segments->dir_fd, name, &status, 0))
            out->extent_bytes_allocated += (uint64_t)status.st_blocks * 512;
    }
}
