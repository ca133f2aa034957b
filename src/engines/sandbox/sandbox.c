// SPDX-License-Identifier: Apache-2.0
/*
 * The life of a sandbox as its owner sees it. What is true lies in the folder (state, disk,
 * console) and in the kernel; nothing is kept in memory, so that any process can go on with any
 * sandbox. One call at a time per sandbox.
 */
#include "engines/sandbox/sandbox.h"

#include "base/scope.h"
#include "engines/sandbox/cgroup.h"
#include "engines/sandbox/inside.h"
#include "engines/sandbox/state.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PATH_SIZE 512
#define REQUEST_CEILING (4 << 20)
#define CLEAR_WAIT_MS 10000

int sandbox_check(const char **ret_why)
{
    static char loop[] = "/dev/loop-control";
    *ret_why = NULL;
    if (geteuid() != 0)
        *ret_why = "it does not run as root";
    else if (cgroup_version(CGROUP_ROOT) == CGROUP_NONE)
        *ret_why = "this kernel has no control groups for memory, cpu and pids";
    else if (access(loop, R_OK | W_OK) < 0)
        *ret_why = "there are no loop devices";
    else if (access(SANDBOX_MKFS, X_OK) < 0)
        *ret_why = SANDBOX_MKFS " (package e2fsprogs) is missing";
    return *ret_why ? -ENOSYS : 0;
}

/* ---- start ------------------------------------------------------------------------------------
 */

static void put(struct buf *to, enum REQUEST_FIELD number, struct span bytes)
{
    struct request_field field = {.number = number, .length = (uint32_t)bytes.len};
    buf_append(to, span_of(&field, sizeof field));
    buf_append(to, bytes);
    buf_append_byte(to, '\0');
}

static void put_list(struct buf *to, enum REQUEST_FIELD number, const char *const *list)
{
    for (; list && *list; list++)
        put(to, number, span_of_cstr(*list));
}

static void put_spec(struct buf *to, const struct sandbox_spec *spec)
{
    put(to, REQUEST_FOLDER, span_of_cstr(spec->folder));
    put(to, REQUEST_NAME, span_of_cstr(spec->name));
    put(to, REQUEST_HOSTNAME, span_of_cstr(spec->hostname));
    put(to, REQUEST_LIMITS, span_of(&spec->limits, sizeof spec->limits));
    for (size_t i = 0; i < spec->network_count; i++)
        put(to, REQUEST_NETWORK, span_of(&spec->networks[i], sizeof spec->networks[i]));
    put_list(to, REQUEST_BOOT, spec->boot);
    put_list(to, REQUEST_HIDDEN, spec->hidden);
    for (size_t i = 0; i < spec->file_count; i++) {
        const struct sandbox_file *file = &spec->files[i];
        put(to, REQUEST_FILE_PATH, span_of_cstr(file->path));
        put(to, REQUEST_FILE_MODE, span_of(&file->mode, sizeof file->mode));
        put(to, REQUEST_FILE_BODY, file->body);
    }
}

static int open_network(int pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/net", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int find(const char *folder, struct sandbox *ret)
{
    struct state state;
    AUTO_FD process = -1;
    int error = state_open(folder, &state, &process);
    if (error)
        return error == -ENOENT ? -ESRCH : error;
    AUTO_FD network = open_network(state.pid);
    if (network < 0)
        return network == -ENOENT ? -ESRCH : network;
    *ret = (struct sandbox){.process = TAKE_FD(process), .network = TAKE_FD(network), .gate = -1};
    return 0;
}

static void path_of_mark(const char *folder, char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "%s/running", folder);
}

/* One without its mark has a shut gate, or whoever opened that was killed before it made the mark:
 * it ends, by itself or by us. */
int sandbox_adopt(const char *folder, struct sandbox *ret)
{
    char mark[PATH_SIZE];
    int error = find(folder, ret);
    path_of_mark(folder, mark);
    if (error == -EHOSTDOWN && access(mark, F_OK) < 0)
        return -ESRCH; /* it never began */
    if (error || access(mark, F_OK) == 0)
        return error;
    struct pollfd end = {.fd = ret->process, .events = POLLIN};
    error = sandbox_signal(ret, SANDBOX_KILL);
    if ((!error || error == -ESRCH) && poll(&end, 1, CLEAR_WAIT_MS) == 1)
        error = -ESRCH;
    sandbox_close(ret);
    return error ? error : -EBUSY;
}

static int run_helper(const struct sandbox_spec *spec, struct helper_reply *ret_reply,
                      int *ret_gate)
{
    struct buf request;
    buf_init(&request, REQUEST_CEILING);
    put_spec(&request, spec);
    int error = request.over ? -E2BIG : spawn_start(buf_span(&request), ret_reply, ret_gate);
    buf_done(&request);
    return error;
}

int sandbox_start(const struct sandbox_spec *spec, struct sandbox *ret, const char **ret_step)
{
    static _Thread_local struct helper_reply reply;
    AUTO_FD gate = -1;
    *ret_step = "running the helper";
    int error = run_helper(spec, &reply, &gate);
    if (error)
        return error;
    *ret_step = reply.step;
    if (reply.error)
        return reply.error;
    *ret_step = "finding the machine";
    error = find(spec->folder, ret);
    if (!error)
        ret->gate = TAKE_FD(gate);
    return error;
}

