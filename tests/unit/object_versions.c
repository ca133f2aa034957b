// SPDX-License-Identifier: Apache-2.0
/* Versions of the object engine against a plain model: a list of versions per name, newest first.
 * Random writes and deletions in all three ways of keeping; then every look-up and every page. */
#include "store_helper.h"

#include "engines/object/object.h"

#include <errno.h>

#define NAMES 6
#define DEPTH 64
#define STEPS 3000
#define ENTRIES (NAMES * DEPTH)

struct version {
    uint64_t stamp, size;
    bool plain, mark;
};

static const struct span names[NAMES] = {S_INIT("a"),    S_INIT("a\0b"), S_INIT("a/x"),
                                         S_INIT("a/x/"), S_INIT("a0"),   S_INIT("b")};
static struct version model[NAMES][DEPTH]; /* newest first */
static size_t depth[NAMES];
static struct store *store;
static struct arena arena;
static struct object_bucket bucket;
static unsigned seed;
static size_t told[OBJECT_REMOVED + 1];

static unsigned roll(unsigned below)
{
    seed = seed * 1103515245u + 12345u;
    return (seed >> 16) % below;
}

static void count_change(void *user, const struct object_change *change)
{
    CHECK_INT(change->bucket->id, bucket.id);
    told[change->event]++;
}

static const struct object_watcher watcher = {.changed = count_change};

static void begin(enum OBJECT_KEEPING keeping)
{
    if (!store) {
        store = test_store_new();
        arena_init(&arena, 64 * 1024, 256 << 20);
    }
    bucket = (struct object_bucket){
        .txn = txn_begin(store), .arena = &arena, .id = 1, .keeping = keeping, .watcher = &watcher};
}

static void commit(void)
{
    uint64_t ticket;
    CHECK_INT(txn_commit(bucket.txn, &ticket), 0);
    arena_reset(&arena);
}

/* ---- the model ------------------------------------------------------------------------------ */

static void forget(size_t name, size_t at)
{
    depth[name]--;
    memmove(&model[name][at], &model[name][at + 1], (depth[name] - at) * sizeof **model);
}

static void remember(size_t name, const struct object *object)
{
    for (size_t i = 0; object->plain && i < depth[name]; i++)
        if (model[name][i].plain)
            forget(name, i--);
    memmove(&model[name][1], &model[name][0], depth[name]++ * sizeof **model);
    model[name][0] = (struct version){object->stamp, object->size, object->plain, object->mark};
}

/* ---- steps ---------------------------------------------------------------------------------- */

static const struct object *current(size_t name, struct object *object)
{
    int result = object_get(&bucket, names[name], object);
    bool there = depth[name] && !model[name][0].mark;
    CHECK_INT(result, there ? 0 : -ENOENT);
    if (there)
        CHECK_INT(object->stamp, model[name][0].stamp);
    return there ? object : NULL;
}

static void put(size_t name)
{
    static char bytes[3 * OBJECT_HERE_MAX];
    struct object old, written;
    struct object_new object = {.modified_ms = 100 + roll(3), /* the clock may go back */
                                .attributes = S("x"),
                                .content = content_of_bytes(span_of(bytes, roll(sizeof bytes)))};
    CHECK_INT(object_put(&bucket, names[name], current(name, &old), &object, &written), 0);
    CHECK(depth[name] == 0 || written.stamp > model[name][0].stamp);
    CHECK_INT(written.plain, bucket.keeping != OBJECT_KEEPS_ALL);
    remember(name, &written);
}

static void drop(size_t name)
{
    struct object old, mark;
    const struct object *there = current(name, &old);
    CHECK_INT(object_delete(&bucket, names[name], there, 100, &mark), 0);
    CHECK_INT(mark.mark, bucket.keeping != OBJECT_KEEPS_ONE);
    if (mark.mark)
        remember(name, &mark);
    else
        depth[name] = 0;
}

static void drop_version(size_t name)
{
    struct object object;
    if (depth[name] == 0)
        return;
    size_t at = roll((unsigned)depth[name]);
    struct object_version version = {model[name][at].plain ? OBJECT_PLAIN : OBJECT_NUMBERED,
                                     model[name][at].stamp};
    CHECK_INT(object_get_version(&bucket, names[name], &version, &object), 0);
    CHECK_INT(object.mark, model[name][at].mark);
    CHECK_INT(object_delete_version(&bucket, names[name], &object), 0);
    forget(name, at);
    CHECK_INT(object_get_version(&bucket, names[name], &version, &object), -ENOENT);
}

/* ---- looking -------------------------------------------------------------------------------- */

