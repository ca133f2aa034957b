// SPDX-License-Identifier: Apache-2.0
/*
 * A cursor is RocksDB's iterator, opened when all commits were settled, merged with the
 * transaction's own writes below the same prefix, sorted when the cursor is placed: writes made
 * while it walks on are seen from the next placing on. Both sources stand at or beyond the current
 * key in the direction of the walk; the own one wins a tie, and an own deletion hides the key. The
 * transaction's thread.
 */
#include "store/inside.h"
#include "store/key.h"
#include "store/settler.h"
#include "store/tidier.h"

#include <errno.h>
#include <stdlib.h>

#define MET_MANY 4096 /* deletions: some milliseconds */

enum DIRECTION { FORWARD, BACKWARD };
enum SOURCE { SOURCE_NONE, SOURCE_STORE, SOURCE_OWN };

struct cursor {
    struct txn *txn;
    enum FAMILY family;
    enum DIRECTION direction;
    enum SOURCE source; /* of the current key */
    int error;          /* of settling */
    bool placed;        /* `sought` is set */
    uint64_t met;       /* deletions that this thread had met before */
    rocksdb_readoptions_t *options;
    rocksdb_iterator_t *iterator; /* NULL: nothing was settled yet */
    uint32_t *own;                /* indices into the writes, in key order */
    uint32_t own_count;
    int64_t own_at;     /* -1 or own_count: past the end */
    struct buf current; /* copy of key and value of an own write: the batch may move */
    size_t current_key_len;
    struct key prefix, after; /* bounds, full keys; RocksDB borrows them */
    struct key sought;        /* where it was placed first */
};

static struct span own_key(const struct cursor *cursor, int64_t at)
{
    return writes_at(txn_writes(cursor->txn), cursor->own[at]).key;
}

static struct span store_key(const struct cursor *cursor)
{
    size_t len;
    const char *at = rocksdb_iter_key(cursor->iterator, &len);
    return span_of(at, len);
}

static int own_compare(const void *a, const void *b, void *writes)
{
    return span_compare(writes_at(writes, *(const uint32_t *)a).key,
                        writes_at(writes, *(const uint32_t *)b).key);
}

/* The newest own write of each key below the prefix, in key order. */
static void own_collect(struct cursor *cursor)
{
    struct writes *writes = txn_writes(cursor->txn);
    cursor->own_count = 0;
    if (!writes->count)
        return;
    cursor->own = store_grow(cursor->own, writes->count * sizeof *cursor->own);
    for (uint32_t i = 0; i < writes->count; i++)
        if (span_starts(writes_at(writes, i).key, key_span(&cursor->prefix)) &&
            writes_is_newest(writes, i))
            cursor->own[cursor->own_count++] = i;
    qsort_r(cursor->own, cursor->own_count, sizeof *cursor->own, own_compare, writes);
}

static bool own_valid(const struct cursor *cursor)
{
    return cursor->own_at >= 0 && cursor->own_at < cursor->own_count;
}

static bool store_valid(const struct cursor *cursor)
{
    return cursor->iterator && rocksdb_iter_valid(cursor->iterator);
}

/* From where it was placed to where it stands now. */
static void ask_to_tidy(struct cursor *cursor)
{
    struct store *store = txn_store(cursor->txn);
    struct span sought = key_span(&cursor->sought);
    bool valid = store_valid(cursor), forward = cursor->direction == FORWARD;
    struct span here = valid     ? store_key(cursor)
                       : forward ? key_span(&cursor->after)
                                 : key_span(&cursor->prefix);
    (void)(forward ? tidier_ask(store, sought, here) : tidier_ask(store, here, sought));
}

struct cursor *cursor_open(struct txn *txn, enum FAMILY family, struct span prefix)
{
    struct cursor *cursor = store_alloc(sizeof *cursor);
    memset(cursor, 0, offsetof(struct cursor, prefix));
    struct store *store = txn_store(txn);
    cursor->txn = txn;
    cursor->family = family;
    buf_init(&cursor->current, SIZE_MAX);
    key_begin(&cursor->prefix, (uint8_t)family);
    key_raw(&cursor->prefix, prefix);
    key_begin(&cursor->after, (uint8_t)family);
    key_raw(&cursor->after, prefix);
    key_after_prefix(&cursor->after);
    cursor->options = rocksdb_readoptions_create();
    rocksdb_readoptions_set_iterate_lower_bound(cursor->options, cursor->prefix.bytes,
                                                cursor->prefix.len);
    if (cursor->after.len)
        rocksdb_readoptions_set_iterate_upper_bound(cursor->options, cursor->after.bytes,
                                                    cursor->after.len);
    cursor->error = settler_settle(store, family);
    rocksdb_t *index = index_of(store);
    cursor->iterator = index ? rocksdb_create_iterator(index, cursor->options) : NULL;
    cursor->met = index ? tidier_met() : 0;
    return cursor;
}

void cursor_close(struct cursor *cursor)
{
    if (cursor->placed && tidier_met() - cursor->met > MET_MANY)
        ask_to_tidy(cursor);
    if (cursor->iterator)
        rocksdb_iter_destroy(cursor->iterator);
    rocksdb_readoptions_destroy(cursor->options);
    buf_done(&cursor->current);
    free(cursor->own);
    free(cursor);
}

static void step_store(struct cursor *cursor)
{
    if (cursor->direction == FORWARD)
        rocksdb_iter_next(cursor->iterator);
    else
        rocksdb_iter_prev(cursor->iterator);
}

static void step_own(struct cursor *cursor)
{
    cursor->own_at += cursor->direction == FORWARD ? 1 : -1;
}

