// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What the files of this folder share and nobody else sees. */
#include "base/map.h"
#include "base/seal.h"
#include "engines/log/log.h"

#include <pthread.h>
#include <stdatomic.h>

/* Keyspaces of FAMILY_LOGS; those of FAMILY_CONTROL are in records.idl. Numbers are big-endian. */
#define KEYSPACE_TAIL 0x70 /* lane -> struct tail */
#define KEYSPACE_INDEX                                                                             \
    0x71 /* lane, record -> struct mark: every INDEX_BYTES, and at a segment's begin */
#define KEYSPACE_TIME 0x72    /* lane, time, record -> struct mark: where there is an index entry */
#define KEYSPACE_SEGMENT 0x73 /* lane, first record -> struct period */

/* Of FAMILY_CARRIED: lane, first record of the segment, offset -> bytes at that place of its file
 */
#define KEYSPACE_CARRIED 0x70

#define SEGMENT_MAX (64ULL << 20) /* bytes; a segment may pass it by one batch */
#define INDEX_BYTES (64 << 10)

/* What a segment file consists of; little-endian. The checksum begins with the lane's id, so that
 * bytes which were written to the wrong place are found too. */
struct frame {
    uint32_t crc32c; /* of what follows, to the end of the data */
    uint32_t data_len;
    uint64_t index;
    int64_t time_ms;
    uint32_t key_len;
    /* Not 0: key and data are sealed as one, a tag follows them, and this is a part of the nonce
     * that differs where a crash or rollback has the record's number used again. */
    uint32_t seal;
};

/* The end of a lane, as its newest transaction left it. */
struct tail {
    uint64_t base; /* first record of the newest segment, which names its file */
    uint64_t end;  /* bytes in it */
    uint64_t next; /* number of the next record */
    int64_t last_ms;
    int64_t first_ms; /* of the newest segment */
    /* Up to here all was synced when this was written: a later start looks at what is behind it. */
    uint64_t synced_base, synced_end, synced_next;
};

/* From when to when a segment's records came; the end is 0 while it is the newest. */
struct period {
    int64_t first_ms, last_ms;
};

/* Where a record is. */
struct mark {
    uint64_t index, base, offset;
    int64_t time_ms;
};

/* An open segment file. Freed by the flusher once it was retired, so that a descriptor is never
 * closed under its sync. */
struct segment {
    struct log *log;
    struct lane *lane; /* a reference */
    int fd;
    uint64_t base;
    uint64_t allocated; /* bytes promised by the file system */
    /* log->mutex */
    bool queued, retired, carries;
    struct segment *next;          /* in the queue */
    struct segment *next_carrying; /* written to by small appends since carry_settle */
};

/* Tokens of a second; in thousandths. */
struct rate {
    int64_t tokens, at_ms;
};

struct lane {
    uint64_t id; /* stream's id << 32 | number */
    atomic_uint references;
    bool keyed; /* set once, before the first snapshot that seals */
    struct seal_key key;
    pthread_mutex_t append; /* of the transaction that appends or closes, to its end */
    bool closed;            /* append */
    uint64_t indexed;       /* append; offset of the newest index entry, in the newest segment */
    struct rate rate_bytes_in, rate_records_in; /* append */
    pthread_mutex_t mutex;                      /* guards what follows; held for moments */
    struct tail tail;                           /* changed by who holds `append` too */
    struct segment *segment; /* the newest one's file, or NULL: not opened yet; append */
    uint64_t ticket;         /* newest commit */
    struct rate rate_bytes_out, rate_reads, rate_seeks;
    struct log_watch *watches;
    _Atomic uint64_t bytes_in, records_in, throttled_in, bytes_out, records_out, throttled_out,
        age_ms;
};

struct log_stream {
    struct log *log;
    atomic_uint references;
    uint64_t id;
    struct span name;
    struct log_settings settings;
    struct log_lane *lanes; /* ascending by number */
    struct lane **running;  /* the same order */
    size_t count;
    uint32_t *open; /* places in `lanes`, ascending by range */
    size_t open_count;
};

/* What readers share, in a ring: the newest of all lanes. Whoever makes one has a slot for it. */
#define SHARED_SLOTS 64
struct shared_slot {
    uint64_t lane, from, next; /* records; `next` 0: being made */
    unsigned form;
    int64_t since_ms;
    struct log_shared *made;
};
struct sharing {
    pthread_mutex_t mutex;
    struct shared_slot slots[SHARED_SLOTS];
    size_t newest;
    size_t bytes;
};

struct log {
    struct log_options options;
    struct sharing sharing;
    struct store_companion companion;
    struct team *team;
    struct syncing *syncing; /* the flusher's: between begin and finish */
    int dir_fd;
    atomic_bool dir_changed; /* a name is not synced yet */
    pthread_mutex_t mutex;   /* guards what follows */
    struct map streams;      /* newest snapshots by name */
    struct segment *queue;   /* to be synced in the flusher's next cycle */
    struct segment *carrying;
    /* trim.c */
    struct timer timer;
    struct job job;
    struct mail mail;
    atomic_bool posted;
    bool busy, again;
};

/* Never NULL. */
void *log_alloc(size_t size) __attribute__((malloc, returns_nonnull));
struct key;
void lane_key(uint8_t keyspace, uint64_t lane, struct key *key);

/* share.c */
void share_init(struct sharing *sharing);
void share_done(struct sharing *sharing);
/* read.c */
/* Counts what a reader was given. */
void read_account(const struct log_stream *stream, struct lane *lane,
                  const struct log_reading *reading, int64_t oldest_ms);
