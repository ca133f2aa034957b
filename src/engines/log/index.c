// SPDX-License-Identifier: Apache-2.0
/*
 * The index of lanes, in the store: a mark by record number and one by time wherever a segment
 * begins and every INDEX_BYTES behind that. It is written in the transaction of the records, so it
 * never tells of what is not there. Inside the caller's transaction.
 */
#include "engines/log/inside.h"

#include "store/key.h"

#include <errno.h>

#define FORGET_MAX 65536 /* marks in one go */

void lane_key(uint8_t keyspace, uint64_t lane, struct key *key)
{
    key_begin(key, keyspace);
    key_u64(key, lane);
}

/* Times before 1970 are not told apart: clocks do not go there. */
static uint64_t time_order(int64_t time_ms)
{
    return time_ms < 0 ? 0 : (uint64_t)time_ms;
}

void index_put(struct txn *txn, uint64_t lane, const struct mark *mark)
{
    struct key key;
    lane_key(KEYSPACE_INDEX, lane, &key);
    key_u64(&key, mark->index);
    txn_put(txn, FAMILY_LOGS, key_span(&key), span_of(mark, sizeof *mark));
    lane_key(KEYSPACE_TIME, lane, &key);
    key_u64(&key, time_order(mark->time_ms));
    key_u64(&key, mark->index);
    txn_put(txn, FAMILY_LOGS, key_span(&key), span_of(mark, sizeof *mark));
    if (mark->offset)
        return;
    index_put_period(txn, lane, mark->base, &(struct period){.first_ms = mark->time_ms});
}

void index_put_period(struct txn *txn, uint64_t lane, uint64_t base, const struct period *period)
{
    struct key key;
    lane_key(KEYSPACE_SEGMENT, lane, &key);
    key_u64(&key, base);
    txn_put(txn, FAMILY_LOGS, key_span(&key), span_of(period, sizeof *period));
}

/* The newest entry at or before `key`, else the first with the lane's prefix. */
static int find(struct txn *txn, const struct key *prefix, const struct key *key, struct mark *ret)
{
    struct cursor *cursor = cursor_open(txn, FAMILY_LOGS, key_span(prefix));
    bool found = cursor_seek_back(cursor, key_span(key)) || cursor_first(cursor);
    int error = found ? 0 : cursor_error(cursor) ? cursor_error(cursor) : -ENOENT;
    if (!error && cursor_value(cursor).len != sizeof *ret)
        error = -EBADMSG;
    if (!error)
        memcpy(ret, cursor_value(cursor).at, sizeof *ret);
    cursor_close(cursor);
    return error;
}

int index_find(struct txn *txn, uint64_t lane, uint64_t index, struct mark *ret)
{
    struct key prefix, key;
    lane_key(KEYSPACE_INDEX, lane, &prefix);
    key = prefix;
    key_u64(&key, index);
    return find(txn, &prefix, &key, ret);
}

int index_find_time(struct txn *txn, uint64_t lane, int64_t time_ms, struct mark *ret)
{
    struct key prefix, key;
    lane_key(KEYSPACE_TIME, lane, &prefix);
    key = prefix;
    key_u64(&key, time_order(time_ms));
    return find(txn, &prefix, &key, ret);
}

struct forgetting {
    struct txn *txn;
    struct arena *arena;
    uint64_t lane, from, to;
};

/* Deletes the entries whose last eight bytes are in the range; marks by time are not in its order,
 * so all are looked at. */
static int forget(const struct forgetting *what, uint8_t keyspace)
{
    struct key prefix;
    size_t count = 0;
    struct span *keys = ARENA_ARRAY(what->arena, struct span, FORGET_MAX);
    lane_key(keyspace, what->lane, &prefix);
    struct cursor *cursor = cursor_open(what->txn, FAMILY_LOGS, key_span(&prefix));
    for (bool more = cursor_first(cursor); more && count < FORGET_MAX; more = cursor_next(cursor)) {
        struct span key = cursor_key(cursor), rest = span_from(key, key.len - sizeof(uint64_t));
        uint64_t number;
        if (!key_read_u64(&rest, &number) || number < what->from || number >= what->to)
            continue;
        keys[count++] = arena_copy(what->arena, key);
    }
    int error = cursor_error(cursor);
    cursor_close(cursor);
    for (size_t i = 0; i < count; i++)
        txn_delete(what->txn, FAMILY_LOGS, keys[i]);
    return error ? error : count == FORGET_MAX;
}

int index_forget(struct txn *txn, struct arena *arena, uint64_t lane, uint64_t from, uint64_t to)
{
    static const uint8_t keyspaces[] = {KEYSPACE_INDEX, KEYSPACE_TIME, KEYSPACE_SEGMENT};
    struct forgetting what = {txn, arena, lane, from, to};
    for (size_t i = 0; i < ARRAY_LEN(keyspaces); i++) {
        int error = forget(&what, keyspaces[i]);
        if (error < 0)
            return error;
    }
    return 0;
}
