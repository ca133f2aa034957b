// SPDX-License-Identifier: Apache-2.0
/* Runs the registered tests in the order of their names and prints TAP. One thread. */
#include "test.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static struct test *tests;
static jmp_buf outcome;
enum OUTCOME { PASSED, FAILED, SKIPPED };
static const char *skip_reason;

void test_register(struct test *test)
{
    struct test **at = &tests;
    while (*at && strcmp((*at)->name, test->name) < 0)
        at = &(*at)->next;
    test->next = *at;
    *at = test;
}

void test_fail(const char *file, int line, const char *format, ...)
{
    va_list args;
    printf("# %s:%d: ", file, line);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    longjmp(outcome, FAILED);
}

void test_skip(const char *reason)
{
    skip_reason = reason;
    longjmp(outcome, SKIPPED);
}

/* Alone with its setjmp: what a longjmp could clobber is in the caller's frame. */
static enum OUTCOME run_one(const struct test *test)
{
    switch (setjmp(outcome)) {
    case PASSED:
        test->run();
        return PASSED;
    case FAILED:
        return FAILED;
    default:
        return SKIPPED;
    }
}

int main(int argc, char **argv)
{
    int number = 0, failed = 0;
    for (const struct test *test = tests; test; test = test->next) {
        if (argc > 1 && !strstr(test->name, argv[1]))
            continue;
        number++;
        enum OUTCOME how = run_one(test);
        failed += how == FAILED;
        printf("%sok %d - %s%s%s\n", how == FAILED ? "not " : "", number, test->name,
               how == SKIPPED ? " # SKIP " : "", how == SKIPPED ? skip_reason : "");
        fflush(stdout);
    }
    printf("1..%d\n", number);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
