// SPDX-License-Identifier: Apache-2.0
/*
 * decode(encode(x)) is x; and because the decoders are strict, encode(decode(y)) is y again where
 * an encoding has only one form.
 */
#include "base/text.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void round_trips(struct arena *arena, struct span s)
{
    struct span plus = form_decode(arena, uri_encode(arena, s, URI_SLASH_KEPT));
    must(span_eq(base64_decode(arena, base64_of(arena, s)), s));
    must(span_eq(hex_decode(arena, hex_of(arena, s)), s));
    must(span_eq(uri_decode(arena, uri_encode(arena, s, URI_SLASH_ENCODED)), s));
    must(span_eq(uri_decode(arena, uri_encode(arena, s, URI_SLASH_KEPT)), s));
    must(span_eq(plus, s));
}

static void decodes(struct arena *arena, struct span s)
{
    struct span bytes = base64_decode(arena, s);
    must(span_is_absent(bytes) || span_eq(base64_of(arena, bytes), s));
    bytes = hex_decode(arena, s);
    must(span_is_absent(bytes) || span_eq_nocase(hex_of(arena, bytes), s));
    bytes = uri_decode(arena, s);
    must(span_is_absent(bytes) || bytes.len <= s.len);
    must(span_is_absent(bytes) == span_is_absent(form_decode(arena, s)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct arena arena;
    struct span s = span_of(len ? (const char *)bytes : "", len);
    arena_init(&arena, 4096, 1 << 28);
    round_trips(&arena, s);
    decodes(&arena, s);
    arena_done(&arena);
    return 0;
}
