// SPDX-License-Identifier: Apache-2.0
#pragma once
/* An HTTP field as both `http` and `wire` see it. In requests names are already lower-case. */
#include "base/span.h"

struct header {
    struct span name, value;
};

struct headers {
    struct header *at;
    size_t count;
};

/* The value of the first field of that (lower-case) name, or absent. */
static inline struct span header_get(struct headers headers, struct span name)
{
    for (size_t i = 0; i < headers.count; i++)
        if (span_eq(headers.at[i].name, name))
            return headers.at[i].value;
    return SPAN_NONE;
}
