// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * TEST(name) { ... } registers itself; tests/unit/test.c is the main() that runs all of a binary's
 * tests and prints TAP. A failed CHECK says where and what, and ends that test only. A NAME on the
 * command line runs just the tests whose name contains it.
 */
#include "base/span.h"

#include <setjmp.h>

struct test {
    const char *name;
    void (*run)(void);
    struct test *next;
};

void test_register(struct test *test);
_Noreturn void test_fail(const char *file, int line, const char *format, ...) PRINTF_LIKE(3, 4);
/* Ends this test as skipped, with the reason. */
_Noreturn void test_skip(const char *reason);

#define TEST(test_name)                                                                            \
    static void test_##test_name(void);                                                            \
    __attribute__((constructor)) static void register_##test_name(void)                            \
    {                                                                                              \
        static struct test test = {.name = #test_name, .run = test_##test_name};                   \
        test_register(&test);                                                                      \
    }                                                                                              \
    static void test_##test_name(void)

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            test_fail(__FILE__, __LINE__, "%s", #condition);                                       \
    } while (0)

#define CHECK_INT(have, want)                                                                      \
    do {                                                                                           \
        long long have_ = (long long)(have), want_ = (long long)(want);                            \
        if (have_ != want_)                                                                        \
            test_fail(__FILE__, __LINE__, "%s is %lld, not %lld", #have, have_, want_);            \
    } while (0)

#define CHECK_SPAN(have, want)                                                                     \
    do {                                                                                           \
        struct span have_ = (have), want_ = (want);                                                \
        if (!span_eq(have_, want_))                                                                \
            test_fail(__FILE__, __LINE__, "%s is \"%.*s\", not \"%.*s\"", #have, SPAN_ARG(have_),  \
                      SPAN_ARG(want_));                                                            \
    } while (0)
