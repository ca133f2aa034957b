// SPDX-License-Identifier: Apache-2.0
/*
 * Contents as runs of extents: taken from drafts, cut to ranges, shared, pinned, read. A cut never
 * reaches beyond its extent; references are counted on whole extents, one for every cut that names
 * one. Any thread; content_read blocks.
 */
#include "engines/object/layout.h"

#include <errno.h>
#include <stdlib.h>

struct content content_of_bytes(struct span bytes)
{
    return (struct content){.size = bytes.len, .bytes = bytes};
}

struct content content_of_extents(const struct extent *extents, size_t count, struct arena *arena)
{
    struct cut *cuts = ARENA_ARRAY(arena, struct cut, count);
    uint64_t size = 0;
    for (size_t i = 0; i < count; i++) {
        cuts[i] = (struct cut){.extent = extents[i], .len = extent_size(&extents[i])};
        size += cuts[i].len;
    }
    return (struct content){.size = size, .cuts = cuts, .cut_count = count};
}

static int open_bytes(const struct object_bucket *bucket, struct content *content)
{
    char *to = arena_alloc(bucket->arena, seal_plain_len(content->bytes.len));
    if (!seal_open_frames(&content->sealing.key, 0, content->bytes, to))
        return -EIO;
    content->bytes = span_of(to, seal_plain_len(content->bytes.len));
    return 0;
}

int content_open(const struct object_bucket *bucket, struct content *content)
{
    struct cut *cuts = ARENA_ARRAY(bucket->arena, struct cut, content->cut_count);
    bool fits = true;
    for (size_t i = 0; i < content->cut_count; i++) {
        struct sealing *sealing = &cuts[i].extent.sealing;
        cuts[i] = content->cuts[i];
        fits &= !sealing->sealed || (bucket->key && seal_open(sealing, bucket->key));
    }
    content->cuts = cuts;
    if (!content->sealing.sealed || content->sealing.open)
        return fits ? 0 : -ENOKEY;
    fits = fits && bucket->key && seal_open(&content->sealing, bucket->key);
    return fits ? open_bytes(bucket, content) : -ENOKEY;
}

static struct extent *extents_of(const struct content *content, struct arena *arena)
{
    struct extent *extents = ARENA_ARRAY(arena, struct extent, content->cut_count);
    for (size_t i = 0; i < content->cut_count; i++)
        extents[i] = content->cuts[i].extent;
    return extents;
}

void content_share(struct txn *txn, const struct content *content, struct arena *arena)
{
    if (content->cut_count)
        extent_ref(txn, extents_of(content, arena), content->cut_count);
}

int content_unshare(const struct object_bucket *bucket, const struct content *content)
{
    if (content->cut_count == 0)
        return 0;
    return extent_unref(bucket->txn, extents_of(content, bucket->arena), content->cut_count);
}

struct pin {
    struct store *store;
    const struct extent *extents;
    size_t count;
};

static void unpin(void *thing)
{
    struct pin *pin = thing;
    extent_unpin(pin->store, pin->extents, pin->count);
}

void content_pin(struct store *store, const struct content *content, struct arena *arena)
{
    if (content->cut_count == 0)
        return;
    struct pin *pin = ARENA_NEW(arena, struct pin);
    *pin = (struct pin){store, extents_of(content, arena), content->cut_count};
    extent_pin(store, pin->extents, pin->count);
    arena_defer(arena, unpin, pin);
}

void content_clip(const struct content *whole, struct byte_range range, struct cut *cuts,
                  struct content *part)
{
    uint64_t from = range.from, len = range.len;
    for (size_t i = 0; i < whole->cut_count && len; i++) {
        struct cut cut = whole->cuts[i];
        if (from >= cut.len) {
            from -= cut.len;
            continue;
        }
        cut.skip += (uint32_t)from;
        cut.len -= (uint32_t)from;
        from = 0;
        if (cut.len > len)
            cut.len = (uint32_t)len;
        len -= cut.len;
        cuts[part->cut_count++] = cut;
    }
    if (len)
        part->bytes = span_first(span_from(whole->bytes, from), len);
    part->cuts = cuts;
    part->size += range.len;
}

struct extent_part *content_parts(const struct content *content, struct arena *arena)
{
    struct extent_part *parts = ARENA_ARRAY(arena, struct extent_part, content->cut_count);
    for (size_t i = 0; i < content->cut_count; i++) {
        const struct cut *cut = &content->cuts[i];
        parts[i] = (struct extent_part){cut->extent, cut->skip, cut->len};
    }
    return parts;
}

/* Plain extents are read whole, for their CRC; the tags of sealed ones vouch for every frame. */
static int read_cut(struct store *store, const struct cut *cut, char *to, struct span *ret)
{
    struct extent_part part = {cut->extent, cut->skip, cut->len};
    bool sealed = cut->extent.sealing.sealed;
    *ret = span_of(sealed ? to : to + cut->skip, cut->len);
    return sealed ? extent_fetch(store, &part, to) : extent_read(store, &cut->extent, to);
}

int content_read(struct store *store, const struct content *content,
                 void (*take)(void *user, struct span piece), void *user)
{
    char *whole = content->cut_count ? malloc(EXTENT_MAX) : NULL;
    int result = content->cut_count && !whole ? -ENOMEM : 0;
    for (size_t i = 0; i < content->cut_count && result == 0; i++) {
        struct span bytes;
        result = read_cut(store, &content->cuts[i], whole, &bytes);
        if (result == 0)
            take(user, bytes);
    }
    if (result == 0 && content->bytes.len)
        take(user, content->bytes);
    free(whole);
    return result;
}