/* What the machine says once it is made. */
static int hear(const struct sandbox *sandbox, const char **ret_step)
{
    static _Thread_local struct helper_reply reply;
    ssize_t got = read(sandbox->gate, &reply, sizeof reply);
    *ret_step = "hearing of the machine";
    if (got != sizeof reply)
        return got < 0 ? -errno : -ECHILD;
    reply.step[sizeof reply.step - 1] = '\0';
    if (reply.error)
        *ret_step = reply.step;
    return reply.error;
}

int sandbox_go(const char *folder, struct sandbox *sandbox, const char **ret_step)
{
    char path[PATH_SIZE];
    int error = hear(sandbox, ret_step);
    if (!error && send(sandbox->gate, "", 1, MSG_NOSIGNAL) != 1)
        error = -errno;
    path_of_mark(folder, path);
    AUTO_FD mark = error ? -1 : open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (!error && mark < 0)
        error = -errno;
    close(sandbox->gate);
    sandbox->gate = -1;
    return error;
}

int sandbox_signal(const struct sandbox *sandbox, enum SANDBOX_SIGNAL what)
{
    static const int numbers[] = {[SANDBOX_SHUT_DOWN] = SIGTERM,
                                  [SANDBOX_REBOOT] = SIGINT,
                                  [SANDBOX_KILL] = SIGKILL,
                                  [SANDBOX_HOLD] = SIGUSR1,
                                  [SANDBOX_LET_GO] = SIGUSR2};
    long sent = syscall(SYS_pidfd_send_signal, sandbox->process, numbers[what], NULL, 0);
    return sent < 0 ? -errno : 0;
}

void sandbox_close(struct sandbox *sandbox)
{
    int *fds[] = {&sandbox->process, &sandbox->network, &sandbox->gate};
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        scope_close(fds[i]);
        *fds[i] = -1;
    }
}

/* ---- end --------------------------------------------------------------------------------------
 */

/* Its last processes may still be on their way out. */
static int remove_groups(const char *name)
{
    int error;
    for (int waited = 0; (error = cgroup_remove(CGROUP_ROOT, name)) == -EBUSY; waited++) {
        if (waited == CLEAR_WAIT_MS)
            break;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return error;
}

/* See root.c of the helper: the lease is refused while a loop device has the file. */
int sandbox_wait_for_disk(const char *folder)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/disk", folder);
    AUTO_FD disk = open(path, O_RDWR | O_CLOEXEC);
    if (disk < 0)
        return errno == ENOENT ? 0 : -errno;
    for (int waited = 0; fcntl(disk, F_SETLEASE, F_WRLCK) < 0; waited++) {
        if (errno != EAGAIN || waited == CLEAR_WAIT_MS)
            return errno == EAGAIN ? -EBUSY : -errno;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return 0;
}

int sandbox_clear(const char *folder)
{
    char mark[PATH_SIZE];
    struct sandbox alive;
    struct state state;
    int error = sandbox_adopt(folder, &alive);
    if (!error) {
        sandbox_close(&alive);
        return -EBUSY;
    }
    path_of_mark(folder, mark);
    unlink(mark);
    error = state_read(folder, &state);
    if (error == -ENOENT)
        return sandbox_wait_for_disk(folder);
    if (!error)
        error = remove_groups(state.name);
    if (!error)
        error = sandbox_wait_for_disk(folder);
    if (!error)
        state_remove(folder);
    return error;
}

int sandbox_remove(const char *folder)
{
    static const char *const names[] = {"disk",          "disk.new", "disk.copy",
                                        "disk.copy.new", "console",  "state.new"};
    char path[PATH_SIZE];
    int error = sandbox_clear(folder);
    for (size_t i = 0; !error && i < ARRAY_LEN(names); i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        if (unlink(path) < 0 && errno != ENOENT)
            error = -errno;
    }
    snprintf(path, sizeof path, "%s/mount", folder);
    if (!error && rmdir(path) < 0 && errno != ENOENT)
        error = -errno;
    if (!error && rmdir(folder) < 0 && errno != ENOENT)
        error = -errno;
    return error;
}

/* ---- from outside -----------------------------------------------------------------------------
 */

int sandbox_console(const char *folder, char to[SANDBOX_CONSOLE])
{
    char path[PATH_SIZE];
    uint64_t total = 0;
    snprintf(path, sizeof path, "%s/console", folder);
    AUTO_FD ring = open(path, O_RDONLY | O_CLOEXEC);
    if (ring < 0)
        return errno == ENOENT ? 0 : -errno;
    if (pread(ring, &total, sizeof total, 0) < 0)
        return -errno;
    size_t len = total < SANDBOX_CONSOLE ? total : SANDBOX_CONSOLE;
    size_t first = (total - len) % SANDBOX_CONSOLE;
    size_t part = len < SANDBOX_CONSOLE - first ? len : SANDBOX_CONSOLE - first;
    ssize_t a = pread(ring, to, part, (off_t)(sizeof total + first));
    ssize_t b = pread(ring, to + part, len - part, sizeof total);
    return a < 0 || b < 0 ? -errno : (int)(a + b);
}

#define ARGUMENTS 1000
int sandbox_enter(const char *folder, char *const *argv)
{
    const char *all[ARGUMENTS + 4] = {"kintoun-machine", "enter", folder};
    size_t count = 3;
    for (; argv[count - 3] && count < ARGUMENTS; count++)
        all[count] = argv[count - 3];
    if (count == ARGUMENTS)
        return -E2BIG;
    int helper = spawn_helper_file();
    if (helper < 0)
        return helper;
    fexecve(helper, (char *const *)(uintptr_t)all, environ);
    return -errno;
}
