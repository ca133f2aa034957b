// SPDX-License-Identifier: Apache-2.0
/* Listings of the object engine against a plain model: all names, sorted, filtered one by one. */
#include "store_helper.h"

#include "engines/object/object.h"

#include <stdlib.h>

#define NAMES 400
#define PAGE_MAX 64

static struct store *store;
static struct arena arena;
static struct object_bucket bucket;
static struct span names[NAMES];
static size_t name_count;
static unsigned seed;

static void begin(uint64_t id)
{
    if (!store) {
        store = test_store_new();
        arena_init(&arena, 64 * 1024, 256 << 20);
    }
    bucket = (struct object_bucket){.txn = txn_begin(store), .arena = &arena, .id = id};
    name_count = 0;
}

static void end(void)
{
    txn_rollback(bucket.txn);
}

static void put(struct span name)
{
    struct object_new object = {.modified_ms = 1, .content = content_of_bytes(S("x"))};
    CHECK_INT(object_put(&bucket, name, NULL, &object, &(struct object){0}), 0);
    names[name_count++] = arena_copy(&arena, name);
}

static unsigned roll(unsigned below)
{
    seed = seed * 1103515245u + 12345u;
    return (seed >> 16) % below;
}

static struct span random_text(size_t max)
{
    static const char letters[] = {'a', 'b', '/', '\0', '\xff', '-'};
    size_t len = roll((unsigned)max + 1);
    char *to = arena_alloc(&arena, len + 1);
    for (size_t i = 0; i < len; i++)
        to[i] = letters[roll(sizeof letters)];
    return span_of(to, len);
}

static int by_bytes(const void *a, const void *b)
{
    return span_compare(*(const struct span *)a, *(const struct span *)b);
}

static void fill(size_t count)
{
    while (name_count < count) {
        struct span name = random_text(7);
        struct object there;
        if (name.len && object_get(&bucket, name, &there) != 0)
            put(name);
    }
    qsort(names, name_count, sizeof *names, by_bytes);
}

struct page {
    struct span at[NAMES];
    bool group[NAMES];
    size_t count;
    bool more;
};

static void note(void *user, struct span name, const struct object *object)
{
    struct page *page = user;
    page->group[page->count] = object == NULL;
    page->at[page->count++] = name;
}

static void list(struct object_list wish, struct page *page)
{
    page->count = 0;
    wish.visit = note;
    wish.user = page;
    CHECK_INT(object_list(&bucket, &wish, &page->more), 0);
}

/* What S3 says a listing is, name by name. */
static void model(const struct object_list *wish, struct page *page)
{
    page->count = 0;
    page->more = false;
    for (size_t i = 0; i < name_count; i++) {
        struct span name = names[i], shown = name;
        if (!span_starts(name, wish->prefix))
            continue;
        size_t at = wish->delimiter.len
                        ? span_find(span_from(name, wish->prefix.len), wish->delimiter)
                        : SPAN_NOT_FOUND;
        bool group = at != SPAN_NOT_FOUND;
        if (group)
            shown = span_first(name, wish->prefix.len + at + wish->delimiter.len);
        if (wish->after.len && span_compare(name, wish->after) <= 0)
            continue;
        if (group && wish->after.len && span_starts(wish->after, shown))
            continue;
        if (group && page->count && page->group[page->count - 1] &&
            span_eq(page->at[page->count - 1], shown))
            continue;
        if (page->count == wish->limit) {
            page->more = true;
            return;
        }
        page->group[page->count] = group;
        page->at[page->count++] = shown;
    }
}

static void compare(const struct page *have, const struct page *want)
{
    CHECK_INT(have->count, want->count);
    CHECK_INT(have->more, want->more);
    for (size_t i = 0; i < want->count; i++) {
        CHECK_SPAN(have->at[i], want->at[i]);
        CHECK_INT(have->group[i], want->group[i]);
    }
}

TEST(random_listings_are_the_models)
{
    static struct page have, want;
    begin(1);
    seed = 7;
    fill(300);
    for (int round = 0; round < 3000; round++) {
        struct arena_mark mark = arena_mark(&arena);
        struct object_list wish = {
            .prefix = random_text(2),
            .delimiter = roll(2) ? random_text(2) : SPAN_NONE,
            .after = roll(2) ? random_text(5) : SPAN_NONE,
            .limit = roll(4) ? roll(20) : NAMES,
        };
        list(wish, &have);
        if (wish.limit)
            model(&wish, &want);
        if (wish.limit)
            compare(&have, &want);
        arena_rewind(&arena, mark);
    }
    end();
}

