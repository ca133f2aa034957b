// SPDX-License-Identifier: Apache-2.0
/*
 * Versions of a name: written, marked as deleted, deleted, brought up. Invariants: the index holds
 * the newest version of a name if and only if that is an object; where it holds none, the first of
 * the older versions is a deletion mark with a pointer to it in KEYSPACE_MARK, or there is none; a
 * plain version behind the index has a pointer in KEYSPACE_PLAIN. So all but the deletion of the
 * current version do without a search. All writes of objects go through here, and so the watcher
 * hears of each. Under the name's lock, any thread.
 */
#include "engines/object/layout.h"

#include <errno.h>
#include <stdatomic.h>

static void tell(const struct object_bucket *bucket, enum OBJECT_EVENT event, struct span name,
                 const struct object *object)
{
    struct object_change change = {bucket, event, name, object};
    if (bucket->watcher && bucket->watcher->changed)
        bucket->watcher->changed(bucket->watcher->user, &change);
}

/* ---- the index ------------------------------------------------------------------------------ */

static int read_record(const struct object_bucket *bucket, const struct key *key,
                       struct object *ret)
{
    struct span value;
    int result = txn_get(bucket->txn, FAMILY_OBJECTS, key_span(key), bucket->arena, &value);
    if (result < 0)
        return result;
    return layout_decode_object(value, ret) ? 0 : -EBADMSG;
}

int object_get(const struct object_bucket *bucket, struct span name, struct object *ret)
{
    struct key key;
    layout_index(&key, bucket->id, name);
    return read_record(bucket, &key, ret);
}

static void index_put(const struct object_bucket *bucket, struct span name,
                      const struct object *object)
{
    struct key key;
    layout_index(&key, bucket->id, name);
    txn_put(bucket->txn, FAMILY_OBJECTS, key_span(&key),
            layout_encode_object(bucket->arena, object));
}

static void index_delete(const struct object_bucket *bucket, struct span name)
{
    struct key key;
    layout_index(&key, bucket->id, name);
    txn_delete(bucket->txn, FAMILY_OBJECTS, key_span(&key));
}

/* ---- behind the index ----------------------------------------------------------------------- */

static void older_key(struct key *key, const struct object_bucket *bucket, struct span name,
                      uint64_t stamp)
{
    layout_older(key, bucket->id, name);
    key_u64(key, ~stamp);
}

static void older_put(const struct object_bucket *bucket, struct span name,
                      const struct object *object)
{
    struct key key;
    older_key(&key, bucket, name, object->stamp);
    txn_put(bucket->txn, FAMILY_OBJECTS, key_span(&key),
            layout_encode_object(bucket->arena, object));
    if (object->plain)
        index_number_put(bucket, KEYSPACE_PLAIN, name, object->stamp);
}

static void older_delete(const struct object_bucket *bucket, struct span name,
                         const struct object *object)
{
    struct key key;
    older_key(&key, bucket, name, object->stamp);
    txn_delete(bucket->txn, FAMILY_OBJECTS, key_span(&key));
    if (object->plain)
        index_number_put(bucket, KEYSPACE_PLAIN, name, 0);
}

static int older_get(const struct object_bucket *bucket, struct span name, uint64_t stamp,
                     struct object *ret)
{
    struct key key;
    older_key(&key, bucket, name, stamp);
    int result = read_record(bucket, &key, ret);
    if (result == 0)
        ret->older = true;
    return result;
}

/* The one that a pointer names. */
static int older_pointed(const struct object_bucket *bucket, enum OBJECT_KEYSPACE keyspace,
                         struct span name, struct object *ret)
{
    uint64_t stamp;
    int result = index_number_get(bucket, keyspace, name, &stamp);
    if (result < 0)
        return result;
    result = older_get(bucket, name, stamp, ret);
    return result == -ENOENT ? -EBADMSG : result;
}

