// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The log on disk, only for this folder: numbered files of records under DATA/journal. A record
 * is valid only in the file it was written to (its checksum covers the file's number), so a file
 * that is used again needs no clearing, and what an earlier run wrote but could not sync is never
 * taken for what a later one wrote in its place.
 */
#include "store/commits.h"

struct journal;

/*
 * What the files hold behind the ticket `applied` is given to `take` in order; `take` answers 0 or
 * a negative errno, which ends the opening. *ret_latest is the newest ticket, and everything up to
 * it is on disk. -EUCLEAN: records are missing.
 */
struct journal_source {
    uint64_t applied;
    int (*take)(void *user, uint64_t ticket, struct span body);
    void *user;
};
MUST_CHECK int journal_open(struct journal **ret, int dir_fd, const struct journal_source *source,
                            uint64_t *ret_latest);
void journal_free(struct journal *journal);
/* The flusher's: appends whole records, and syncs. Blocks; 0 or a negative errno. */
MUST_CHECK int journal_append(struct journal *journal, struct span records);
MUST_CHECK int journal_sync(struct journal *journal);
/* Any thread: bytes that would be read by a start now; records up to `ticket` are not needed. */
uint64_t journal_bytes(struct journal *journal);
void journal_forget(struct journal *journal, uint64_t ticket);
