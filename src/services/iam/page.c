// SPDX-License-Identifier: Apache-2.0
/*
 * Marker and MaxItems. A marker is the key, or for lists in memory the index, of the first item of
 * the next page, in base64: opaque to clients. Pure.
 */
#include "services/iam/iam.h"

#include "base/text.h"

#define PAGE_DEFAULT 100
#define PAGE_BYTES_MAX (1 << 20)

RESULT iam_page_begin(struct call *c, struct span marker, int32_t max_items, struct iam_page *page)
{
    *page = (struct iam_page){
        .c = c,
        .from = SPAN_NONE,
        .limit = max_items ? max_items : PAGE_DEFAULT,
        .marker = SPAN_NONE,
        .taken = c->arena->taken,
    };
    if (span_is_absent(marker))
        return OK;
    page->from = base64_decode(c->arena, marker);
    if (span_is_absent(page->from))
        return refuse(c, &IAM_VALIDATION_ERROR, "Invalid Marker.");
    return OK;
}

bool iam_page_takes(struct iam_page *page, struct span key)
{
    bool large = page->c->arena->taken - page->taken > PAGE_BYTES_MAX;
    if (page->count < page->limit && (!large || page->count == 0)) {
        page->count++;
        return true;
    }
    page->truncated = true;
    page->marker = base64_of(page->c->arena, key);
    return false;
}

void iam_page_scan(struct iam_page *page)
{
    page->mark = arena_mark(page->c->arena);
    page->taken = page->c->arena->taken;
}

int iam_page_pass(const struct iam_page *page)
{
    arena_rewind(page->c->arena, page->mark);
    return 0;
}

int iam_page_keep(struct iam_page *page)
{
    page->mark = arena_mark(page->c->arena);
    return 0;
}

size_t iam_page_first(const struct iam_page *page)
{
    uint64_t index;
    return span_to_u64(page->from, &index) ? (size_t)index : 0;
}

bool iam_page_takes_index(struct iam_page *page, size_t index)
{
    return iam_page_takes(page, arena_printf(page->c->arena, "%zu", index));
}
