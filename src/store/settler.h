// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Brings what was committed from memory into RocksDB, in order and by whole transactions, together
 * with the ticket that is reached by it; only for this folder. A thread does it in the background,
 * and a cursor before it looks.
 */
#include "store/inside.h"

/* Full key of the ticket up to which RocksDB has everything: big-endian, 8 bytes. */
#define APPLIED_KEY ((struct span){"\0\2", 2})

MUST_CHECK int settler_start(struct store *store);
/* Settles everything first. */
void settler_stop(struct store *store);
/* Everything of the family that was committed before the call is in RocksDB afterwards. */
MUST_CHECK int settler_settle(struct store *store, enum FAMILY family);
/* Applies whole transactions, all or nothing; for recovery. `applied`: a start needs nothing of the
 * log up to this ticket. */
void settler_add(struct settler_batch *batch, const struct write_parts *written);
MUST_CHECK int settler_apply(struct store *store, struct settler_batch *batch, uint64_t applied);