/* The newest one behind the index. */
static int older_first(const struct object_bucket *bucket, struct span name, struct object *ret)
{
    struct key head;
    int result = -ENOENT;
    layout_older(&head, bucket->id, name);
    struct cursor *cursor = cursor_open(bucket->txn, FAMILY_OBJECTS, key_span(&head));
    if (cursor_first(cursor)) {
        struct span value = arena_copy(bucket->arena, cursor_value(cursor));
        result = layout_decode_object(value, ret) ? 0 : -EBADMSG;
    }
    int error = cursor_error(cursor);
    cursor_close(cursor);
    if (result == 0)
        ret->older = true;
    return error ? error : result;
}

int object_newest(const struct object_bucket *bucket, struct span name, struct object *ret)
{
    int result = object_get(bucket, name, ret);
    if (result == -ENOENT && bucket->keeping != OBJECT_KEEPS_ONE)
        result = older_pointed(bucket, KEYSPACE_MARK, name, ret);
    return result;
}

static bool fits(const struct object_version *version, const struct object *object)
{
    switch (version->kind) {
    case OBJECT_PLAIN:
        return object->plain;
    case OBJECT_NUMBERED:
        return !object->plain && object->stamp == version->stamp;
    case OBJECT_EITHER:
        return object->stamp == version->stamp;
    }
    return false;
}

int object_get_version(const struct object_bucket *bucket, struct span name,
                       const struct object_version *version, struct object *ret)
{
    bool plain = version->kind == OBJECT_PLAIN;
    int result = object_get(bucket, name, ret);
    if (result == 0 && fits(version, ret))
        return 0;
    if (result < 0 && result != -ENOENT)
        return result;
    if (plain)
        return older_pointed(bucket, KEYSPACE_PLAIN, name, ret);
    result = older_get(bucket, name, version->stamp, ret);
    return result == 0 && !fits(version, ret) ? -ENOENT : result;
}

/* ---- writing -------------------------------------------------------------------------------- */

uint64_t object_next_stamp(int64_t now_ms)
{
    static _Atomic uint64_t newest;
    uint64_t last = atomic_load(&newest), next;
    do {
        next = (uint64_t)now_ms * 1000;
        if (next <= last)
            next = last + 1;
    } while (!atomic_compare_exchange_weak(&newest, &last, next));
    return next;
}

int object_stamp(const struct object_bucket *bucket, struct span name, const struct object *old,
                 struct object *record)
{
    struct object mark;
    record->plain = bucket->keeping != OBJECT_KEEPS_ALL;
    record->stamp = object_next_stamp(record->modified_ms);
    if (!old && bucket->keeping != OBJECT_KEEPS_ONE) {
        int result = older_pointed(bucket, KEYSPACE_MARK, name, &mark);
        if (result < 0)
            return result == -ENOENT ? 0 : result;
        old = &mark;
    }
    if (old && old->stamp >= record->stamp) /* the clock went back */
        record->stamp = old->stamp + 1;
    return 0;
}

/* Drops one version; its record in the index is the caller's business. */
static int drop(const struct object_bucket *bucket, struct span name, const struct object *object)
{
    int result = object_drop_content(bucket, name, object);
    if (result < 0)
        return result;
    if (object->older)
        older_delete(bucket, name, object);
    tell(bucket, OBJECT_REMOVED, name, object);
    return 0;
}

static int drop_older_plain(const struct object_bucket *bucket, struct span name)
{
    struct object plain;
    int result = older_pointed(bucket, KEYSPACE_PLAIN, name, &plain);
    if (result < 0)
        return result == -ENOENT ? 0 : result;
    return drop(bucket, name, &plain);
}

/* Makes room for a new version: a plain one goes if the new one is plain, the current one stays
 * behind otherwise. */
static int retire(const struct object_bucket *bucket, struct span name, const struct object *old,
                  const struct object *record)
{
    if (old && old->plain && record->plain)
        return object_drop_content(bucket, name, old);
    if (old)
        older_put(bucket, name, old);
    bool search = record->plain && bucket->keeping != OBJECT_KEEPS_ONE;
    return search ? drop_older_plain(bucket, name) : 0;
}

