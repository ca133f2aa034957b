// SPDX-License-Identifier: Apache-2.0
/*
 * References of extents: a record per extent with its length and count, changed under one lock that
 * is held to the end of the transaction, so that two copies of the same object do not lose each
 * other's reference. Dropping the last one deletes the record, and once that is durable the extent
 * is handed to reclaim.c. Any thread.
 */
#include "store/extent.h"

#include "store/key.h"
#include "store/segments.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>

#define EXTENT_SIZE 20 /* bytes in a record */

struct book { /* big-endian, as it lies in the store */
    uint32_t len, references, crc32c;
};

static void key_of(const struct extent *extent, struct key *key)
{
    key_begin(key, EXTENT_KEYSPACE);
    key_u64(key, extent->segment);
    key_u64(key, extent->offset);
}

static void book_write(struct txn *txn, const struct extent *extent, uint32_t references)
{
    struct key key;
    struct book book = {htobe32(extent->len), htobe32(references), htobe32(extent->crc32c)};
    key_of(extent, &key);
    if (references)
        txn_put(txn, FAMILY_OBJECTS, key_span(&key), span_of(&book, sizeof book));
    else
        txn_delete(txn, FAMILY_OBJECTS, key_span(&key));
}

static int book_read(struct txn *txn, const struct extent *extent, struct arena *arena,
                     uint32_t *ret_references)
{
    struct key key;
    struct span value;
    struct book book;
    key_of(extent, &key);
    int error = txn_get(txn, FAMILY_OBJECTS, key_span(&key), arena, &value);
    if (error)
        return error;
    if (value.len != sizeof book)
        return -EBADMSG;
    memcpy(&book, value.at, sizeof book);
    *ret_references = be32toh(book.references);
    return *ret_references ? 0 : -EBADMSG;
}

bool extent_record_read(struct span key, struct span value, struct extent *out)
{
    uint64_t segment, offset;
    struct book book;
    struct span rest = span_from(key, 1);
    if (!key_read_u64(&rest, &segment) || !key_read_u64(&rest, &offset) || rest.len ||
        value.len != sizeof book || segment > UINT32_MAX)
        return false;
    memcpy(&book, value.at, sizeof book);
    *out = (struct extent){.offset = offset,
                           .segment = (uint32_t)segment,
                           .len = be32toh(book.len),
                           .crc32c = be32toh(book.crc32c)};
    return out->len > 0 && out->len <= EXTENT_STORED_MAX && offset <= SEGMENT_MAX - out->len;
}

void extent_insert(struct txn *txn, const struct extent *extents, size_t count)
{
    for (size_t i = 0; i < count; i++)
        book_write(txn, &extents[i], 1);
}

static int ref_all(struct txn *txn, const struct extent *extents, size_t count, struct arena *arena)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t references = 0;
        int error = book_read(txn, &extents[i], arena, &references);
        if (error)
            return error;
        if (references == UINT32_MAX)
            return -EOVERFLOW;
        book_write(txn, &extents[i], references + 1);
    }
    return 0;
}

void extent_ref(struct txn *txn, const struct extent *extents, size_t count)
{
    struct arena arena;
    if (!count)
        return;
    arena_init(&arena, 1024, SIZE_MAX);
    txn_lock_books(txn);
    int error = ref_all(txn, extents, count, &arena);
    if (error)
        txn_fail(txn, error);
    arena_done(&arena);
}

struct dying {
    struct store *store;
    size_t count;
    struct extent extents[];
};

static void dying_end(void *thing, enum TXN_END end)
{
    if (end == TXN_DROPPED)
        free(thing);
}

static void dying_reclaim(void *thing)
{
    struct dying *dying = thing;
    reclaim_later(dying->store, dying->extents, dying->count);
    free(dying);
}

static int unref_all(struct txn *txn, const struct extent *extents, size_t count,
                     struct arena *arena, struct dying *dying)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t references = 0;
        int error = book_read(txn, &extents[i], arena, &references);
        if (error)
            return error;
        book_write(txn, &extents[i], references - 1);
        if (references == 1)
            dying->extents[dying->count++] = extents[i];
    }
    return 0;
}

