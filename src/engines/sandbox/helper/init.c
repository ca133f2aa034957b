// SPDX-License-Identifier: Apache-2.0
/*
 * The first process of a machine: boots it by one command, buries what has ended, keeps the
 * console, and shuts down or reboots on a signal: SIGTERM to all, SIGKILL to those that are left
 * ten seconds later. With it ends everything in the machine. Between the end of a reboot and the
 * boot it may be told to wait (SIGUSR1, then SIGUSR2), so that its disk can be copied.
 */
#include "engines/sandbox/helper/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GRACE_MS 10000

enum PHASE { RUNNING, POWERING_OFF, REBOOTING, HOLDING };
struct init {
    const struct order *order;
    int ring, terminal, signals;
    char terminal_name[64];
    enum PHASE phase;
    int64_t patience_ms; /* when those that are left are killed */
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void say(struct init *init, const char *what, int error)
{
    char line[256];
    int len = snprintf(line, sizeof line, "kintoun: %s: %s\r\n", what, strerror(error));
    console_append(init->ring, line, (size_t)len);
}

static _Noreturn void be_boot(struct init *init)
{
    static const char *const environment[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
        "TERM=linux", "LANG=C.UTF-8", NULL};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    setsid();
    /* Not its controlling terminal: what it leaves in the background would be hung up with it. */
    int fd = open(init->terminal_name, O_RDWR | O_NOCTTY);
    if (fd < 0)
        _exit(126);
    dup2(fd, 0);
    dup2(fd, 1);
    dup2(fd, 2);
    if (fd > 2)
        close(fd);
    execve(init->order->boot[0], (char *const *)(uintptr_t)init->order->boot,
           (char *const *)(uintptr_t)environment);
    dprintf(2, "kintoun: %s: %s\n", init->order->boot[0], strerror(errno));
    _exit(127);
}

static void boot(struct init *init)
{
    init->phase = RUNNING;
    pid_t pid = fork();
    if (pid == 0)
        be_boot(init);
    if (pid < 0)
        say(init, "booting", errno);
}

static void drain_terminal(struct init *init)
{
    char bytes[4096];
    ssize_t got;
    while ((got = read(init->terminal, bytes, sizeof bytes)) > 0)
        console_append(init->ring, bytes, (size_t)got);
}

static void begin_end(struct init *init, enum PHASE phase)
{
    if (init->phase != RUNNING) {
        init->phase = phase == POWERING_OFF ? phase : init->phase;
        return;
    }
    init->phase = phase;
    init->patience_ms = now_ms() + GRACE_MS;
    kill(-1, SIGTERM);
    kill(-1, SIGCONT);
}

static void on_signal(struct init *init)
{
    struct signalfd_siginfo info;
    while (read(init->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGPWR)
            begin_end(init, POWERING_OFF);
        if (info.ssi_signo == SIGINT)
            begin_end(init, REBOOTING);
        if (info.ssi_signo == SIGUSR1)
            begin_end(init, HOLDING);
        if (info.ssi_signo == SIGUSR2 && init->phase == HOLDING)
            init->phase = REBOOTING;
    }
}

/* True when no child is left. */
static bool bury(void)
{
    pid_t pid;
    do
        pid = waitpid(-1, NULL, WNOHANG);
    while (pid > 0);
    return pid < 0 && errno == ECHILD;
}

static void go_on(struct init *init)
{
    bool alone = bury();
    if (init->phase == RUNNING)
        return;
    if (!alone && now_ms() >= init->patience_ms)
        kill(-1, SIGKILL);
    if (!alone || init->phase == HOLDING)
        return;
    drain_terminal(init);
    if (init->phase == POWERING_OFF)
        _exit(0);
    boot(init);
}

static int wait_ms(const struct init *init)
{
    if (init->phase == RUNNING)
        return -1;
    int64_t left = init->patience_ms - now_ms();
    return left < 20 ? 20 : (int)left;
}

/* They are blocked. */
static int open_signals(void)
{
    sigset_t all;
    sigfillset(&all);
    return signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* The slave stays open here, so that the master never hangs up. */
static int open_terminal(struct init *init)
{
    init->terminal = console_terminal(init->terminal_name);
    int slave = init->terminal < 0 ? -1 : open(init->terminal_name, O_RDWR | O_NOCTTY);
    if (slave < 0 || fcntl(init->terminal, F_SETFL, O_NONBLOCK) < 0)
        return -errno;
    for (int fd = 0; fd < 3; fd++)
        dup2(slave, fd);
    if (slave > 2)
        close(slave);
    return 0;
}

_Noreturn void init_run(const struct order *order, int console)
{
    struct init init = {.order = order, .ring = console, .signals = open_signals()};
    int error = open_terminal(&init);
    close(HELPER_GATE);
    if (error || init.signals < 0) {
        say(&init, "opening the console", -error);
        _exit(1);
    }
    boot(&init);
    for (;;) {
        struct pollfd fds[] = {{.fd = init.terminal, .events = POLLIN},
                               {.fd = init.signals, .events = POLLIN}};
        poll(fds, ARRAY_LEN(fds), wait_ms(&init));
        drain_terminal(&init);
        on_signal(&init);
        go_on(&init);
    }
}
