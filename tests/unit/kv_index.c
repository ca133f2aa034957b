// SPDX-License-Identifier: Apache-2.0
/* Cases for indexes of engines/kv: what is in them, in which order, how they are built and swept.
 */
#include "store_helper.h"

#include "engines/kv/kv.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

static struct store *store;
static struct workers *workers;
static struct loop *loop;
static struct kv *kv;
static pthread_t loop_thread;
static atomic_int built;

static void *run_loop(void *thing)
{
    loop_run(thing);
    return NULL;
}

static void count_built(void *thing)
{
    atomic_fetch_add((atomic_int *)thing, 1);
}

static void open_kv(void)
{
    CHECK_INT(workers_new(&workers, 2, 64), 0);
    CHECK_INT(loop_new(&loop), 0);
    CHECK_INT(kv_new(&kv, store, workers, loop), 0);
    kv_on_built(kv, count_built, &built);
    CHECK_INT(pthread_create(&loop_thread, NULL, run_loop, loop), 0);
}

static void start(void)
{
    if (kv)
        return;
    store = test_store_new();
    open_kv();
}

static void stop(void)
{
    loop_stop(loop);
    pthread_join(loop_thread, NULL);
    workers_free(workers);
    store_close(store);
    kv_free(kv);
    loop_free(loop);
    kv = NULL;
}

static void again(void)
{
    stop();
    store = test_store_again(1);
    open_kv();
}

struct step {
    struct kv_access access;
    struct kv_changes changes;
    struct arena arena;
};

static void step_begin(struct step *step)
{
    start();
    arena_init(&step->arena, 4096, 64 << 20);
    step->changes = (struct kv_changes){0};
    step->access = (struct kv_access){kv, txn_begin(store), &step->arena, &step->changes};
}

static void step_commit(struct step *step)
{
    uint64_t ticket;
    CHECK_INT(txn_commit(step->access.txn, &ticket), 0);
    store_want(store, ticket);
    arena_done(&step->arena);
}

static void step_drop(struct step *step)
{
    txn_rollback(step->access.txn);
    arena_done(&step->arena);
}

static struct span included[] = {S_INIT("v")};

static const struct kv_index_schema by_group = {
    .name = S_INIT("group"),
    .hash = {{S_INIT("g"), KV_STRING}},
    .range = {{S_INIT("n"), KV_STRING}},
    .hash_count = 1,
    .range_count = 1,
    .projection = KV_PROJECT_KEYS,
};
static const struct kv_index_schema by_value = {
    .name = S_INIT("value"),
    .hash = {{S_INIT("v"), KV_STRING}},
    .hash_count = 1,
    .projection = KV_PROJECT_ALL,
};
static const struct kv_index_schema local = {
    .name = S_INIT("local"),
    .hash = {{S_INIT("pk"), KV_STRING}},
    .range = {{S_INIT("n"), KV_STRING}},
    .hash_count = 1,
    .range_count = 1,
    .projection = KV_PROJECT_INCLUDE,
    .local = true,
    .included = {included, 1},
};
static const struct kv_index_schema wide = {
    .name = S_INIT("wide"),
    .hash = {{S_INIT("g"), KV_STRING}, {S_INIT("v"), KV_STRING}},
    .range = {{S_INIT("n"), KV_STRING}, {S_INIT("o"), KV_STRING}},
    .hash_count = 2,
    .range_count = 2,
    .projection = KV_PROJECT_ALL,
};

static void make(struct span name, const struct kv_index_schema *indexes, size_t count)
{
    struct step step;
    struct kv_schema schema = {{S("pk"), KV_STRING}, {S("sk"), KV_STRING}, indexes, count};
    step_begin(&step);
    CHECK_INT(kv_table_create(&step.access, name, &schema), 0);
    CHECK_INT(kv_table_open(&step.access, name), 0);
    step_commit(&step);
}

/* "pk=a sk=b g=c": one item's attributes. */
static struct kv_map map_of(struct arena *arena, const char *text)
{
    struct kv_map map = {ARENA_ARRAY(arena, struct kv_pair, 8), 0};
    struct span rest = span_of_cstr(text);
    while (!span_is_absent(rest)) {
        struct span value = span_cut(&rest, ' ');
        struct span name = span_cut(&value, '=');
        map.at[map.count++] =
            (struct kv_pair){name, {.type = KV_STRING, .bytes = arena_copy(arena, value)}};
    }
    kv_sort_pairs(map.at, map.count);
    return map;
}

