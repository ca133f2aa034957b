// SPDX-License-Identifier: Apache-2.0
/*
 * Opening and closing: the folder, RocksDB, what the log has beyond it, the extents, the threads.
 * Nothing is ever repaired or overwritten here: what does not fit is refused with a sentence. One
 * thread opens and closes; the rest is thread-safe.
 */
#include "store/store.h"

#include "base/log.h"
#include "store/inside.h"
#include "store/journal.h"
#include "store/recent.h"
#include "store/scrub.h"
#include "store/segments.h"
#include "store/settler.h"
#include "store/tidier.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>

void *store_alloc(size_t size)
{
    return store_grow(NULL, size);
}

void *store_grow(void *memory, size_t size)
{
    memory = realloc(memory, size ? size : 1);
    if (!memory)
        log_fatal("out of memory: %zu bytes", size);
    return memory;
}

void *store_alloc_aligned(size_t size)
{
    void *memory;
    if (posix_memalign(&memory, CACHE_LINE, size))
        log_fatal("out of memory: %zu bytes", size);
    return memory;
}

int store_error(char *message)
{
    struct span text = span_of_cstr(message);
    int error = -EIO;
    if (span_find(text, S("No space left")) != SPAN_NOT_FOUND)
        error = -ENOSPC;
    else if (span_starts(text, S("Corruption")) || span_starts(text, S("Invalid argument")) ||
             span_find(text, S("No such file")) != SPAN_NOT_FOUND)
        error = -EUCLEAN;
    rocksdb_free(message);
    return error;
}

static struct store *store_new(void)
{
    struct store *store = store_alloc_aligned(sizeof *store);
    memset(store, 0, sizeof *store);
    store->dir_fd = store->lock_fd = store->mark_fd = -1;
    for (int i = 0; i < STRIPES; i++)
        pthread_mutex_init(&store->stripes[i], NULL);
    pthread_mutex_init(&store->books, NULL);
    gathering_init(&store->gathering);
    tidier_init(store);
    store->write_options = rocksdb_writeoptions_create();
    rocksdb_writeoptions_disable_WAL(store->write_options, 1);
    store->read_options = rocksdb_readoptions_create();
    return store;
}

static void store_free(struct store *store)
{
    segments_close(store);
    index_close(store);
    journal_free(store->journal);
    recent_free(store->recent);
    commits_done(&store->commits);
    rocksdb_writeoptions_destroy(store->write_options);
    rocksdb_readoptions_destroy(store->read_options);
    directory_close(store);
    for (int i = 0; i < STRIPES; i++)
        pthread_mutex_destroy(&store->stripes[i]);
    pthread_mutex_destroy(&store->books);
    gathering_done(&store->gathering);
    tidier_done(store);
    free(store);
}

/* The ticket up to which RocksDB has everything. */
static int read_applied(struct store *store, uint64_t *ret)
{
    char *message = NULL;
    size_t len;
    *ret = 0;
    if (!index_of(store))
        return 0;
    char *value = rocksdb_get(index_of(store), store->read_options, APPLIED_KEY.at, APPLIED_KEY.len,
                              &len, &message);
    if (message)
        return store_error(message);
    if (value && len == sizeof *ret)
        memcpy(ret, value, sizeof *ret);
    *ret = be64toh(*ret);
    rocksdb_free(value);
    return 0;
}

#define REPLAY_BYTES (1 << 20) /* of one batch */

struct replay {
    struct store *store;
    struct settler_batch batch;
    size_t bytes;
};

static int replay_apply(struct replay *replay)
{
    replay->bytes = 0;
    return settler_apply(replay->store, &replay->batch, replay->batch.ticket);
}

static int replay_record(void *user, uint64_t ticket, struct span body)
{
    struct replay *replay = user;
    struct write_parts written;
    replay->bytes += body.len;
    replay->batch.ticket = ticket;
    while (body.len) {
        if (!write_read(&body, &written))
            return -EUCLEAN;
        settler_add(&replay->batch, &written);
    }
    return replay->bytes >= REPLAY_BYTES ? replay_apply(replay) : 0;
}

/* The log was synced up to the mark before the mark was written: less than that is damage. */
static int check_mark(struct store *store, uint64_t latest, const char **ret_why)
{
    if (latest >= directory_noted_durable(store))
        return 0;
    *ret_why = "The log in the data directory has lost acknowledged writes: it is damaged. Restore "
               "the directory from a copy; to accept the loss, remove its file `durable`.";
    return -EUCLEAN;
}

/* What the log has beyond RocksDB goes there; sets the newest ticket. */
static int recover(struct store *store, const char **ret_why)
{
    struct replay replay = {.store = store, .batch.batch = rocksdb_writebatch_create()};
    struct journal_source source = {.take = replay_record, .user = &replay};
    uint64_t latest = 0;
    *ret_why = "The log in the data directory cannot be read or is damaged. Restore the directory "
               "from a copy, or choose another one.";
    int error = read_applied(store, &source.applied);
    if (!error)
        error = journal_open(&store->journal, store->dir_fd, &source, &latest);
    if (!error && replay.bytes)
        error = replay_apply(&replay);
    if (!error)
        error = check_mark(store, latest, ret_why);
    rocksdb_writebatch_destroy(replay.batch.batch);
    commits_init(&store->commits, latest);
    store->first_ticket = store->settler.kept = latest;
    store->recent = recent_new();
    return error;
}

static int open_all(struct store *store, const struct store_options *options, const char **ret_why)
{
    int state = directory_open(store, options->dir, ret_why);
    if (state < 0)
        return state;
    int error = index_open(store, options->dir, ret_why);
    if (error)
        return error;
    error = recover(store, ret_why);
    if (error)
        return error;
    *ret_why = "The key that encrypts objects cannot be written to the data directory.";
    error = state == DIRECTORY_NEW ? master_make(store) : master_open(store, ret_why);
    if (error)
        return error;
    *ret_why = "The data directory cannot be written to, or the process is at a limit.";
    if (state == DIRECTORY_NEW && (error = directory_mark_format(store)))
        return error;
    space_init(store, options->reserve_bytes);
    error = segments_open(store, ret_why);
    if (error)
        return error;
    error = settler_start(store);
    if (!error)
        error = flusher_start(store, options->extra_sync_us);
    return error ? error : scrub_start(store);
}

int store_open(struct store **ret, const struct store_options *options, const char **ret_why)
{
    struct store *store = store_new();
    int error = open_all(store, options, ret_why);
    if (error) {
        store_free(store);
        return error;
    }
    *ret_why = NULL;
    *ret = store;
    return 0;
}

void store_close(struct store *store)
{
    scrub_stop(store);
    flusher_stop(store);
    reclaim_stop(store);
    settler_stop(store);
    tidier_stop(store);
    store_free(store);
}

int store_health(const struct store *store)
{
    int failed = atomic_load_explicit(&store->failed, memory_order_acquire);
    return failed ? failed : space_admit(store, true);
}

void store_stats(struct store *store, struct store_stats *out)
{
    const struct scrubber *scrubber = store->scrubber;
    *out = (struct store_stats){
        .scrub_bytes = scrubber->bytes,
        .scrub_passes = scrubber->passes,
        .scrub_damaged = scrubber->damaged,
        .syncs = store->syncs,
        .sync_us_total = store->sync_us_total,
        .sync_us_max = store->sync_us_max,
        .commits = store_latest(store) - store->first_ticket,
        .bytes_free = store->space.bytes_free,
    };
    segments_stats(store, out);
}