/* Which source has the next key, both when it is the same one (then SOURCE_OWN). */
static enum SOURCE nearer(const struct cursor *cursor, bool *same)
{
    bool in_store = store_valid(cursor);
    *same = false;
    if (!own_valid(cursor))
        return in_store ? SOURCE_STORE : SOURCE_NONE;
    if (!in_store)
        return SOURCE_OWN;
    int order = span_compare(store_key(cursor), own_key(cursor, cursor->own_at));
    *same = order == 0;
    if (cursor->direction == BACKWARD)
        order = -order;
    return order < 0 ? SOURCE_STORE : SOURCE_OWN;
}

static void copy_own(struct cursor *cursor, const struct write_parts *written)
{
    buf_clear(&cursor->current);
    buf_append(&cursor->current, written->key);
    buf_append(&cursor->current, written->value);
    cursor->current_key_len = written->key.len;
}

/* Makes the nearer key the current one, passing over what this transaction deleted. */
static bool arrive(struct cursor *cursor)
{
    cursor->source = SOURCE_NONE;
    while (!cursor->error) {
        bool same;
        cursor->source = nearer(cursor, &same);
        if (cursor->source != SOURCE_OWN)
            return cursor->source == SOURCE_STORE;
        if (same)
            step_store(cursor);
        struct write_parts written =
            writes_at(txn_writes(cursor->txn), cursor->own[cursor->own_at]);
        if (!written.deleted) {
            copy_own(cursor, &written);
            return true;
        }
        step_own(cursor);
    }
    return false;
}

/* The first own write at or after the key. */
static int64_t own_lower_bound(const struct cursor *cursor, struct span key)
{
    int64_t low = 0, high = cursor->own_count;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (span_compare(own_key(cursor, middle), key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void note_sought(struct cursor *cursor, struct span key)
{
    if (cursor->placed || !cursor->iterator)
        return;
    cursor->placed = true;
    cursor->sought.len = key.len;
    memcpy(cursor->sought.bytes, key.at, key.len);
}

static void place_forward(struct cursor *cursor, struct span key)
{
    cursor->direction = FORWARD;
    note_sought(cursor, key);
    if (cursor->iterator)
        rocksdb_iter_seek(cursor->iterator, key.at, key.len);
    own_collect(cursor);
    cursor->own_at = own_lower_bound(cursor, key);
}

static void place_backward(struct cursor *cursor, struct span key)
{
    cursor->direction = BACKWARD;
    note_sought(cursor, key);
    if (cursor->iterator)
        rocksdb_iter_seek_for_prev(cursor->iterator, key.at, key.len);
    own_collect(cursor);
    cursor->own_at = own_lower_bound(cursor, key);
    if (!own_valid(cursor) || !span_eq(own_key(cursor, cursor->own_at), key))
        cursor->own_at--;
}

static struct span full_key(const struct cursor *cursor, struct span key, struct key *full)
{
    key_begin(full, (uint8_t)cursor->family);
    key_raw(full, key);
    return key_span(full);
}

bool cursor_seek(struct cursor *cursor, struct span key)
{
    struct key full;
    place_forward(cursor, full_key(cursor, key, &full));
    return arrive(cursor);
}

bool cursor_seek_back(struct cursor *cursor, struct span key)
{
    struct key full;
    place_backward(cursor, full_key(cursor, key, &full));
    return arrive(cursor);
}

bool cursor_first(struct cursor *cursor)
{
    place_forward(cursor, key_span(&cursor->prefix));
    return arrive(cursor);
}

bool cursor_last(struct cursor *cursor)
{
    cursor->direction = BACKWARD;
    note_sought(cursor, key_span(&cursor->after));
    if (cursor->iterator)
        rocksdb_iter_seek_to_last(cursor->iterator);
    own_collect(cursor);
    cursor->own_at = (int64_t)cursor->own_count - 1;
    return arrive(cursor);
}

/* Steps over the current key. `arrive` has already moved the store's side over an equal key. */
static bool step(struct cursor *cursor)
{
    if (cursor->source == SOURCE_OWN)
        step_own(cursor);
    else
        step_store(cursor);
    return arrive(cursor);
}

/* Stands on the current key again, walking the other way, and steps over it; the key may be gone
 * meanwhile, then placing alone went past it. */
static bool turn(struct cursor *cursor, enum DIRECTION direction)
{
    struct key here = {.len = 0};
    key_raw(&here, cursor_key(cursor));
    bool more = direction == FORWARD ? cursor_seek(cursor, key_span(&here))
                                     : cursor_seek_back(cursor, key_span(&here));
    return more && span_eq(cursor_key(cursor), key_span(&here)) ? step(cursor) : more;
}

bool cursor_next(struct cursor *cursor)
{
    if (cursor->source == SOURCE_NONE)
        return false;
    return cursor->direction == FORWARD ? step(cursor) : turn(cursor, FORWARD);
}

bool cursor_previous(struct cursor *cursor)
{
    if (cursor->source == SOURCE_NONE)
        return false;
    return cursor->direction == BACKWARD ? step(cursor) : turn(cursor, BACKWARD);
}

struct span cursor_key(const struct cursor *cursor)
{
    struct span full = cursor->source == SOURCE_OWN
                           ? span_first(buf_span(&cursor->current), cursor->current_key_len)
                           : store_key(cursor);
    return span_from(full, 1);
}

struct span cursor_value(const struct cursor *cursor)
{
    if (cursor->source == SOURCE_OWN)
        return span_from(buf_span(&cursor->current), cursor->current_key_len);
    size_t len;
    const char *at = rocksdb_iter_value(cursor->iterator, &len);
    return span_of(at, len);
}

int cursor_error(const struct cursor *cursor)
{
    char *message = NULL;
    if (cursor->error || !cursor->iterator)
        return cursor->error;
    rocksdb_iter_get_error(cursor->iterator, &message);
    return message ? store_error(message) : 0;
}