TEST(pages_joined_are_the_whole)
{
    static struct page page, whole;
    begin(2);
    seed = 11;
    fill(200);
    for (int round = 0; round < 200; round++) {
        struct object_list wish = {.prefix = random_text(1), .delimiter = S("/"), .limit = NAMES};
        size_t at = 0;
        list(wish, &whole);
        CHECK(!whole.more);
        wish.limit = 1 + roll(9);
        do {
            list(wish, &page);
            for (size_t i = 0; i < page.count; i++, at++)
                CHECK_SPAN(page.at[i], whole.at[at]);
            if (page.count)
                wish.after = arena_copy(&arena, page.at[page.count - 1]);
        } while (page.more);
        CHECK_INT(at, whole.count);
    }
    end();
}

TEST(buckets_do_not_see_each_other)
{
    static struct page page;
    begin(UINT64_MAX);
    put(S("\xff\xff"));
    put(S("a"));
    bucket.id = 0x00ffffffffffffff;
    put(S("b"));
    list((struct object_list){.delimiter = S("\xff"), .limit = 10}, &page);
    CHECK_INT(page.count, 1);
    CHECK_SPAN(page.at[0], S("b"));
    bucket.id = UINT64_MAX;
    list((struct object_list){.delimiter = S("\xff"), .limit = 10}, &page);
    CHECK_INT(page.count, 2);
    CHECK(page.group[1] && !page.more);
    bucket.id = 5;
    CHECK_INT(object_bucket_is_empty(&bucket), 1);
    bucket.id = UINT64_MAX;
    CHECK_INT(object_bucket_is_empty(&bucket), 0);
    end();
}

static size_t uploads_seen;
static struct assembly_id newest_seen;

static void note_upload(void *user, struct span name, const struct assembly *assembly)
{
    struct page *page = user;
    note(page, name, assembly ? (const struct object *)(const void *)assembly : NULL);
    uploads_seen += assembly != NULL;
    if (assembly)
        newest_seen = assembly->id;
}

static void list_uploads(struct assembly_list wish, struct page *page)
{
    page->count = 0;
    uploads_seen = 0;
    wish.visit = note_upload;
    wish.user = page;
    CHECK_INT(assembly_list(&bucket, &wish, &page->more), 0);
}

TEST(uploads_are_listed_by_name_and_time)
{
    static struct page page;
    begin(3);
    static const struct span keys[] = {S_INIT("a"),   S_INIT("a"),    S_INIT("d/x"),
                                       S_INIT("d/y"), S_INIT("e\0z"), S_INIT("e")};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        CHECK_INT(
            assembly_begin(&bucket, keys[i], &(struct assembly){.started_ms = 1000 + (int64_t)i}),
            0);
    list_uploads((struct assembly_list){.delimiter = S("/"), .limit = 10}, &page);
    CHECK_INT(page.count, 5);
    CHECK_SPAN(page.at[2], S("d/"));
    CHECK_SPAN(page.at[3], S("e"));
    CHECK_SPAN(page.at[4], S("e\0z"));
    list_uploads((struct assembly_list){.limit = 1}, &page);
    CHECK(page.more);
    struct assembly_id first = newest_seen;
    list_uploads((struct assembly_list){.after_name = S("a"), .after_id = &first, .limit = 1},
                 &page);
    CHECK_SPAN(page.at[0], S("a"));
    CHECK(memcmp(first.bytes, newest_seen.bytes, sizeof first.bytes) < 0);
    list_uploads((struct assembly_list){.after_name = S("a"), .limit = 9}, &page);
    CHECK_INT(page.count, 4);
    list_uploads((struct assembly_list){.after_name = S("d/x"), .delimiter = S("/"), .limit = 9},
                 &page);
    CHECK_INT(page.count, 2);
    list_uploads((struct assembly_list){.prefix = S("e"), .limit = 9}, &page);
    CHECK_INT(page.count, 2);
    CHECK_INT(object_bucket_clear(&bucket), 0);
    list_uploads((struct assembly_list){.limit = 9}, &page);
    CHECK_INT(page.count, 0);
    end();
}
