// SPDX-License-Identifier: Apache-2.0
/* Tokens, sequence numbers and hash keys: what is read prints as it was, and nothing passes as a
 * token but what the key made. */
#include "services/kinesis/bookmark.h"
#include "services/kinesis/hash_key.h"
#include "services/kinesis/sequence.h"

#include "base/text.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena arena;
static struct hmac_key key;

static void try_numbers(struct span text)
{
    struct sequence sequence;
    struct log_hash hash;
    bool plain = text.len && text.at[0] != '0';
    if (sequence_read(text, &sequence) && plain &&
        sequence_print(&arena, &sequence).len != text.len)
        abort();
    if (hash_key_read(text, &hash) && plain && !span_eq(hash_key_print(&arena, hash), text))
        abort();
}

/* As a client would: the bytes with their MAC are good, with any other byte they are not. */
static void try_token(struct span bytes)
{
    struct bookmark token, again;
    struct bookmark made = {.kind = BOOKMARK_ITERATOR,
                            .stream = span_first(bytes, 128),
                            .place = {.index = bytes.len, .base = LOG_NO_BASE},
                            .shard = 7};
    if (bookmark_read(&arena, &key, BOOKMARK_ITERATOR, bytes, &token))
        abort();
    struct span text = bookmark_print(&arena, &key, &made);
    if (!bookmark_read(&arena, &key, BOOKMARK_ITERATOR, text, &again) ||
        !span_eq(again.stream, made.stream) || again.place.index != made.place.index ||
        again.shard != made.shard || bookmark_read(&arena, &key, BOOKMARK_SHARDS, text, &again))
        abort();
    char *changed = arena_cstr(&arena, text);
    size_t at = bytes.len ? (unsigned char)bytes.at[0] % text.len : 0;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    if (bookmark_read(&arena, &key, BOOKMARK_ITERATOR, span_of(changed, text.len), &again))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_of(data, size);
    if (!arena.end) {
        arena_init(&arena, 64 * 1024, 64 << 20);
        hmac_key_init(&key, S("secret"));
    }
    if (size > 10000)
        return 0;
    try_numbers(text);
    try_token(text);
    arena_reset(&arena);
    return 0;
}
