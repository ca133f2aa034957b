// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The regions of the commercial partition: names and facts, read-only, any thread. */
#include "base/span.h"

struct region {
    struct span name;        /* us-east-1 */
    struct span zone_prefix; /* of zone ids: use1 */
    uint8_t zones;           /* availability zones that every account sees */
    bool opt_in;             /* must be enabled by the account before use on AWS */
};

const struct region *region_table(size_t *ret_count);
/* NULL when there is no such region. */
const struct region *region_named(struct span name);
static inline bool region_known(struct span name)
{
    return region_named(name) != NULL;
}
