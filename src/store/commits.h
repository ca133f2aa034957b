// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What was committed and is still on its way, only for this folder: records in order of their
 * tickets, in memory. Two readers follow at their own pace: the flusher writes them to the log
 * (journal.h), the settler applies them to RocksDB (settler.c); a piece of memory goes when both
 * have passed it.
 */
#include "store/writes.h"

#include <pthread.h>
#include <stdatomic.h>

/* Before the writes of a transaction, in memory and in the log; host byte order. */
struct record_head {
    uint32_t head_crc; /* of the log file's number and what follows; the flusher's */
    uint32_t body_crc, body_len;
    uint32_t zero;
    uint64_t ticket;
};

struct chunk {
    struct chunk *next;
    size_t cap, len;
    char bytes[];
};

/* Between two records. */
struct place {
    struct chunk *chunk;
    size_t at;
    uint64_t ticket; /* of the record before it */
};

struct commits {
    pthread_mutex_t mutex; /* guards all but `latest` */
    pthread_cond_t settled_more;
    struct chunk *first, *last, *spare;
    unsigned spare_count;
    size_t unsettled; /* bytes */
    uint64_t carried; /* the newest ticket of a commit that carries (FAMILY_CARRIED) */
    struct place written, settled;
    _Atomic uint64_t latest; /* the newest ticket */
};

void commits_init(struct commits *commits, uint64_t latest);
void commits_done(struct commits *commits);
/* Makes the writes visible, all at once, and answers their ticket. Waits while far too much is not
 * settled. */
uint64_t commits_add(struct store *store, const struct writes *writes);
/* Behind the newest record. */
struct place commits_end(struct commits *commits);
/* `from` moves to the end of its chunk, or to `to` when that is nearer; false when it is there
 * already. *ret_piece are the records passed over. */
bool commits_next(struct place *from, const struct place *to, struct span *ret_piece);
/* Moves `written` or `settled`, which are the caller's, and frees what both have passed. */
void commits_pass(struct commits *commits, struct place *reader, const struct place *to);

/* A record at `at`, which lies in a chunk. */
struct record_head record_head_at(const char *at);