static struct span bytes_of(struct arena *arena, const struct kv_map *map)
{
    struct buf *out = arena_buf(arena, 1 << 20);
    kv_item_encode(map, out);
    return buf_span(out);
}

/* Puts an item, or deletes it when it has nothing but its key. In a step that goes on. */
static int write_item(struct step *step, struct span table_name, const char *text)
{
    struct kv_table *table;
    struct kv_key key;
    struct span old = SPAN_NONE;
    struct kv_map map = map_of(&step->arena, text);
    CHECK_INT(kv_find(&step->access, table_name, &table), 0);
    kv_key_make(table, kv_map_get(&map, S("pk"))->bytes, kv_map_get(&map, S("sk"))->bytes, &key);
    CHECK_INT(kv_lock(&step->access, table, &key, 1), 0);
    int error = kv_get(&step->access, &key, &old);
    CHECK(error == 0 || error == -ENOENT);
    return map.count > 2 ? kv_put(&step->access, table, &key, bytes_of(&step->arena, &map), old)
                         : kv_delete(&step->access, table, &key, old);
}

static void put(struct span table, const char *text)
{
    struct step step;
    step_begin(&step);
    CHECK_INT(write_item(&step, table, text), 0);
    step_commit(&step);
}

/* All entries in their order, as "pk/sk " each; each is checked against its item. */
static struct span entries(struct step *step, struct span table_name, struct span index_name)
{
    struct kv_table *table;
    struct kv_index_state state;
    uint64_t bytes = 0, count = 0;
    struct buf *prefix = arena_buf(&step->arena, 64), *out = arena_buf(&step->arena, 1 << 20);
    CHECK_INT(kv_find(&step->access, table_name, &table), 0);
    const struct kv_index *index = kv_index_find(table, index_name);
    CHECK(index != NULL);
    kv_index_prefix(index, &(struct kv_index_values){0}, prefix);
    struct cursor *cursor = cursor_open(step->access.txn, FAMILY_ITEMS, buf_span(prefix));
    for (bool more = cursor_first(cursor); more; more = cursor_next(cursor)) {
        struct kv_map map, item;
        struct kv_key key;
        struct span whole;
        struct buf *again_key = arena_buf(&step->arena, 32 << 10);
        CHECK(kv_item_decode(arena_copy(&step->arena, cursor_value(cursor)), &step->arena, &map));
        struct span pk = kv_map_get(&map, S("pk"))->bytes, sk = kv_map_get(&map, S("sk"))->bytes;
        kv_key_make(table, pk, sk, &key);
        CHECK_INT(kv_get(&step->access, &key, &whole), 0);
        CHECK(kv_item_decode(whole, &step->arena, &item));
        CHECK(kv_index_key(table, index, &item, again_key));
        CHECK_SPAN(cursor_key(cursor), buf_span(again_key));
        for (size_t i = 0; i < map.count; i++)
            CHECK_SPAN(map.at[i].value.bytes, kv_map_get(&item, map.at[i].name)->bytes);
        buf_printf(out, "%.*s/%.*s:%zu ", SPAN_ARG(pk), SPAN_ARG(sk), map.count);
        bytes += kv_map_size(&map);
        count++;
    }
    cursor_close(cursor);
    CHECK_INT(kv_index_look(&step->access, table_name, index_name, &state), 0);
    CHECK_INT(state.totals.items, count);
    CHECK_INT(state.totals.bytes, bytes);
    return buf_span(out);
}

static void check_entries(struct span table, struct span index, const char *want)
{
    struct step step;
    step_begin(&step);
    CHECK_SPAN(entries(&step, table, index), span_of_cstr(want));
    step_drop(&step);
}

TEST(entries_come_and_go_with_their_attributes)
{
    const struct kv_index_schema both[] = {by_group, local};
    make(S("sparse"), both, 2);
    put(S("sparse"), "pk=a sk=1 g=x n=2 v=long o=other");
    put(S("sparse"), "pk=a sk=2 g=x n=1");
    put(S("sparse"), "pk=a sk=3 v=only");
    check_entries(S("sparse"), S("group"), "a/2:4 a/1:4 ");
    check_entries(S("sparse"), S("local"), "a/2:3 a/1:4 ");
    put(S("sparse"), "pk=a sk=1 n=0 v=w");
    check_entries(S("sparse"), S("group"), "a/2:4 ");
    check_entries(S("sparse"), S("local"), "a/1:4 a/2:3 ");
    put(S("sparse"), "pk=a sk=2");
    check_entries(S("sparse"), S("group"), "");
    again();
    check_entries(S("sparse"), S("local"), "a/1:4 ");
    put(S("sparse"), "pk=a sk=1");
    check_entries(S("sparse"), S("local"), "");
}

