// SPDX-License-Identifier: Apache-2.0
/* Pages of parts: how many, where the next one begins. Any thread. */
#include "services/s3/part_page.h"

#include "services/s3/s3.api.h"

#define PAGE_MAX 1000

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

static RESULT refuse_argument(struct call *c, const char *name, int32_t value)
{
    const struct refusal *refusal = refuse_with(
        c, &S3_INVALID_ARGUMENT, S("ArgumentValue"), arena_printf(c->arena, "%d", value),
        "Argument %s must be an integer between 0 and 2147483647", name);
    return refusal_add(c, refusal, S("ArgumentName"), span_of_cstr(name));
}

RESULT part_page_limit(struct call *c, bool has, int32_t asked, const char *name, size_t *out)
{
    *out = has && asked < PAGE_MAX ? (size_t)asked : PAGE_MAX;
    return !has || asked >= 0 ? OK : refuse_argument(c, name, asked);
}

RESULT part_page_open(struct call *c, const struct part_page_wish *wish, struct part_page *page)
{
    int32_t after = wish->has_after ? wish->after : 0;
    TRY(part_page_limit(c, wish->has_limit, wish->limit, "max-parts", &page->limit));
    if (after < 0)
        return refuse_argument(c, "part-number-marker", after);
    page->after = (uint32_t)after;
    return OK;
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
