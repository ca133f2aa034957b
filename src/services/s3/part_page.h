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
/* What a request says of its page, and what a reply says of it, by the same members. */
struct part_page_wish {
    bool has_limit, has_after;
    int32_t limit, after;
};
#define PART_PAGE_WISH_OF(in)                                                                      \
    {                                                                                              \
        .has_limit = (in)->has.max_parts, .has_after = (in)->has.part_number_marker,               \
        .limit = (in)->max_parts, .after = (in)->part_number_marker                                \
    }
#define PART_PAGE_SHOW(out, page)                                                                  \
    do {                                                                                           \
        SET(out, max_parts, (int32_t)(page)->limit);                                               \
        SET(out, part_number_marker, (int32_t)(page)->after);                                      \
        SET(out, next_part_number_marker, (int32_t)(page)->last);                                  \
        SET(out, is_truncated, (page)->more);                                                      \
    } while (0)
/* InvalidArgument for what is below zero; a limit above 1,000 is 1,000, as where none is named. */
RESULT part_page_open(struct call *c, const struct part_page_wish *wish, struct part_page *page);
RESULT part_page_limit(struct call *c, bool has, int32_t asked, const char *name, size_t *out);
RESULT part_page_read(struct call *c, const struct object_bucket *index,
                      const struct assembly_id *assembly, struct part_page *page);