TEST(a_key_of_several_attributes)
{
    make(S("many"), &wide, 1);
    put(S("many"), "pk=a sk=1 g=x v=y n=1 o=2");
    put(S("many"), "pk=b sk=1 g=x v=y n=1 o=1");
    put(S("many"), "pk=c sk=1 g=x v=y n=0 o=9");
    put(S("many"), "pk=d sk=1 g=x v=y n=1");
    check_entries(S("many"), S("wide"), "c/1:6 b/1:6 a/1:6 ");

    struct step step;
    struct kv_table *table;
    const struct span hash[] = {S("x"), S("y")}, range[] = {S("1")};
    unsigned count = 0;
    step_begin(&step);
    struct buf *prefix = arena_buf(&step.arena, 4096);
    CHECK_INT(kv_find(&step.access, S("many"), &table), 0);
    kv_index_prefix(kv_index_find(table, S("wide")), &(struct kv_index_values){hash, range, 1},
                    prefix);
    struct cursor *cursor = cursor_open(step.access.txn, FAMILY_ITEMS, buf_span(prefix));
    for (bool more = cursor_first(cursor); more; more = cursor_next(cursor))
        count++;
    cursor_close(cursor);
    CHECK_INT(count, 2);
    step_drop(&step);
}

TEST(changes_are_told)
{
    struct step step;
    make(S("told"), &by_group, 1);
    step_begin(&step);
    CHECK_INT(write_item(&step, S("told"), "pk=a sk=1 g=x n=1 v=1"), 0);
    CHECK(step.changes.first && !step.changes.first->before && !step.changes.first->moved);
    CHECK_INT(step.changes.first->after, 3 + 3 + 2 + 2);
    step_commit(&step);
    step_begin(&step);
    CHECK_INT(write_item(&step, S("told"), "pk=a sk=1 g=x n=1 v=2"), 0);
    CHECK(!step.changes.first); /* v is not projected */
    step_commit(&step);
    step_begin(&step);
    CHECK_INT(write_item(&step, S("told"), "pk=a sk=1 g=yy n=1 v=2"), 0);
    CHECK(step.changes.first && step.changes.first->moved);
    CHECK_INT(step.changes.first->before, 10);
    CHECK_INT(step.changes.first->after, 11);
    step_commit(&step);
    step_begin(&step);
    CHECK_INT(write_item(&step, S("told"), "pk=a sk=1"), 0);
    CHECK(step.changes.first && !step.changes.first->after);
    step_commit(&step);
}

TEST(a_collection_has_a_limit)
{
    struct step step;
    make(S("full"), &local, 1);
    kv_set_collection_max(kv, 40);
    step_begin(&step);
    CHECK_INT(write_item(&step, S("full"), "pk=a sk=1 n=1 v=1 o=1"), 0);
    CHECK_INT(step.changes.collection, 12 + 10);
    step_commit(&step);
    step_begin(&step);
    CHECK_INT(write_item(&step, S("full"), "pk=a sk=2 n=1 v=1 o=1"), -EDQUOT);
    step_drop(&step);
    put(S("full"), "pk=b sk=2 n=1 v=1 o=1");
    step_begin(&step);
    CHECK_INT(write_item(&step, S("full"), "pk=a sk=1"), 0);
    CHECK_INT(step.changes.collection, 0);
    step_commit(&step);
    put(S("full"), "pk=a sk=2 n=1 v=1 o=1");
    kv_set_collection_max(kv, KV_COLLECTION_MAX);
}

static void create(struct span table, const struct kv_index_schema *schema)
{
    struct step step;
    step_begin(&step);
    CHECK_INT(kv_index_create(&step.access, table, schema), 0);
    step_commit(&step);
}

static void wait_built(struct span table, struct span index)
{
    for (int i = 0; i < 2000; i++) {
        struct step step;
        struct kv_index_state state;
        step_begin(&step);
        int error = kv_index_look(&step.access, table, index, &state);
        step_drop(&step);
        if (!error && state.built)
            return;
        usleep(5000);
    }
    test_fail(__FILE__, __LINE__, "%.*s is not built", SPAN_ARG(index));
}

#define ROWS 1000