int extent_unref(struct txn *txn, const struct extent *extents, size_t count)
{
    struct arena arena;
    if (!count)
        return 0;
    struct dying *dying = store_alloc(sizeof *dying + count * sizeof *extents);
    *dying = (struct dying){.store = txn_store(txn)};
    arena_init(&arena, 1024, SIZE_MAX);
    txn_lock_books(txn);
    int error = unref_all(txn, extents, count, &arena, dying);
    arena_done(&arena);
    if (error) {
        txn_fail(txn, error); /* half of them are dropped already */
        free(dying);
        return error;
    }
    txn_at_end(txn, dying_end, dying);
    txn_after_durable(txn, dying_reclaim, dying);
    return 0;
}

struct written {
    struct store *store;
    struct extent extent;
};

static void written_end(void *thing, enum TXN_END end)
{
    struct written *written = thing;
    if (end == TXN_DROPPED)
        reclaim_later(written->store, &written->extent, 1);
    free(written);
}

static int append(struct store *store, struct extent *extent, struct span bytes)
{
    if (!extent->sealing.sealed)
        return segments_append(store, extent, bytes);
    size_t size = seal_sealed_len(bytes.len);
    char *sealed = store_alloc(size);
    seal_frames(&extent->sealing.key, 0, bytes, sealed);
    int error = segments_append(store, extent, span_of(sealed, size));
    free(sealed);
    return error;
}

int extent_write(struct txn *txn, struct span bytes, enum EXTENT_KIND kind, struct extent *ret)
{
    struct store *store = txn_store(txn);
    bool sealed = kind == EXTENT_SEALED;
    uint32_t size = (uint32_t)(sealed ? seal_sealed_len(bytes.len) : bytes.len);
    int error = segments_allocate(store, 0, size, ret);
    if (error)
        return error;
    if (sealed)
        seal_begin(&ret->sealing);
    error = append(store, ret, bytes);
    if (!error)
        error = segments_sync(store, ret, 1);
    if (error) {
        ret->len = size; /* all of its room goes back */
        reclaim_later(store, ret, 1);
        return error;
    }
    struct written *written = store_alloc(sizeof *written);
    *written = (struct written){store, *ret};
    extent_insert(txn, ret, 1);
    txn_at_end(txn, written_end, written);
    return 0;
}

struct span extents_encode(struct arena *arena, const struct extent *extents, size_t count)
{
    char *bytes = arena_alloc(arena, count * EXTENT_SIZE);
    for (size_t i = 0; i < count; i++) {
        uint64_t offset = htobe64(extents[i].offset);
        uint32_t rest[] = {htobe32(extents[i].segment), htobe32(extents[i].len),
                           htobe32(extents[i].crc32c)};
        memcpy(bytes + i * EXTENT_SIZE, &offset, sizeof offset);
        memcpy(bytes + i * EXTENT_SIZE + sizeof offset, rest, sizeof rest);
    }
    return span_of(bytes, count * EXTENT_SIZE);
}

bool extents_decode(struct span bytes, struct arena *arena, struct extent **ret, size_t *ret_count)
{
    size_t count = bytes.len / EXTENT_SIZE;
    if (bytes.len % EXTENT_SIZE)
        return false;
    struct extent *extents = ARENA_ARRAY(arena, struct extent, count);
    for (size_t i = 0; i < count; i++) {
        uint64_t offset;
        uint32_t rest[3];
        memcpy(&offset, bytes.at + i * EXTENT_SIZE, sizeof offset);
        memcpy(rest, bytes.at + i * EXTENT_SIZE + sizeof offset, sizeof rest);
        extents[i] = (struct extent){.offset = be64toh(offset),
                                     .segment = be32toh(rest[0]),
                                     .len = be32toh(rest[1]),
                                     .crc32c = be32toh(rest[2])};
        if (!extents[i].len || extents[i].len > EXTENT_STORED_MAX ||
            extents[i].offset > SEGMENT_MAX - extents[i].len)
            return false;
    }
    *ret = extents;
    *ret_count = count;
    return true;
}
