// SPDX-License-Identifier: Apache-2.0
/*
 * One file is written at a time, in room that was allocated before; a full one is synced before the
 * next one begins, so records are missing at the end only. A file whose records RocksDB has in its
 * tables is renamed to be the next one: writing over old blocks changes no metadata, which makes a
 * sync cheaper; until there is one, the next file is filled ahead. Written by the flusher; the list
 * of full files is locked.
 */
#include "store/journal.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/scope.h"
#include "store/ahead.h"
#include "store/folder.h"
#include "store/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define FILE_BYTES (16ULL << 20)
#define AHEAD_AT (4ULL << 20) /* of a file: time to think of the next */
#define SPARE_MAX 8
#define READ_BYTES (256 << 10)
#define NAME_SIZE 24

/* A file that is full, or one that an earlier run left. */
struct full {
    uint64_t number, last; /* last: ticket */
    uint64_t bytes;        /* records */
    uint64_t size;         /* of the file */
};

struct journal {
    int dir_fd, fd;
    uint64_t number;   /* of the current file */
    uint64_t at, size; /* of the current file: written, allocated */
    uint64_t last;     /* ticket written last */
    struct ahead ahead;
    pthread_mutex_t mutex; /* guards what follows */
    struct full *full;
    size_t full_count, full_cap;
    uint64_t spare[SPARE_MAX]; /* numbers of files to use again */
    size_t spare_count;
    _Atomic uint64_t bytes; /* records in all files */
};

static void name_of(uint64_t number, char name[NAME_SIZE])
{
    snprintf(name, NAME_SIZE, "%016llx.log", (unsigned long long)number);
}

static bool number_of(const char *name, uint64_t *ret)
{
    char again[NAME_SIZE];
    char *end;
    errno = 0;
    *ret = strtoull(name, &end, 16);
    name_of(*ret, again);
    return !errno && !strcmp(name, again);
}

/* Covers the file's number and the head but for its own field. */
static uint32_t head_crc(uint64_t number, const struct record_head *head)
{
    uint32_t crc = crc32c_feed(0, span_of(&number, sizeof number));
    return crc32c_feed(crc, span_from(span_of(head, sizeof *head), sizeof head->head_crc));
}

/* With the mutex held, or alone. */
static void full_add(struct journal *journal, struct full full)
{
    if (journal->full_count == journal->full_cap) {
        journal->full_cap = journal->full_cap ? journal->full_cap * 2 : 16;
        journal->full = store_grow(journal->full, journal->full_cap * sizeof *journal->full);
    }
    journal->full[journal->full_count++] = full;
}

/* ---- reading at start ---- */

struct reading {
    const struct journal_source *source;
    uint64_t number, expected; /* expected: the next ticket */
    uint64_t last, bytes;
};

enum RECORD { RECORD_WHOLE, RECORD_CUT, RECORD_NONE };

/* The record that `bytes` begin with; RECORD_CUT when more bytes may make it whole. */
static enum RECORD record_read(const struct reading *reading, struct span bytes,
                               struct record_head *head, struct span *ret_body)
{
    if (bytes.len < sizeof *head)
        return RECORD_CUT;
    memcpy(head, bytes.at, sizeof *head);
    if (head->head_crc != head_crc(reading->number, head))
        return RECORD_NONE;
    if (bytes.len - sizeof *head < head->body_len)
        return RECORD_CUT;
    *ret_body = span_of(bytes.at + sizeof *head, head->body_len);
    return crc32c_feed(0, *ret_body) == head->body_crc ? RECORD_WHOLE : RECORD_NONE;
}

/* A gap is harmless where RocksDB has what is missing. */
static int take(struct reading *reading, const struct record_head *head, struct span body)
{
    uint64_t applied = reading->source->applied;
    if (head->ticket != reading->expected && head->ticket > applied + 1)
        return -EUCLEAN;
    reading->expected = head->ticket + 1;
    reading->last = head->ticket;
    reading->bytes += sizeof *head + body.len;
    return head->ticket > applied ? reading->source->take(reading->source->user, head->ticket, body)
                                  : 0;
}

