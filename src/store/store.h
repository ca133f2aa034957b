// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The data directory: a log of commits, one RocksDB that they settle in, extents on plain files,
 * and the durability ticket.
 *
 * A commit is visible at once, lies in memory, and has a ticket (its number). A flusher thread
 * writes and syncs the log in a cycle as long as somebody waits; a ticket at or below
 * store_durable() survives kill -9 and power loss. Whoever answers a client waits for the ticket of
 * what the answer says.
 *
 * A failed log sync is final for this process (fsyncgate): the store turns read-only, every waiting
 * ticket fails. A full disk refuses writes (-ENOSPC) before RocksDB meets it (a reserve is kept),
 * reads go on, and writes come back by themselves when there is room again.
 */
#include "base/arena.h"
#include "loop/loop.h"

struct store;

enum FAMILY {
    FAMILY_CONTROL, /* every service's resource records, audit */
    FAMILY_ITEMS,   /* DynamoDB items, and what is like them */
    FAMILY_OBJECTS, /* S3 index and small bodies */
    FAMILY_LOGS,    /* stream indexes */
    /* Bytes of a companion's files on their way there: what is put is in the log only and is never
     * read, but for a start, which finds in this family what its companion had not `settled`. */
    FAMILY_CARRIED,
    FAMILY_COUNT,
};

struct store_options {
    const char *dir;
    uint64_t reserve_bytes; /* free space kept for the log; 0: 192 MiB */
    int64_t extra_sync_us;  /* bench only: added to every sync */
};

/*
 * Opens or creates. Refuses (-ENOTEMPTY) a directory that has files but is no data directory of
 * this program,
 * (-EPROTO) one of another format version, (-EBUSY) one that another process has open, (-EUCLEAN) a
 * corrupt one; *ret_why (NUL-terminated, static) says in a sentence what is wrong and what to do.
 * Never overwrites.
 */
MUST_CHECK int store_open(struct store **ret, const struct store_options *options,
                          const char **ret_why);
/* Syncs and closes. No transaction, draft or pin may be open, and loops with waiters have stopped
 * running but still exist. */
void store_close(struct store *store);

/* The newest ticket given out, and the mark up to which all is durable. Any thread. */
uint64_t store_latest(const struct store *store);
uint64_t store_durable(const struct store *store);
/* 0, or the negative errno that made the store read-only for good (-EIO) or for now (-ENOSPC). Any
 * thread. */
int store_health(const struct store *store);

/*
 * Called on `loop`'s thread (by mail) whenever the durable mark moved or the store failed. One per
 * loop.
 */
struct store_waiter {
    struct mail mail;    /* private */
    struct store *store; /* private */
    struct loop *loop;
    void (*moved)(struct store_waiter *waiter, uint64_t durable, int error);
    struct store_waiter *next; /* private */
    bool posted;               /* private */
};
void store_add_waiter(struct store *store, struct store_waiter *waiter);
/* Asks the flusher to make `ticket` durable. Cheap when it is under way. Any thread. */
void store_want(struct store *store, uint64_t ticket);
/* Blocks until durable: for workers, start-up and tests. 0 or negative errno. */
MUST_CHECK int store_wait(struct store *store, uint64_t ticket);

/*
 * Files beside the database whose bytes belong to commits: the segments of engines/log. In every
 * cycle the flusher calls `begin` after it has noted the newest ticket, syncs the log meanwhile,
 * and calls `finish` before it moves the mark: what was written to them before a commit returned is
 * on disk when that commit's ticket is durable. finish answers 0, or a negative errno, which is as
 * final as a failed sync of the log. After a crash either side may be ahead of the other with what
 * was not acknowledged. Flusher's thread; finish blocks. What commits carry (FAMILY_CARRIED) need
 * not be on disk before `settle` returns, which is asked for before the log forgets it: 0 or a
 * negative errno; not the flusher's thread, blocks. Outlives the store.
 */
struct store_companion {
    void (*begin)(struct store_companion *companion);
    int (*finish)(struct store_companion *companion);
    int (*settle)(struct store_companion *companion);
    struct store_companion *next; /* private */
};
void store_add_companion(struct store *store, struct store_companion *companion);
/* A descriptor for a folder of the data directory, made when it is not there; the caller closes it.
 * Negative errno. */
MUST_CHECK int store_folder(struct store *store, const char *name);
/* To be asked before `bytes` more are allocated in such files: -ENOSPC when they would come out of
 * the reserve. Any thread. */
MUST_CHECK int store_admit_bytes(struct store *store, uint64_t bytes);

/* The key that wraps the keys of what is sealed (base/seal.h). It lies beside the data, in a file
 * of its own that only the owner can read, made at the first start; without it nothing can be
 * opened. Any thread. */
struct seal_key;
const struct seal_key *store_master_key(const struct store *store);

/* The scrubber re-reads all extents at a low rate, and says in its counters and the log what is
 * damaged; this makes it begin a pass without pauses. Any thread. */
void store_scrub_now(struct store *store);

struct store_stats {
    uint64_t syncs, sync_us_total, sync_us_max, commits, bytes_free;
    uint64_t extent_bytes_live, extent_bytes_allocated;
    uint64_t scrub_bytes, scrub_passes;
    uint64_t scrub_damaged; /* extents that the scrubber's last pass found, or this one up to now */
};
void store_stats(struct store *store, struct store_stats *out);
