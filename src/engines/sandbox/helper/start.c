// SPDX-License-Identifier: Apache-2.0
/*
 * Makes a machine: joins its control groups, then clones itself into new namespaces. The parent
 * writes the record, reports to the program and ends, so that the machine belongs to nobody. The
 * child waits for the record, makes its file system, reports at the gate, waits there and becomes
 * the first process.
 */
#include "engines/sandbox/cgroup.h"
#include "engines/sandbox/helper/helper.h"
#include "engines/sandbox/network.h"
#include "engines/sandbox/state.h"

#include "base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct helper_reply reply_of(int error, const char *step)
{
    struct helper_reply reply = {.error = error};
    snprintf(reply.step, sizeof reply.step, "%s", error ? step : "");
    return reply;
}

/* False at the end of the pipe: whoever held the other end has gone. */
static bool passed(int fd)
{
    char byte;
    ssize_t got;
    do
        got = read(fd, &byte, 1);
    while (got < 0 && errno == EINTR);
    return got == 1;
}

/* ---- the child --------------------------------------------------------------------------------
 */

static int make_machine(const struct order *order, const char **ret_step, int *ret_console)
{
    *ret_step = "separating the machine";
    /* Not to be looked into by what will run beside it: it holds descriptors of the host. */
    if (prctl(PR_SET_DUMPABLE, 0) < 0 || unshare(CLONE_NEWCGROUP) < 0 || setsid() < 0 ||
        sethostname(order->hostname, strlen(order->hostname)) < 0)
        return -errno;
    *ret_step = "opening the console";
    *ret_console = console_open(order->folder);
    return *ret_console < 0 ? *ret_console : root_make(order, ret_step);
}

static _Noreturn void be_machine(const struct order *order, int recorded)
{
    const char *step = "";
    int console = -1;
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL); /* what comes too early waits for init_run */
    close(HELPER_REPLY);
    if (!passed(recorded))
        _exit(1);
    int error = make_machine(order, &step, &console);
    struct helper_reply reply = reply_of(error, step);
    bool told = send(HELPER_GATE, &reply, sizeof reply, MSG_NOSIGNAL) == sizeof reply;
    if (!told || error || !passed(HELPER_GATE))
        _exit(1);
    error = network_loopback_up();
    for (size_t i = 0; !error && i < order->network_count; i++)
        error = network_configure(&order->networks[i]);
    if (!error)
        error = confine();
    if (error) {
        dprintf(console, "kintoun: the machine cannot begin: %s\n", strerror(-error));
        _exit(1);
    }
    init_run(order, console);
}

/* ---- the parent -------------------------------------------------------------------------------
 */

static pid_t clone_machine(void)
{
    struct clone_args args = {.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
                                       CLONE_NEWUTS,
                              .exit_signal = SIGCHLD};
    long pid = syscall(SYS_clone3, &args, sizeof args);
    return pid < 0 ? -errno : (pid_t)pid;
}

/* *ret_step says what failed. */
static int record(const struct order *order, pid_t pid, int recorded, const char **ret_step)
{
    struct state state = {.pid = pid};
    snprintf(state.name, sizeof state.name, "%s", order->name);
    *ret_step = "writing the state";
    int error = state_write(order->folder, &state);
    if (!error && write(recorded, "", 1) != 1)
        error = -errno;
    return error;
}

static int give_birth(const struct order *order, const char **ret_step)
{
    int recorded[2];
    *ret_step = "making a pipe";
    if (pipe2(recorded, O_CLOEXEC) < 0)
        return -errno;
    *ret_step = "making namespaces";
    pid_t pid = clone_machine();
    if (pid < 0)
        return pid;
    if (pid == 0) {
        close(recorded[1]);
        be_machine(order, recorded[0]);
    }
    int error = record(order, pid, recorded[1], ret_step);
    if (error) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        state_remove(order->folder);
    }
    return error;
}

static int begin(struct order *order, const char **ret_step)
{
    *ret_step = "closing descriptors";
    if (close_range(HELPER_FDS, ~0U, 0) < 0)
        return -errno;
    umask(022);
    *ret_step = "reading the request";
    int error = order_read(HELPER_REQUEST, order);
    close(HELPER_REQUEST);
    if (error)
        return error;
    *ret_step = "making control groups";
    error = cgroup_make(CGROUP_ROOT, order->name, &order->limits);
    if (!error) {
        *ret_step = "joining the control groups";
        error = cgroup_join(CGROUP_ROOT, order->name);
    }
    if (!error)
        error = give_birth(order, ret_step);
    if (error && cgroup_join(CGROUP_ROOT, "") == 0) {
        int ignored = cgroup_remove(CGROUP_ROOT, order->name);
        (void)ignored;
    }
    return error;
}

int start_run(void)
{
    static struct order order;
    const char *step = "";
    int error = begin(&order, &step);
    struct helper_reply reply = reply_of(error, step);
    return write(HELPER_REPLY, &reply, sizeof reply) == sizeof reply ? 0 : 1;
}
