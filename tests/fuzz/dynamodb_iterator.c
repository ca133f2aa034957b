// SPDX-License-Identifier: Apache-2.0
/* Shard iterators: nothing passes as one but what the key made, and that reads as it was. */
#include "services/dynamodbstreams/iterator.h"

#include "base/arena.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena arena;
static struct hmac_key key;

static void try_token(struct span bytes)
{
    struct iterator again;
    struct iterator made = {.stream_arn = S("arn:aws:dynamodb:us-east-1:1:table/t/stream/1"),
                            .shard = bytes.len,
                            .sequence = UINT64_MAX - bytes.len,
                            .made_ms = (int64_t)bytes.len};
    if (iterator_read(&arena, &key, bytes, &again))
        abort();
    struct span text = iterator_print(&arena, &key, &made);
    if (!iterator_read(&arena, &key, text, &again) || !span_eq(again.stream_arn, made.stream_arn) ||
        again.shard != made.shard || again.sequence != made.sequence ||
        again.made_ms != made.made_ms)
        abort();
    char *changed = arena_cstr(&arena, text);
    size_t at = bytes.len ? (unsigned char)bytes.at[0] % text.len : 0;
    changed[at] = changed[at] == '0' ? '1' : '0';
    if (iterator_read(&arena, &key, span_of(changed, text.len), &again))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t number;
    if (!arena.end) {
        arena_init(&arena, 64 * 1024, 64 << 20);
        hmac_key_init(&key, S("secret"));
    }
    if (size > 10000)
        return 0;
    try_token(span_of(data, size));
    (void)!iterator_sequence_read(span_of(data, size), &number);
    arena_reset(&arena);
    return 0;
}
