// SPDX-License-Identifier: Apache-2.0
/* Names that TLS clients ask for: a certificate for one of them names it, or its service's other
 * names, and never anything that is not AWS's. */
#include "http/tls.h"
#include "services/ec2/ec2.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena arena;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tls_names names;
    if (!arena.end)
        arena_init(&arena, 64 * 1024, 64 << 20);
    if (size > 255)
        return 0;
    ec2_names_inside(&arena, span_of(data, size), &names);
    if (names.count > TLS_NAMES_MAX)
        abort();
    for (size_t i = 0; i < names.count; i++)
        if (!span_ends(names.at[i], S("amazonaws.com")))
            abort();
    arena_reset(&arena);
    return 0;
}
