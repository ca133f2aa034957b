// SPDX-License-Identifier: Apache-2.0
/*
 * Makes a machine: control groups, then one clone into new namespaces. The child waits until it is
 * in its groups and on record, makes its file system, reports, waits at the gate and becomes the
 * first process. The parent reports to the program and ends, so that the machine belongs to nobody.
 */
#include "engines/sandbox/cgroup.h"
#include "engines/sandbox/helper/helper.h"
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
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct birth {
    int placed[2]; /* the child may go on: it is in its groups */
    int made[2];   /* struct helper_reply of the child */
};

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

static _Noreturn void be_machine(const struct order *order, const struct birth *birth)
{
    const char *step = "";
    int console = -1;
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL); /* what comes too early waits for init_run */
    close(birth->placed[1]);
    if (!passed(birth->placed[0]))
        _exit(1);
    int error = make_machine(order, &step, &console);
    struct helper_reply reply = reply_of(error, step);
    bool told = write(birth->made[1], &reply, sizeof reply) == sizeof reply;
    close(birth->made[1]);
    close(HELPER_REPLY);
    if (!told || error || !passed(HELPER_GATE))
        _exit(1);
    error = network_configure(&order->network);
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

static struct helper_reply place(const struct order *order, pid_t pid, const struct birth *birth)
{
    struct helper_reply reply;
    struct state state = {.pid = pid};
    snprintf(state.name, sizeof state.name, "%s", order->name);
    int error = cgroup_join(CGROUP_ROOT, order->name, pid);
    if (error)
        return reply_of(error, "joining the control groups");
    error = state_write(order->folder, &state);
    if (error)
        return reply_of(error, "writing the state");
    if (write(birth->placed[1], "", 1) != 1)
        return reply_of(-errno, "beginning");
    close(birth->made[1]);
    if (read(birth->made[0], &reply, sizeof reply) != sizeof reply)
        return reply_of(-ECHILD, "hearing of the machine");
    return reply;
}

static struct helper_reply give_birth(const struct order *order)
{
    struct birth birth;
    if (pipe2(birth.placed, O_CLOEXEC) < 0 || pipe2(birth.made, O_CLOEXEC) < 0)
        return reply_of(-errno, "making pipes");
    pid_t pid = clone_machine();
    if (pid < 0)
        return reply_of(pid, "making namespaces");
    if (pid == 0)
        be_machine(order, &birth);
    close(birth.placed[0]);
    struct helper_reply reply = place(order, pid, &birth);
    if (reply.error) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        state_remove(order->folder);
    }
    return reply;
}

static struct helper_reply start(struct order *order)
{
    if (close_range(HELPER_FDS, ~0U, 0) < 0)
        return reply_of(-errno, "closing descriptors");
    umask(022);
    int error = order_read(HELPER_REQUEST, order);
    close(HELPER_REQUEST);
    if (error)
        return reply_of(error, "reading the request");
    error = cgroup_make(CGROUP_ROOT, order->name, &order->limits);
    struct helper_reply reply =
        error ? reply_of(error, "making control groups") : give_birth(order);
    if (reply.error) {
        int ignored = cgroup_remove(CGROUP_ROOT, order->name);
        (void)ignored;
    }
    return reply;
}

int start_run(void)
{
    static struct order order;
    struct helper_reply reply = start(&order);
    return write(HELPER_REPLY, &reply, sizeof reply) == sizeof reply ? 0 : 1;
}
