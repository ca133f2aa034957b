// SPDX-License-Identifier: Apache-2.0
/*
 * Processes of the daemon, by posix_spawn: safe beside its threads, and nothing is copied. What
 * they get is named; every other descriptor is closed on exec. Any thread.
 */
#include "engines/sandbox/inside.h"

#include "base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t helper_lock = PTHREAD_MUTEX_INITIALIZER;
static int helper_file = -1;

static int write_all(int fd, const void *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t put = write(fd, (const char *)bytes + done, len - done);
        if (put < 0)
            return -errno;
        done += (size_t)put;
    }
    return 0;
}

static int make_helper_file(void)
{
    AUTO_FD fd = memfd_create("kintoun-machine", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    int error = write_all(fd, sandbox_helper, sandbox_helper_size);
    if (!error &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
        error = -errno;
    return error ? error : TAKE_FD(fd);
}

int spawn_helper_file(void)
{
    GUARD(&helper_lock);
    if (helper_file < 0)
        helper_file = make_helper_file();
    return helper_file;
}

/* `fds`: they become 0, 1, 2 …; as many as `count`, -1: /dev/null. */
static int spawn(pid_t *ret, const char *path, const char *const *argv, const int *fds, int count)
{
    static const char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, reset;
    sigemptyset(&none);
    sigemptyset(&reset);
    sigaddset(&reset, SIGPIPE);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &reset);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int error = 0;
    for (int i = 0; !error && i < count; i++)
        error = fds[i] < 0 ? posix_spawn_file_actions_addopen(&actions, i, "/dev/null", O_RDWR, 0)
                           : posix_spawn_file_actions_adddup2(&actions, fds[i], i);
    if (!error)
        error = posix_spawn(ret, path, &actions, &attributes, (char *const *)(uintptr_t)argv,
                            (char *const *)(uintptr_t)environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return -error;
}

static int wait_for(pid_t pid, int good)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    return WIFEXITED(status) && WEXITSTATUS(status) <= good ? 0 : -EIO;
}

int spawn_wait(const char *const *argv, int good)
{
    const int fds[] = {-1, -1, -1};
    pid_t pid;
    int error = spawn(&pid, argv[0], argv, fds, ARRAY_LEN(fds));
    return error ? error : wait_for(pid, good);
}

/* A copy above those that the helper is given: dup2 of a descriptor to itself would keep its
 * close-on-exec, and one in the way would be overwritten. */
static int raise_fd(int fd)
{
    int raised = fcntl(fd, F_DUPFD_CLOEXEC, HELPER_FDS);
    return raised < 0 ? -errno : raised;
}

/* The helper with these as its descriptors, raised while it is made; -1: /dev/null. */
static int spawn_helper(pid_t *ret, const char *const *argv, const int *fds, int count)
{
    char path[64];
    int raised[HELPER_FDS];
    int helper = spawn_helper_file();
    int error = helper < 0 ? helper : 0;
    int up = error ? -1 : raise_fd(helper);
    for (int i = 0; i < count; i++) {
        raised[i] = error || fds[i] < 0 ? -1 : raise_fd(fds[i]);
        error = fds[i] >= 0 && raised[i] < 0 ? -EMFILE : error;
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", up);
    if (!error)
        error = up < 0 ? -EMFILE : spawn(ret, path, argv, raised, count);
    for (int i = 0; i < count; i++)
        scope_close(&raised[i]);
    scope_close(&up);
    return error;
}

static int run_start(int request, int reply, int gate)
{
    const int fds[] = {[0] = -1,
                       [1] = -1,
                       [2] = -1,
                       [HELPER_REQUEST] = request,
                       [HELPER_REPLY] = reply,
                       [HELPER_GATE] = gate};
    const char *const argv[] = {"kintoun-machine", "start", NULL};
    pid_t pid;
    int error = spawn_helper(&pid, argv, fds, ARRAY_LEN(fds));
    return error ? error : wait_for(pid, 0);
}

static int hear(int reply, struct helper_reply *ret)
{
    if (read(reply, ret, sizeof *ret) != sizeof *ret)
        return -EIO;
    ret->step[sizeof ret->step - 1] = '\0';
    return 0;
}

int spawn_start(struct span request, struct helper_reply *ret_reply, int *ret_gate)
{
    int reply[2], gate[2];
    AUTO_FD file = memfd_create("request", MFD_CLOEXEC);
    int error = file < 0 ? -errno : write_all(file, request.at, request.len);
    if (error)
        return error;
    if (pipe2(reply, O_CLOEXEC) < 0)
        return -errno;
    AUTO_FD reply_out = reply[0];
    AUTO_FD reply_in = reply[1];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, gate) < 0)
        return -errno;
    AUTO_FD gate_inside = gate[0];
    AUTO_FD gate_here = gate[1];
    error = run_start(file, reply_in, gate_inside);
    if (error)
        return error;
    error = hear(reply_out, ret_reply);
    if (!error)
        *ret_gate = TAKE_FD(gate_here);
    return error;
}

#define PROGRAM_WORDS 4
int spawn_unpack(const char *folder, const char *const *program, struct spawn_unpack *ret)
{
    const char *argv[PROGRAM_WORDS + 4] = {"kintoun-machine", "unpack", folder};
    int reply[2], archive[2];
    for (size_t i = 0; i < PROGRAM_WORDS && program[i]; i++)
        argv[3 + i] = program[i];
    if (pipe2(reply, O_CLOEXEC) < 0)
        return -errno;
    AUTO_FD reply_out = reply[0];
    AUTO_FD reply_in = reply[1];
    if (pipe2(archive, O_CLOEXEC) < 0)
        return -errno;
    AUTO_FD archive_out = archive[0];
    AUTO_FD archive_in = archive[1];
    const int fds[] = {
        [0] = archive_out, [1] = -1, [2] = -1, [HELPER_REQUEST] = -1, [HELPER_REPLY] = reply_in};
    int error = spawn_helper(&ret->pid, argv, fds, ARRAY_LEN(fds));
    if (error)
        return error;
    ret->in = TAKE_FD(archive_in);
    ret->reply = TAKE_FD(reply_out);
    return 0;
}

int spawn_unpacked(struct spawn_unpack *unpack, struct helper_reply *ret_reply)
{
    scope_close(&unpack->in);
    int ended = wait_for(unpack->pid, 0);
    int error = hear(unpack->reply, ret_reply);
    scope_close(&unpack->reply);
    return error ? error : ended;
}
