// SPDX-License-Identifier: Apache-2.0
#pragma once
/* A page of an upload's or an object's parts. Any thread. */
#include "engines/object/object.h"
#include "services/s3/attributes.h"

struct part_page {
    uint32_t after; /* number of the part behind which it begins */
    size_t limit;
    void (*add)(void *user, const struct piece *piece, const struct s3_part_attributes *kept);
    void *user;
    /* out: */
    size_t count;
    uint32_t last; /* number of the last part shown, or 0 */
    bool more;
};
RESULT part_page_read(struct call *c, const struct object_bucket *index,
                      const struct assembly_id *assembly, struct part_page *page);
