// SPDX-License-Identifier: Apache-2.0
/* Cases for cursors: against a sorted array that knows what must be there, own writes included. */
#include "store_helper.h"

#include "store/tidier.h"
#include "store/txn.h"

#define KEYS 40
#define MANY 30000
#define FEW 4096 /* that nobody minds */

static struct store *store;
static bool present[KEYS]; /* what the transaction should see below "p" */
static char key_room[8];

static struct span key_of(int i)
{
    return span_of(key_room, (size_t)snprintf(key_room, sizeof key_room, "p%02d", i));
}

static void begin(void)
{
    if (!store)
        store = test_store_new();
}

/* Keys around the prefix, and a committed half below it. */
static struct txn *fill(unsigned seed)
{
    uint64_t ticket;
    struct txn *txn = txn_begin(store);
    txn_put(txn, FAMILY_OBJECTS, S("o"), S("before"));
    txn_put(txn, FAMILY_OBJECTS, S("q"), S("after"));
    for (int i = 0; i < KEYS; i++) {
        present[i] = (seed >> (i % 7)) & 1;
        if (present[i])
            txn_put(txn, FAMILY_OBJECTS, key_of(i), S("stored"));
        else
            txn_delete(txn, FAMILY_OBJECTS, key_of(i));
    }
    CHECK_INT(txn_commit(txn, &ticket), 0);
    return txn_begin(store);
}

static void scribble(struct txn *txn, unsigned seed)
{
    txn_put(txn, FAMILY_OBJECTS, S("o2"), S("own"));
    txn_put(txn, FAMILY_OBJECTS, S("q2"), S("own"));
    for (int i = 0; i < KEYS; i++)
        switch ((seed + (unsigned)i * i) % 5) {
        case 0:
            txn_put(txn, FAMILY_OBJECTS, key_of(i), S("own"));
            present[i] = true;
            break;
        case 1:
            txn_put(txn, FAMILY_OBJECTS, key_of(i), S("own"));
            txn_delete(txn, FAMILY_OBJECTS, key_of(i));
            present[i] = false;
            break;
        default:
            break;
        }
}

static int next_present(int i)
{
    while (i < KEYS && !present[i])
        i++;
    return i;
}

static int previous_present(int i)
{
    while (i >= 0 && !present[i])
        i--;
    return i;
}

static void check_at(struct cursor *cursor, bool more, int i)
{
    CHECK_INT(more, i >= 0 && i < KEYS);
    if (more)
        CHECK_SPAN(cursor_key(cursor), key_of(i));
}

static void check_walks(struct txn *txn)
{
    struct cursor *cursor = cursor_open(txn, FAMILY_OBJECTS, S("p"));
    int at = next_present(0);
    check_at(cursor, cursor_first(cursor), at);
    while (at < KEYS)
        check_at(cursor, cursor_next(cursor), at = next_present(at + 1));
    CHECK(!cursor_next(cursor));
    at = previous_present(KEYS - 1);
    check_at(cursor, cursor_last(cursor), at);
    while (at >= 0)
        check_at(cursor, cursor_previous(cursor), at = previous_present(at - 1));
    for (int i = 0; i < KEYS; i++) {
        check_at(cursor, cursor_seek(cursor, key_of(i)), next_present(i));
        check_at(cursor, cursor_seek_back(cursor, key_of(i)), previous_present(i));
    }
    CHECK_INT(cursor_error(cursor), 0);
    cursor_close(cursor);
}

TEST(walks_agree_with_an_array)
{
    begin();
    for (unsigned seed = 0; seed < 64; seed++) {
        struct txn *txn = fill(seed * 37);
        check_walks(txn);
        scribble(txn, seed);
        check_walks(txn);
        txn_rollback(txn);
    }
}

