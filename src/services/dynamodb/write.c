// SPDX-License-Identifier: Apache-2.0
/* Items of batches and transactions on their way in. Any thread. */
#include "services/dynamodb/write.h"

#include "services/dynamodb/item.h"

#include <errno.h>

#define ENCODED_MAX (4 << 20) /* bytes of the largest item as it is stored */

RESULT write_encode(struct call *c, const struct kv_map *item, struct span *ret)
{
    if (kv_map_size(item) > ITEM_MAX)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Item size has exceeded the maximum allowed size");
    struct buf *bytes = arena_buf(c->arena, ENCODED_MAX);
    kv_item_encode(item, bytes);
    *ret = buf_span(bytes);
    return bytes->over ? refuse_errno(c, -E2BIG, "encoding an item") : OK;
}
