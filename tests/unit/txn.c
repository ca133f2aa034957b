// SPDX-License-Identifier: Apache-2.0
/* Cases for store/txn: own writes, atomicity, locks, and running functions. */
#include "store_helper.h"

#include "store/txn.h"

#include <errno.h>
#include <pthread.h>

static struct store *store;
static struct arena arena;

static void begin(void)
{
    if (!store) {
        store = test_store_new();
        arena_init(&arena, 1024, 64 << 20);
    }
    arena_reset(&arena);
}

static void put(struct txn *txn, struct span key, struct span value)
{
    txn_put(txn, FAMILY_ITEMS, key, value);
}

static struct span get(struct txn *txn, struct span key)
{
    struct span value = SPAN_NONE;
    int error = txn_get(txn, FAMILY_ITEMS, key, &arena, &value);
    CHECK(error == 0 || error == -ENOENT);
    CHECK((error == 0) == !span_is_absent(value));
    return value;
}

static uint64_t commit(struct txn *txn)
{
    uint64_t ticket;
    CHECK_INT(txn_commit(txn, &ticket), 0);
    return ticket;
}

static struct span get_alone(struct span key)
{
    struct txn *txn = txn_begin(store);
    struct span value = get(txn, key);
    txn_rollback(txn);
    return value;
}

TEST(own_writes_are_read)
{
    begin();
    struct txn *txn = txn_begin(store);
    CHECK(span_is_absent(get(txn, S("own"))));
    put(txn, S("own"), S("1"));
    CHECK_SPAN(get(txn, S("own")), S("1"));
    put(txn, S("own"), S("22"));
    CHECK_SPAN(get(txn, S("own")), S("22"));
    txn_put(txn, FAMILY_LOGS, S("own"), S("other family"));
    CHECK_SPAN(get(txn, S("own")), S("22"));
    txn_delete(txn, FAMILY_ITEMS, S("own"));
    CHECK(span_is_absent(get(txn, S("own"))));
    put(txn, S("own"), S(""));
    CHECK_INT(get(txn, S("own")).len, 0);
    CHECK(span_is_absent(get_alone(S("own"))));
    commit(txn);
    CHECK(!span_is_absent(get_alone(S("own"))));
}

TEST(rollback_leaves_nothing)
{
    begin();
    struct txn *txn = txn_begin(store);
    put(txn, S("dropped"), S("1"));
    CHECK(txn_has_writes(txn));
    txn_rollback(txn);
    CHECK(span_is_absent(get_alone(S("dropped"))));
    txn = txn_begin(store);
    CHECK(!txn_has_writes(txn));
    CHECK(span_is_absent(get(txn, S("dropped"))));
    txn_rollback(txn);
}

TEST(many_writes_in_one_transaction)
{
    begin();
    char key[32], value[256];
    memset(value, 'v', sizeof value);
    for (int round = 0; round < 2; round++) {
        struct txn *txn = txn_begin(store);
        for (int i = 0; i < 20000; i++) {
            int len = snprintf(key, sizeof key, "many-%d-%d", round, i % 15000);
            put(txn, span_of(key, (size_t)len), span_of(value, (size_t)(i / 100)));
        }
        CHECK_INT(get(txn, round ? S("many-1-4999") : S("many-0-4999")).len, 199);
        CHECK_INT(get(txn, round ? S("many-1-5000") : S("many-0-5000")).len, 50);
        commit(txn);
    }
    CHECK_INT(get_alone(S("many-0-4999")).len, 199);
    CHECK_INT(get_alone(S("many-1-14999")).len, 149);
}

static struct span counter = S_INIT("counter");

static void *count_up(void *user)
{
    struct arena own;
    arena_init(&own, 1024, 1 << 20);
    for (int i = 0; i < 500; i++) {
        struct txn *txn = txn_begin(store);
        struct span keys[] = {S("first"), counter, S("last"), counter}, value;
        txn_lock(txn, keys, ARRAY_LEN(keys));
        uint64_t number = 0, ticket;
        if (txn_get(txn, FAMILY_ITEMS, counter, &own, &value) == 0)
            memcpy(&number, value.at, sizeof number);
        number++;
        txn_put(txn, FAMILY_ITEMS, counter, span_of(&number, sizeof number));
        if (txn_commit(txn, &ticket))
            abort();
        arena_reset(&own);
    }
    arena_done(&own);
    return user;
}

TEST(locks_isolate_read_and_write)
{
    begin();
    pthread_t threads[4];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        CHECK_INT(pthread_create(&threads[i], NULL, count_up, NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    uint64_t number;
    memcpy(&number, get_alone(counter).at, sizeof number);
    CHECK_INT(number, 2000);
}

TEST(what_is_locked_may_be_asked_for_again)
{
    begin();
    struct txn *txn = txn_begin(store);
    struct span keys[] = {S("one"), S("two"), S("three")};
    txn_lock(txn, keys, 3);
    txn_lock(txn, keys + 1, 2);
    txn_rollback(txn);
}

static _Atomic int ran;

static void note_run(void *thing)
{
    ran += *(int *)thing;
}

TEST(functions_run_after_the_transaction_is_durable)
{
    begin();
    int one = 1, ten = 10;
    ran = 0;
    struct txn *txn = txn_begin(store);
    put(txn, S("later"), S("1"));
    txn_after_durable(txn, note_run, &one);
    txn_after_durable(txn, note_run, &ten);
    uint64_t ticket = commit(txn);
    for (int i = 0; i < 5000 && ran != 11; i++) /* nobody waits for the ticket */
        usleep(1000);
    CHECK_INT(ran, 11);
    CHECK(store_durable(store) >= ticket);

    txn = txn_begin(store);
    put(txn, S("never"), S("1"));
    txn_after_durable(txn, note_run, &one);
    txn_rollback(txn);
    txn = txn_begin(store);
    txn_after_durable(txn, note_run, &ten);
    CHECK_INT(commit(txn), 0);
    for (int i = 0; i < 5000 && ran != 21; i++)
        usleep(1000);
    CHECK_INT(ran, 21);
}

TEST(nested_transactions_on_a_thread_are_apart)
{
    begin();
    struct txn *outer = txn_begin(store), *inner = txn_begin(store);
    put(outer, S("outer"), S("1"));
    put(inner, S("inner"), S("1"));
    CHECK(span_is_absent(get(inner, S("outer"))));
    commit(inner);
    CHECK_SPAN(get(outer, S("inner")), S("1"));
    txn_rollback(outer);
    CHECK(span_is_absent(get_alone(S("outer"))));
    store_close(store); /* the last test by name but those of other letters reopen */
    store = test_store_again(1);
    CHECK_SPAN(get_alone(S("inner")), S("1"));
}

TEST(zz_close)
{
    begin();
    store_close(store);
    arena_done(&arena);
}
