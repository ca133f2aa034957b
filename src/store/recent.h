// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Values by full key, in front of RocksDB; only for this folder. First what was committed and is
 * not in RocksDB yet, lying in the chunks of commits.h: reads must ask here first. Then, as far as
 * a budget goes, copies of small values that were written or read lately. Any thread, except that
 * recent_put is called in the order of tickets.
 */
#include "store/inside.h"

struct recent;

struct recent *recent_new(void);
void recent_free(struct recent *recent);
/* `write` (a struct write_head) becomes the newest one of its key. */
void recent_put(struct recent *recent, uint64_t hash, const char *write, uint64_t ticket);
/* 1 with the value in the arena, -ENOENT: deleted, 0: RocksDB knows; then *ret_seen is for
 * recent_keep. */
MUST_CHECK int recent_get(struct recent *recent, const struct write_key *key, struct arena *arena,
                          struct span *ret_value, uint64_t *ret_seen);
/* What RocksDB then answered, absent: nothing; not kept when something was written meanwhile. */
void recent_keep(struct recent *recent, const struct write_key *key, struct span value,
                 uint64_t seen);
/* The newest write of the key that `write` writes, which is not settled, and its ticket. */
struct recent_write {
    const char *write;
    uint64_t ticket;
};
struct recent_write recent_newest(struct recent *recent, uint64_t hash, const char *write);
/* RocksDB has it, so its chunk may go. */
void recent_settled(struct recent *recent, uint64_t hash, const char *write);
/* Whether any key of the family is not settled. */
bool recent_unsettled(const struct recent *recent, enum FAMILY family);
