// SPDX-License-Identifier: Apache-2.0
/*
 * The pieces of objects and assemblies that are deleted. An object may have ten thousand pieces, a
 * call may delete a thousand objects, and both happen on a loop: so a deletion drops few pieces
 * itself and leaves the others to object_clear_some, which a worker calls until nothing is left.
 * Invariant: pieces that no object and no assembly has are named by a record of remains, in the
 * transaction that took them from it, so a crash forgets none. Nobody else can reach them. Any
 * thread.
 */
#include "engines/object/layout.h"

#include <endian.h>
#include <errno.h>

#define DROPPED_AT_ONCE 16 /* pieces, by whoever deletes */
#define CLEARED_AT_ONCE 64 /* by object_clear_some: references have one lock */

struct remains {
    struct object_bucket bucket;
    struct assembly_id id;
    uint32_t after; /* pieces up to this number are dropped */
};

static void remains_put(const struct remains *remains)
{
    struct key key;
    uint32_t bits = htole32(remains->after);
    layout_remains(&key, remains->bucket.id, &remains->id);
    txn_put(remains->bucket.txn, FAMILY_OBJECTS, key_span(&key), span_of(&bits, sizeof bits));
}

static void remains_delete(const struct remains *remains)
{
    struct key key;
    layout_remains(&key, remains->bucket.id, &remains->id);
    txn_delete(remains->bucket.txn, FAMILY_OBJECTS, key_span(&key));
}

static void directory_delete(const struct object_bucket *bucket, const struct assembly_id *id)
{
    struct key key;
    layout_directory(&key, bucket->id, id);
    txn_delete(bucket->txn, FAMILY_OBJECTS, key_span(&key));
}

/* 1 when there are more. */
static int drop_some(struct remains *remains, size_t limit)
{
    struct pieces some = {.arena = remains->bucket.arena, .limit = limit + 1};
    int result = pieces_some(&remains->bucket, &remains->id, remains->after, &some);
    for (size_t i = 0; i < some.count && i < limit && result == 0; i++) {
        result = piece_drop(&remains->bucket, &remains->id, &some.at[i]);
        remains->after = some.at[i].number;
    }
    return result < 0 ? result : some.count > limit;
}

int remains_drop(const struct object_bucket *bucket, const struct assembly_id *id)
{
    struct remains remains = {.bucket = *bucket, .id = *id};
    directory_delete(bucket, id);
    int result = drop_some(&remains, DROPPED_AT_ONCE);
    if (result <= 0)
        return result;
    remains_put(&remains);
    if (bucket->watcher && bucket->watcher->left)
        bucket->watcher->left(bucket->watcher->user, bucket->txn);
    return 0;
}

static bool read_remains(struct cursor *cursor, struct remains *out)
{
    uint32_t bits;
    struct span rest = span_from(cursor_key(cursor), 1), value = cursor_value(cursor);
    if (!key_read_u64(&rest, &out->bucket.id) || rest.len != sizeof out->id.bytes ||
        value.len != sizeof bits)
        return false;
    memcpy(out->id.bytes, rest.at, rest.len);
    memcpy(&bits, value.at, sizeof bits);
    out->after = le32toh(bits);
    return true;
}

int object_clear_some(struct txn *txn, struct arena *arena)
{
    struct key head;
    struct remains remains = {.bucket = {.txn = txn, .arena = arena}};
    key_begin(&head, KEYSPACE_REMAINS);
    struct cursor *cursor = cursor_open(txn, FAMILY_OBJECTS, key_span(&head));
    bool here = cursor_first(cursor), read = here && read_remains(cursor, &remains);
    int error = cursor_error(cursor);
    cursor_close(cursor);
    if (error || !here)
        return error;
    if (!read)
        return -EBADMSG;
    int result = drop_some(&remains, CLEARED_AT_ONCE);
    if (result == 0)
        remains_delete(&remains);
    else if (result > 0)
        remains_put(&remains);
    return result < 0 ? result : 1;
}
