// SPDX-License-Identifier: Apache-2.0
/* Cases for durability tickets, waiters, a failing log and a full disk. The disk's fill level and
 * the log's sync are replaced here, under the names the C library gives them. */
#include "store_helper.h"

#include "store/txn.h"

#include <errno.h>
#include <pthread.h>
#include <sys/statvfs.h>

#define RESERVE (1ULL << 20)

static _Atomic uint64_t bytes_free = 1ULL << 40;
static _Atomic int sync_error;

int fstatvfs(int fd, struct statvfs *out)
{
    *out = (struct statvfs){.f_frsize = 1, .f_bavail = bytes_free};
    return 0;
}

int fdatasync(int fd)
{
    if (sync_error) {
        errno = sync_error;
        return -1;
    }
    return fsync(fd);
}

static int put(struct store *store, struct span key, uint64_t *ret_ticket)
{
    struct txn *txn = txn_begin(store);
    txn_put(txn, FAMILY_CONTROL, key, S("value"));
    return txn_commit(txn, ret_ticket);
}

static int lookup(struct store *store, struct span key, uint64_t *ret_ticket)
{
    struct arena arena;
    struct span value;
    uint64_t ticket;
    arena_init(&arena, 256, 1 << 20);
    struct txn *txn = txn_begin(store);
    int error = txn_get(txn, FAMILY_CONTROL, key, &arena, &value);
    CHECK_INT(txn_commit(txn, ret_ticket ? ret_ticket : &ticket), 0);
    arena_done(&arena);
    return error;
}

TEST(a_ticket_becomes_durable_when_it_is_wanted)
{
    struct store *store = test_store_new();
    uint64_t first, second, seen;
    CHECK_INT(put(store, S("a"), &first), 0);
    CHECK_INT(put(store, S("b"), &second), 0);
    CHECK(second > first && store_latest(store) >= second);
    CHECK(store_durable(store) < first);
    CHECK_INT(lookup(store, S("a"), &seen), 0);
    CHECK(seen >= first);
    CHECK_INT(store_wait(store, first), 0);
    CHECK(store_durable(store) >= first);
    CHECK_INT(store_wait(store, second), 0);
    CHECK_INT(lookup(store, S("a"), &seen), 0);
    CHECK_INT(seen, 0); /* nothing to wait for */
    struct store_stats stats;
    store_stats(store, &stats);
    CHECK(stats.syncs >= 1 && stats.commits == 2);
    store_close(store);
}

static _Atomic uint64_t told, told_wanted;
static _Atomic int told_error;

static void moved(struct store_waiter *waiter, uint64_t durable, int error)
{
    told = durable;
    told_error = error;
    if (durable >= told_wanted || error)
        loop_stop(waiter->loop);
}

TEST(waiters_are_told)
{
    struct store *store = test_store_new();
    struct loop *loop;
    CHECK_INT(loop_new(&loop), 0);
    struct store_waiter waiter = {.loop = loop, .moved = moved};
    uint64_t ticket;
    told = 0;
    store_add_waiter(store, &waiter);
    CHECK_INT(put(store, S("a"), &ticket), 0);
    told_wanted = ticket;
    store_want(store, ticket);
    loop_run(loop);
    CHECK(told >= ticket && told_error == 0);
    store_close(store);
    loop_free(loop);
}

TEST(a_failed_sync_is_final)
{
    struct store *store = test_store_new();
    uint64_t ticket, later, read;
    CHECK_INT(put(store, S("a"), &ticket), 0);
    CHECK_INT(store_wait(store, ticket), 0);
    sync_error = EIO;
    CHECK_INT(put(store, S("b"), &later), 0);
    CHECK_INT(store_wait(store, later), -EIO);
    sync_error = 0;
    CHECK_INT(store_wait(store, later), -EIO);
    CHECK_INT(store_wait(store, ticket), 0);
    CHECK_INT(store_health(store), -EIO);
    CHECK_INT(put(store, S("c"), &later), -EROFS);
    CHECK_INT(lookup(store, S("a"), &read), 0);
    CHECK_INT(read, 0);
    CHECK_INT(lookup(store, S("c"), NULL), -ENOENT);
    store_close(store);
    store = test_store_again(1);
    CHECK_INT(lookup(store, S("a"), NULL), 0);
    CHECK_INT(put(store, S("c"), &later), 0);
    store_close(store);
}

static int put_until(struct store *store, int wanted)
{
    uint64_t ticket;
    int error = put(store, S("again"), &ticket);
    for (int i = 0; i < 100 && error != wanted; i++) {
        if (!error)
            CHECK_INT(store_wait(store, ticket), 0);
        usleep(20000);
        error = put(store, S("again"), &ticket);
    }
    return error;
}

TEST(a_full_disk_refuses_writes_and_recovers)
{
    test_dir_make();
    struct store *store = test_store_again(RESERVE);
    uint64_t ticket;
    CHECK_INT(put(store, S("a"), &ticket), 0);
    bytes_free = RESERVE - 1;
    CHECK_INT(put_until(store, -ENOSPC), -ENOSPC);
    CHECK_INT(store_health(store), -ENOSPC);
    CHECK_INT(lookup(store, S("a"), NULL), 0);
    struct txn *txn = txn_begin(store); /* making room is allowed */
    txn_delete(txn, FAMILY_CONTROL, S("a"));
    CHECK_INT(txn_commit(txn, &ticket), 0);
    CHECK_INT(store_wait(store, ticket), 0);
    bytes_free = RESERVE / 8;
    usleep(250000);
    txn = txn_begin(store);
    txn_delete(txn, FAMILY_CONTROL, S("a"));
    CHECK_INT(txn_commit(txn, &ticket), -ENOSPC);
    bytes_free = 1ULL << 40;
    CHECK_INT(put_until(store, 0), 0); /* nobody but the flusher looks */
    CHECK_INT(store_health(store), 0);
    store_close(store);
}

static void *put_many(void *user)
{
    struct store *store = user;
    for (int i = 0; i < 300; i++) {
        uint64_t ticket;
        if (put(store, S("t"), &ticket) || store_wait(store, ticket))
            abort();
        if (store_durable(store) < ticket)
            abort();
    }
    return NULL;
}

TEST(threads_share_syncs)
{
    struct store *store = test_store_new();
    pthread_t threads[4];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        CHECK_INT(pthread_create(&threads[i], NULL, put_many, store), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    struct store_stats stats;
    store_stats(store, &stats);
    CHECK_INT(stats.commits, 1200);
    CHECK(stats.syncs <= 1200);
    store_close(store);
}
