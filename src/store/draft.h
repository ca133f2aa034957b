// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * A body while it is being received: at most DRAFT_INLINE_MAX bytes stay in memory; above that they
 * go into extents, written and digested on workers while the next piece arrives. Memory is bounded
 * (two buffers of 1 MiB, as long as pieces have at most 128 KiB). Belongs to one loop.
 */
#include "base/digests.h"
#include "loop/workers.h"
#include "store/extent.h"

#define DRAFT_INLINE_MAX (128 * 1024) /* bytes */

struct draft;

struct draft_events {
    void (*ready)(struct draft *draft, void *user); /* wants more after draft_write said so */
    void (*sealed)(struct draft *draft, void *user,
                   int error); /* after DRAFT_SEALING: synced, digests final */
    void *user;
};

struct draft_plan {
    unsigned digests; /* DIGEST bits */
    enum EXTENT_KIND kind;
};

struct draft *draft_new(struct store *store, struct workers *workers, struct loop *loop,
                        const struct draft_plan *plan, const struct draft_events *events);
/* Takes the bytes. 0: go on; 1: stop until `ready`; negative errno (-ENOSPC, -EIO): failed for
 * good. */
MUST_CHECK int draft_write(struct draft *draft, struct span piece);
/* The body is complete. DRAFT_SEALED_NOW: all is in memory and final, no event follows;
 * DRAFT_SEALING: `sealed` follows; negative errno: it had failed before. */
enum DRAFT_SEALED { DRAFT_SEALED_NOW, DRAFT_SEALING };
MUST_CHECK int draft_seal(struct draft *draft);
uint64_t draft_len(const struct draft *draft);
const struct digests *draft_digests(const struct draft *draft); /* once sealed */
/* In memory: the bytes, as long as the draft lives. Otherwise absent, and draft_extents has them.
 */
struct span draft_bytes(const struct draft *draft);
const struct extent *draft_extents(const struct draft *draft, size_t *ret_count);
/* The extents get their first reference in this transaction; if it is rolled back or fails they are
 * reclaimed with the draft, or adopted again by another one before. Once sealed. */
void draft_adopt(struct draft *draft, struct txn *txn);
/* Ends it, before or after the end of that transaction; what was not adopted is reclaimed. No event
 * follows. Waits for nothing: jobs under way finish by themselves. Not after the loop ended. */
void draft_free(struct draft *draft);
