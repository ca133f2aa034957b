// SPDX-License-Identifier: Apache-2.0
/* Templates of keys: what can be filled is filled with the same length of text again, and has the
 * unique part once, at the end or before an extension that is at the end. */
#include "services/kinesis/key_template.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct span template = span_of(size ? (const char *)data : "", size < 1024 ? size : 1024);
    struct key_template_values values = {
        .channel_name = S("n"),
        .channel_id = S("i"),
        .stream_name = S("s"),
        .extension = S(""),
        .unique = S("\x01\x02"),
    };
    arena_init(&arena, 4096, 1 << 24);
    struct span key = key_template_fill(&arena, template, &values);
    bool last = key_template_ends_with_extension(template);
    if (!span_is_absent(key)) {
        values.unique = S("");
        struct span plain = key_template_fill(&arena, template, &values);
        if (key.len != plain.len + 2 || (!last && !span_ends(key, S("\x01\x02"))))
            abort();
    }
    arena_done(&arena);
    return 0;
}
