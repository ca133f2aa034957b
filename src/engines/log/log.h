// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Durable logs in lanes: a stream has lanes, each open lane takes the records whose hash lies in
 * its range, in order, for ever or until their time is over. Knows no service: names of streams are
 * opaque bytes. A record is on disk when the ticket of the transaction that appended it is durable;
 * it is never seen when that transaction is rolled back.
 *
 * A lane is a chain of segment files under DATA/logs, with a sparse index by record and by time in
 * the store. Its memory does not grow with its records. Streams change on one thread and are read
 * by all; lanes are locked one by one.
 *
 * Functions that answer int: 0 or a negative errno; -EBADMSG: undecodable bytes in the store,
 * -EUCLEAN: segments that lost bytes which had been synced.
 */
#include "base/buf.h"
#include "loop/workers.h"
#include "store/txn.h"

#include <stdatomic.h>

struct log;
struct log_stream; /* a snapshot; borrowed for as long as the arena it was found with */

struct log_options {
    struct store *store;
    struct workers *workers; /* trim */
    struct loop *home;       /* has the timer that starts trimming */
    bool unlimited;          /* rates are not looked at */
};
/* Reads all streams and cuts what a crash left behind their last commits. */
MUST_CHECK int log_new(struct log **ret, const struct log_options *options);
/* After the loops and the workers have stopped and the store is closed. Accepts NULL. */
void log_free(struct log *log);

/* One place inside one transaction: what is read lives in the arena. */
struct log_access {
    struct log *log;
    struct txn *txn;
    struct arena *arena;
};

/* ---- streams: one thread ---------------------------------------------------------------------
 */

struct log_hash {
    uint64_t high, low; /* of 128 bits */
};
int log_hash_compare(struct log_hash a, struct log_hash b);

#define LOG_PARENTS_MAX 2

struct log_lane {
    uint32_t number;               /* ascending from 0 within the stream, never used again */
    struct log_hash first, last;   /* range, both ends in it */
    int64_t created_ms, closed_ms; /* closed_ms 0: open */
    uint32_t parents[LOG_PARENTS_MAX];
    uint32_t parent_count;
};

struct log_settings {
    int64_t retention_ms;
    /* Of each lane, a second; 0: no limit. */
    uint64_t bytes_in, records_in, bytes_out, reads, seeks;
    uint64_t entry_max; /* bytes of key and data; kept for the caller, who looks at it */
    bool spread;        /* records go to any lane; kept for the caller, who makes the hashes */
    bool sealed;        /* keys and data of new records are encrypted in the files */
    uint64_t shown;     /* LOG_SHOWS_… of single lanes in log_print, beside those of the stream */
};

enum LOG_SHOWS {
    LOG_SHOWS_BYTES_IN = 1 << 0,
    LOG_SHOWS_RECORDS_IN = 1 << 1,
    LOG_SHOWS_BYTES_OUT = 1 << 2,
    LOG_SHOWS_RECORDS_OUT = 1 << 3,
    LOG_SHOWS_THROTTLED_IN = 1 << 4,
    LOG_SHOWS_THROTTLED_OUT = 1 << 5,
    LOG_SHOWS_AGE = 1 << 6,
};

/* The lanes' numbers and times are filled in: 0, 1, 2 … and `now_ms`. Seen by log_find after the
 * commit. -EEXIST. */
MUST_CHECK int log_create(const struct log_access *access, struct span name,
                          const struct log_settings *settings, struct log_lane *lanes, size_t count,
                          int64_t now_ms);
/* Closes lanes and opens others in one step, which every append comes either before or after.
 * -ENOENT; -ESTALE when one of `closed` is closed already. The last words of a transaction: it has
 * appended nothing. */
struct log_change {
    const uint32_t *closed;
    size_t closed_count;
    struct log_lane *opened; /* numbers and times are filled in */
    size_t opened_count;
};
MUST_CHECK int log_reshape(const struct log_access *access, struct span name,
                           const struct log_change *change, int64_t now_ms);
MUST_CHECK int log_adjust(const struct log_access *access, struct span name,
                          const struct log_settings *settings);
/* The name may be used again at once; the segments go in the background. */
MUST_CHECK int log_drop(const struct log_access *access, struct span name);

/* Any thread. -ENOENT. */
MUST_CHECK int log_find(const struct log_access *access, struct span name, struct log_stream **ret);
const struct log_lane *log_lanes(const struct log_stream *stream, size_t *ret_count);
const struct log_lane *log_lane_numbered(const struct log_stream *stream, uint32_t number);
const struct log_settings *log_settings_of(const struct log_stream *stream);
/* When lanes of a stream may begin to be forgotten: the oldest time that is still kept. */
int64_t log_horizon(const struct log_stream *stream, int64_t now_ms);

/* ---- records: any thread --------------------------------------------------------------------- */

#define LOG_KEY_MAX 1024
#define LOG_DATA_MAX (16 << 20)

struct log_entry {
    struct log_hash hash;
    struct span key, data;
    /* What became of it: 0, or -EAGAIN: its lane `lane` takes no more now. */
    int error;
    uint32_t lane;
    uint64_t index;     /* 0, 1, 2 … within its lane */
    int64_t created_ms; /* of the lane */
    int64_t time_ms;    /* never goes back within a lane */
    bool sealed;
};

