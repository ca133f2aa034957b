// SPDX-License-Identifier: Apache-2.0
/*
 * Pieces of assemblies and of the objects they became. A piece is filed under its assembly's id and
 * stays there when the object is finished. Invariant: only the last piece of an object holds bytes
 * in memory, since all others are too long for it. Any thread.
 */
#include "engines/object/layout.h"

#include <errno.h>

static void piece_key(struct key *key, uint64_t bucket, const struct assembly_id *id,
                      uint32_t number)
{
    layout_pieces(key, bucket, id);
    key_u64(key, number);
}

static int piece_get(const struct object_bucket *bucket, const struct assembly_id *id,
                     uint32_t number, struct piece *ret)
{
    struct key key;
    struct span value;
    piece_key(&key, bucket->id, id, number);
    int result = txn_get(bucket->txn, FAMILY_OBJECTS, key_span(&key), bucket->arena, &value);
    if (result < 0)
        return result;
    return layout_decode_piece(value, bucket->arena, ret) ? 0 : -EBADMSG;
}

void piece_write(const struct object_bucket *bucket, const struct assembly_id *id,
                 const struct piece *piece)
{
    struct key key;
    piece_key(&key, bucket->id, id, piece->number);
    txn_put(bucket->txn, FAMILY_OBJECTS, key_span(&key), layout_encode_piece(bucket, piece));
}

int piece_put(const struct object_bucket *bucket, const struct assembly_id *id,
              const struct piece *piece)
{
    struct piece old;
    int result = piece_get(bucket, id, piece->number, &old);
    if (result == 0)
        result = content_unshare(bucket, &old.content);
    else if (result == -ENOENT)
        result = 0;
    if (result < 0)
        return result;
    piece_write(bucket, id, piece);
    return 0;
}

int piece_each(const struct object_bucket *bucket, const struct assembly_id *id, uint32_t after,
               int (*visit)(void *user, const struct piece *piece), void *user)
{
    struct key head, first;
    layout_pieces(&head, bucket->id, id);
    piece_key(&first, bucket->id, id, after + 1);
    struct cursor *cursor = cursor_open(bucket->txn, FAMILY_OBJECTS, key_span(&head));
    int result = 0;
    for (bool here = cursor_seek(cursor, key_span(&first)); here && result == 0;
         here = cursor_next(cursor)) {
        struct piece piece;
        struct span value = arena_copy(bucket->arena, cursor_value(cursor));
        result = layout_decode_piece(value, bucket->arena, &piece) ? visit(user, &piece) : -EBADMSG;
    }
    int error = cursor_error(cursor);
    cursor_close(cursor);
    return error ? error : result < 0 ? result : 0;
}

static int collect(void *user, const struct piece *piece)
{
    struct pieces *pieces = user;
    if (pieces->count == pieces->room) {
        pieces->room = pieces->room ? 2 * pieces->room : 8;
        struct piece *at = ARENA_ARRAY(pieces->arena, struct piece, pieces->room);
        if (pieces->count)
            memcpy(at, pieces->at, pieces->count * sizeof *at);
        pieces->at = at;
    }
    pieces->at[pieces->count++] = *piece;
    return pieces->count == pieces->limit;
}

int pieces_some(const struct object_bucket *bucket, const struct assembly_id *id, uint32_t after,
                struct pieces *ret)
{
    return piece_each(bucket, id, after, collect, ret);
}

int pieces_all(const struct object_bucket *bucket, const struct assembly_id *id, struct pieces *ret)
{
    *ret = (struct pieces){.arena = bucket->arena, .limit = SIZE_MAX};
    return pieces_some(bucket, id, 0, ret);
}

int piece_drop(const struct object_bucket *bucket, const struct assembly_id *id,
               const struct piece *piece)
{
    struct key key;
    piece_key(&key, bucket->id, id, piece->number);
    txn_delete(bucket->txn, FAMILY_OBJECTS, key_span(&key));
    return content_unshare(bucket, &piece->content);
}

static int directory_get(const struct object_bucket *bucket, const struct assembly_id *id,
                         struct directory_entry **ret, size_t *ret_count)
{
    struct key key;
    struct span value;
    layout_directory(&key, bucket->id, id);
    int result = txn_get(bucket->txn, FAMILY_OBJECTS, key_span(&key), bucket->arena, &value);
    if (result < 0)
        return result == -ENOENT ? -EBADMSG : result;
    return layout_decode_directory(value, bucket->arena, ret, ret_count) ? 0 : -EBADMSG;
}

int object_piece_range(const struct object_bucket *bucket, const struct object *object,
                       uint32_t number, struct byte_range *ret)
{
    struct directory_entry *entries;
    size_t count;
    int result = directory_get(bucket, object_assembly(object), &entries, &count);
    if (result < 0)
        return result;
    uint64_t from = 0;
    for (size_t i = 0; i < count; i++) {
        if (entries[i].number == number) {
            *ret = (struct byte_range){from, entries[i].size};
            return 0;
        }
        from += entries[i].size;
    }
    return -ENOENT;
}

/* Appends pieces to a content until the range is complete. */
struct gathering {
    const struct object_bucket *bucket;
    struct byte_range left; /* relative to the next piece */
    struct cut *cuts;
    size_t room;
    struct content content;
};

static int gather(void *user, const struct piece *piece)
{
    struct gathering *gathering = user;
    struct byte_range *left = &gathering->left;
    struct content whole = piece->content;
    int result = content_open(gathering->bucket, &whole);
    if (result < 0)
        return result;
    if (gathering->content.bytes.len)
        return -EBADMSG; /* only the last piece may be held in memory */
    if (gathering->content.cut_count + whole.cut_count > gathering->room) {
        gathering->room = 2 * (gathering->content.cut_count + whole.cut_count);
        struct cut *cuts = ARENA_ARRAY(gathering->bucket->arena, struct cut, gathering->room);
        if (gathering->content.cut_count)
            memcpy(cuts, gathering->cuts, gathering->content.cut_count * sizeof *cuts);
        gathering->cuts = cuts;
    }
    uint64_t here = piece->size - left->from < left->len ? piece->size - left->from : left->len;
    struct byte_range range = {left->from, here};
    content_clip(&whole, range, gathering->cuts, &gathering->content);
    *left = (struct byte_range){0, left->len - here};
    return left->len == 0;
}

int pieces_content(const struct object_bucket *bucket, const struct assembly_id *id,
                   struct byte_range range, struct content *ret)
{
    struct directory_entry *entries;
    size_t count, at = 0;
    int result = directory_get(bucket, id, &entries, &count);
    if (result < 0)
        return result;
    struct gathering gathering = {.bucket = bucket, .left = range};
    while (at < count && gathering.left.from >= entries[at].size)
        gathering.left.from -= entries[at++].size;
    if (at < count && range.len)
        result = piece_each(bucket, id, entries[at].number - 1, gather, &gathering);
    if (result == 0 && gathering.content.size != range.len)
        result = -EBADMSG;
    *ret = gathering.content;
    return result;
}
