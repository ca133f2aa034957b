// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Pages of the Describe operations: what is listed comes in the order of its position. */
#include "wire/call.h"

#define PAGE_PARTS_MAX 4

struct page {
    size_t limit, count;
    struct span after; /* position of the last one on the page before; absent: from the first */
    struct span last;
    struct span next_token; /* of the answer; absent: there is no more */
};

/* `max_results` NULL: as many as a page has. */
RESULT page_begin(struct call *c, struct span token, const int32_t *max_results, struct page *ret);
/* Whether the thing at that position, of up to PAGE_PARTS_MAX texts, belongs on the page. */
bool page_takes(struct call *c, struct page *page, const struct span *position, size_t parts);
