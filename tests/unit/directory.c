// SPDX-License-Identifier: Apache-2.0
/* Cases for opening: what is refused, with which error, and that nothing is overwritten. */
#include "store_helper.h"

#include "store/txn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static const char *why;

static char *path_of(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", test_dir, name);
    return path;
}

static void write_file(const char *name, struct span text)
{
    FILE *file = fopen(path_of(name), "w");
    CHECK(file);
    CHECK_INT(fwrite(text.at, 1, text.len, file), text.len);
    fclose(file);
}

static int try_open(void)
{
    struct store *store = NULL;
    why = NULL;
    int error = store_open(&store, &(struct store_options){.dir = test_dir}, &why);
    if (!error)
        store_close(store);
    CHECK((error == 0) == (why == NULL));
    return error;
}

static uint64_t put(struct store *store, struct span key)
{
    uint64_t ticket;
    struct txn *txn = txn_begin(store);
    txn_put(txn, FAMILY_CONTROL, key, S("value"));
    CHECK_INT(txn_commit(txn, &ticket), 0);
    return ticket;
}

static int lookup(struct store *store, struct span key)
{
    struct arena arena;
    struct span value;
    arena_init(&arena, 256, 1 << 20);
    struct txn *txn = txn_begin(store);
    int error = txn_get(txn, FAMILY_CONTROL, key, &arena, &value);
    txn_rollback(txn);
    arena_done(&arena);
    return error;
}

static void empty_folder(const char *name)
{
    DIR *dir = opendir(path_of(name));
    CHECK(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        CHECK(entry->d_name[0] == '.' || !unlinkat(dirfd(dir), entry->d_name, 0));
    closedir(dir);
}

TEST(a_new_directory_is_made_and_opened_again)
{
    test_dir_make();
    CHECK_INT(rmdir(test_dir), 0);
    struct store *store = test_store_again(1);
    CHECK_INT(store_health(store), 0);
    put(store, S("k")); /* closing syncs it */
    store_close(store);
    store = test_store_again(1);
    CHECK_INT(lookup(store, S("k")), 0);
    CHECK_INT(lookup(store, S("other")), -ENOENT);
    CHECK(store_durable(store) >= 1);
    store_close(store);
}

TEST(a_foreign_directory_is_left_alone)
{
    test_dir_make();
    write_file("thesis.txt", S("x"));
    CHECK_INT(try_open(), -ENOTEMPTY);
    CHECK(access(path_of("lock"), F_OK) && access(path_of("db"), F_OK));
    CHECK_INT(unlink(path_of("thesis.txt")), 0);
    CHECK_INT(try_open(), 0);
    write_file("thesis.txt", S("x")); /* ours by now */
    CHECK_INT(try_open(), 0);
}

TEST(another_format_is_refused)
{
    test_dir_make();
    CHECK_INT(try_open(), 0);
    write_file("kintoun-store", S("kintoun store format 2\n"));
    CHECK_INT(try_open(), -EPROTO);
    write_file("kintoun-store", S("kintoun store format 4\n"));
    CHECK_INT(try_open(), -EPROTO);
    write_file("kintoun-store", S("kintoun store format 3"));
    CHECK_INT(try_open(), -EUCLEAN);
    write_file("kintoun-store", S("something else\n"));
    CHECK_INT(try_open(), -EUCLEAN);
    write_file("kintoun-store", S("kintoun store format 3\n"));
    CHECK_INT(try_open(), 0);
}

TEST(a_directory_in_use_is_refused)
{
    struct store *store = test_store_new();
    CHECK_INT(try_open(), -EBUSY);
    store_close(store);
    CHECK_INT(try_open(), 0);
}

TEST(an_unfinished_creation_is_taken_up)
{
    test_dir_make();
    CHECK_INT(mkdir(path_of("db"), 0700), 0);
    write_file("lock", S(""));
    write_file("kintoun-store.new", S("kint"));
    CHECK_INT(try_open(), 0);
}

TEST(a_lost_database_is_refused)
{
    test_dir_make();
    CHECK_INT(try_open(), 0);
    CHECK_INT(rename(path_of("db"), "/proc/nowhere"), -1);
    char away[512];
    snprintf(away, sizeof away, "%s", path_of("extents/db"));
    CHECK_INT(rename(path_of("db"), away), 0);
    CHECK_INT(try_open(), -EUCLEAN);
    CHECK(access(path_of("db/CURRENT"), F_OK));
    write_file("durable", S("")); /* not what decides */
    CHECK_INT(try_open(), -EUCLEAN);
}

/* What a process leaves that was killed before anything was settled. */
TEST(an_index_that_was_not_made_yet_is_none)
{
    test_dir_make();
    CHECK_INT(try_open(), 0);
    CHECK(access(path_of("db/CURRENT"), F_OK));
    CHECK_INT(try_open(), 0);
    write_file("db/000007.sst", S("")); /* but this one was made */
    CHECK_INT(try_open(), -EUCLEAN);
    CHECK(strstr(why, "damaged"));
}

TEST(all_is_in_the_log_where_the_index_was_not_finished)
{
    struct store *store = test_store_new();
    CHECK_INT(store_wait(store, put(store, S("k"))), 0);
    store_close(store);
    empty_folder("db");
    store = test_store_again(1);
    CHECK_INT(lookup(store, S("k")), 0);
    store_close(store);
    empty_folder("db");
    empty_folder("journal");
    CHECK_INT(try_open(), -EUCLEAN);
    CHECK(strstr(why, "acknowledged"));
}

TEST(a_corrupt_manifest_is_refused)
{
    struct store *store = test_store_new();
    put(store, S("k"));
    store_close(store);
    write_file("db/CURRENT", S("MANIFEST-999999\n"));
    CHECK(try_open() < 0);
    CHECK(strstr(why, "copy"));
}

TEST(a_log_that_lost_its_acknowledged_end_is_refused)
{
    struct store *store = test_store_new();
    CHECK_INT(store_wait(store, put(store, S("k"))), 0);
    uint64_t note[2] = {store_durable(store) + 100, ~(store_durable(store) + 100)};
    store_close(store);
    write_file("durable", span_of(note, sizeof note));
    CHECK_INT(try_open(), -EUCLEAN);
    CHECK(strstr(why, "acknowledged"));
    CHECK_INT(try_open(), -EUCLEAN);
    write_file("durable", S("torn")); /* unreadable says nothing */
    CHECK_INT(try_open(), 0);
}

TEST(a_path_that_cannot_be_is_refused)
{
    test_dir_make();
    write_file("file", S(""));
    snprintf(test_dir + strlen(test_dir), 8, "/file");
    CHECK_INT(try_open(), -ENOTDIR);
    test_dir[strlen(test_dir) - 5] = 0;
}
