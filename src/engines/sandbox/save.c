// SPDX-License-Identifier: Apache-2.0
/*
 * Copies of disks. That of a machine that runs is copied while none of its processes does anything:
 * either they are stopped for that moment, or they have ended and the machine boots again behind
 * it. What is in memory is written first, so the copy is a file system as after a clean stop of
 * writes (its journal is replayed when it is mounted). Blocks.
 */
#include "engines/sandbox/inside.h"

#include "base/scope.h"
#include "engines/sandbox/cgroup.h"
#include "engines/sandbox/state.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PATH_SIZE 512
#define MEMBERS_MAX 4096
#define QUIET_WAIT_MS 15000 /* longer than the machine's own patience */
#define COPY_BYTES (8 << 20)

/* ---- copying ----------------------------------------------------------------------------------
 */

static int copy_extent(int from, int to, off_t at, off_t end)
{
    if (lseek(to, at, SEEK_SET) < 0)
        return -errno;
    while (at < end) {
        size_t part = end - at < COPY_BYTES ? (size_t)(end - at) : COPY_BYTES;
        ssize_t got = copy_file_range(from, &at, to, NULL, part, 0);
        if (got <= 0)
            return got < 0 ? -errno : -EIO;
    }
    return 0;
}

static int copy_sparse(int from, int to)
{
    struct stat info;
    off_t at = 0;
    int error = fstat(from, &info) < 0 || ftruncate(to, info.st_size) < 0 ? -errno : 0;
    while (!error && (at = lseek(from, at, SEEK_DATA)) >= 0) {
        off_t end = lseek(from, at, SEEK_HOLE);
        error = end < 0 ? -errno : copy_extent(from, to, at, end);
        at = end;
    }
    if (!error && at < 0 && errno != ENXIO)
        error = -errno;
    return error;
}

/* It has its name only once it is whole, and durable. */
int sandbox_copy_disk(const char *from, const char *to)
{
    char fresh[PATH_SIZE];
    snprintf(fresh, sizeof fresh, "%s.new", to);
    AUTO_FD source = open(from, O_RDONLY | O_CLOEXEC);
    AUTO_FD target = source < 0 ? -1 : open(fresh, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (target < 0)
        return -errno;
    int error = copy_sparse(source, target);
    if (!error && fdatasync(target) < 0)
        error = -errno;
    if (!error && rename(fresh, to) < 0)
        error = -errno;
    if (error)
        unlink(fresh);
    return error;
}

/* Not while it is mounted, which would need CAP_SYS_RESOURCE. The check replays the journal; its 1:
 * there was something to mend, and that was done (e2fsck(8)). */
static int grow(const char *path, uint64_t bytes)
{
    const char *const check[] = {"/sbin/e2fsck", "-fp", path, NULL};
    const char *const resize[] = {"/sbin/resize2fs", path, NULL};
    if (truncate(path, (off_t)bytes) < 0)
        return -errno;
    int error = spawn_wait(check, 1);
    return error ? error : spawn_wait(resize, 0);
}

int sandbox_make_disk_of(const char *folder, const char *from, uint64_t bytes)
{
    char disk[PATH_SIZE], copy[PATH_SIZE];
    struct stat info;
    snprintf(disk, sizeof disk, "%s/disk", folder);
    snprintf(copy, sizeof copy, "%s/disk.copy", folder);
    if (access(disk, F_OK) == 0)
        return -EEXIST;
    int error = sandbox_copy_disk(from, copy);
    if (!error && stat(copy, &info) < 0)
        error = -errno;
    if (!error && (uint64_t)info.st_size < bytes)
        error = grow(copy, bytes);
    return error ? error : rename(copy, disk) < 0 ? -errno : 0;
}

/* ---- quiet ------------------------------------------------------------------------------------
 */

struct members {
    int pids[MEMBERS_MAX];
    size_t count; /* without the first process */
};

static int find_members(const struct state *state, struct members *ret)
{
    int pid;
    FILE *file = cgroup_members(CGROUP_ROOT, state->name);
    ret->count = 0;
    if (!file)
        return -errno;
    while (fscanf(file, "%d", &pid) == 1)
        if (pid != state->pid && ret->count < MEMBERS_MAX)
            ret->pids[ret->count++] = pid;
    fclose(file);
    return 0;
}

static void signal_all(const struct members *members, int number)
{
    for (size_t i = 0; i < members->count; i++)
        kill(members->pids[i], number);
}

/* Until nobody new has appeared: whoever is stopped forks no more. */
static int stop_all(const struct state *state, struct members *members)
{
    size_t before = SIZE_MAX;
    int error = find_members(state, members);
    while (!error && members->count != before) {
        before = members->count;
        signal_all(members, SIGSTOP);
        error = find_members(state, members);
    }
    return error;
}

static int wait_until_alone(const struct state *state, struct members *members)
{
    for (int waited = 0; waited < QUIET_WAIT_MS; waited++) {
        int error = find_members(state, members);
        if (error || !members->count)
            return error;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return -ETIMEDOUT;
}

static int sync_root(int pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/root", pid);
    AUTO_FD root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return root < 0 || syncfs(root) < 0 ? -errno : 0;
}

/* ---- saving -----------------------------------------------------------------------------------
 */

static int save_running(const struct state *state, const struct sandbox *box, const char *disk,
                        const char *to, enum SANDBOX_SAVE how)
{
    static _Thread_local struct members members;
    members.count = 0;
    int error = how == SANDBOX_SAVE_REBOOTED ? sandbox_signal(box, SANDBOX_HOLD) : 0;
    if (!error)
        error = how == SANDBOX_SAVE_REBOOTED ? wait_until_alone(state, &members)
                                             : stop_all(state, &members);
    if (!error)
        error = sync_root(state->pid);
    if (!error)
        error = sandbox_copy_disk(disk, to);
    signal_all(&members, SIGCONT);
    if (how == SANDBOX_SAVE_REBOOTED && sandbox_signal(box, SANDBOX_LET_GO) < 0 && !error)
        error = -ESRCH;
    return error;
}

int sandbox_save(const char *folder, const char *to, enum SANDBOX_SAVE how)
{
    char disk[PATH_SIZE];
    struct state state;
    struct sandbox box = {-1, -1, -1};
    snprintf(disk, sizeof disk, "%s/disk", folder);
    int error = sandbox_adopt(folder, &box);
    if (error)
        return error == -ESRCH || error == -EHOSTDOWN ? sandbox_copy_disk(disk, to) : error;
    error = state_read(folder, &state);
    if (!error)
        error = save_running(&state, &box, disk, to, how);
    sandbox_close(&box);
    return error;
}
