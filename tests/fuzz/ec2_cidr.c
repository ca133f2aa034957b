// SPDX-License-Identifier: Apache-2.0
/* Blocks of both IP versions: what is read is written in a form that is read as itself. */
#include "services/ec2/cidr.h"
#include "services/ec2/cidr6.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena arena;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_of(data, size), written, again;
    struct cidr cidr, same;
    if (!arena.end)
        arena_init(&arena, 64 * 1024, 64 << 20);
    if (size > 1000)
        return 0;
    if (cidr_read(text, &cidr) &&
        (!cidr_read(cidr_text(&arena, cidr), &same) || cidr.address != same.address ||
         cidr.bits != same.bits || cidr.bits > 32))
        abort();
    if (cidr6_read(&arena, text, &written) &&
        (!cidr6_read(&arena, written, &again) || !span_eq(written, again)))
        abort();
    arena_reset(&arena);
    return 0;
}
