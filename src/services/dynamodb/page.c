// SPDX-License-Identifier: Apache-2.0
/*
 * Pages. Key invariant: what counts towards the megabyte and towards Limit is what was looked at,
 * whether the filter lets it through or not; the item that passes the megabyte is still in the
 * page. Any thread.
 */
#include "services/dynamodb/page.h"

#include "services/dynamodb/throttle.h"

#include "services/dynamodb/capacity.h"

#include <errno.h>

#define PAGE_MAX (1 << 20)           /* bytes */
#define ENTRY_KEY_CEILING (32 << 10) /* bytes, everything escaped */
#define FIRST_ITEMS 16

struct reading {
    struct call *c;
    const struct page_wish *wish;
    struct page *page;
    size_t room; /* of page->items */
    size_t bytes;
};

static void show(struct reading *r, const struct kv_map *item)
{
    struct page *page = r->page;
    struct kv_map part = *item;
    page->count++;
    if (r->wish->count)
        return;
    if (page->count > r->room) {
        size_t room = r->room ? 2 * r->room : FIRST_ITEMS;
        struct dynamodb_attribute_map *items =
            ARENA_ARRAY(r->c->arena, struct dynamodb_attribute_map, room);
        if (r->room)
            memcpy(items, page->items, r->room * sizeof *items);
        page->items = items;
        r->room = room;
    }
    if (r->wish->labels)
        expression_project_flat(r->wish->projection, r->wish->labels, item, r->c->arena, &part);
    else if (r->wish->projection->program)
        expression_project(r->wish->projection, item, r->c->arena, &part);
    page->items[page->count - 1] = attribute_show_map(r->c, &part);
}

static RESULT decode(struct call *c, struct span bytes, struct kv_map *ret)
{
    if (!kv_item_decode(arena_copy(c->arena, bytes), c->arena, ret))
        return refuse_errno(c, -EBADMSG, "decoding an item");
    return OK;
}

/* The whole item that an entry of a local index stands for. */
static RESULT fetch(struct reading *r, struct kv_map *item)
{
    const struct source *source = r->wish->source;
    const struct kv_schema *schema = kv_table_schema(source->table);
    const struct kv_value *hash = kv_map_get(item, schema->hash.name);
    const struct kv_value *range =
        schema->range.name.at ? kv_map_get(item, schema->range.name) : NULL;
    struct kv_key key;
    struct span bytes;
    kv_key_make(source->table, hash->bytes, range ? range->bytes : SPAN_NONE, &key);
    int error = kv_get(&source->access, &key, &bytes);
    if (error < 0)
        return refuse_errno(r->c, error, "fetching an item");
    r->page->fetched += capacity_of_read(kv_item_size(bytes), r->wish->consistent);
    if (!kv_item_decode(bytes, r->c->arena, item))
        return refuse_errno(r->c, -EBADMSG, "decoding an item");
    return OK;
}

static bool is_full(const struct reading *r)
{
    return r->bytes >= PAGE_MAX || (r->wish->limit && r->page->scanned == r->wish->limit);
}

static RESULT take(struct reading *r, struct span bytes)
{
    struct arena *arena = r->c->arena;
    struct arena_mark mark = arena_mark(arena);
    struct kv_map item;
    r->page->scanned++;
    r->bytes += kv_item_size(bytes);
    TRY(decode(r->c, bytes, &item));
    if (is_full(r))
        r->page->last = item;
    if (r->wish->fetch)
        TRY(fetch(r, &item));
    if (expression_holds(r->wish->filter, &item, arena))
        show(r, &item);
    else if (!is_full(r))
        arena_rewind(arena, mark);
    return OK;
}

static RESULT walk(struct reading *r, struct kv_walk *walk)
{
    struct span bytes;
    while (!is_full(r) && kv_walk_next(walk, &bytes))
        TRY(take(r, bytes));
    int error = kv_walk_error(walk);
    return error < 0 ? refuse_errno(r->c, error, "reading items") : OK;
}

RESULT page_read(struct call *c, const struct page_wish *wish, struct page *ret)
{
    struct reading r = {.c = c, .wish = wish, .page = ret};
    *ret = (struct page){.items = NULL};
    struct kv_walk *items = kv_walk_open(&wish->source->access, wish->range);
    const struct refusal *refusal = walk(&r, items);
    kv_walk_close(items);
    ret->units = capacity_of_read(r.bytes, wish->consistent);
    const struct source *source = wish->source;
    struct kv_key key;
    struct throttle_target target = {.access = &source->access, .table = source->table};
    if (wish->range->hash && !source->index) {
        kv_key_make(source->table, *wish->range->hash, SPAN_NONE, &key);
        target.key = &key;
    }
    if (wish->range->hash && source->index) {
        struct buf *entries = arena_buf(c->arena, ENTRY_KEY_CEILING);
        kv_index_prefix(source->index, &(struct kv_index_values){.hash = wish->range->hash},
                        entries);
        target.entries = buf_span(entries);
    }
    TRY(refusal);
    TRY(throttle_read(c, &target, source->index, ret->units));
    return ret->fetched > 0 ? throttle_read(c, &target, NULL, ret->fetched) : OK;
}

struct dynamodb_item_list page_items(struct call *c, const struct page *page)
{
    struct dynamodb_attribute_map *none = ARENA_ARRAY(c->arena, struct dynamodb_attribute_map, 1);
    return (struct dynamodb_item_list){page->items ? page->items : none, page->count};
}

struct dynamodb_consumed_capacity *page_capacity(struct call *c, struct span wanted,
                                                 const struct page_wish *wish,
                                                 const struct page *page)
{
    const struct source *source = wish->source;
    struct dynamodb_consumed_capacity *shown =
        capacity_shown(c, wanted, source->table_name, page->units + page->fetched);
    if (!shown || !shown->table || !source->index)
        return shown;
    struct dynamodb_secondary_indexes_capacity_map map = {
        ARENA_ARRAY(c->arena, struct dynamodb_secondary_indexes_capacity_map_pair, 1), 1};
    map.at[0].key = source->schema->name;
    SET(&map.at[0].value, capacity_units, page->units);
    SET(shown->table, capacity_units, page->fetched);
    if (source->schema->local)
        shown->local_secondary_indexes = map;
    else
        shown->global_secondary_indexes = map;
    return shown;
}