static void check_versions(size_t name)
{
    for (size_t i = 0; i < depth[name]; i++) {
        const struct version *want = &model[name][i];
        struct object_version version = {want->plain ? OBJECT_PLAIN : OBJECT_NUMBERED, want->stamp};
        struct object object;
        struct content content;
        CHECK_INT(object_get_version(&bucket, names[name], &version, &object), 0);
        CHECK_INT(object.stamp, want->stamp);
        CHECK_INT(object.size, want->size);
        if (!want->mark)
            CHECK_INT(object_content(&bucket, names[name], &object,
                                     (struct byte_range){0, object.size}, &content),
                      0);
    }
}

struct page {
    struct {
        struct span name;
        uint64_t stamp; /* 0: a group */
        bool newest;
    } at[ENTRIES];
    size_t count;
    bool more;
};

static void add(struct page *page, struct span name, uint64_t stamp, bool newest)
{
    page->at[page->count].name = name;
    page->at[page->count].stamp = stamp;
    page->at[page->count++].newest = newest;
}

static void note(void *user, const struct object_listed *listed)
{
    add(user, listed->name, listed->object ? listed->object->stamp : 0, listed->newest);
}

static void expect_name(size_t name, const struct object_version_list *list, struct page *page)
{
    size_t group = object_group_len(names[name], list->prefix, list->delimiter);
    if (!span_starts(names[name], list->prefix) || depth[name] == 0)
        return;
    if (group) {
        struct span prefix = span_first(names[name], group);
        if (!page->count || !span_eq(page->at[page->count - 1].name, prefix))
            add(page, prefix, 0, false);
        return;
    }
    for (size_t i = 0; i < depth[name]; i++)
        add(page, names[name], model[name][i].stamp, i == 0);
}

/* All pages of a listing together are what the model says. */
static void check_listing(struct span prefix, struct span delimiter, size_t limit)
{
    static struct page want, have;
    struct object_version_list list = {
        .prefix = prefix, .delimiter = delimiter, .limit = limit, .visit = note, .user = &have};
    uint64_t after;
    want.count = have.count = 0;
    have.more = true;
    for (size_t i = 0; i < NAMES; i++)
        expect_name(i, &list, &want);
    while (have.more) {
        size_t before = have.count;
        CHECK_INT(object_list_versions(&bucket, &list, &have.more), 0);
        CHECK(have.count - before == limit || !have.more);
        if (have.count == before)
            break;
        list.after_name = have.at[have.count - 1].name;
        after = have.at[have.count - 1].stamp;
        list.after_stamp = after ? &after : NULL;
    }
    CHECK_INT(have.count, want.count);
    for (size_t i = 0; i < want.count; i++) {
        CHECK_SPAN(have.at[i].name, want.at[i].name);
        CHECK_INT(have.at[i].stamp, want.at[i].stamp);
        CHECK_INT(have.at[i].newest, want.at[i].newest);
    }
}

static void check_all(void)
{
    size_t entries = 0;
    for (size_t i = 0; i < NAMES; i++) {
        check_versions(i);
        entries += depth[i];
    }
    CHECK_INT(object_bucket_is_empty(&bucket), entries == 0);
    check_listing(S(""), S(""), 1 + roll(7));
    check_listing(S(""), S("/"), 1 + roll(3));
    check_listing(S("a/"), S(""), 1 + roll(3));
    check_listing(S("a"), S("x"), 1 + roll(3));
}

TEST(random_histories_are_the_models)
{
    static void (*const steps[])(size_t name) = {put, put, drop, drop_version, drop_version};
    enum OBJECT_KEEPING keeping = OBJECT_KEEPS_ONE;
    seed = 11;
    for (int i = 0; i < STEPS; i++) {
        size_t name = roll(NAMES);
        if (i > 300 && roll(40) == 0)
            keeping = roll(2) ? OBJECT_KEEPS_ALL : OBJECT_KEEPS_NUMBERED;
        begin(keeping);
        if (depth[name] < DEPTH - 1)
            steps[roll(ARRAY_LEN(steps))](name);
        else
            drop_version(name);
        if (i % 16 == 0)
            check_all(); /* own writes included */
        commit();
        if (i % 16 == 8) {
            begin(keeping);
            check_all();
            commit();
        }
    }
    begin(OBJECT_KEEPS_ALL);
    for (size_t i = 0; i < NAMES; i++)
        while (depth[i])
            drop_version(i);
    check_all();
    commit();
    CHECK(told[OBJECT_CREATED] && told[OBJECT_MARKED] && told[OBJECT_REMOVED]);
}
