// SPDX-License-Identifier: Apache-2.0
/*
 * Items as JSON, and rows of CSV, from arbitrary bytes; the first byte chooses. An item that is
 * taken reads back the same from its bytes and from its JSON; records are whole wherever the text
 * is cut, and a row has as many fields as its delimiters allow.
 */
#include "services/dynamodb/attribute.h"
#include "services/dynamodb/import.h"

#include <stdlib.h>

#define SIZE_MAX_TRIED 16384

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena arena;

static void must(bool holds)
{
    if (!holds)
        abort();
}

static struct span bytes_of(const struct kv_map *item)
{
    struct buf *out = arena_buf(&arena, 1 << 24);
    kv_item_encode(item, out);
    return buf_span(out);
}

static void try_item(struct span text)
{
    struct call call = {.arena = &arena, .service = &dynamodb_service};
    struct kv_map item, decoded, again;
    if (attribute_read_json(&call, text, &item))
        return;
    struct span bytes = bytes_of(&item);
    must(kv_item_decode(bytes, &arena, &decoded));
    must(kv_item_size(bytes) == kv_map_size(&item));
    must(!attribute_read_json(&call, attribute_json(&call, &decoded), &again));
    must(span_eq(bytes_of(&again), bytes));
}

static void try_rows(struct span text)
{
    struct span record, rest = text;
    struct record_texts fields;
    while (import_take_record(IMPORT_CSV, IMPORT_NOTHING_FOLLOWS, &rest, &record)) {
        struct span cut = span_first(text, (size_t)(rest.at - text.at)), same = SPAN_NONE;
        if (rest.len)
            must(import_take_record(IMPORT_CSV, IMPORT_MORE_FOLLOWS, &cut, &same));
        if (import_read_row(&arena, record, ',', &fields))
            for (size_t i = 0; i < fields.count; i++)
                must(fields.at[i].len <= record.len);
    }
    must(!rest.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size || size > SIZE_MAX_TRIED)
        return 0;
    if (!arena.end)
        arena_init(&arena, 1 << 16, 512 << 20);
    struct span text = arena_copy(&arena, span_of(data + 1, size - 1));
    if (data[0] == 'c')
        try_rows(text);
    else
        try_item(text);
    arena_reset(&arena);
    return 0;
}
