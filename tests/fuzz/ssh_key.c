// SPDX-License-Identifier: Apache-2.0
/* A line that is a key gives a line that is the same key. */
#include "base/ssh_key.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct arena arena;
    struct ssh_key key, again;
    arena_init(&arena, 4096, 1 << 28);
    if (ssh_key_read(&arena, span_of(len ? (const char *)bytes : "", len), &key) &&
        (!ssh_key_read(&arena, key.public_line, &again) ||
         !span_eq(key.public_der, again.public_der)))
        abort();
    arena_done(&arena);
    return 0;
}
