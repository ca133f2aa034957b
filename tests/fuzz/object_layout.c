// SPDX-License-Identifier: Apache-2.0
/* Records of the object engine: what decodes is encoded again to the same bytes, and its cuts lie
 * within their extents. The first byte chooses the record. */
#include "engines/object/layout.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena arena;

static void same(struct span have, struct span want)
{
    if (!span_eq(have, want))
        abort();
}

static void within(const struct content *content)
{
    uint64_t size =
        content->sealing.sealed ? seal_plain_len(content->bytes.len) : content->bytes.len;
    for (size_t i = 0; i < content->cut_count; i++) {
        const struct cut *cut = &content->cuts[i];
        if ((uint64_t)cut->skip + cut->len > extent_size(&cut->extent))
            abort();
        size += cut->len;
    }
    if (size != content->size)
        abort();
}

/* Without a key: what is sealed stays as it is. */
static const struct object_bucket bucket = {.arena = &arena};

static void try_object(struct span value)
{
    struct object object;
    if (layout_decode_object(value, &object))
        same(layout_encode_object(&arena, &object), value);
}

static void try_content(struct span value)
{
    struct content content;
    if (!layout_decode_content(value, &arena, &content))
        return;
    within(&content);
    same(layout_encode_content(&bucket, &content), value);
}

static void try_piece(struct span value)
{
    struct piece piece;
    if (!layout_decode_piece(value, &arena, &piece))
        return;
    within(&piece.content);
    same(layout_encode_piece(&bucket, &piece), value);
}

static void try_rest(struct span value)
{
    struct assembly assembly;
    struct directory_entry *entries;
    size_t count;
    if (layout_decode_assembly(value, &assembly) && assembly.attributes.len > value.len)
        abort();
    if (layout_decode_directory(value, &arena, &entries, &count))
        same(layout_encode_directory(&arena, entries, count), value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const tries[])(struct span value) = {try_object, try_content, try_piece,
                                                       try_rest};
    if (!arena.end)
        arena_init(&arena, 64 * 1024, 64 << 20);
    if (size && size < 100000)
        tries[data[0] % ARRAY_LEN(tries)](span_of(data + 1, size - 1));
    arena_reset(&arena);
    return 0;
}
