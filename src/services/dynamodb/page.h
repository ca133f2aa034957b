// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * One page of a table or index: at most 1 MB of items as they are stored, or so many as Limit says,
 * then the filter, then what part of them is shown. Any thread.
 */
#include "services/dynamodb/source.h"

struct page_wish {
    const struct source *source;
    const struct kv_range *range;
    const struct expression *filter, *projection; /* may be absent */
    const struct span *labels; /* what the projection's paths are called; NULL: as in the item */
    size_t limit;              /* items to be looked at; 0: none */
    bool count;                /* no items are shown */
    bool fetch;                /* whole items, from the table */
    bool consistent;
};

struct page {
    struct dynamodb_attribute_map *items;
    size_t count, scanned;
    struct kv_map last; /* what was looked at last; empty: there is no more */
    double units;       /* of what was read: table or index */
    double fetched;     /* of what was fetched from the table besides */
};

RESULT page_read(struct call *c, const struct page_wish *wish, struct page *ret);
/* Never absent. */
struct dynamodb_item_list page_items(struct call *c, const struct page *page);
struct dynamodb_consumed_capacity *page_capacity(struct call *c, struct span wanted,
                                                 const struct page_wish *wish,
                                                 const struct page *page);
