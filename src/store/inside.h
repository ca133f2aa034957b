// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What the files of this folder share and nobody else sees. */
#include "base/buf.h"
#include "base/seal.h"
#include "store/commits.h"
#include "store/gathering.h"
#include "store/txn.h"

#include <pthread.h>
#include <rocksdb/c.h>
#include <stdatomic.h>

#define STRIPES 1024    /* of txn_lock */
#define READER_SLOTS 16 /* spreads the counters of open transactions */
#define CACHE_LINE 64

struct journal;
struct recent;
struct scrubber;
struct segments;

/* Run once the ticket is durable. */
struct after_durable {
    uint64_t ticket;
    void (*fn)(void *thing);
    void *thing;
};

struct after_list {
    struct after_durable *at;
    size_t count, cap;
};

/* Transactions open now, by the parity of the epoch they began in; see readers_wait. */
struct reader_slot {
    _Alignas(CACHE_LINE) atomic_uint open[2];
};

/* The durable mark and what turns round it; flusher.c. */
struct flusher {
    _Alignas(CACHE_LINE) _Atomic uint64_t durable;
    _Atomic uint64_t wanted;
    atomic_bool asleep;
    _Alignas(CACHE_LINE) pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t wake, moved;
    struct store_waiter *waiters;
    struct store_companion *companions;
    struct after_list after;
    struct after_list due; /* the flusher thread's own */
    bool stopping;
    pthread_t thread;
    int64_t extra_sync_us;
};

/* How full the disk is; space.c. */
enum SPACE { SPACE_ENOUGH, SPACE_LOW, SPACE_OUT };
struct space {
    atomic_int level;         /* enum SPACE */
    _Atomic uint64_t written; /* bytes since the last look */
    _Atomic int64_t looked_us;
    _Atomic uint64_t bytes_free;
    uint64_t reserve;
};

/* A write that RocksDB gets with a batch. */
struct taken {
    size_t order; /* of writing: addresses say nothing of it, as commits lie in several chunks */
    const char *write;
    uint64_t hash;
    struct write_parts parts;
};

/* Brings commits into RocksDB; settler.c. */
struct settler {
    pthread_mutex_t mutex; /* one settling at a time */
    pthread_cond_t wake;   /* with the mutex of the commits */
    bool stopping;         /* the same */
    pthread_t thread;
    struct recent *recent;
    uint64_t kept; /* what was carried up to this ticket is in the companions' files; `mutex` */
    struct settler_batch {
        rocksdb_writebatch_t *batch;
        uint64_t ticket; /* what it reaches */
    } batch;
    struct taken *taken; /* of the batch */
    size_t count, cap;
    atomic_int alert;   /* rounds that are short because somebody had to settle before it looked */
    _Atomic pid_t id;   /* of the thread, where it may fall behind */
    atomic_bool behind; /* it runs when nothing else wants the processor */
};

struct store {
    _Atomic(rocksdb_t *) index; /* index.c */
    char *index_path;
    rocksdb_options_t *options;
    rocksdb_writeoptions_t *write_options;
    rocksdb_readoptions_t *read_options;
    int dir_fd, lock_fd, mark_fd;
    atomic_int failed; /* negative errno: read-only for good */
    struct commits commits;
    uint64_t first_ticket; /* the newest one at the start */
    struct recent *recent;
    struct journal *journal;
    struct settler settler;
    struct space space;
    struct flusher flusher;
    _Atomic uint64_t syncs, sync_us_total, sync_us_max;
    atomic_uint epoch;
    struct reader_slot readers[READER_SLOTS];
    pthread_mutex_t stripes[STRIPES];
    struct segments *segments; /* extents */
    pthread_mutex_t books;     /* of extent references: txn_lock_books */
    struct gathering gathering;
    struct scrubber *scrubber;
    struct tidier *tidier;
    struct seal_key master;
};

/* Never NULL: small allocations abort. */
void *store_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *store_grow(void *memory, size_t size) __attribute__((returns_nonnull));
void *store_alloc_aligned(size_t size) __attribute__((malloc, returns_nonnull)); /* to CACHE_LINE */
/* The negative errno for RocksDB's message, which is freed. */
int store_error(char *message);
/* Turns the store read-only for good; only the first error counts. Wakes all that wait. */
void store_fail(struct store *store, int error);

/* directory.c: the folder, its format file and its lock. */
enum DIRECTORY { DIRECTORY_NEW, DIRECTORY_OURS };
/* One of the above, or a negative errno with the reason. */
MUST_CHECK int directory_open(struct store *store, const char *dir, const char **ret_why);
MUST_CHECK int directory_mark_format(struct store *store);
void directory_close(struct store *store);
/* The durable mark, written beside the log so that the next start sees whether the log lost its
 * acknowledged end. */
void directory_note_durable(struct store *store, uint64_t durable);
uint64_t directory_noted_durable(const struct store *store); /* 0: unknown */

/* master.c: makes a key for a new directory, or reads the one that is there: -EUCLEAN when it is
 * not the one that the data was sealed with. */
MUST_CHECK int master_make(struct store *store);
MUST_CHECK int master_open(struct store *store, const char **ret_why);

/* index.c: opens the RocksDB that is there, or does nothing where none was made yet. */
MUST_CHECK int index_open(struct store *store, const char *dir, const char **ret_why);
/* Makes it unless it is there. */
MUST_CHECK int index_make(struct store *store);
/* NULL: nothing was settled yet. */
rocksdb_t *index_of(struct store *store);
void index_close(struct store *store);

/* options.c */
rocksdb_options_t *options_new(void);

/* flusher.c */
MUST_CHECK int flusher_start(struct store *store, int64_t extra_sync_us);
void flusher_stop(struct store *store);
/* None ever leaves the list. */
struct store_companion *flusher_companions(struct store *store);
/* Takes over the list, which becomes empty. */
void flusher_after(struct store *store, uint64_t ticket, struct after_list *list);

/* space.c */
#define SPACE_LOOK_US 100000
void space_init(struct store *store, uint64_t reserve);
/* Looks when the last look is older than SPACE_LOOK_US, or now. */
void space_look(struct store *store);
void space_look_now(struct store *store);
/* Counts bytes on their way to the disk and looks early when they could eat the reserve. */
void space_count(struct store *store, uint64_t bytes);
/* -ENOSPC when a transaction with (or without) new data may not be written. */
MUST_CHECK int space_admit(const struct store *store, bool adds);

/* txn.c */
/* An empty buffer that lives until the next call on this transaction. */
struct buf *txn_scratch(struct txn *txn);
/* Serialises changes of extent reference counts until the transaction ends. Taken after txn_lock.
 */
void txn_lock_books(struct txn *txn);
/* Makes the commit fail with this error. */
void txn_fail(struct txn *txn, int error);

/* readers.c */
atomic_uint *readers_enter(struct store *store);
void readers_leave(atomic_uint *open);
/* Returns when every transaction that was open at the call has ended. Blocks; one caller at a
 * time. */
void readers_wait(struct store *store);
struct writes *txn_writes(struct txn *txn);

/* settler.c */
#define SETTLE_BYTES (2 << 20)    /* of commits make settling worth while; a batch */
#define PRESSING_BYTES (16 << 20) /* of commits are too much to wait for an idle processor */
void settler_wake(struct store *store);
/* It shall go on like every other thread: somebody waits for it, or soon will. */
void settler_hurry(struct store *store);
