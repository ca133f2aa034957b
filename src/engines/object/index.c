// SPDX-License-Identifier: Apache-2.0
/*
 * Locks of names, and where the bytes of objects are. Invariant: every extent named by a record
 * that exists holds one reference for it, so whoever replaces or deletes a record drops exactly
 * those, under the name's lock.
 *
 * Locks: a bucket has 32 lanes and a name belongs to one by its hash. A writer holds its name's
 * lane and reads the bucket's record after taking it; the deletion of a bucket holds all of them
 * and looks for objects under them. So no object can be acknowledged in a bucket that a concurrent
 * deletion found empty, and writers of different names still do not wait for each other (a
 * read-write lock per bucket would do the same, but locks of transactions are exclusive).
 * Any thread.
 */
#include "engines/object/layout.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>

#define LANES 32

struct lane {
    char bytes[KEY_HEAD + 1];
};

static struct lane lane_of(struct span bucket, uint64_t number)
{
    struct lane lane = {.bytes = {KEYSPACE_LANE}};
    uint64_t hash = span_hash(bucket); /* two buckets that share one only wait for each other */
    memcpy(lane.bytes + 1, &hash, sizeof hash);
    lane.bytes[KEY_HEAD] = (char)number;
    return lane;
}

static void lock_lanes(struct txn *txn, const struct lane *lanes, size_t count)
{
    struct span names[2 * LANES];
    for (size_t i = 0; i < count; i++)
        names[i] = span_of(lanes[i].bytes, sizeof lanes[i].bytes);
    txn_lock(txn, names, count);
}

void object_lock(struct txn *txn, const struct object_key *keys, size_t count)
{
    struct lane lanes[2 * LANES];
    size_t lane_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct lane lane = lane_of(keys[i].bucket, span_hash(keys[i].name) % LANES);
        size_t at = 0;
        while (at < lane_count && memcmp(&lanes[at], &lane, sizeof lane) != 0)
            at++;
        assert(at < ARRAY_LEN(lanes));
        lanes[at] = lane;
        lane_count += at == lane_count;
    }
    lock_lanes(txn, lanes, lane_count);
}

void object_lock_bucket(struct txn *txn, struct span bucket)
{
    struct lane lanes[LANES];
    for (uint64_t i = 0; i < LANES; i++)
        lanes[i] = lane_of(bucket, i);
    lock_lanes(txn, lanes, LANES);
}

/* The content of an object that is not in pieces. */
static int whole_content(const struct object_bucket *bucket, struct span name,
                         const struct object *object, struct content *ret)
{
    struct span where = object->where;
    if (object->place == PLACE_ASIDE) {
        struct key key;
        layout_aside(&key, bucket->id, name, object->stamp);
        int result = txn_get(bucket->txn, FAMILY_OBJECTS, key_span(&key), bucket->arena, &where);
        if (result < 0)
            return result == -ENOENT ? -EBADMSG : result;
    }
    return layout_decode_content(where, bucket->arena, ret) && ret->size == object->size ? 0
                                                                                         : -EBADMSG;
}

int object_drop_content(const struct object_bucket *bucket, struct span name,
                        const struct object *object)
{
    if (object->mark)
        return 0;
    int noted = note_drop_all(bucket, name, object);
    if (noted < 0)
        return noted;
    if (object->place == PLACE_PIECES)
        return remains_drop(bucket, object_assembly(object));
    struct content content;
    int result = whole_content(bucket, name, object, &content);
    if (result < 0)
        return result;
    if (object->place == PLACE_ASIDE) {
        struct key key;
        layout_aside(&key, bucket->id, name, object->stamp);
        txn_delete(bucket->txn, FAMILY_OBJECTS, key_span(&key));
    }
    return content_unshare(bucket, &content);
}

const struct assembly_id *object_assembly(const struct object *object)
{
    return object->place == PLACE_PIECES
               ? (const struct assembly_id *)(const void *)object->where.at
               : NULL;
}

bool object_needs_lock(const struct object *object)
{
    return object->place != PLACE_HERE || !layout_is_here(object->where);
}

int object_content(const struct object_bucket *bucket, struct span name,
                   const struct object *object, struct byte_range range, struct content *ret)
{
    if (range.from > object->size || range.len > object->size - range.from)
        return -ERANGE;
    if (object->place == PLACE_PIECES)
        return pieces_content(bucket, object_assembly(object), range, ret);
    struct content whole, part = {.size = 0};
    int result = whole_content(bucket, name, object, &whole);
    if (result == 0)
        result = content_open(bucket, &whole);
    if (result < 0)
        return result;
    content_clip(&whole, range, ARENA_ARRAY(bucket->arena, struct cut, whole.cut_count), &part);
    *ret = part;
    return 0;
}

int index_number_get(const struct object_bucket *bucket, enum OBJECT_KEYSPACE keyspace,
                     struct span name, uint64_t *ret)
{
    struct key key;
    struct span value;
    uint64_t bits;
    layout_number(&key, keyspace, bucket->id, name);
    int result = txn_get(bucket->txn, FAMILY_OBJECTS, key_span(&key), bucket->arena, &value);
    if (result < 0)
        return result;
    if (value.len != sizeof bits)
        return -EBADMSG;
    memcpy(&bits, value.at, sizeof bits);
    *ret = le64toh(bits);
    return 0;
}

void index_number_put(const struct object_bucket *bucket, enum OBJECT_KEYSPACE keyspace,
                      struct span name, uint64_t number)
{
    struct key key;
    uint64_t bits = htole64(number);
    layout_number(&key, keyspace, bucket->id, name);
    if (number)
        txn_put(bucket->txn, FAMILY_OBJECTS, key_span(&key), span_of(&bits, sizeof bits));
    else
        txn_delete(bucket->txn, FAMILY_OBJECTS, key_span(&key));
}

/* 1 when there is something in the bucket's part of the keyspace. */
static int holds_any(const struct object_bucket *bucket, uint8_t keyspace)
{
    struct key head;
    layout_head(&head, keyspace, bucket->id);
    struct cursor *cursor = cursor_open(bucket->txn, FAMILY_OBJECTS, key_span(&head));
    bool found = cursor_first(cursor);
    int error = cursor_error(cursor);
    cursor_close(cursor);
    return error ? error : found;
}

int object_bucket_is_empty(const struct object_bucket *bucket)
{
    int found = holds_any(bucket, KEYSPACE_INDEX);
    if (found == 0)
        found = holds_any(bucket, KEYSPACE_OLDER);
    return found < 0 ? found : !found;
}