TEST(turning_around_steps_over_the_current_key)
{
    begin();
    for (unsigned seed = 0; seed < 64; seed++) {
        struct txn *txn = fill(seed * 11);
        scribble(txn, seed);
        struct cursor *cursor = cursor_open(txn, FAMILY_OBJECTS, S("p"));
        int at = next_present(0);
        check_at(cursor, cursor_first(cursor), at);
        unsigned dice = seed * 2654435761u;
        for (int i = 0; i < 200 && at >= 0 && at < KEYS; i++, dice = dice * 1103515245u + 12345)
            if ((dice >> 16) % 5 < 3)
                check_at(cursor, cursor_next(cursor), at = next_present(at + 1));
            else
                check_at(cursor, cursor_previous(cursor), at = previous_present(at - 1));
        cursor_close(cursor);
        txn_rollback(txn);
    }
}

TEST(deleting_while_walking)
{
    begin();
    struct txn *txn = fill(127);
    scribble(txn, 3);
    struct cursor *cursor = cursor_open(txn, FAMILY_OBJECTS, S("p"));
    int count = 0, expected = 0;
    for (int i = 0; i < KEYS; i++)
        expected += present[i];
    for (bool more = cursor_first(cursor); more; more = cursor_next(cursor), count++)
        txn_delete(txn, FAMILY_OBJECTS, cursor_key(cursor));
    CHECK_INT(count, expected);
    CHECK(!cursor_first(cursor));
    cursor_close(cursor);
    txn_rollback(txn);
}

TEST(values_and_families)
{
    begin();
    struct txn *txn = fill(0);
    txn_put(txn, FAMILY_OBJECTS, S("p05"), S("mine"));
    txn_put(txn, FAMILY_LOGS, S("p06"), S("elsewhere"));
    struct cursor *cursor = cursor_open(txn, FAMILY_OBJECTS, S("p"));
    CHECK(cursor_first(cursor));
    struct span value = cursor_value(cursor);
    for (int i = 0; i < 1000; i++) /* the borrowed value outlives writes */
        txn_put(txn, FAMILY_OBJECTS, S("q9"), S("a long value that makes the batch grow"));
    CHECK_SPAN(value, S("mine"));
    CHECK(!cursor_next(cursor));
    cursor_close(cursor);
    cursor = cursor_open(txn, FAMILY_OBJECTS, S(""));
    CHECK(cursor_first(cursor));
    CHECK_SPAN(cursor_key(cursor), S("o"));
    CHECK(cursor_last(cursor));
    CHECK_SPAN(cursor_key(cursor), S("q9"));
    cursor_close(cursor);
    txn_rollback(txn);
}

static void for_many(void (*fn)(struct txn *txn, struct span key))
{
    uint64_t ticket;
    char text[16];
    struct txn *txn = txn_begin(store);
    for (int i = 0; i < MANY; i++)
        fn(txn, span_of(text, (size_t)snprintf(text, sizeof text, "many%06d", i)));
    CHECK_INT(txn_commit(txn, &ticket), 0);
}

static void put_one(struct txn *txn, struct span key)
{
    txn_put(txn, FAMILY_OBJECTS, key, S("one of many"));
}

static void delete_one(struct txn *txn, struct span key)
{
    txn_delete(txn, FAMILY_OBJECTS, key);
}

/* Deletions that a cursor steps over when it looks for something below "many". */
static uint64_t met(bool (*place)(struct cursor *cursor))
{
    struct txn *txn = txn_begin(store);
    struct cursor *cursor = cursor_open(txn, FAMILY_OBJECTS, S("many"));
    uint64_t before = tidier_met();
    CHECK(!place(cursor));
    before = tidier_met() - before;
    cursor_close(cursor);
    txn_rollback(txn);
    return before;
}

TEST(many_deletions_are_met_once)
{
    bool (*const places[])(struct cursor *) = {cursor_first, cursor_last};
    begin();
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        uint64_t first, last = 0;
        for_many(put_one);
        for_many(delete_one);
        first = met(places[i]);
        CHECK(first > MANY / 2);
        for (int wait = 0; wait < 1000 && (last = met(places[i])) > FEW; wait++)
            usleep(10000);
        CHECK(last <= FEW);
    }
}

TEST(zz_close)
{
    begin();
    store_close(store);
}
