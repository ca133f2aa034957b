// SPDX-License-Identifier: Apache-2.0
/*
 * Reading extents: as they are stored, against their CRC, or parts of their content. A part of a
 * sealed extent is read in whole frames, whose tags vouch for it. Any thread that may block.
 */
#include "base/hash.h"
#include "base/scope.h"
#include "store/segments.h"

#include <errno.h>
#include <unistd.h>

#define STORED_FRAME (SEAL_FRAME + SEAL_TAG_SIZE)

static int read_all(int fd, uint64_t offset, char *to, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = pread(fd, to + at, len - at, (off_t)(offset + at));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n ? -errno : -EIO;
        at += (size_t)n;
    }
    return 0;
}

int extent_read(struct store *store, const struct extent *extent, char *to)
{
    int fd = extent_open(store, extent->segment);
    if (fd < 0)
        return fd;
    int error = read_all(fd, extent->offset, to, extent->len);
    if (error)
        return error;
    return crc32c_feed(0, span_of(to, extent->len)) == extent->crc32c ? 0 : -EIO;
}

/* What is wished of one frame. */
struct slice {
    uint64_t frame;
    size_t skip, len; /* bytes */
};

/* `room` is for a frame as it is stored and one that is opened. */
static int fetch_slice(int fd, const struct extent *extent, struct slice slice, char *room,
                       char *to)
{
    char *stored = room, *opened = room + STORED_FRAME;
    uint64_t from = slice.frame * STORED_FRAME;
    size_t len = extent->len - from < STORED_FRAME ? extent->len - from : STORED_FRAME;
    bool whole = slice.len == len - SEAL_TAG_SIZE;
    int error = read_all(fd, extent->offset + from, stored, len);
    if (error)
        return error;
    if (!seal_open_frames(&extent->sealing.key, slice.frame, span_of(stored, len),
                          whole ? to : opened))
        return -EIO;
    if (!whole)
        memcpy(to, opened + slice.skip, slice.len);
    return 0;
}

static int fetch_sealed(int fd, const struct extent_part *part, char *to)
{
    AUTO_FREE char *room = store_alloc(STORED_FRAME + SEAL_FRAME);
    int error = 0;
    for (size_t at = 0; at < part->len && !error;) {
        uint64_t from = part->skip + at;
        struct slice slice = {.frame = from / SEAL_FRAME, .skip = from % SEAL_FRAME};
        slice.len = SEAL_FRAME - slice.skip;
        if (slice.len > part->len - at)
            slice.len = part->len - at;
        error = fetch_slice(fd, &part->extent, slice, room, to + at);
        at += slice.len;
    }
    return error;
}

int extent_fetch(struct store *store, const struct extent_part *part, char *to)
{
    const struct extent *extent = &part->extent;
    if (extent->sealing.sealed && !extent->sealing.open)
        return -ENOKEY;
    int fd = extent_open(store, extent->segment);
    if (fd < 0)
        return fd;
    return extent->sealing.sealed ? fetch_sealed(fd, part, to)
                                  : read_all(fd, extent->offset + part->skip, to, part->len);
}
