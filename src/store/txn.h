// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * A transaction: reads see the store and the transaction's own writes; commit applies all or
 * nothing. Isolation comes from txn_lock on what is read and then written (control-plane code runs
 * on one thread and needs none). One thread at a time; keys and values are copied.
 *
 * Key layout: a keyspace byte, then components made by store/key.h. Byte order is key order.
 */
#include "store/store.h"

struct txn;

/* Cheap: transactions are recycled per thread. */
struct txn *txn_begin(struct store *store);
/* Applies and ends it. *ret_ticket is the ticket to wait for: of the write, or, when nothing was
 * written, the newest at this moment if something read here is not durable yet. 0 or negative errno
 * (-ENOSPC, -EROFS, -EIO); always ends the transaction and its locks. */
MUST_CHECK int txn_commit(struct txn *txn, uint64_t *ret_ticket);
/* Ends it without its writes. Answers the ticket of what it has read, for whoever tells of that. */
uint64_t txn_rollback(struct txn *txn);

/* 0 with the value in the arena, -ENOENT, or another negative errno. */
MUST_CHECK int txn_get(struct txn *txn, enum FAMILY family, struct span key, struct arena *arena,
                       struct span *ret_value);
void txn_put(struct txn *txn, enum FAMILY family, struct span key, struct span value);
void txn_delete(struct txn *txn, enum FAMILY family, struct span key);
/* Exclusive on this key (or any name in key form) until the end of the transaction. Locks are
 * striped and taken in any order: a transaction that needs several takes them in one call. What it
 * holds already may be asked for again. */
void txn_lock(struct txn *txn, const struct span *keys, size_t count);
/* fn(thing) after this transaction is durable, on the flusher's thread (short, non-blocking); not
 * after a rollback. */
void txn_after_durable(struct txn *txn, void (*fn)(void *thing), void *thing);
/* fn(thing) when the transaction ends, on its thread: its writes are visible or were dropped, its
 * locks are still held. For what is kept in memory beside the store. */
enum TXN_END { TXN_COMMITTED, TXN_DROPPED };
void txn_at_end(struct txn *txn, void (*fn)(void *thing, enum TXN_END end), void *thing);
struct store *txn_store(struct txn *txn);
bool txn_has_writes(const struct txn *txn);

/* A cursor over the keys that begin with `prefix`, own writes included. */
struct cursor;
struct cursor *cursor_open(struct txn *txn, enum FAMILY family, struct span prefix);
void cursor_close(struct cursor *cursor);
/* To the first key at or after `key` (which begins with the prefix); true when there is one. */
bool cursor_seek(struct cursor *cursor, struct span key);
/* To the last key at or before `key`. */
bool cursor_seek_back(struct cursor *cursor, struct span key);
bool cursor_first(struct cursor *cursor);
bool cursor_last(struct cursor *cursor);
bool cursor_next(struct cursor *cursor);
bool cursor_previous(struct cursor *cursor);
/* Borrowed until the cursor moves. */
struct span cursor_key(const struct cursor *cursor);
struct span cursor_value(const struct cursor *cursor);
/* 0 or the error that ended the iteration. */
int cursor_error(const struct cursor *cursor);