/* Takes the whole records out of `bytes`. 1: there may be more behind them, 0: the end. */
static int take_whole(struct reading *reading, struct buf *bytes)
{
    struct span rest = buf_span(bytes), body;
    struct record_head head;
    enum RECORD record;
    while ((record = record_read(reading, rest, &head, &body)) == RECORD_WHOLE) {
        int error = take(reading, &head, body);
        if (error)
            return error;
        rest = span_from(rest, sizeof head + body.len);
    }
    buf_drop(bytes, bytes->len - rest.len);
    return record == RECORD_CUT;
}

/* 1: some bytes more, 0: the end of the file. */
static int read_more(int fd, struct buf *bytes)
{
    ssize_t len = read(fd, buf_room(bytes, READ_BYTES), READ_BYTES);
    if (len < 0)
        return -errno;
    bytes->len += (size_t)len;
    return len > 0;
}

static int read_records(struct reading *reading, int fd)
{
    struct buf bytes;
    buf_init(&bytes, SIZE_MAX);
    int more = 1;
    while (more > 0 && (more = read_more(fd, &bytes)) > 0)
        more = take_whole(reading, &bytes);
    buf_done(&bytes);
    return more;
}

/* What a process wrote before it was killed may not be on disk yet, but is relied on from now. */
static int read_file(struct journal *journal, struct reading *reading)
{
    char name[NAME_SIZE];
    struct stat status;
    name_of(reading->number, name);
    AUTO_FD fd = openat(journal->dir_fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status))
        return -errno;
    reading->bytes = 0;
    int error = read_records(reading, fd);
    if (!error && fdatasync(fd))
        error = -errno;
    if (!error)
        full_add(journal, (struct full){reading->number, reading->last, reading->bytes,
                                        (uint64_t)status.st_size});
    atomic_fetch_add(&journal->bytes, reading->bytes);
    return error;
}

static int number_compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

struct numbers {
    uint64_t *at;
    size_t count, cap;
};

/* Ascending. */
static int list_files(int dir_fd, struct numbers *out)
{
    DIR *dir = folder_open(dir_fd, ".");
    if (!dir)
        return -errno;
    uint64_t number;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (!number_of(entry->d_name, &number))
            continue;
        if (out->count == out->cap) {
            out->cap = out->cap ? out->cap * 2 : 16;
            out->at = store_grow(out->at, out->cap * sizeof *out->at);
        }
        out->at[out->count++] = number;
    }
    closedir(dir);
    if (out->count)
        qsort(out->at, out->count, sizeof *out->at, number_compare);
    return 0;
}

static int read_all(struct journal *journal, const struct journal_source *source,
                    uint64_t *ret_latest)
{
    AUTO_FREE uint64_t *owned = NULL;
    struct numbers numbers = {0};
    int error = list_files(journal->dir_fd, &numbers);
    owned = numbers.at;
    struct reading reading = {.source = source, .expected = source->applied + 1};
    for (size_t i = 0; !error && i < numbers.count; i++) {
        reading.number = journal->number = owned[i];
        error = read_file(journal, &reading);
    }
    *ret_latest = reading.last > source->applied ? reading.last : source->applied;
    journal->last = *ret_latest;
    return error;
}