static void put_row(struct span table, unsigned i, unsigned round)
{
    char text[64];
    snprintf(text, sizeof text, i % 3 ? "pk=%u sk=1 v=%u g=a n=%u" : "pk=%u sk=1 g=%u n=%u", i,
             round, i % 10);
    put(table, text);
}

struct writer {
    pthread_t thread;
    unsigned from;
};

static void *rewrite(void *thing)
{
    struct writer *writer = thing;
    for (unsigned i = writer->from; i < ROWS; i += 2)
        put_row(S("grown"), i, i % 5);
    return NULL;
}

/* Every item that should be in it is, with writers at work. */
TEST(an_index_is_built_while_writers_write)
{
    struct step step;
    struct writer writers[2] = {{.from = 0}, {.from = 1}};
    struct kv_index_state state;
    int before = atomic_load(&built);
    make(S("grown"), NULL, 0);
    for (unsigned i = 0; i < ROWS; i++)
        put_row(S("grown"), i, 7);
    for (int i = 0; i < 2; i++)
        CHECK_INT(pthread_create(&writers[i].thread, NULL, rewrite, &writers[i]), 0);
    create(S("grown"), &by_value);
    create(S("grown"), &by_group);
    for (int i = 0; i < 2; i++)
        pthread_join(writers[i].thread, NULL);
    wait_built(S("grown"), S("value"));
    wait_built(S("grown"), S("group"));
    while (atomic_load(&built) < before + 2)
        usleep(1000);
    step_begin(&step);
    entries(&step, S("grown"), S("value"));
    entries(&step, S("grown"), S("group"));
    CHECK_INT(kv_index_look(&step.access, S("grown"), S("value"), &state), 0);
    CHECK_INT(state.totals.items, ROWS - (ROWS + 2) / 3);
    CHECK_INT(kv_index_look(&step.access, S("grown"), S("group"), &state), 0);
    CHECK_INT(state.totals.items, ROWS);
    CHECK_INT(kv_index_create(&step.access, S("grown"), &by_group), -EEXIST);
    step_drop(&step);
}

TEST(building_goes_on_after_a_restart)
{
    struct step step;
    make(S("paused"), NULL, 0);
    for (unsigned i = 0; i < ROWS; i++)
        put_row(S("paused"), i, 1);
    create(S("paused"), &by_group);
    again();
    put(S("paused"), "pk=0 sk=1");
    wait_built(S("paused"), S("group"));
    struct kv_index_state state;
    step_begin(&step);
    entries(&step, S("paused"), S("group"));
    CHECK_INT(kv_index_look(&step.access, S("paused"), S("group"), &state), 0);
    CHECK_INT(state.totals.items, ROWS - 1);
    step_drop(&step);
}

static unsigned keys_left(void)
{
    struct step step;
    unsigned count = 0;
    step_begin(&step);
    for (const char *keyspace = "\x61\x62\x66"; *keyspace; keyspace++) {
        struct cursor *cursor = cursor_open(step.access.txn, FAMILY_ITEMS, span_of(keyspace, 1));
        for (bool more = cursor_first(cursor); more; more = cursor_next(cursor))
            count++;
        cursor_close(cursor);
    }
    step_drop(&step);
    return count;
}

static void wait_until_left(unsigned count)
{
    for (int i = 0; i < 2000 && keys_left() != count; i++)
        usleep(5000);
    CHECK_INT(keys_left(), count);
}

TEST(what_is_dropped_is_swept)
{
    struct step step;
    const struct kv_index_schema both[] = {by_group, local};
    unsigned before = keys_left();
    make(S("swept"), both, 2);
    for (unsigned i = 0; i < 100; i++)
        put_row(S("swept"), i, 1);
    step_begin(&step);
    CHECK_INT(kv_index_drop(&step.access, S("swept"), S("group")), 0);
    step_commit(&step);
    step_begin(&step);
    struct kv_table *table;
    CHECK_INT(kv_find(&step.access, S("swept"), &table), 0);
    CHECK(!kv_index_find(table, S("group")));
    CHECK_INT(kv_index_drop(&step.access, S("swept"), S("group")), -ENOENT);
    step_drop(&step);
    put(S("swept"), "pk=0 sk=1 g=new n=new");
    step_begin(&step);
    entries(&step, S("swept"), S("local"));
    CHECK_INT(kv_table_shut(&step.access, S("swept")), 0);
    CHECK_INT(kv_table_drop(&step.access, S("swept")), 0);
    step_commit(&step);
    wait_until_left(before);
    stop();
}
