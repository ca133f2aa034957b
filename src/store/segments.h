// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Segment files under DATA/extents and the space in them; only this folder sees it. Space is handed
 * out once, in ascending order, and never again: what is freed becomes a hole. After a start the
 * old files only shrink.
 */
#include "store/extent.h"
#include "store/inside.h"

#define SEGMENT_MAX (1ULL << 30) /* bytes of a segment file */
#define SEGMENT_LANES 8          /* segments that grow at the same time, at most */
#define EXTENT_ALIGN 4096        /* bytes; holes are punched in whole blocks */
#define PIN_STRIPES 256

struct segment {
    uint32_t number;
    int fd;             /* -1: not opened yet */
    uint64_t end;       /* what was handed out */
    uint64_t allocated; /* what the file system has promised */
    uint64_t live;      /* bytes of extents not freed, in whole blocks */
    uint64_t extents;   /* not freed */
    pthread_mutex_t sync_mutex;
    bool grows;               /* takes new extents */
    _Atomic uint64_t written; /* counts writes */
    uint64_t synced;          /* value of `written` that a sync covered; sync_mutex */
    atomic_bool failed;       /* a sync failed */
};

struct pin {
    uint64_t key;
    uint32_t count;
};

struct pin_stripe {
    pthread_mutex_t mutex;
    struct pin *at;
    uint32_t count, cap;
};

struct dead_list {
    struct extent *at;
    size_t count, cap;
};

struct segments {
    struct store *store;
    int dir_fd;
    pthread_mutex_t mutex; /* guards the table and the segments' counts */
    struct segment **at;   /* ascending by number */
    size_t count, cap;
    struct segment *current[SEGMENT_LANES]; /* of a lane; NULL: none yet */
    atomic_int writers[SEGMENT_LANES];
    uint32_t next_number;
    bool opened; /* the scan is complete: what has no extents is unused */
    struct pin_stripe pins[PIN_STRIPES];
    /* reclaim.c */
    pthread_mutex_t dead_mutex;
    pthread_cond_t dead_wake;
    struct dead_list dead;
    bool reclaiming, stopping; /* the thread runs; dead_mutex */
    pthread_t reclaimer;
};

static inline uint64_t whole_blocks(uint64_t len)
{
    return (len + EXTENT_ALIGN - 1) / EXTENT_ALIGN * EXTENT_ALIGN;
}

/* Finds what is live, gives back what is not. -EUCLEAN when a referenced file is missing or short.
 */
MUST_CHECK int segments_open(struct store *store, const char **ret_why);
void segments_close(struct store *store);

/* The table; the mutex is held, or nothing else runs. segment_fd opens when needed: a descriptor or
 * -errno. segment_remove deletes the file of a segment that is in the table no more. */
struct segment *segment_add(struct segments *segments, uint32_t number);
struct segment *segment_numbered(struct segments *segments, uint32_t number); /* or NULL */
MUST_CHECK int segment_fd(struct segments *segments, struct segment *segment);
void segment_remove(struct segments *segments, struct segment *segment);
void segment_free(struct segment *segment);

/* A file system lets one write into a file at a time, and a sync waits for all that was written
 * there: who writes much takes the lane, a segment that grows, with the fewest writers. Both wait
 * for nothing. */
int segments_enter(struct store *store);
void segments_leave(struct store *store, int lane);
/* Room for `size` bytes (at most EXTENT_MAX) in a lane; *out has len 0. Blocks. -ENOSPC, -EIO. */
MUST_CHECK int segments_allocate(struct store *store, int lane, uint32_t size, struct extent *out);
/* Gives back what the extent does not use of the `size` bytes it got. */
void segments_trim(struct store *store, const struct extent *extent, uint32_t size);
/* Appends to the extent: bytes, length and checksum. Blocks. */
MUST_CHECK int segments_append(struct store *store, struct extent *extent, struct span bytes);
/* Begins to write back what was appended behind `from`, so that the sync has little left to do; in
 * long runs, since each costs the device a request. */
void segments_write_back(struct store *store, const struct extent *extent, uint32_t from);
/* All bytes of these extents are on disk afterwards. Several callers share one sync. Blocks. */
MUST_CHECK int segments_sync(struct store *store, const struct extent *extents, size_t count);
/* Punches the hole and drops the file when nothing in it is left. */
void segments_free(struct store *store, const struct extent *extent);
void segments_stats(struct store *store, struct store_stats *out);

/* reclaim.c: frees extents once nobody can be reading them. Takes a copy. Any thread, short. */
void reclaim_later(struct store *store, const struct extent *extents, size_t count);
/* Works off what can be and ends the thread. */
void reclaim_stop(struct store *store);
void reclaim_add(struct dead_list *list, const struct extent *extent);
bool extent_is_pinned(struct store *store, const struct extent *extent);

/* extent.c: a new extent's first reference. */
void extent_insert(struct txn *txn, const struct extent *extents, size_t count);
#define EXTENT_KEYSPACE                                                                            \
    0x01 /* in FAMILY_OBJECTS: segment, offset -> length, references, checksum */
MUST_CHECK bool extent_record_read(struct span key, struct span value, struct extent *out);