/* Routes and appends all entries, at most once in a transaction; those that were too many are told
 * one by one. Lanes stay locked to the end of the transaction. -ENOENT, -ENOSPC, -EIO. */
MUST_CHECK int log_append(const struct log_access *access, struct span name,
                          struct log_entry *entries, size_t count, int64_t now_ms);

/* Counts a look for a place against the lane's rate of seeks; false: too many in a second. */
MUST_CHECK bool log_admit_seek(const struct log_stream *stream, uint32_t lane);

/* Where to read on. `base` and `offset` (of a segment file) are a hint that saves a look-up; it may
 * be out of date, never wrong. */
struct log_place {
    uint64_t index, base, offset;
};
#define LOG_NO_BASE UINT64_MAX
static inline struct log_place log_place_of(uint64_t index)
{
    return (struct log_place){index, LOG_NO_BASE, 0};
}

/* Behind the newest record. */
MUST_CHECK int log_end(const struct log_access *access, const struct log_stream *stream,
                       uint32_t lane, struct log_place *ret);
/* The first record that came at this time or later. */
MUST_CHECK int log_place_at(const struct log_access *access, const struct log_stream *stream,
                            uint32_t lane, int64_t time_ms, struct log_place *ret);

struct log_record {
    uint64_t index;
    int64_t time_ms;
    struct span key, data;
    uint32_t seal; /* not 0: it lies sealed */
};

/* LOG_SHARED counts against the lane's rates and may be refused (-EAGAIN). */
enum LOG_PACE { LOG_SHARED, LOG_OWN };

struct log_reading {
    struct log_place from;
    uint32_t lane;
    enum LOG_PACE pace;
    size_t most_records, most_bytes; /* one record is given whatever its size */
    uint64_t until;                  /* read no further than this record; 0: no such end */
    int64_t now_ms;
    /* out */
    struct log_record *records;
    size_t count, bytes;
    struct log_place next;
    int64_t behind_ms; /* 0: all there was */
    bool ended;        /* the lane is closed and all of it was read */
};
/* Records older than the stream keeps are passed over. */
MUST_CHECK int log_read(const struct log_access *access, const struct log_stream *stream,
                        struct log_reading *reading);

/* Readers that keep up stand at the same place of a lane and make the same of its records: the
 * first makes it, the others send it too. Counted, since it is sent from where it lies; freed with
 * its last holder. Of a lane that one reader watches nothing is shared. */
struct log_shared {
    struct buf bytes;           /* the maker's */
    unsigned form;              /* of the bytes; the maker's */
    int64_t oldest_ms;          /* of the records */
    struct log_reading reading; /* of which the bytes were made; without the records */
    atomic_uint references;     /* private */
};
/* 0: one of this form is there, *ret is held, `reading` as if it had been read but for the records.
 * -ENOENT: read and make it; `reading->until` is set so that readers who are apart meet. -EBUSY:
 * another is making it: ask again in a moment. */
MUST_CHECK int log_shared_take(const struct log_access *access, const struct log_stream *stream,
                               struct log_reading *reading, unsigned form, struct log_shared **ret);
/* With `ceiling` for the bytes. Held by the caller. */
struct log_shared *log_shared_new(const struct log_reading *reading, unsigned form, size_t ceiling);
/* Others may take it from now on. */
void log_shared_give(const struct log_stream *stream, struct log_shared *shared);
/* Accepts NULL. */
void log_shared_drop(struct log_shared *shared);

/* ---- watching -------------------------------------------------------------------------------- */

/* `changed` is called on `loop`'s thread after the lane got records or was closed, or `replaced`
 * was set. What it reads may not be durable yet. Of records it is told once; again after
 * log_watch_arm, which comes before the reading. */
struct log_watch {
    struct loop *loop;
    void (*changed)(struct log_watch *watch);
    /* One watch of that name at a time: a new one takes over and `replaced` is set in the old one,
     * which is told. Absent: any number. Outlives the watch. */
    struct span name;
    bool replaced; /* __atomic */
    int64_t since_ms;
    struct mail mail;       /* private */
    struct lane *lane;      /* private */
    struct log_watch *next; /* private */
    bool posted;            /* private */
    bool armed;             /* private; __atomic */
};
/* -EBUSY: the one of that name began less than `quiet_ms` ago. */
MUST_CHECK int log_watch_begin(const struct log_stream *stream, uint32_t lane,
                               struct log_watch *watch, int64_t quiet_ms);
void log_watch_arm(struct log_watch *watch);
/* On its loop. False: a mail is under way, `changed` is called once more and must be the end. */
MUST_CHECK bool log_watch_end(struct log_watch *watch);

/* ---- counters -------------------------------------------------------------------------------- */

struct log_counters {
    uint64_t bytes_in, records_in, throttled_in;
    uint64_t bytes_out, records_out, throttled_out;
    uint64_t age_ms; /* of the oldest record in the newest answer to a reader */
};
void log_count(const struct log_stream *stream, uint32_t lane, struct log_counters *ret);
/* In Prometheus' text form: every stream that was touched since the start, and of its lanes what
 * its settings show. */
void log_print(struct log *log, struct buf *out);
/* Every lane of every stream in a line: stream, number, "open" or "closed", range (32 hex digits a
 * side), the settings' bytes_in, then the counters in the order of struct log_counters. */
void log_print_lanes(struct log *log, struct buf *out);
/* Whether rates are looked at; who paces by itself asks. */
bool log_is_unlimited(const struct log *log);
