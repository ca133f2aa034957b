// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * A body while it is being received: at most `inline_max` bytes stay in memory; above that they go
 * into extents, written and digested on workers while the next piece arrives. Memory is bounded
 * (two buffers of 1 MiB). Belongs to one loop.
 */
#include "base/digests.h"
#include "loop/workers.h"
#include "store/extent.h"

struct draft;

struct draft_events {
    void (*ready)(struct draft *draft, void *user); /* wants more after draft_write said so */
    void (*sealed)(struct draft *draft, void *user,
                   int error); /* after draft_seal: synced, digests final */
    void *user;
};

struct draft *draft_new(struct store *store, struct workers *workers, struct loop *loop,
                        unsigned digests /* DIGEST bits */, const struct draft_events *events);
/* Takes the bytes. 0: go on; 1: stop until `ready`; negative errno: failed for good. */
MUST_CHECK int draft_write(struct draft *draft, struct span piece);
/* The body is complete; `sealed` follows (at once when everything is in memory). */
void draft_seal(struct draft *draft);
uint64_t draft_len(const struct draft *draft);
const struct digests *draft_digests(const struct draft *draft); /* after `sealed` */
/* In memory: the bytes. Otherwise absent, and draft_extents has them. */
struct span draft_bytes(const struct draft *draft);
const struct extent *draft_extents(const struct draft *draft, size_t *ret_count);
/* The extents get their first reference in this transaction; if it is rolled back they are
 * reclaimed with the draft. */
void draft_adopt(struct draft *draft, struct txn *txn);
/* Ends it; what was not adopted (durably committed) is reclaimed. Waits for nothing: jobs under way
 * finish by themselves. */
void draft_free(struct draft *draft);
