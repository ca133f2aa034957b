// SPDX-License-Identifier: Apache-2.0
/* The first byte chooses the packing. Whatever is let out at a time, the same comes out. */
#include "base/packing.h"

#include <stdlib.h>

#define MOST (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static bool unpack(enum PACKING packing, struct span bytes, size_t most, struct buf *out)
{
    struct unpacker *unpacker = packing_open(packing);
    size_t before = 0;
    bool good = true;
    do {
        before = out->len;
        good = packing_take(unpacker, &bytes, most, out);
    } while (good && out->len < MOST && (bytes.len || out->len - before == most));
    packing_close(unpacker);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct buf all, some;
    if (!len)
        return 0;
    struct span input = span_of(bytes + 1, len - 1);
    enum PACKING packing = bytes[0] % 2 ? PACKING_GZIP : PACKING_ZSTD;
    buf_init(&all, 4 * MOST);
    buf_init(&some, 4 * MOST);
    bool good = unpack(packing, input, MOST, &all);
    if (unpack(packing, input, 7, &some) != good && all.len < MOST)
        abort();
    if (good && all.len < MOST && !span_eq(buf_span(&all), buf_span(&some)))
        abort();
    buf_done(&all);
    buf_done(&some);
    return 0;
}
