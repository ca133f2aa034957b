// SPDX-License-Identifier: Apache-2.0
#pragma once
/* A store in a fresh folder under $TMPDIR or /tmp, for the unit tests of src/store. */
#include "store/store.h"
#include "test.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char test_dir[256];

static inline int test_dir_remove_entry(const char *path, const struct stat *status, int kind,
                                        struct FTW *ftw)
{
    return remove(path);
}

static inline void test_dir_remove(void)
{
    nftw(test_dir, test_dir_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void test_dir_make(void)
{
    const char *parent = getenv("TMPDIR");
    static bool registered;
    if (registered)
        test_dir_remove();
    snprintf(test_dir, sizeof test_dir, "%s/kintoun-test-XXXXXX", parent ? parent : "/tmp");
    CHECK(mkdtemp(test_dir));
    if (!registered)
        atexit(test_dir_remove);
    registered = true;
}

static inline struct store *test_store_again(uint64_t reserve_bytes)
{
    struct store *store;
    const char *why = "";
    struct store_options options = {.dir = test_dir, .reserve_bytes = reserve_bytes};
    int error = store_open(&store, &options, &why);
    if (error)
        test_fail(__FILE__, __LINE__, "open: %s (%s)", strerror(-error), why);
    return store;
}

/* One store for every test of the binary that does not need its own. */
static inline struct store *test_store_new(void)
{
    test_dir_make();
    return test_store_again(1);
}
