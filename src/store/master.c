// SPDX-License-Identifier: Apache-2.0
/*
 * The master key in its file, and beside it what follows from it, so that a lost or exchanged key
 * is noticed before it makes the data unreadable by halves. At the start, one thread.
 */
#include "base/scope.h"
#include "store/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define KEY_FILE "master-key"
#define MARK_FILE "master-key.mark"

/* Bytes read, -ENOENT, or another negative errno. */
static int read_file(struct store *store, const char *name, struct seal_key *ret)
{
    AUTO_FD fd = openat(store->dir_fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t len = read(fd, ret->bytes, sizeof ret->bytes);
    if (len < 0)
        return -errno;
    return len == sizeof ret->bytes ? 0 : -EUCLEAN;
}

static int write_file(struct store *store, const char *name, const struct seal_key *key)
{
    AUTO_FD fd = openat(store->dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    ssize_t len = write(fd, key->bytes, sizeof key->bytes);
    if (len != sizeof key->bytes)
        return len < 0 ? -errno : -ENOSPC;
    return fsync(fd) ? -errno : 0;
}

/* Their names become durable with the mark of the format, which is written behind them: a folder
 * without that is made anew. */
int master_make(struct store *store)
{
    struct seal_key mark;
    seal_key_make(&store->master);
    seal_derive(&store->master, S("mark"), &mark);
    int error = write_file(store, KEY_FILE, &store->master);
    return error ? error : write_file(store, MARK_FILE, &mark);
}

int master_open(struct store *store, const char **ret_why)
{
    struct seal_key mark, want;
    int marked = read_file(store, MARK_FILE, &mark);
    *ret_why = "The file `master-key` of the data directory is missing, unreadable or another one "
               "than objects were encrypted with. Put the right one back.";
    int error = marked ? marked : read_file(store, KEY_FILE, &store->master);
    if (error)
        return error == -ENOENT ? -EUCLEAN : error;
    seal_derive(&store->master, S("mark"), &want);
    return memcmp(&mark, &want, sizeof mark) == 0 ? 0 : -EUCLEAN;
}

const struct seal_key *store_master_key(const struct store *store)
{
    return &store->master;
}