/* Whoever answers with what is not durable yet must wait for it. */
MUST_CHECK int read_wait_for_ticket(const struct log_access *access, struct lane *lane);

/* lane.c */
struct lane *lane_new(uint64_t id);
struct lane *lane_ref(struct lane *lane);
void lane_unref(struct lane *lane);
struct tail lane_tail(struct lane *lane);
/* What the store says of its end, checked against its segments and cut where they end. */
MUST_CHECK int lane_load(struct log *log, struct txn *txn, struct arena *arena, struct lane *lane);
void lane_put_tail(struct txn *txn, uint64_t lane, const struct tail *tail);
/* All before `tail` was synced: a hint for the next start only, so it may be of an older sync. */
void lane_note_synced(struct lane *lane, const struct tail *tail);
void lane_publish(struct log *log, struct lane *lane, const struct tail *tail);

/* rate.c; a limit of 0 is none. */
MUST_CHECK bool rate_take(struct rate *rate, uint64_t limit, uint64_t amount, int64_t now_ms);
void rate_charge(struct rate *rate, uint64_t limit, uint64_t amount, int64_t now_ms);
MUST_CHECK bool rate_is_open(struct rate *rate, uint64_t limit, int64_t now_ms);

/* segment.c */
#define SEGMENT_NAME_SIZE 48
void segment_name(uint64_t lane, uint64_t base, char to[SEGMENT_NAME_SIZE]);
/* Reads such a name; false when it is none. */
MUST_CHECK bool segment_name_read(struct span name, uint64_t *ret_lane, uint64_t *ret_base);
enum SEGMENT_OPEN { SEGMENT_FRESH, SEGMENT_EXISTING };
MUST_CHECK int segment_open(struct log *log, struct lane *lane, uint64_t base,
                            enum SEGMENT_OPEN how, struct segment **ret);
/* Makes sure that the file system has promised the bytes up to `end`. */
MUST_CHECK int segment_promise(struct segment *segment, uint64_t end);
/* To be synced in the flusher's next cycle. */
void segment_queue(struct segment *segment);
/* No more is written to it: gives back what lies behind `end`. */
void segment_retire(struct segment *segment, uint64_t end);
/* A descriptor for reading, the caller's. */
MUST_CHECK int segment_read_open(struct log *log, uint64_t lane, uint64_t base);
void segment_begin_sync(struct store_companion *companion);
int segment_finish_sync(struct store_companion *companion);

/* carry.c: appends that need no sync of their segment. */
#define CARRY_BYTES (16 << 10) /* of a transaction's records: more are not worth writing twice */
struct carried {
    uint64_t base, offset; /* where in which segment */
    struct span bytes;
};
void carry_put(struct txn *txn, uint64_t lane, const struct carried *carried);
/* Beside it: the segment's bytes may not be on disk. */
void carry_note(struct segment *segment);
/* Before it is freed, synced. */
void carry_forget(struct segment *segment);
MUST_CHECK int carry_settle(struct store_companion *companion);
/* Before any lane is looked at. */
MUST_CHECK int carry_replay(struct log *log);

/* team.c: syncs files at the same time. The flusher's. */
struct team *team_new(void);
void team_free(struct team *team);
/* The descriptors stay the caller's until team_finish. */
void team_begin(struct team *team, const int *fds, size_t count);
MUST_CHECK int team_finish(struct team *team);

/* frame.c */
uint32_t frame_checksum(uint64_t lane, const struct frame *frame, struct span key,
                        struct span data);
/* The bytes of the whole frame that `bytes` begins with; 0: more is needed, *ret_need in all;
 * -EBADMSG: it is none. */
MUST_CHECK int64_t frame_read(uint64_t lane, struct span bytes, struct log_record *ret,
                              size_t *ret_need);
/* What key and data become in the file; in the arena. The frame is whole but for its checksum. */
struct span frame_seal(const struct lane *lane, struct arena *arena, const struct frame *frame,
                       struct span key, struct span data);
/* The reverse, of what frame_read gave; -EBADMSG. */
MUST_CHECK int frame_open(const struct lane *lane, struct arena *arena, struct log_record *record);

/* index.c */
void index_put(struct txn *txn, uint64_t lane, const struct mark *mark);
void index_put_period(struct txn *txn, uint64_t lane, uint64_t base, const struct period *period);
/* The newest mark at or before the record, else the oldest there is; -ENOENT. */
MUST_CHECK int index_find(struct txn *txn, uint64_t lane, uint64_t index, struct mark *ret);
/* The newest mark of a record before that time, else the oldest there is; -ENOENT. */
MUST_CHECK int index_find_time(struct txn *txn, uint64_t lane, int64_t time_ms, struct mark *ret);
/* Forgets marks and segments of records from `from` on, or before `to`. */
MUST_CHECK int index_forget(struct txn *txn, struct arena *arena, uint64_t lane, uint64_t from,
                            uint64_t to);

/* trim.c */
void trim_start(struct log *log);
void trim_wake(void *log);
MUST_CHECK int trim_orphans(struct log *log, struct txn *txn, struct arena *arena);

/* stream.c */
void stream_unref(void *stream);
MUST_CHECK int stream_load_all(struct log *log);
/* The newest snapshot with a reference, or NULL. */
struct log_stream *stream_named(struct log *log, struct span name);
/* Snapshots of all, with references, in the arena. */
struct log_stream **stream_all(struct log *log, struct arena *arena, size_t *ret_count);
/* The open lane that takes this hash. */
uint32_t stream_route(const struct log_stream *stream, struct log_hash hash);
struct lane *stream_lane(const struct log_stream *stream, uint32_t number);
