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

static int run_start(int request, int reply, int gate)
{
    char path[64];
    AUTO_FD request_up = raise_fd(request);
    AUTO_FD reply_up = raise_fd(reply);
    AUTO_FD gate_up = raise_fd(gate);
    AUTO_FD helper = spawn_helper_file();
    helper = helper < 0 ? helper : raise_fd(helper);
    if (request_up < 0 || reply_up < 0 || gate_up < 0 || helper < 0)
        return -EMFILE;
    const int fds[] = {[0] = -1,
                       [1] = -1,
                       [2] = -1,
                       [HELPER_REQUEST] = request_up,
                       [HELPER_REPLY] = reply_up,
                       [HELPER_GATE] = gate_up};
    const char *const argv[] = {"kintoun-machine", "start", NULL};
    pid_t pid;
    snprintf(path, sizeof path, "/proc/self/fd/%d", helper);
    int error = spawn(&pid, path, argv, fds, HELPER_FDS);
    return error ? error : wait_for(pid, 0);
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
    if (read(reply_out, ret_reply, sizeof *ret_reply) != sizeof *ret_reply)
        return -EIO;
    ret_reply->step[sizeof ret_reply->step - 1] = '\0';
    *ret_gate = TAKE_FD(gate_here);
    return 0;
}
