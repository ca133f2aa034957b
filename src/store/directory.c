// SPDX-License-Identifier: Apache-2.0
/*
 * The data folder: `kintoun-store` says which format it has and is written last when a folder is
 * made, so a folder without it holds nothing that was acknowledged. A folder with any other name in
 * it is somebody else's. `lock` is held by flock while the store is open; `durable` notes how far
 * the log was synced. Called at start and stop; the mark by the flusher.
 */
#include "store/inside.h"

#include "base/scope.h"
#include "store/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LET_GO_TRIES 100
#define LET_GO_US 10000
#define FORMAT_VERSION 3
#define FORMAT_FILE "kintoun-store"
#define FORMAT_FILE_NEW "kintoun-store.new"
#define FORMAT_TEXT "kintoun store format "

static const char *const our_names[] = {
    ".",       "..",      FORMAT_FILE, FORMAT_FILE_NEW, "lock",       "durable",         "db",
    "journal", "extents", "logs",      "lost+found",    "master-key", "master-key.mark",
};

static bool is_ours(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(our_names); i++)
        if (!strcmp(name, our_names[i]))
            return true;
    return false;
}

/* 1 when every name is one of ours, 0 when not, or negative errno. */
static int holds_only_ours(int dir_fd)
{
    DIR *dir = folder_open(dir_fd, ".");
    if (!dir)
        return -errno;
    int ours = 1;
    for (struct dirent *entry; ours && (entry = readdir(dir));)
        ours = is_ours(entry->d_name);
    closedir(dir);
    return ours;
}

/* The version of the format, 0 when there is no such file, or negative errno. */
static int format_version(int dir_fd)
{
    AUTO_FD fd = openat(dir_fd, FORMAT_FILE, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    char text[64];
    ssize_t len = read(fd, text, sizeof text);
    if (len < 0)
        return -errno;
    struct span line = span_of(text, (size_t)len);
    uint64_t version;
    if (!span_starts(line, S(FORMAT_TEXT)) || !span_ends(line, S("\n")))
        return -EUCLEAN;
    line = span_from(span_first(line, line.len - 1), sizeof FORMAT_TEXT - 1);
    if (!span_to_u64(line, &version) || version == 0 || version > INT32_MAX)
        return -EUCLEAN;
    return (int)version;
}

/* A child of a process that was just killed has its files until it begins another program. */
static bool is_let_go(int fd)
{
    int tries = 0;
    while (flock(fd, LOCK_EX | LOCK_NB) && ++tries < LET_GO_TRIES)
        usleep(LET_GO_US);
    return tries < LET_GO_TRIES;
}

static int lock(struct store *store, const char **ret_why)
{
    store->lock_fd = openat(store->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (store->lock_fd < 0) {
        int error = -errno;
        *ret_why = "The data directory cannot be written to. Check its owner and permissions.";
        return error;
    }
    if (is_let_go(store->lock_fd))
        return 0;
    *ret_why = "Another process has this data directory open. Stop it, or choose another "
               "directory.";
    return -EBUSY;
}

static int check_format(int version, const char **ret_why)
{
    if (version == -EUCLEAN) {
        *ret_why = "The file kintoun-store in the data directory is damaged. Restore the "
                   "directory from a copy, or choose an empty one.";
        return version;
    }
    if (version < 0) {
        *ret_why = "The data directory cannot be read. Check its owner and permissions.";
        return version;
    }
    if (version && version != FORMAT_VERSION) {
        *ret_why = "The data directory was written by another version of this program. Use that "
                   "version, or choose another directory.";
        return -EPROTO;
    }
    return version;
}

static int make_folders(struct store *store, const char **ret_why)
{
    if ((mkdirat(store->dir_fd, "db", 0700) && errno != EEXIST) ||
        (mkdirat(store->dir_fd, "extents", 0700) && errno != EEXIST)) {
        int error = -errno;
        *ret_why = "The data directory cannot be written to.";
        return error;
    }
    return 0;
}

/* RocksDB leaves its unfinished files for ever; see set_quiet in options.c for one of them a start.
 */
static void remove_unfinished(struct store *store)
{
    DIR *dir = folder_open(store->dir_fd, "db");
    if (!dir)
        return; /* opening the database says what is wrong */
    for (struct dirent *entry; (entry = readdir(dir));)
        if (span_ends(span_of_cstr(entry->d_name), S(".dbtmp")))
            unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
}

static int open_folder(struct store *store, const char *dir, const char **ret_why)
{
    if ((mkdir(dir, 0700) && errno != EEXIST) ||
        (store->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
        int error = -errno;
        *ret_why = "The data directory cannot be made or opened. Check the path and its "
                   "permissions.";
        return error;
    }
    return 0;
}

int directory_open(struct store *store, const char *dir, const char **ret_why)
{
    int error = open_folder(store, dir, ret_why);
    if (error)
        return error;
    int version = check_format(format_version(store->dir_fd), ret_why);
    if (version < 0)
        return version;
    int ours = version ? 1 : holds_only_ours(store->dir_fd);
    if (ours <= 0) {
        *ret_why = "The directory has files but is no data directory of this program. Choose an "
                   "empty directory or one that does not exist yet.";
        return ours ? ours : -ENOTEMPTY;
    }
    error = lock(store, ret_why);
    if (error)
        return error;
    version = check_format(format_version(store->dir_fd), ret_why); /* somebody was faster? */
    if (version < 0)
        return version;
    if (!version && (error = make_folders(store, ret_why)))
        return error;
    remove_unfinished(store);
    store->mark_fd = openat(store->dir_fd, "durable", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return version ? DIRECTORY_OURS : DIRECTORY_NEW;
}

int directory_mark_format(struct store *store)
{
    AUTO_FD fd =
        openat(store->dir_fd, FORMAT_FILE_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    char text[64];
    int len = snprintf(text, sizeof text, FORMAT_TEXT "%d\n", FORMAT_VERSION);
    if (write(fd, text, (size_t)len) != len)
        return errno ? -errno : -EIO;
    if (fsync(fd) || renameat(store->dir_fd, FORMAT_FILE_NEW, store->dir_fd, FORMAT_FILE) ||
        fsync(store->dir_fd))
        return -errno;
    return 0;
}

int store_folder(struct store *store, const char *name)
{
    if (mkdirat(store->dir_fd, name, 0700) && errno != EEXIST)
        return -errno;
    if (fsync(store->dir_fd))
        return -errno;
    int fd = openat(store->dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

void directory_close(struct store *store)
{
    int *fds[] = {&store->mark_fd, &store->lock_fd, &store->dir_fd};
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        if (*fds[i] >= 0)
            close(TAKE_FD(*fds[i]));
}

/* A mark that does not get written is only an older one, so errors are passed over. */
void directory_note_durable(struct store *store, uint64_t durable)
{
    uint64_t note[2] = {durable, ~durable};
    if (store->mark_fd >= 0 && pwrite(store->mark_fd, note, sizeof note, 0) < 0)
        close(TAKE_FD(store->mark_fd));
}

uint64_t directory_noted_durable(const struct store *store)
{
    uint64_t note[2];
    if (store->mark_fd < 0 || pread(store->mark_fd, note, sizeof note, 0) != sizeof note)
        return 0;
    return note[0] == ~note[1] ? note[0] : 0;
}
