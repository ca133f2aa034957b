// SPDX-License-Identifier: Apache-2.0
/*
 * Disks made of archives. The helper unpacks (helper/unpack.c); here its disk is made empty, and
 * what the source gives is written to it, which waits while it has enough. Blocks.
 */
#include "engines/sandbox/inside.h"

#include "base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PATH_SIZE 512
#define PIECE (1 << 20)
#define MAGIC_SIZE 6

/* By the first bytes; anything else is taken for a plain archive. */
static const char *const *program_for(struct span head)
{
    static const char *const none[] = {NULL};
    static const char *const gzip[] = {"/bin/gzip", "-dc", NULL};
    static const char *const zstd[] = {"/usr/bin/zstd", "-dcq", NULL};
    static const char *const xz[] = {"/usr/bin/xz", "-dcq", NULL};
    const struct {
        struct span magic;
        const char *const *program;
    } formats[] = {{S("\x1f\x8b"), gzip},
                   {S("\x28\xb5\x2f\xfd"), zstd},
                   {span_of("\xfd\x37zXZ", MAGIC_SIZE), xz}}; /* its NUL counts */
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        if (span_starts(head, formats[i].magic))
            return formats[i].program;
    return none;
}

static int write_all(int to, const char *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t put = write(to, bytes + done, len - done);
        if (put < 0)
            return -errno;
        done += (size_t)put;
    }
    return 0;
}

struct pump {
    const struct sandbox_source *source;
    char *piece;
    ssize_t got; /* in it */
};

static ssize_t read_piece(struct pump *pump)
{
    return pump->got = pump->source->read(pump->source->user, pump->piece, PIECE);
}

/* When the reader has ended it says why itself. */
static int pump_all(struct pump *pump, int to)
{
    int error = 0;
    while (!error && pump->got > 0) {
        error = write_all(to, pump->piece, (size_t)pump->got);
        if (!error)
            read_piece(pump);
    }
    return error == -EPIPE ? 0 : error ? error : pump->got < 0 ? (int)pump->got : 0;
}

static int unpack(const char *folder, struct pump *pump, const char **ret_step)
{
    static _Thread_local struct helper_reply reply;
    struct spawn_unpack unpack;
    *ret_step = "reading the archive";
    if (read_piece(pump) < 0)
        return (int)pump->got;
    struct span head = span_of(pump->piece, (size_t)pump->got);
    *ret_step = "running the helper";
    int error = spawn_unpack(folder, program_for(head), &unpack);
    if (error)
        return error;
    int pumped = pump_all(pump, unpack.in);
    error = spawn_unpacked(&unpack, &reply);
    *ret_step = pumped ? "reading the archive" : error ? "running the helper" : reply.step;
    return pumped ? pumped : error ? error : reply.error;
}

/* The loop device lets go of it a moment after the helper has ended. */
static int settle(const char *folder, const char *disk)
{
    int error = sandbox_wait_for_disk(folder);
    AUTO_FD file = error ? -1 : open(disk, O_RDWR | O_CLOEXEC);
    return error ? error : file < 0 || fdatasync(file) < 0 ? -errno : 0;
}

int sandbox_make_disk_from(const char *folder, uint64_t bytes, const struct sandbox_source *source,
                           const char **ret_step)
{
    char disk[PATH_SIZE];
    snprintf(disk, sizeof disk, "%s/disk", folder);
    *ret_step = "making its disk";
    int error = sandbox_make_disk(folder, bytes);
    if (error)
        return error;
    struct pump pump = {.source = source, .piece = malloc(PIECE)};
    error = pump.piece ? unpack(folder, &pump, ret_step) : -ENOMEM;
    free(pump.piece);
    int settled = settle(folder, disk);
    return error ? error : settled;
}
