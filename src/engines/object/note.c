// SPDX-License-Identifier: Apache-2.0
/*
 * Notes: named contents that belong to one version of an object and go with it. They are filed
 * under the version's stamp, so they stay where they are when it moves behind the index. Invariant:
 * a version that has notes is marked as noted; others are never searched for any. Under the name's
 * lock, any thread.
 */
#include "engines/object/layout.h"

#include <errno.h>

/* The head of all notes of the version. */
static void head_of(struct key *key, const struct object_bucket *bucket, struct span name,
                    const struct object *object)
{
    layout_head(key, KEYSPACE_NOTE, bucket->id);
    key_text(key, name);
    key_u64(key, object->stamp);
}

static void note_key(struct key *key, const struct object_bucket *bucket, struct span name,
                     const struct object *object, struct span note)
{
    head_of(key, bucket, name, object);
    key_raw(key, note);
}

/* A note is kept in the form of a piece. */
static bool decode(const struct object_bucket *bucket, struct span value, struct object_note *note)
{
    struct piece piece;
    if (!layout_decode_piece(value, bucket->arena, &piece))
        return false;
    note->modified_ms = piece.modified_ms;
    note->attributes = piece.attributes;
    note->content = piece.content;
    return true;
}

static int find(const struct object_bucket *bucket, struct span name, const struct object *object,
                struct object_note *note)
{
    struct key key;
    struct span value;
    if (!object->noted)
        return -ENOENT;
    note_key(&key, bucket, name, object, note->name);
    int result = txn_get(bucket->txn, FAMILY_OBJECTS, key_span(&key), bucket->arena, &value);
    if (result < 0)
        return result;
    return decode(bucket, value, note) ? 0 : -EBADMSG;
}

int object_note_get(const struct object_bucket *bucket, struct span name,
                    const struct object *object, struct object_note *note)
{
    int result = find(bucket, name, object, note);
    return result < 0 ? result : content_open(bucket, &note->content);
}

/* Drops the content of the note of that name, if there is one. */
static int drop_old(const struct object_bucket *bucket, struct span name,
                    const struct object *object, struct span note)
{
    struct object_note old = {.name = note};
    int result = find(bucket, name, object, &old);
    if (result < 0)
        return result == -ENOENT ? 0 : result;
    return content_unshare(bucket, &old.content);
}

int object_note_put(const struct object_bucket *bucket, struct span name, struct object *object,
                    const struct object_note *note)
{
    struct key key;
    struct piece piece = {.size = note->content.size,
                          .modified_ms = note->modified_ms,
                          .attributes = note->attributes,
                          .content = note->content};
    int result = drop_old(bucket, name, object, note->name);
    if (result < 0)
        return result;
    note_key(&key, bucket, name, object, note->name);
    txn_put(bucket->txn, FAMILY_OBJECTS, key_span(&key), layout_encode_piece(bucket, &piece));
    if (object->noted)
        return 0;
    object->noted = true;
    object_set_attributes(bucket, name, object, object->attributes);
    return 0;
}

int object_note_delete(const struct object_bucket *bucket, struct span name,
                       const struct object *object, struct span note)
{
    struct key key;
    int result = drop_old(bucket, name, object, note);
    note_key(&key, bucket, name, object, note);
    txn_delete(bucket->txn, FAMILY_OBJECTS, key_span(&key));
    return result;
}

int object_note_list(const struct object_bucket *bucket, struct span name,
                     const struct object *object, const struct object_note_list *list,
                     bool *ret_more)
{
    struct key head, prefix, first;
    *ret_more = false;
    if (!object->noted)
        return 0;
    head_of(&head, bucket, name, object);
    note_key(&prefix, bucket, name, object, list->prefix);
    note_key(&first, bucket, name, object, list->after.len ? list->after : list->prefix);
    if (list->after.len)
        key_raw(&first, S("\0"));
    if (span_compare(key_span(&first), key_span(&prefix)) < 0)
        first = prefix;
    if (!span_starts(key_span(&first), key_span(&prefix)))
        return 0;
    struct cursor *cursor = cursor_open(bucket->txn, FAMILY_OBJECTS, key_span(&prefix));
    bool here = cursor_seek(cursor, key_span(&first)), bad = false;
    for (size_t i = 0; i < list->limit && here && !bad; i++) {
        struct object_note note = {
            .name = arena_copy(bucket->arena, span_from(cursor_key(cursor), head.len))};
        bad = !decode(bucket, arena_copy(bucket->arena, cursor_value(cursor)), &note);
        if (!bad)
            list->visit(list->user, &note);
        here = cursor_next(cursor);
    }
    *ret_more = here;
    int error = cursor_error(cursor);
    cursor_close(cursor);
    return error ? error : bad ? -EBADMSG : 0;
}

static void gather(void *user, const struct object_note *note)
{
    struct object_notes *notes = user;
    notes->at[notes->count++] = *note;
}

/* All at once: a cursor is closed before anything is written. */
static int gather_all(const struct object_bucket *bucket, struct span name,
                      const struct object *object, struct object_notes **ret)
{
    bool more;
    *ret = ARENA_NEW(bucket->arena, struct object_notes);
    struct object_note_list all = {.limit = OBJECT_NOTES_MAX, .visit = gather, .user = *ret};
    return object_note_list(bucket, name, object, &all, &more);
}

int note_drop_all(const struct object_bucket *bucket, struct span name, const struct object *object)
{
    struct object_notes *all;
    if (!object->noted)
        return 0;
    int result = gather_all(bucket, name, object, &all);
    for (size_t i = 0; result == 0 && i < all->count; i++)
        result = object_note_delete(bucket, name, object, all->at[i].name);
    return result;
}

int object_note_share_all(const struct object_bucket *bucket, struct span name,
                          const struct object *object, struct object_notes **ret)
{
    int result = gather_all(bucket, name, object, ret);
    for (size_t i = 0; result == 0 && i < (*ret)->count; i++) {
        struct content *content = &(*ret)->at[i].content;
        result = content_open(bucket, content);
        if (result == 0)
            content_share(bucket->txn, content, bucket->arena);
    }
    return result;
}
