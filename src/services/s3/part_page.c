// SPDX-License-Identifier: Apache-2.0
/* Pages of parts: how many, where the next one begins. Any thread. */
#include "services/s3/part_page.h"

struct reading {
    struct call *c;
    struct part_page *page;
    const struct refusal *refusal;
};

static int show(void *user, const struct piece *piece)
{
    struct reading *reading = user;
    struct part_page *page = reading->page;
    struct s3_part_attributes kept;
    page->more = page->count == page->limit;
    if (page->more)
        return 1;
    reading->refusal = attributes_decode_part(reading->c, piece->attributes, &kept);
    if (reading->refusal)
        return 1;
    page->add(page->user, piece, &kept);
    page->count++;
    page->last = piece->number;
    return 0;
}

RESULT part_page_read(struct call *c, const struct object_bucket *index,
                      const struct assembly_id *assembly, struct part_page *page)
{
    struct reading reading = {.c = c, .page = page};
    page->count = page->last = 0;
    page->more = false;
    int result = piece_each(index, assembly, page->after, show, &reading);
    return result < 0 ? refuse_errno(c, result, "listing parts") : reading.refusal;
}