/* A deletion mark is the newest version no more. */
static int forget_mark(const struct object_bucket *bucket, struct span name)
{
    uint64_t stamp;
    int result = index_number_get(bucket, KEYSPACE_MARK, name, &stamp);
    if (result == 0)
        index_number_put(bucket, KEYSPACE_MARK, name, 0);
    return result == -ENOENT ? 0 : result;
}

int object_install(const struct object_bucket *bucket, struct span name, const struct object *old,
                   const struct object *record)
{
    int result = retire(bucket, name, old, record);
    if (result < 0)
        return result;
    if (!old && bucket->keeping != OBJECT_KEEPS_ONE)
        result = forget_mark(bucket, name);
    if (result < 0)
        return result;
    index_put(bucket, name, record);
    tell(bucket, OBJECT_CREATED, name, record);
    return 0;
}

int object_put(const struct object_bucket *bucket, struct span name, const struct object *old,
               const struct object_new *object, struct object *ret)
{
    const struct content *content = &object->content;
    *ret = (struct object){
        .place = PLACE_HERE,
        .size = content->size,
        .modified_ms = object->modified_ms,
        .attributes = object->attributes,
        .where = layout_encode_content(bucket, content),
    };
    int result = object_stamp(bucket, name, old, ret);
    if (result < 0)
        return result;
    if (content->bytes.len > OBJECT_HERE_MAX || content->cut_count > CUTS_HERE_MAX) {
        struct key key;
        layout_aside(&key, bucket->id, name, ret->stamp);
        txn_put(bucket->txn, FAMILY_OBJECTS, key_span(&key), ret->where);
        ret->place = PLACE_ASIDE;
        ret->where = SPAN_NONE;
    }
    return object_install(bucket, name, old, ret);
}

void object_set_attributes(const struct object_bucket *bucket, struct span name,
                           const struct object *object, struct span attributes)
{
    struct object record = *object;
    record.attributes = attributes;
    if (object->older)
        older_put(bucket, name, &record);
    else
        index_put(bucket, name, &record);
}

/* ---- deleting ------------------------------------------------------------------------------- */

static int put_mark(const struct object_bucket *bucket, struct span name, const struct object *old,
                    struct object *mark)
{
    int result = object_stamp(bucket, name, old, mark);
    if (result == 0)
        result = retire(bucket, name, old, mark);
    if (result < 0)
        return result;
    if (old)
        index_delete(bucket, name);
    older_put(bucket, name, mark);
    index_number_put(bucket, KEYSPACE_MARK, name, mark->stamp);
    tell(bucket, OBJECT_MARKED, name, mark);
    return 0;
}

int object_delete(const struct object_bucket *bucket, struct span name, const struct object *old,
                  int64_t modified_ms, struct object *ret)
{
    *ret = (struct object){.stamp = 0};
    int result = old ? assembly_disturb_all(bucket, name) : 0;
    if (result < 0)
        return result;
    if (bucket->keeping == OBJECT_KEEPS_ONE)
        return old ? object_delete_version(bucket, name, old) : 0;
    *ret = (struct object){
        .place = PLACE_NONE, .mark = true, .older = true, .modified_ms = modified_ms};
    return put_mark(bucket, name, old, ret);
}

/* Where the index holds nothing of the name any more, the newest of the others moves into it, or is
 * pointed at if it is a deletion mark. */
static int bring_up(const struct object_bucket *bucket, struct span name)
{
    struct object current, next;
    int result = object_get(bucket, name, &current);
    if (result == -ENOENT)
        result = older_first(bucket, name, &next);
    else
        return result;
    index_number_put(bucket, KEYSPACE_MARK, name, result == 0 && next.mark ? next.stamp : 0);
    if (result < 0 || next.mark)
        return result == -ENOENT ? 0 : result;
    older_delete(bucket, name, &next);
    next.older = false;
    index_put(bucket, name, &next);
    return 0;
}

int object_delete_version(const struct object_bucket *bucket, struct span name,
                          const struct object *version)
{
    int result = drop(bucket, name, version);
    if (result < 0)
        return result;
    if (!version->older)
        index_delete(bucket, name);
    return bucket->keeping == OBJECT_KEEPS_ONE ? 0 : bring_up(bucket, name);
}
