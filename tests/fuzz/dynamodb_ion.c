// SPDX-License-Identifier: Apache-2.0
/*
 * Ion text from arbitrary bytes: records are taken until nothing is left, what is a record becomes
 * JSON, and an item that is one reads back the same from the Ion that is written of it.
 */
#include "services/dynamodb/attribute.h"
#include "services/dynamodb/import.h"
#include "services/dynamodb/ion.h"

#include <stdlib.h>

#define SIZE_MAX_TRIED 16384
#define CEILING (1 << 24)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena arena;

static void must(bool holds)
{
    if (!holds)
        abort();
}

static struct span bytes_of(const struct kv_map *item)
{
    struct buf *out = arena_buf(&arena, CEILING);
    kv_item_encode(item, out);
    return buf_span(out);
}

static bool read_item(struct span record, struct kv_map *ret)
{
    struct call call = {.arena = &arena, .service = &dynamodb_service};
    struct dynamodb_put put = {.table_name = SPAN_NONE};
    struct buf *json = arena_buf(&arena, CEILING);
    return ion_to_json(record, &arena, json) && !attribute_read_put(&call, buf_span(json), &put) &&
           put.item.at &&
           !attribute_read_map(&call, ATTRIBUTE_PLAIN, ATTRIBUTE_PAIRS(put.item), ret);
}

static void try_record(struct span record)
{
    struct kv_map item, again;
    struct buf *ion = arena_buf(&arena, CEILING);
    if (!read_item(record, &item))
        return;
    ion_put_item(&item, ion);
    struct span text = buf_span(ion), taken;
    must(import_take_record(IMPORT_ION, IMPORT_MORE_FOLLOWS, &text, &taken));
    must(ion_is_blank(text));
    must(read_item(taken, &again));
    must(span_eq(bytes_of(&again), bytes_of(&item)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > SIZE_MAX_TRIED)
        return 0;
    if (!arena.end)
        arena_init(&arena, 1 << 16, 512 << 20);
    struct span rest = arena_copy(&arena, span_of(data, size)), record;
    while (import_take_record(IMPORT_ION, IMPORT_NOTHING_FOLLOWS, &rest, &record))
        try_record(record);
    must(!rest.len);
    arena_reset(&arena);
    return 0;
}
