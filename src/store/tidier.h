// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Deleted keys stay in RocksDB as marks until a compaction comes by, and a cursor steps over every
 * one of them. Where it met many, that range is compacted by a thread of its own, so that only the
 * first cursor pays. Private to this folder.
 */
#include "store/inside.h"

void tidier_init(struct store *store);
void tidier_done(struct store *store);
/* Deletions that this thread's look-ups and cursors stepped over so far. */
uint64_t tidier_met(void);
/* Compacts what lies from one full key to another, soon; false: not now, another range is waiting
 * or the disk is nearly full. Any thread. */
bool tidier_ask(struct store *store, struct span from, struct span to);
/* RocksDB has the mark of a deletion. With the settler's mutex held. */
void tidier_deleted(struct store *store, struct span key);
/* With nobody left who asks. */
void tidier_stop(struct store *store);
