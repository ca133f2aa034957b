// SPDX-License-Identifier: Apache-2.0
/*
 * Small appends cost one sync, that of the store's log: their bytes are written to the segment as
 * always, and travel in the transaction, too (FAMILY_CARRIED). The segment itself is synced much
 * later, before the log forgets them; a start writes what it finds of them to the segments again.
 * Putting: any thread; settling: the store's; replaying: start-up.
 */
#include "engines/log/inside.h"

#include "base/scope.h"
#include "store/key.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#define FILES_ONE_BY_ONE 64 /* more are synced with all of the file system, in one go */

void carry_put(struct txn *txn, uint64_t lane, const struct carried *carried)
{
    struct key key;
    lane_key(KEYSPACE_CARRIED, lane, &key);
    key_u64(&key, carried->base);
    key_u64(&key, carried->offset);
    txn_put(txn, FAMILY_CARRIED, key_span(&key), carried->bytes);
}

void carry_note(struct segment *segment)
{
    GUARD(&segment->log->mutex);
    if (segment->carries)
        return;
    segment->carries = true;
    segment->next_carrying = segment->log->carrying;
    segment->log->carrying = segment;
}

void carry_forget(struct segment *segment)
{
    GUARD(&segment->log->mutex);
    struct segment **at = &segment->log->carrying;
    while (*at && *at != segment)
        at = &(*at)->next_carrying;
    if (*at)
        *at = segment->next_carrying;
}

/* ---- settling -------------------------------------------------------------------------------- */

/* A segment that may be retired and closed meanwhile: the descriptor is our own. */
struct keeping {
    struct lane *lane; /* a reference */
    uint64_t base;
    int fd; /* -1: with all of the file system */
    struct tail tail;
};

static struct keeping *take_carrying(struct log *log, size_t *ret_count)
{
    size_t count = 0;
    GUARD(&log->mutex);
    for (struct segment *segment = log->carrying; segment; segment = segment->next_carrying)
        count++;
    bool few = count <= FILES_ONE_BY_ONE;
    struct keeping *all = log_alloc((count + 1) * sizeof *all);
    for (size_t i = 0; i < count; i++) {
        struct segment *segment = log->carrying;
        log->carrying = segment->next_carrying;
        segment->carries = false;
        all[i] = (struct keeping){.lane = lane_ref(segment->lane),
                                  .base = segment->base,
                                  .fd = few ? fcntl(segment->fd, F_DUPFD_CLOEXEC, 0) : -1};
    }
    *ret_count = count;
    return all;
}

int carry_settle(struct store_companion *companion)
{
    struct log *log = (struct log *)((char *)companion - offsetof(struct log, companion));
    size_t count;
    bool others = false;
    int error = 0;
    struct keeping *all = take_carrying(log, &count);
    for (size_t i = 0; i < count; i++)
        all[i].tail = lane_tail(all[i].lane);
    for (size_t i = 0; i < count; i++) {
        others |= all[i].fd < 0;
        if (all[i].fd >= 0 && fdatasync(all[i].fd))
            error = -errno;
    }
    if (others && syncfs(log->dir_fd))
        error = -errno;
    for (size_t i = 0; i < count; i++) {
        if (!error && all[i].base == all[i].tail.base)
            lane_note_synced(all[i].lane, &all[i].tail);
        if (all[i].fd >= 0)
            close(all[i].fd);
        lane_unref(all[i].lane);
    }
    free(all);
    return error;
}

/* ---- replaying ------------------------------------------------------------------------------- */

struct replay {
    struct log *log;
    uint64_t lane, base;
    int fd; /* of that segment; -1: it is gone */
};

static int end_file(struct replay *replay)
{
    int error = replay->fd >= 0 && fdatasync(replay->fd) ? -errno : 0;
    if (replay->fd >= 0)
        close(replay->fd);
    replay->fd = -1;
    return error;
}

/* A segment that was trimmed meanwhile needs nothing. */
static int begin_file(struct replay *replay, uint64_t lane, uint64_t base)
{
    char name[SEGMENT_NAME_SIZE];
    int error = end_file(replay);
    replay->lane = lane;
    replay->base = base;
    segment_name(lane, base, name);
    replay->fd = openat(replay->log->dir_fd, name, O_RDWR | O_CLOEXEC);
    return error || replay->fd >= 0 || errno == ENOENT ? error : -errno;
}

static int replay_one(struct replay *replay, struct span key, struct span bytes)
{
    uint64_t parts[3]; /* lane, base, offset */
    if (key.len != 1 + sizeof parts)
        return -EBADMSG;
    memcpy(parts, key.at + 1, sizeof parts);
    uint64_t lane = be64toh(parts[0]), base = be64toh(parts[1]), at = be64toh(parts[2]);
    int error = lane == replay->lane && base == replay->base ? 0 : begin_file(replay, lane, base);
    while (!error && replay->fd >= 0 && bytes.len) {
        ssize_t len = pwrite(replay->fd, bytes.at, bytes.len, (off_t)at);
        if (len <= 0)
            return len ? -errno : -EIO;
        bytes = span_from(bytes, (size_t)len);
        at += (uint64_t)len;
    }
    return error;
}

int carry_replay(struct log *log)
{
    const char prefix = KEYSPACE_CARRIED;
    uint64_t ticket;
    struct replay replay = {.log = log, .fd = -1, .lane = UINT64_MAX};
    struct txn *txn = txn_begin(log->options.store);
    struct cursor *cursor = cursor_open(txn, FAMILY_CARRIED, span_of(&prefix, 1));
    int error = 0;
    for (bool more = cursor_first(cursor); more && !error; more = cursor_next(cursor)) {
        error = replay_one(&replay, cursor_key(cursor), cursor_value(cursor));
        txn_delete(txn, FAMILY_CARRIED, cursor_key(cursor));
    }
    error = error ? error : cursor_error(cursor);
    cursor_close(cursor);
    int last = end_file(&replay);
    if (error || last) {
        txn_rollback(txn);
        return error ? error : last;
    }
    return txn_commit(txn, &ticket);
}
