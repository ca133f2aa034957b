// SPDX-License-Identifier: Apache-2.0
/* Hostile bytes as a record: refused, or decoded into something that encodes and decodes again to
 * the same bytes. */
#include "shop.records.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void encode(const struct shop_order *order, struct buf *out)
{
    buf_init(out, 64 << 20);
    record_encode(&shop_order_table, order, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct arena arena;
    struct shop_order first = {0}, second = {0};
    struct shop_old_order old = {0};
    arena_init(&arena, 4096, (size_t)1 << 32);
    bool known = record_decode(&shop_order_table, span_of(bytes, len), &arena, &first);
    if (known && !record_decode(&shop_old_order_table, span_of(bytes, len), &arena, &old))
        abort();
    if (known) {
        struct buf once, twice;
        encode(&first, &once);
        if (!record_decode(&shop_order_table, buf_span(&once), &arena, &second))
            abort();
        encode(&second, &twice);
        if (!span_eq(buf_span(&once), buf_span(&twice)))
            abort();
        buf_done(&once);
        buf_done(&twice);
    }
    arena_done(&arena);
    return 0;
}