int journal_open(struct journal **ret, int dir_fd, const struct journal_source *source,
                 uint64_t *ret_latest)
{
    struct journal *journal = store_alloc(sizeof *journal);
    *journal = (struct journal){.dir_fd = -1, .fd = -1};
    pthread_mutex_init(&journal->mutex, NULL);
    *ret = journal;
    if (mkdirat(dir_fd, "journal", 0700) && errno != EEXIST)
        return -errno;
    journal->dir_fd = openat(dir_fd, "journal", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (journal->dir_fd < 0)
        return -errno;
    ahead_init(&journal->ahead, journal->dir_fd, FILE_BYTES);
    return read_all(journal, source, ret_latest);
}

void journal_free(struct journal *journal)
{
    if (!journal)
        return;
    if (journal->fd >= 0)
        close(journal->fd);
    if (journal->dir_fd >= 0) {
        ahead_done(&journal->ahead);
        close(journal->dir_fd);
    }
    pthread_mutex_destroy(&journal->mutex);
    free(journal->full);
    free(journal);
}

/* ---- writing ---- */

/* Makes an old file the next one, or the one that was made ahead; 0 when there is none. */
static int use_again(struct journal *journal, const char *name)
{
    char old[NAME_SIZE];
    GUARD(&journal->mutex);
    if (!journal->spare_count)
        return ahead_take(&journal->ahead, name);
    name_of(journal->spare[--journal->spare_count], old);
    return renameat(journal->dir_fd, old, journal->dir_fd, name) ? -errno : 1;
}

static int file_size(struct journal *journal)
{
    struct stat status;
    if (fstat(journal->fd, &status))
        return -errno;
    journal->size = (uint64_t)status.st_size;
    return 0;
}

static int make_room(struct journal *journal, uint64_t bytes)
{
    if (bytes <= journal->size)
        return 0;
    if (fallocate(journal->fd, 0, 0, (off_t)bytes)) /* rare: it may wait for the disk */
        return -errno;
    journal->size = bytes;
    return 0;
}

/* The folder is synced, so that no acknowledged record lies in a file without its name. */
static int next_file(struct journal *journal)
{
    char name[NAME_SIZE];
    name_of(++journal->number, name);
    int again = use_again(journal, name);
    if (again < 0)
        return again;
    journal->fd = openat(journal->dir_fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (journal->fd < 0)
        return -errno;
    journal->at = 0;
    int error = file_size(journal);
    if (!error)
        error = make_room(journal, FILE_BYTES);
    return error ? error : fsync(journal->dir_fd) ? -errno : 0;
}

static int end_file(struct journal *journal)
{
    if (journal->fd < 0)
        return 0;
    int error = journal_sync(journal);
    close(TAKE_FD(journal->fd));
    GUARD(&journal->mutex);
    full_add(journal, (struct full){journal->number, journal->last, journal->at, journal->size});
    return error;
}

/* The heads' checksums name the file, so they are made here. */
static void seal(struct journal *journal, struct span records)
{
    char *bytes = (char *)(uintptr_t)records.at; /* of our own chunk */
    for (char *at = bytes; at < bytes + records.len;) {
        struct record_head head = record_head_at(at);
        head.head_crc = head_crc(journal->number, &head);
        memcpy(at, &head.head_crc, sizeof head.head_crc);
        journal->last = head.ticket;
        at += sizeof head + head.body_len;
    }
}

static int write_all(struct journal *journal, struct span bytes)
{
    while (bytes.len) {
        ssize_t len = pwrite(journal->fd, bytes.at, bytes.len, (off_t)journal->at);
        if (len < 0 && errno == EINTR)
            continue;
        if (len <= 0)
            return len ? -errno : -EIO;
        journal->at += (uint64_t)len;
        bytes = span_from(bytes, (size_t)len);
    }
    return 0;
}

static void ask_ahead(struct journal *journal)
{
    GUARD(&journal->mutex);
    if (!journal->spare_count)
        ahead_ask(&journal->ahead);
}

int journal_append(struct journal *journal, struct span records)
{
    int error = 0;
    if (journal->fd < 0 || journal->at + records.len > FILE_BYTES) {
        error = end_file(journal);
        if (!error)
            error = next_file(journal);
        if (!error)
            error = make_room(journal, records.len);
    }
    if (error)
        return error;
    seal(journal, records);
    atomic_fetch_add_explicit(&journal->bytes, records.len, memory_order_relaxed);
    if (journal->at < AHEAD_AT && journal->at + records.len >= AHEAD_AT)
        ask_ahead(journal);
    return write_all(journal, records);
}

int journal_sync(struct journal *journal)
{
    return fdatasync(journal->fd) ? -errno : 0;
}

uint64_t journal_bytes(struct journal *journal)
{
    return atomic_load_explicit(&journal->bytes, memory_order_relaxed);
}

/* Kept for another time, or removed. With the mutex held. */
static void retire(struct journal *journal, const struct full *full)
{
    char name[NAME_SIZE];
    if (full->size == FILE_BYTES && journal->spare_count < SPARE_MAX) {
        journal->spare[journal->spare_count++] = full->number;
        return;
    }
    name_of(full->number, name);
    if (unlinkat(journal->dir_fd, name, 0))
        log_debug("the log file %s stays: errno %d", name, errno);
}

void journal_forget(struct journal *journal, uint64_t ticket)
{
    GUARD(&journal->mutex);
    size_t kept = 0;
    for (size_t i = 0; i < journal->full_count; i++) {
        struct full full = journal->full[i];
        if (full.last <= ticket) {
            atomic_fetch_sub(&journal->bytes, full.bytes);
            retire(journal, &full);
        } else {
            journal->full[kept++] = full;
        }
    }
    journal->full_count = kept;
}
