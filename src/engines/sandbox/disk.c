// SPDX-License-Identifier: Apache-2.0
/*
 * New disks. mke2fs costs more than the rest of a start, so it makes one of each size, from which
 * only what is not zero is kept here (some 200 KiB); a disk is that, written into a sparse file. So
 * disks of one size have one UUID, as have those of instances of one image anywhere. Any thread.
 */
#include "engines/sandbox/inside.h"

#include "base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PATH_SIZE 512
#define BLOCK 4096
#define BLOCKS_MAX 4096 /* of a blank: 16 MiB, for volumes of terabytes */

struct block {
    off_t at;
    char bytes[BLOCK];
};

/* The newest, since most disks are of one size. */
static struct {
    pthread_mutex_t lock;
    uint64_t bytes;
    struct block *blocks;
    size_t count;
} blank = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int make_sparse(const char *path, uint64_t bytes)
{
    AUTO_FD disk = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (disk < 0 || ftruncate(disk, (off_t)bytes) < 0)
        return -errno;
    return TAKE_FD(disk);
}

/* A sparse file reads as zeros: no table needs to be written, now or later. */
static int format(const char *path)
{
    const char *const argv[] = {SANDBOX_MKFS,
                                "-q",
                                "-F",
                                "-t",
                                "ext4",
                                "-m",
                                "0",
                                "-J",
                                "size=4",
                                "-O",
                                "^resize_inode", /* 4 MiB; the kernel grows without it too */
                                "-E",
                                "assume_storage_prezeroed=1,nodiscard",
                                path,
                                NULL};
    return spawn_wait(argv, 0);
}

/* ---- the blank --------------------------------------------------------------------------------
 */

static int keep_block(off_t at, const char bytes[BLOCK])
{
    static const char zeros[BLOCK];
    if (memcmp(bytes, zeros, BLOCK) == 0)
        return 0;
    if (blank.count == BLOCKS_MAX)
        return -E2BIG;
    struct block *more = realloc(blank.blocks, (blank.count + 1) * sizeof *more);
    if (!more)
        return -ENOMEM;
    blank.blocks = more;
    blank.blocks[blank.count].at = at;
    memcpy(blank.blocks[blank.count++].bytes, bytes, BLOCK);
    return 0;
}

static int keep_extent(int disk, off_t at, off_t end)
{
    char bytes[BLOCK];
    int error = 0;
    for (; !error && at < end; at += BLOCK) {
        ssize_t got = pread(disk, bytes, BLOCK, at);
        error = got == BLOCK ? keep_block(at, bytes) : got < 0 ? -errno : -EIO;
    }
    return error;
}

static int keep_all(int disk)
{
    off_t at = 0;
    int error = 0;
    while (!error && (at = lseek(disk, at, SEEK_DATA)) >= 0) {
        off_t end = lseek(disk, at, SEEK_HOLE);
        error = end < 0 ? -errno : keep_extent(disk, at, end);
        at = end;
    }
    return error ? error : errno == ENXIO ? 0 : -errno;
}

static int make_blank(const char *path, uint64_t bytes)
{
    blank.bytes = blank.count = 0;
    AUTO_FD disk = make_sparse(path, bytes);
    int error = disk < 0 ? disk : format(path);
    if (!error)
        error = keep_all(disk);
    if (!error)
        blank.bytes = bytes;
    unlink(path);
    return error;
}

static int write_blank(const char *path, uint64_t bytes)
{
    GUARD(&blank.lock);
    int error = blank.bytes == bytes ? 0 : make_blank(path, bytes);
    if (error)
        return error;
    AUTO_FD disk = make_sparse(path, bytes);
    for (size_t i = 0; disk >= 0 && i < blank.count; i++)
        if (pwrite(disk, blank.blocks[i].bytes, BLOCK, blank.blocks[i].at) != BLOCK)
            return errno ? -errno : -EIO;
    return disk < 0 ? disk : 0;
}

/* It has its name only once it is whole. */
int sandbox_make_disk(const char *folder, uint64_t bytes)
{
    char path[PATH_SIZE], fresh[PATH_SIZE];
    snprintf(path, sizeof path, "%s/disk", folder);
    snprintf(fresh, sizeof fresh, "%s/disk.new", folder);
    if (access(path, F_OK) == 0)
        return -EEXIST;
    if (unlink(fresh) < 0 && errno != ENOENT)
        return -errno;
    int error = write_blank(fresh, bytes);
    if (!error && rename(fresh, path) < 0)
        error = -errno;
    if (error)
        unlink(fresh);
    return error;
}
