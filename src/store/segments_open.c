// SPDX-License-Identifier: Apache-2.0
/*
 * What a start finds under DATA/extents: every extent that the store refers to must be there; what
 * nothing refers to, because a crash came between writing and committing or between dropping the
 * last reference and freeing, is given back. One thread, before anything else runs.
 */
#include "store/segments.h"

#include "base/scope.h"
#include "store/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define SLACK                                                                                      \
    (1ULL << 20) /* bytes a file may hold beyond its live ones before holes are looked for */

struct scan {
    struct segments *segments;
    struct segment *segment; /* of the last extent */
    uint64_t file_size, file_held;
    struct dead_list gaps; /* between live extents; `len` may pass EXTENT_MAX */
};

static int segment_compare(const void *a, const void *b)
{
    const struct segment *left = *(const struct segment *const *)a;
    const struct segment *right = *(const struct segment *const *)b;
    return (left->number > right->number) - (left->number < right->number);
}

static bool number_of(const char *name, uint32_t *out)
{
    uint64_t number;
    struct span text = span_of_cstr(name);
    if (!span_ends(text, S(".seg")) || !span_to_u64(span_first(text, text.len - 4), &number) ||
        number == 0 || number >= UINT32_MAX)
        return false;
    *out = (uint32_t)number;
    return true;
}

static int list_files(struct segments *segments)
{
    DIR *dir = folder_open(segments->dir_fd, ".");
    if (!dir)
        return -errno;
    uint32_t number;
    for (struct dirent *entry; (entry = readdir(dir));)
        if (number_of(entry->d_name, &number)) {
            segment_add(segments, number);
            if (number >= segments->next_number)
                segments->next_number = number + 1;
        }
    closedir(dir);
    if (segments->count)
        qsort(segments->at, segments->count, sizeof(struct segment *), segment_compare);
    return 0;
}

/* The last extent of a segment was seen: cut the file behind it and punch the gaps, unless the file
 * holds no more than it should. */
static int finish_segment(struct scan *scan)
{
    struct segment *segment = scan->segment;
    if (!segment)
        return 0;
    int fd = segment_fd(scan->segments, segment);
    if (fd < 0)
        return fd;
    if (scan->file_size > segment->end && ftruncate(fd, (off_t)segment->end))
        return -errno;
    for (size_t i = 0; i < scan->gaps.count && scan->file_held > segment->live + SLACK; i++)
        if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                      (off_t)scan->gaps.at[i].offset, (off_t)scan->gaps.at[i].len))
            break; /* this file system cannot */
    segment->allocated = segment->end;
    scan->gaps.count = 0;
    return 0;
}

static int begin_segment(struct scan *scan, uint32_t number)
{
    int error = finish_segment(scan);
    if (error)
        return error;
    scan->segment = segment_numbered(scan->segments, number);
    if (!scan->segment)
        return -EUCLEAN;
    int fd = segment_fd(scan->segments, scan->segment);
    struct stat status;
    if (fd < 0 || fstat(fd, &status))
        return fd < 0 ? fd : -errno;
    scan->file_size = (uint64_t)status.st_size;
    scan->file_held = (uint64_t)status.st_blocks * 512;
    return 0;
}

static void note_gap(struct scan *scan, uint64_t from, uint64_t to)
{
    for (; from < to; from += EXTENT_MAX) {
        uint64_t len = to - from < EXTENT_MAX ? to - from : EXTENT_MAX;
        reclaim_add(&scan->gaps, &(struct extent){.offset = from, .len = (uint32_t)len});
    }
}

static int see_extent(struct scan *scan, const struct extent *extent)
{
    if (!scan->segment || scan->segment->number != extent->segment) {
        int error = begin_segment(scan, extent->segment);
        if (error)
            return error;
    }
    struct segment *segment = scan->segment;
    if (extent->offset < segment->end || extent->offset + extent->len > scan->file_size)
        return -EUCLEAN;
    note_gap(scan, segment->end, extent->offset);
    segment->end = extent->offset + whole_blocks(extent->len);
    segment->live += whole_blocks(extent->len);
    segment->extents++;
    return 0;
}

static int see_all(struct scan *scan, struct store *store)
{
    static const char keyspace[] = {EXTENT_KEYSPACE};
    struct txn *txn = txn_begin(store);
    struct cursor *cursor = cursor_open(txn, FAMILY_OBJECTS, span_of(keyspace, 1));
    int error = 0;
    for (bool more = cursor_first(cursor); more && !error; more = cursor_next(cursor)) {
        struct extent extent;
        error = extent_record_read(cursor_key(cursor), cursor_value(cursor), &extent)
                    ? see_extent(scan, &extent)
                    : -EUCLEAN;
    }
    if (!error)
        error = cursor_error(cursor);
    if (!error)
        error = finish_segment(scan);
    cursor_close(cursor);
    txn_rollback(txn);
    return error;
}

static void remove_unused(struct segments *segments)
{
    size_t kept = 0;
    for (size_t i = 0; i < segments->count; i++)
        if (segments->at[i]->extents)
            segments->at[kept++] = segments->at[i];
        else
            segment_remove(segments, segments->at[i]);
    segments->count = kept;
}

static struct segments *segments_new(struct store *store)
{
    struct segments *segments = store_alloc(sizeof *segments);
    memset(segments, 0, sizeof *segments);
    segments->store = store;
    segments->next_number = 1;
    pthread_mutex_init(&segments->mutex, NULL);
    pthread_mutex_init(&segments->dead_mutex, NULL);
    pthread_cond_init(&segments->dead_wake, NULL);
    for (int i = 0; i < PIN_STRIPES; i++)
        pthread_mutex_init(&segments->pins[i].mutex, NULL);
    return segments;
}

int segments_open(struct store *store, const char **ret_why)
{
    struct segments *segments = store->segments = segments_new(store);
    struct scan scan = {.segments = segments};
    segments->dir_fd = openat(store->dir_fd, "extents", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = segments->dir_fd < 0 ? -EUCLEAN : list_files(segments);
    if (!error)
        error = see_all(&scan, store);
    free(scan.gaps.at);
    if (error) {
        *ret_why = "The files under `extents` in the data directory do not fit its database: some "
                   "are missing, short or unreadable. Restore the directory from a copy.";
        return error;
    }
    segments->opened = true;
    remove_unused(segments);
    return 0;
}

/* Gives back what was promised to a segment and not used. */
static void trim(const struct segment *segment)
{
    if (segment->grows && ftruncate(segment->fd, (off_t)segment->end))
        return; /* the next start does it */
}

void segments_close(struct store *store)
{
    struct segments *segments = store->segments;
    if (!segments)
        return;
    for (size_t i = 0; i < segments->count; i++)
        trim(segments->at[i]);
    if (segments->opened)
        remove_unused(segments);
    for (size_t i = 0; i < segments->count; i++)
        segment_free(segments->at[i]);
    for (int i = 0; i < PIN_STRIPES; i++) {
        pthread_mutex_destroy(&segments->pins[i].mutex);
        free(segments->pins[i].at);
    }
    pthread_cond_destroy(&segments->dead_wake);
    pthread_mutex_destroy(&segments->dead_mutex);
    pthread_mutex_destroy(&segments->mutex);
    if (segments->dir_fd >= 0)
        close(segments->dir_fd);
    free(segments->dead.at);
    free(segments->at);
    free(segments);
}
