// SPDX-License-Identifier: Apache-2.0
/*
 * Objects that arrive in pieces: begun, finished, dropped. Finishing writes a directory (number and
 * size of every piece) and the index record, and moves no bytes and no piece. Under the lock of the
 * object's name. Any thread.
 */
#include "base/id.h"
#include "engines/object/layout.h"

#include <errno.h>

static void assembly_put(const struct object_bucket *bucket, struct span name,
                         const struct assembly *assembly)
{
    struct key key;
    layout_assembly(&key, bucket->id, name, &assembly->id);
    txn_put(bucket->txn, FAMILY_OBJECTS, key_span(&key),
            layout_encode_assembly(bucket->arena, assembly));
}

/* Deletions look at the count first, since few names have such assemblies. */
static int count_open(const struct object_bucket *bucket, struct span name, int64_t by)
{
    uint64_t count = 0;
    int result = index_number_get(bucket, KEYSPACE_OPEN, name, &count);
    if (result < 0 && result != -ENOENT)
        return result;
    index_number_put(bucket, KEYSPACE_OPEN, name, count + (uint64_t)by);
    return 0;
}

int assembly_begin(const struct object_bucket *bucket, struct span name, struct assembly *assembly)
{
    uint64_t started = (uint64_t)assembly->started_ms;
    for (int i = 0; i < 6; i++)
        assembly->id.bytes[i] = (uint8_t)(started >> (40 - 8 * i));
    random_bytes(assembly->id.bytes + 6, sizeof assembly->id.bytes - 6);
    assembly->stamp = object_next_stamp(assembly->started_ms);
    assembly_put(bucket, name, assembly);
    return count_open(bucket, name, 1);
}

int assembly_get(const struct object_bucket *bucket, struct span name, struct assembly *assembly)
{
    struct key key;
    struct span value;
    layout_assembly(&key, bucket->id, name, &assembly->id);
    int result = txn_get(bucket->txn, FAMILY_OBJECTS, key_span(&key), bucket->arena, &value);
    if (result < 0)
        return result;
    return layout_decode_assembly(value, assembly) ? 0 : -EBADMSG;
}

/* Only the last piece may hold bytes in memory: those of a piece that came to lie before others (a
 * slice of an object that ended in such bytes) go into an extent. */
static int spill(const struct object_bucket *bucket, const struct assembly_id *id,
                 const struct piece *piece)
{
    struct piece spilled = *piece;
    struct content *content = &spilled.content;
    bool sealed = content->sealing.sealed;
    int result = content_open(bucket, content);
    if (result < 0)
        return result;
    struct cut *cuts = ARENA_ARRAY(bucket->arena, struct cut, content->cut_count + 1);
    struct cut *last = &cuts[content->cut_count];
    if (content->cut_count)
        memcpy(cuts, content->cuts, content->cut_count * sizeof *cuts);
    result = extent_write(bucket->txn, content->bytes, sealed ? EXTENT_SEALED : EXTENT_PLAIN,
                          &last->extent);
    if (result < 0)
        return result;
    last->skip = 0;
    last->len = extent_size(&last->extent);
    content->cuts = cuts;
    content->cut_count++;
    content->bytes = SPAN_NONE;
    piece_write(bucket, id, &spilled);
    return 0;
}

/* Splits the pieces into chosen ones (entries, in order) and the rest, which is dropped. */
static int choose(const struct object_bucket *bucket, const struct assembly_finish *finish,
                  struct directory_entry *entries, uint64_t *ret_size)
{
    struct pieces all;
    size_t chosen = 0;
    int result = pieces_all(bucket, &finish->id, &all);
    for (size_t i = 0; i < all.count && result == 0; i++) {
        const struct piece *piece = &all.at[i];
        if (chosen < finish->count && finish->numbers[chosen] == piece->number) {
            entries[chosen++] = (struct directory_entry){piece->number, piece->size};
            *ret_size += piece->size;
            if (piece->content.bytes.len && chosen < finish->count)
                result = spill(bucket, &finish->id, piece);
        } else {
            result = piece_drop(bucket, &finish->id, piece);
        }
    }
    return result == 0 && chosen < finish->count ? -ENOENT : result;
}

