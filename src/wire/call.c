// SPDX-License-Identifier: Apache-2.0
/* What handlers make in their call: identifiers and reply headers. One thread per call. */
#include "wire/call.h"

#include "base/time.h"

#include "base/id.h"

struct span id_new(struct call *c, const char *prefix, int digits)
{
    return id_hex(c->arena, span_of_cstr(prefix), digits);
}

/* The array doubles whenever its count reaches a power of two, so no capacity is kept. */
void call_add_header(struct call *c, struct span name, struct span value)
{
    struct headers *headers = &c->extra_headers;
    size_t count = headers->count;
    if ((count & (count - 1)) == 0) {
        struct header *grown = ARENA_ARRAY(c->arena, struct header, count ? count * 2 : 1);
        if (count)
            memcpy(grown, headers->at, count * sizeof *grown);
        headers->at = grown;
    }
    headers->at[headers->count++] = (struct header){.name = name, .value = value};
}

void call_again(struct call *c, int64_t most_ms, int64_t pause_ms)
{
    int64_t now_ms = clock_steady_ms();
    if (!c->patience_ms)
        c->patience_ms = now_ms + most_ms;
    int64_t next_ms = now_ms + pause_ms < c->patience_ms ? now_ms + pause_ms : c->patience_ms;
    c->again_ms = now_ms < c->patience_ms ? next_ms : 0;
}
