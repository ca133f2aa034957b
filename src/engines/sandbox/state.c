// SPDX-License-Identifier: Apache-2.0
/*
 * The state file: one line, `pid start-time boot-id name`, replaced by a rename. It need not
 * survive a crash of the host, since the process does not either. Only libc.
 */
#include "engines/sandbox/state.h"

#include "base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PATH_SIZE 512
#define LINE_SIZE 256
#define BOOT_SIZE 40

struct born {
    unsigned long long start; /* in ticks since the host's boot */
    char boot[BOOT_SIZE];
};

static int read_file(const char *path, char *to, size_t size)
{
    AUTO_FD file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = file < 0 ? -1 : read(file, to, size - 1);
    if (got < 0)
        return -errno;
    to[got] = '\0';
    return 0;
}

static int boot_of_host(char to[BOOT_SIZE])
{
    int error = read_file("/proc/sys/kernel/random/boot_id", to, BOOT_SIZE);
    if (!error)
        to[strcspn(to, "\n")] = '\0';
    return error;
}

/* proc(5): the start time is the 22nd field; the second, in parentheses, may hold anything. */
static int born_of(int pid, struct born *ret)
{
    char path[64], text[1024], state;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int error = read_file(path, text, sizeof text);
    const char *rest = error ? NULL : strrchr(text, ')');
    if (!rest)
        return error ? error : -EBADMSG;
    if (sscanf(rest + 1,
               " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
               &state, &ret->start) != 2)
        return -EBADMSG;
    return boot_of_host(ret->boot);
}

static int write_line(const char *path, const char *line)
{
    AUTO_FD file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0)
        return -errno;
    ssize_t put = write(file, line, strlen(line));
    return put < 0 ? -errno : put == (ssize_t)strlen(line) ? 0 : -ENOSPC;
}

int state_write(const char *folder, const struct state *state)
{
    char path[PATH_SIZE], fresh[PATH_SIZE], line[LINE_SIZE];
    struct born born;
    int error = born_of(state->pid, &born);
    if (error)
        return error;
    snprintf(path, sizeof path, "%s/state", folder);
    snprintf(fresh, sizeof fresh, "%s/state.new", folder);
    snprintf(line, sizeof line, "%d %llu %s %s\n", state->pid, born.start, born.boot, state->name);
    error = write_line(fresh, line);
    if (!error && rename(fresh, path) < 0)
        error = -errno;
    return error;
}

static int read_state(const char *folder, struct state *ret, struct born *ret_born)
{
    char path[PATH_SIZE], line[LINE_SIZE];
    snprintf(path, sizeof path, "%s/state", folder);
    int error = read_file(path, line, sizeof line);
    if (error)
        return error;
    int fields =
        sscanf(line, "%d %llu %39s %63s", &ret->pid, &ret_born->start, ret_born->boot, ret->name);
    return fields == 4 ? 0 : -EBADMSG;
}

int state_read(const char *folder, struct state *ret)
{
    struct born born;
    return read_state(folder, ret, &born);
}

/* The pidfd first: whom it names cannot change while the start time is compared. */
int state_open(const char *folder, struct state *ret, int *ret_process)
{
    struct born then, now;
    int error = read_state(folder, ret, &then);
    if (error)
        return error;
    if (boot_of_host(now.boot) == 0 && strcmp(now.boot, then.boot) != 0)
        return -EHOSTDOWN;
    AUTO_FD process = (int)syscall(SYS_pidfd_open, ret->pid, 0);
    if (process < 0)
        return -errno;
    struct pollfd ended = {.fd = process, .events = POLLIN};
    if (born_of(ret->pid, &now) < 0 || now.start != then.start ||
        strcmp(now.boot, then.boot) != 0 || poll(&ended, 1, 0) != 0)
        return -ESRCH;
    if (fcntl(process, F_SETFD, FD_CLOEXEC) < 0)
        return -errno;
    *ret_process = TAKE_FD(process);
    return 0;
}

void state_remove(const char *folder)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/state", folder);
    unlink(path);
}
