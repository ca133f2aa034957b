// SPDX-License-Identifier: Apache-2.0
/* Cases for tables of engines/kv: open and shut, counters, locks, and what is swept away. */
#include "store_helper.h"

#include "base/time.h"
#include "engines/kv/kv.h"

#include <errno.h>
#include <pthread.h>

static struct store *store;
static struct workers *workers;
static struct loop *loop;
static struct kv *kv;
static pthread_t loop_thread;

static void *run_loop(void *thing)
{
    loop_run(thing);
    return NULL;
}

static void start(void)
{
    if (kv)
        return;
    store = test_store_new();
    CHECK_INT(workers_new(&workers, 2, 64), 0);
    CHECK_INT(loop_new(&loop), 0);
    CHECK_INT(kv_new(&kv, store, workers, loop), 0);
    CHECK_INT(pthread_create(&loop_thread, NULL, run_loop, loop), 0);
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
    CHECK_INT(workers_new(&workers, 2, 64), 0);
    CHECK_INT(loop_new(&loop), 0);
    CHECK_INT(kv_new(&kv, store, workers, loop), 0);
    CHECK_INT(pthread_create(&loop_thread, NULL, run_loop, loop), 0);
}

struct step {
    struct kv_access access;
    struct arena arena;
};

static void step_begin(struct step *step)
{
    start();
    arena_init(&step->arena, 4096, 16 << 20);
    step->access = (struct kv_access){kv, txn_begin(store), &step->arena};
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

static const struct kv_schema schema = {.hash = {S_INIT("pk"), KV_STRING},
                                        .range = {S_INIT("sk"), KV_STRING}};

static void make(struct span name)
{
    struct step step;
    step_begin(&step);
    CHECK_INT(kv_table_create(&step.access, name, &schema), 0);
    CHECK_INT(kv_table_open(&step.access, name), 0);
    step_commit(&step);
}

static int find(struct span name)
{
    struct step step;
    struct kv_table *table;
    step_begin(&step);
    int error = kv_find(&step.access, name, &table);
    step_drop(&step);
    return error;
}

static struct kv_totals totals(struct span name)
{
    struct step step;
    struct kv_totals result;
    step_begin(&step);
    CHECK_INT(kv_table_totals(&step.access, name, &result), 0);
    step_drop(&step);
    return result;
}

static struct span item_of(struct arena *arena, struct span value)
{
    struct kv_pair pair = {S("v"), {.type = KV_STRING, .bytes = value}};
    struct buf out;
    buf_init(&out, 1 << 20);
    kv_item_encode(&(struct kv_map){&pair, 1}, &out);
    struct span bytes = arena_copy(arena, buf_span(&out));
    buf_done(&out);
    return bytes;
}

/* Puts (or, without a value, deletes) one item; an absent value deletes. */
static int put(struct span name, struct span hash, struct span value)
{
    struct step step;
    struct kv_table *table;
    struct kv_key key;
    struct span old = SPAN_NONE;
    step_begin(&step);
    CHECK_INT(kv_find(&step.access, name, &table), 0);
    kv_key_make(table, hash, S("r"), &key);
    int error = kv_lock(&step.access, table, &key, 1);
    if (error < 0) {
        step_drop(&step);
        return error;
    }
    error = kv_get(&step.access, &key, &old);
    CHECK(error == 0 || error == -ENOENT);
    if (value.at)
        CHECK_INT(kv_put(&step.access, table, &key, item_of(&step.arena, value), old), 0);
    else
        CHECK_INT(kv_delete(&step.access, table, &key, old), 0);
    step_commit(&step);
    return error;
}

TEST(a_table_is_found_while_it_is_open)
{
    struct step step;
    struct span name = S("door");
    step_begin(&step);
    CHECK_INT(kv_table_create(&step.access, name, &schema), 0);
    CHECK_INT(kv_table_create(&step.access, name, &schema), -EEXIST);
    step_commit(&step);
    CHECK_INT(find(name), -ENOENT);
    step_begin(&step);
    CHECK_INT(kv_table_open(&step.access, name), 0);
    step_commit(&step);
    CHECK_INT(find(name), 0);
    step_begin(&step);
    CHECK_INT(kv_table_shut(&step.access, name), 0);
    step_drop(&step);
    CHECK_INT(find(name), 0); /* a transaction that was dropped changes nothing */
    step_begin(&step);
    CHECK_INT(kv_table_drop(&step.access, name), -EBUSY);
    CHECK_INT(kv_table_shut(&step.access, name), 0);
    step_commit(&step);
    CHECK_INT(find(name), -ENOENT);
    CHECK_INT(find(S("never")), -ENOENT);
}

TEST(schema_and_items)
{
    struct step step;
    struct kv_table *table;
    struct kv_key key;
    struct span item;
    struct kv_map map;
    make(S("plain"));
    CHECK_INT(put(S("plain"), S("a"), S("one")), -ENOENT);
    step_begin(&step);
    CHECK_INT(kv_find(&step.access, S("plain"), &table), 0);
    CHECK_SPAN(kv_table_schema(table)->hash.name, S("pk"));
    CHECK_SPAN(kv_table_schema(table)->range.name, S("sk"));
    kv_key_make(table, S("a"), S("r"), &key);
    CHECK_INT(kv_get(&step.access, &key, &item), 0);
    CHECK(kv_item_decode(item, &step.arena, &map));
    CHECK_SPAN(kv_map_get(&map, S("v"))->bytes, S("one"));
    kv_key_make(table, S("ar"), S(""), &key); /* where one key ends is not guessed */
    CHECK_INT(kv_get(&step.access, &key, &item), -ENOENT);
    step_drop(&step);
}

TEST(range_keys_sort_within_a_hash_key)
{
    struct step step;
    struct kv_table *table;
    struct kv_key low, high, zero;
    make(S("sorted"));
    step_begin(&step);
    CHECK_INT(kv_find(&step.access, S("sorted"), &table), 0);
    kv_key_make(table, S("h\0h"), S("a"), &low);
    kv_key_make(table, S("h\0h"), S("a\0"), &zero);
    kv_key_make(table, S("h\0h"), S("b"), &high);
    CHECK_INT(low.shard, high.shard);
    CHECK(span_compare(span_of(low.bytes, low.len), span_of(zero.bytes, zero.len)) < 0);
    CHECK(span_compare(span_of(zero.bytes, zero.len), span_of(high.bytes, high.len)) < 0);
    step_drop(&step);
}

TEST(counters_follow_every_write)
{
    struct span name = S("counted");
    make(name);
    CHECK_INT(totals(name).items, 0);
    put(name, S("a"), S("1234"));
    put(name, S("b"), S("12"));
    CHECK_INT(totals(name).items, 2);
    CHECK_INT(totals(name).bytes, 5 + 3);
    put(name, S("a"), S("1"));
    CHECK_INT(totals(name).items, 2);
    CHECK_INT(totals(name).bytes, 2 + 3);
    put(name, S("b"), SPAN_NONE);
    put(name, S("c"), SPAN_NONE); /* was not there */
    CHECK_INT(totals(name).items, 1);
    CHECK_INT(totals(name).bytes, 2);
    again();
    CHECK_INT(totals(name).items, 1);
    put(name, S("a"), SPAN_NONE);
    CHECK_INT(totals(name).items, 0);
    CHECK_INT(totals(name).bytes, 0);
}

TEST(several_writes_of_one_transaction_are_counted)
{
    struct step step;
    struct kv_table *table;
    struct kv_key keys[200];
    make(S("batch"));
    step_begin(&step);
    CHECK_INT(kv_find(&step.access, S("batch"), &table), 0);
    for (unsigned i = 0; i < 200; i++)
        kv_key_make(table, arena_printf(&step.arena, "%u", i), S("r"), &keys[i]);
    CHECK_INT(kv_lock(&step.access, table, keys, 200), 0);
    struct span item = item_of(&step.arena, S("123"));
    for (unsigned i = 0; i < 200; i++)
        CHECK_INT(kv_put(&step.access, table, &keys[i], item, SPAN_NONE), 0);
    CHECK_INT(kv_delete(&step.access, table, &keys[7], item), 0);
    step_commit(&step);
    CHECK_INT(totals(S("batch")).items, 199);
    CHECK_INT(totals(S("batch")).bytes, 199 * 4);
    put(S("batch"), S("8"), SPAN_NONE); /* from the counters in memory */
    CHECK_INT(totals(S("batch")).items, 198);
}

#define THREADS 4
#define WRITES 500

static void *hammer(void *thing)
{
    const char *who = thing;
    for (unsigned i = 0; i < WRITES; i++) {
        char hash[16];
        snprintf(hash, sizeof hash, "%u", (i * 31 + (unsigned)*who) % 100);
        if (i % 3 == 2)
            put(S("busy"), span_of_cstr(hash), SPAN_NONE);
        else
            put(S("busy"), span_of_cstr(hash), span_of(who, 1));
    }
    return NULL;
}

TEST(counters_are_right_under_contention)
{
    static const char *const names[THREADS] = {"a", "b", "c", "d"};
    pthread_t threads[THREADS];
    make(S("busy"));
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, hammer, (char *)(uintptr_t)names[i]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    struct step step;
    struct kv_table *table;
    unsigned there = 0;
    step_begin(&step);
    CHECK_INT(kv_find(&step.access, S("busy"), &table), 0);
    for (unsigned i = 0; i < 100; i++) {
        struct kv_key key;
        struct span item;
        kv_key_make(table, arena_printf(&step.arena, "%u", i), S("r"), &key);
        there += kv_get(&step.access, &key, &item) == 0;
    }
    step_drop(&step);
    CHECK(there > 0);
    CHECK_INT(totals(S("busy")).items, there);
    CHECK_INT(totals(S("busy")).bytes, there * 2);
}

TEST(no_write_passes_a_shut_table)
{
    struct step writer, closer;
    struct kv_table *table;
    struct kv_key key;
    make(S("closing"));
    step_begin(&writer);
    CHECK_INT(kv_find(&writer.access, S("closing"), &table), 0);
    kv_key_make(table, S("a"), S("r"), &key);
    step_begin(&closer);
    CHECK_INT(kv_table_shut(&closer.access, S("closing")), 0);
    step_commit(&closer);
    CHECK_INT(kv_lock(&writer.access, table, &key, 1), -ESTALE);
    step_drop(&writer);
}

/* Keys of the items' family with that first byte. */
static unsigned keys_left(char keyspace)
{
    struct step step;
    unsigned count = 0;
    step_begin(&step);
    struct cursor *cursor = cursor_open(step.access.txn, FAMILY_ITEMS, span_of(&keyspace, 1));
    for (bool more = cursor_first(cursor); more; more = cursor_next(cursor))
        count++;
    cursor_close(cursor);
    step_drop(&step);
    return count;
}

static void drop(struct span name)
{
    struct step step;
    step_begin(&step);
    CHECK_INT(kv_table_shut(&step.access, name), 0);
    step_commit(&step);
    step_begin(&step);
    CHECK_INT(kv_table_drop(&step.access, name), 0);
    step_commit(&step);
}

static void wait_until_swept(unsigned items, unsigned counters)
{
    for (int i = 0; i < 2000; i++) {
        if (keys_left(0x62) == items && keys_left(0x61) == counters)
            return;
        usleep(5000);
    }
    test_fail(__FILE__, __LINE__, "%u items are left", keys_left(0x62));
}

TEST(a_dropped_table_is_swept)
{
    unsigned items = keys_left(0x62), counters = keys_left(0x61);
    make(S("gone"));
    for (unsigned i = 0; i < 5000; i++) {
        char hash[16];
        snprintf(hash, sizeof hash, "%u", i);
        put(S("gone"), span_of_cstr(hash), S("x"));
    }
    CHECK_INT(keys_left(0x62), items + 5000);
    drop(S("gone"));
    make(S("gone")); /* the name is free, and the new table is empty */
    CHECK_INT(totals(S("gone")).items, 0);
    CHECK_INT(put(S("gone"), S("1"), S("new")), -ENOENT);
    wait_until_swept(items + 1, counters + 1);
    CHECK_INT(totals(S("gone")).items, 1);
}

TEST(sweeping_goes_on_after_a_restart)
{
    unsigned items = keys_left(0x62), counters = keys_left(0x61);
    make(S("left"));
    for (unsigned i = 0; i < 3000; i++) {
        char hash[16];
        snprintf(hash, sizeof hash, "%u", i);
        put(S("left"), span_of_cstr(hash), S("x"));
    }
    drop(S("left"));
    again();
    wait_until_swept(items, counters);
    stop();
}
