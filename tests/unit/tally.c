// SPDX-License-Identifier: Apache-2.0
/* Rows of counters: added to by threads, dropped by prefix. */
#include "test.h"

#include "engines/tally/tally.h"

#include <pthread.h>

#define THREADS 4
#define ROUNDS 1000

struct sum {
    struct span prefix;
    uint64_t rows, first, last;
};

static void add_up(void *user, struct span name, const uint64_t counters[TALLY_WIDTH])
{
    struct sum *sum = user;
    if (!span_starts(name, sum->prefix))
        return;
    sum->rows++;
    sum->first += counters[0];
    sum->last += counters[TALLY_WIDTH - 1];
}

static void *add_many(void *user)
{
    static const uint64_t more[TALLY_WIDTH] = {[0] = 1, [TALLY_WIDTH - 1] = 3};
    for (int i = 0; i < ROUNDS; i++)
        tally_add(user, i % 2 ? S("a/one") : S("b/two"), more);
    return NULL;
}

TEST(threads_add_up)
{
    pthread_t threads[THREADS];
    struct tally *tally = tally_new();
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, add_many, tally), 0);
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    struct sum all = {.prefix = S("")}, some = {.prefix = S("a/")};
    tally_each(tally, add_up, &all);
    tally_each(tally, add_up, &some);
    CHECK_INT(all.rows, 2);
    CHECK_INT(all.first, THREADS * ROUNDS);
    CHECK_INT(all.last, 3 * THREADS * ROUNDS);
    CHECK_INT(some.rows, 1);
    CHECK_INT(some.first, THREADS * ROUNDS / 2);
    tally_free(tally);
}

TEST(rows_go_by_prefix)
{
    static const uint64_t more[TALLY_WIDTH] = {[0] = 1};
    char name[] = "a/00";
    struct tally *tally = tally_new();
    for (int i = 0; i < 100; i++) {
        name[2] = (char)('0' + i / 10);
        name[3] = (char)('0' + i % 10);
        tally_add(tally, span_of_cstr(name), more);
    }
    tally_add(tally, S("b"), more);
    tally_drop(tally, S("a/"));
    struct sum left = {.prefix = S("")};
    tally_each(tally, add_up, &left);
    CHECK_INT(left.rows, 1);
    tally_add(tally, S("a/1"), more); /* begins anew */
    struct sum again = {.prefix = S("a/1")};
    tally_each(tally, add_up, &again);
    CHECK_INT(again.first, 1);
    tally_free(tally);
}
