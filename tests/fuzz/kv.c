// SPDX-License-Identifier: Apache-2.0
/*
 * Numbers and items of engines/kv from arbitrary bytes. The first byte chooses: a number's text,
 * whose encoding must print as something that reads back the same; or an item's bytes, which must
 * be refused or stand a second encoding (the same bytes where they were canonical); or a stream's
 * record, which is refused or encodes to the same bytes.
 */
#include "engines/kv/inside.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void number(struct span text)
{
    char bytes[KV_NUMBER_MAX], again[KV_NUMBER_MAX], printed[KV_NUMBER_TEXT_MAX];
    size_t len, len_again;
    if (kv_number_read(text, bytes, &len) != KV_NUMBER_GOOD)
        return;
    if (kv_number_len(span_of(bytes, len)) != len)
        abort();
    size_t printed_len = kv_number_print(span_of(bytes, len), printed);
    if (kv_number_read(span_of(printed, printed_len), again, &len_again) != KV_NUMBER_GOOD ||
        !span_eq(span_of(bytes, len), span_of(again, len_again)))
        abort();
}

static void item(struct span bytes)
{
    struct arena arena;
    struct kv_map map, back;
    struct buf out;
    arena_init(&arena, 65536, 64 << 20);
    buf_init(&out, 1 << 22);
    if (kv_item_decode(bytes, &arena, &map)) {
        kv_item_encode(&map, &out);
        if (out.over || !kv_item_decode(buf_span(&out), &arena, &back) ||
            kv_map_size(&back) != kv_map_size(&map) ||
            kv_item_size(buf_span(&out)) != kv_map_size(&map))
            abort();
    }
    buf_done(&out);
    arena_done(&arena);
}

static void record(struct span bytes)
{
    struct stream_record record;
    struct buf out;
    buf_init(&out, 1 << 22);
    if (kv_stream_decode(bytes, &record)) {
        kv_stream_encode(&record, &out);
        if (!span_eq(buf_span(&out), bytes))
            abort();
    }
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > 1 << 16)
        return 0;
    struct span rest = span_of(data + 1, size - 1);
    if (data[0] == 'n')
        number(rest);
    else if (data[0] == 's')
        record(rest);
    else
        item(rest);
    return 0;
}