/* The record of an assembly, not its pieces. */
static int forget(const struct object_bucket *bucket, struct span name,
                  const struct assembly_id *id)
{
    struct key key;
    layout_assembly(&key, bucket->id, name, id);
    txn_delete(bucket->txn, FAMILY_OBJECTS, key_span(&key));
    return count_open(bucket, name, -1);
}

int assembly_finish(const struct object_bucket *bucket, struct span name,
                    const struct assembly_finish *finish, struct object *ret)
{
    uint64_t size = 0;
    struct directory_entry *entries =
        ARENA_ARRAY(bucket->arena, struct directory_entry, finish->count);
    int result = choose(bucket, finish, entries, &size);
    if (result < 0)
        return result;
    struct key key;
    layout_directory(&key, bucket->id, &finish->id);
    txn_put(bucket->txn, FAMILY_OBJECTS, key_span(&key),
            layout_encode_directory(bucket->arena, entries, finish->count));
    result = forget(bucket, name, &finish->id);
    if (result < 0)
        return result;
    *ret = (struct object){
        .place = PLACE_PIECES,
        .size = size,
        .modified_ms = finish->modified_ms,
        .attributes = finish->attributes,
        .where = span_of(finish->id.bytes, sizeof finish->id.bytes),
    };
    result = object_stamp(bucket, name, finish->old, ret);
    return result < 0 ? result : object_install(bucket, name, finish->old, ret);
}

int assembly_drop(const struct object_bucket *bucket, struct span name,
                  const struct assembly_id *id)
{
    int result = forget(bucket, name, id);
    return result < 0 ? result : remains_drop(bucket, id);
}

int assembly_disturb_all(const struct object_bucket *bucket, struct span name)
{
    struct key head;
    uint64_t count;
    int result = index_number_get(bucket, KEYSPACE_OPEN, name, &count);
    if (result < 0)
        return result == -ENOENT ? 0 : result;
    layout_assembly_name(&head, bucket->id, name);
    struct cursor *cursor = cursor_open(bucket->txn, FAMILY_OBJECTS, key_span(&head));
    for (bool here = cursor_first(cursor); here && result == 0; here = cursor_next(cursor)) {
        struct assembly assembly;
        struct span id = span_from(cursor_key(cursor), head.len);
        struct span value = arena_copy(bucket->arena, cursor_value(cursor));
        if (id.len != sizeof assembly.id || !layout_decode_assembly(value, &assembly)) {
            result = -EBADMSG;
        } else if (!assembly.disturbed) {
            memcpy(assembly.id.bytes, id.at, id.len);
            assembly.disturbed = true;
            assembly_put(bucket, name, &assembly);
        }
    }
    int error = cursor_error(cursor);
    cursor_close(cursor);
    return error ? error : result;
}

#define CLEAR_BATCH 100

struct leftovers {
    struct {
        struct span name;
        struct assembly_id id;
    } at[CLEAR_BATCH];
    size_t count;
};

static void note_leftover(void *user, struct span name, const struct assembly *assembly)
{
    struct leftovers *leftovers = user;
    leftovers->at[leftovers->count].name = name;
    leftovers->at[leftovers->count++].id = assembly->id;
}

int object_bucket_clear(const struct object_bucket *bucket)
{
    bool more = true;
    while (more) { /* each batch begins with what the last one left */
        struct leftovers leftovers = {.count = 0};
        struct assembly_list list = {
            .limit = CLEAR_BATCH, .visit = note_leftover, .user = &leftovers};
        int result = assembly_list(bucket, &list, &more);
        for (size_t i = 0; i < leftovers.count && result == 0; i++)
            result = assembly_drop(bucket, leftovers.at[i].name, &leftovers.at[i].id);
        if (result < 0)
            return result;
    }
    return 0;
}
