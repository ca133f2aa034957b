// SPDX-License-Identifier: Apache-2.0
/*
 * A command inside a machine that runs: joins its groups and namespaces, confines itself as the
 * machine is, and runs it; with a terminal of the machine's when ours is a terminal. Nothing of
 * the machine's file system is executed before all privileges are gone.
 */
#include "engines/sandbox/cgroup.h"
#include "engines/sandbox/helper/environment.h"
#include "engines/sandbox/helper/helper.h"
#include "engines/sandbox/state.h"

#include "base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define ENVIRONMENT_BYTES 16384
#define ENVIRONMENT_MAX 128
#define CANNOT 125 /* as env(1) and timeout(1) */

static volatile sig_atomic_t resized = 1;

static void on_resize(int number)
{
    resized = 1;
}

static int fail(const char *doing, int error)
{
    dprintf(2, "kintoun: %s: %s\n", doing, strerror(-error));
    return CANNOT;
}

static int join(const char *folder)
{
    struct state state;
    AUTO_FD process = -1;
    int error = state_open(folder, &state, &process);
    if (!error)
        error = cgroup_join(CGROUP_ROOT, state.name);
    if (!error && setns(process, CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
                                     CLONE_NEWUTS | CLONE_NEWCGROUP) < 0)
        error = -errno;
    if (!error && chdir("/root") < 0 && chdir("/") < 0)
        error = -errno;
    return error;
}

/* As a login has it: what the machine says, and else what is usual. */
static char *const *read_environment(void)
{
    static char usual[][80] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME=/root",
        "TERM=xterm",
        "LANG=C.UTF-8",
        "USER=root",
    };
    static char text[ENVIRONMENT_BYTES], *all[ENVIRONMENT_MAX + ARRAY_LEN(usual) + 1];
    AUTO_FD fd = open("/etc/environment", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    size_t count = len > 0 ? environment_split(text, all, ENVIRONMENT_MAX) : 0;
    size_t said = count;
    for (size_t i = 0; i < ARRAY_LEN(usual); i++)
        if (!environment_has(all, said, usual[i]))
            all[count++] = usual[i];
    return all;
}

static _Noreturn void be_command(char *const *argv, const char *terminal)
{
    int error = prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ? -errno : 0;
    if (terminal[0]) {
        setsid();
        int fd = open(terminal, O_RDWR);
        if (fd < 0 || ioctl(fd, TIOCSCTTY, 0) < 0)
            _exit(fail("opening a terminal", -errno));
        for (int i = 0; i < 3; i++)
            dup2(fd, i);
        if (fd > 2)
            close(fd);
    }
    if (!error)
        error = confine();
    if (error)
        _exit(fail("giving up privileges", error));
    execvpe(argv[0], argv, read_environment());
    error = errno;
    fail(argv[0], -error);
    _exit(error == ENOENT ? 127 : 126);
}

/* ---- a terminal between two terminals ---------------------------------------------------------
 */

static bool copy(int from, int to)
{
    char bytes[4096];
    ssize_t got = read(from, bytes, sizeof bytes);
    if (got < 0)
        return errno == EINTR;
    for (ssize_t done = 0; done < got;) {
        ssize_t put = write(to, bytes + done, (size_t)(got - done));
        if (put < 0 && errno != EINTR)
            return false;
        done += put < 0 ? 0 : put;
    }
    return got > 0;
}

static void resize(int master)
{
    struct winsize size;
    if (!resized)
        return;
    resized = 0;
    if (ioctl(0, TIOCGWINSZ, &size) == 0)
        ioctl(master, TIOCSWINSZ, &size);
}

static void relay(int master)
{
    struct termios before, raw;
    bool is_raw = tcgetattr(0, &before) == 0;
    struct pollfd fds[] = {{.fd = master, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
    if (is_raw) {
        raw = before;
        cfmakeraw(&raw);
        tcsetattr(0, TCSANOW, &raw);
    }
    sigaction(SIGWINCH, &(struct sigaction){.sa_handler = on_resize}, NULL);
    for (bool going = true; going;) {
        resize(master);
        if (poll(fds, ARRAY_LEN(fds), -1) < 0)
            continue;
        if (fds[0].revents)
            going = copy(master, 1);
        if (going && fds[1].revents && !copy(0, master))
            fds[1].fd = -1;
    }
    if (is_raw)
        tcsetattr(0, TCSANOW, &before);
}

static int status_of(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return CANNOT;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int enter_run(const char *folder, char *const *argv)
{
    char terminal[64] = "";
    AUTO_FD master = -1;
    int error = prctl(PR_SET_DUMPABLE, 0) < 0 ? -errno : join(folder);
    if (error)
        return fail("entering the machine", error);
    if (isatty(0) && isatty(1))
        master = console_terminal(terminal);
    if (terminal[0] && master < 0)
        return fail("making a terminal", master);
    pid_t pid = fork(); /* into the namespace of processes */
    if (pid < 0)
        return fail("starting a process", -errno);
    if (pid == 0)
        be_command(argv, terminal);
    if (terminal[0])
        relay(master);
    return status_of(pid);
}
