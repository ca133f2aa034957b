// SPDX-License-Identifier: Apache-2.0
/*
 * Stands before the C library's functions of the same names (the assembler names below) and goes to
 * the kernel directly, so it works with sanitizers and with RocksDB alike. Any thread.
 */
#include "fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static char dir[1024];
static uint64_t nth;
static enum FAULT kind;
static _Atomic uint64_t calls;

ssize_t fault_write(int fd, const void *bytes, size_t len) __asm__("write");
ssize_t fault_pwrite(int fd, const void *bytes, size_t len, off_t at) __asm__("pwrite");
ssize_t fault_pwrite64(int fd, const void *bytes, size_t len, off_t at) __asm__("pwrite64");
ssize_t fault_pwritev64(int fd, const struct iovec *parts, int count,
                        off_t at) __asm__("pwritev64");
int fault_fsync(int fd) __asm__("fsync");
int fault_syncfs(int fd) __asm__("syncfs");
int fault_fdatasync(int fd) __asm__("fdatasync");
int fault_ftruncate(int fd, off_t len) __asm__("ftruncate");
int fault_ftruncate64(int fd, off_t len) __asm__("ftruncate64");
int fault_fallocate(int fd, int mode, off_t at, off_t len) __asm__("fallocate");
int fault_fallocate64(int fd, int mode, off_t at, off_t len) __asm__("fallocate64");

void fault_arm(const char *folder, uint64_t at, enum FAULT how)
{
    snprintf(dir, sizeof dir, "%s", folder);
    nth = at;
    kind = how;
    calls = 0;
}

uint64_t fault_calls(void)
{
    return calls;
}

__attribute__((constructor)) static void arm_from_environment(void)
{
    const char *folder = getenv("FAULT_DIR"), *at = getenv("FAULT_NTH"),
               *how = getenv("FAULT_KIND");
    if (folder && at)
        fault_arm(folder, strtoull(at, NULL, 10),
                  (enum FAULT)(how ? strtoul(how, NULL, 10) % FAULT_COUNT : FAULT_EIO));
}

static bool is_below(int fd)
{
    char link[64], path[1024];
    if (!dir[0])
        return false;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    size_t want = strlen(dir);
    return len >= (ssize_t)want && memcmp(path, dir, want) == 0;
}

/* Whether this call is to fail; then errno says how. */
static bool fails(int fd, bool takes_space)
{
    int before = errno;
    bool below = is_below(fd);
    errno = before;
    if (!below)
        return false;
    uint64_t call = ++calls;
    bool goes_on = kind == FAULT_EIO_ON || kind == FAULT_ENOSPC_ON;
    if (!nth || call < nth || (call > nth && !goes_on))
        return false;
    bool full = kind == FAULT_ENOSPC || kind == FAULT_ENOSPC_ON;
    if (full && !takes_space && call > nth)
        return false; /* a full disk still syncs and truncates */
    errno = full && takes_space ? ENOSPC : EIO;
    return true;
}

static bool is_short(size_t len)
{
    return kind == FAULT_SHORT && len > 1;
}

ssize_t fault_write(int fd, const void *bytes, size_t len)
{
    if (fails(fd, true)) {
        if (!is_short(len))
            return -1;
        len /= 2;
    }
    return syscall(SYS_write, fd, bytes, len);
}

ssize_t fault_pwrite64(int fd, const void *bytes, size_t len, off_t at)
{
    if (fails(fd, true)) {
        if (!is_short(len))
            return -1;
        len /= 2;
    }
    return syscall(SYS_pwrite64, fd, bytes, len, at);
}

ssize_t fault_pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    return fault_pwrite64(fd, bytes, len, at);
}

/* Half of the parts, or half of the only one. */
ssize_t fault_pwritev64(int fd, const struct iovec *parts, int count, off_t at)
{
    struct iovec half = parts[0];
    if (fails(fd, true)) {
        if (!is_short(count > 1 ? (size_t)count : parts[0].iov_len))
            return -1;
        half.iov_len /= count > 1 ? 1 : 2;
        parts = count > 1 ? parts : &half;
        count = count > 1 ? count / 2 : 1;
    }
    return syscall(SYS_pwritev, fd, parts, count, at, 0);
}

int fault_syncfs(int fd)
{
    return fails(fd, false) ? -1 : (int)syscall(SYS_syncfs, fd);
}

int fault_fsync(int fd)
{
    return fails(fd, false) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fault_fdatasync(int fd)
{
    return fails(fd, false) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int fault_ftruncate64(int fd, off_t len)
{
    return fails(fd, false) ? -1 : (int)syscall(SYS_ftruncate, fd, len);
}

int fault_ftruncate(int fd, off_t len)
{
    return fault_ftruncate64(fd, len);
}

int fault_fallocate64(int fd, int mode, off_t at, off_t len)
{
    return fails(fd, mode == 0) ? -1 : (int)syscall(SYS_fallocate, fd, mode, at, len);
}

int fault_fallocate(int fd, int mode, off_t at, off_t len)
{
    return fault_fallocate64(fd, mode, at, len);
}
