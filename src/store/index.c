// SPDX-License-Identifier: Apache-2.0
/*
 * RocksDB, the index behind the log. Opening it is most of a start's time and memory, so a new
 * folder gets it only when the first commits are settled; until then nothing is in it, and a start
 * after a crash in between finds all in the log. Opened at start; made by the settler.
 */
#include "store/inside.h"

#include "base/log.h"
#include "store/folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* The sentence for RocksDB's message, in the same buffer. */
static const char *refusal_of(int error, char *why, size_t size)
{
    char message[300];
    snprintf(message, sizeof message, "%.299s", why);
    if (error == -ENOSPC)
        return "The disk of the data directory is full. Make room and start again.";
    if (error == -EIO)
        snprintf(why, size,
                 "The database in the data directory cannot be read or written (%s). Check the "
                 "disk, and the directory's permissions.",
                 message);
    else
        snprintf(why, size,
                 "The database in the data directory is damaged (%s). Restore the directory from a "
                 "copy, or choose another one.",
                 message);
    return why;
}

static int open_database(struct store *store, enum DIRECTORY state, const char **ret_why)
{
    static _Thread_local char why[600];
    char *message = NULL;
    store->options = options_new();
    rocksdb_options_set_create_if_missing(store->options, state == DIRECTORY_NEW);
    rocksdb_t *db = rocksdb_open(store->options, store->index_path, &message);
    if (!message) {
        atomic_store_explicit(&store->index, db, memory_order_release);
        return 0;
    }
    snprintf(why, sizeof why, "%s", message);
    int error = store_error(message);
    *ret_why = refusal_of(error, why, sizeof why);
    return error;
}

/* 1 when there is an index, 0 when none was made yet. CURRENT is what RocksDB makes last; tables
 * without it, or not even a folder, are a damaged index and not a missing one. */
static int begun(struct store *store)
{
    DIR *dir = folder_open(store->dir_fd, "db");
    if (!dir)
        return errno == ENOENT ? -EUCLEAN : -errno;
    bool found = false;
    for (struct dirent *entry; !found && (entry = readdir(dir));)
        found =
            !strcmp(entry->d_name, "CURRENT") || span_ends(span_of_cstr(entry->d_name), S(".sst"));
    closedir(dir);
    return found;
}

int index_open(struct store *store, const char *dir, const char **ret_why)
{
    if (asprintf(&store->index_path, "%s/db", dir) < 0)
        log_fatal("out of memory for a path");
    *ret_why = "The folder `db` of the data directory is missing or cannot be read. Restore the "
               "directory from a copy, or choose another one.";
    int found = begun(store);
    return found <= 0 ? found : open_database(store, DIRECTORY_OURS, ret_why);
}

int index_make(struct store *store)
{
    const char *why;
    if (index_of(store))
        return 0;
    int error = open_database(store, DIRECTORY_NEW, &why);
    if (error)
        log_error("%s", why);
    return error;
}

rocksdb_t *index_of(struct store *store)
{
    return atomic_load_explicit(&store->index, memory_order_acquire);
}

void index_close(struct store *store)
{
    if (index_of(store))
        rocksdb_close(index_of(store));
    if (store->options)
        rocksdb_options_destroy(store->options);
    free(store->index_path);
}
