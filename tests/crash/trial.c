// SPDX-License-Identifier: Apache-2.0
/* One thread; every step that may end badly is a child of its own. */
#include "trial.h"

#include "fault.h"

#include "base/log.h"
#include "base/time.h"

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_SECONDS 60 /* a child that takes longer hangs */

static const struct trial *trial;
static char dir[256];
static uint64_t dice_state;
static int tap_count, tap_failed;

/* The call that fails in the next writer; 0: none. */
static struct {
    enum FAULT kind;
    uint64_t nth;
} fault;

uint64_t trial_dice(uint64_t below)
{
    dice_state = dice_state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (dice_state >> 33) % below;
}

void *trial_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        log_fatal("no memory for the test");
    return memory;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *ftw)
{
    return remove(path);
}

static void clear(void)
{
    nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    memset(trial->notes, 0, trial->notes_size);
}

static void tap(bool good, const char *format, ...) PRINTF_LIKE(2, 3);
static void tap(bool good, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("%s %d - ", good ? "ok" : "not ok", ++tap_count);
    vprintf(format, args);
    printf("\n");
    fflush(stdout);
    va_end(args);
    tap_failed += !good;
}

/* ---- children ---- */

static void write_with_fault(void)
{
    fault_arm(dir, fault.nth, fault.kind);
    trial->write_a_little(dir);
    trial->notes->calls = fault_calls();
}

static void write_for_ever(void)
{
    trial->write_for_ever(dir);
    log_fatal("writing ended by itself");
}

static void check(void)
{
    if (trial->check(dir))
        return;
    fflush(stdout);
    _exit(EXIT_FAILURE);
}

static pid_t child_start(void (*work)(void))
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0)
        log_fatal("no process");
    if (pid == 0) {
        alarm(CHILD_SECONDS);
        work();
        fflush(stdout);
        _exit(EXIT_SUCCESS);
    }
    return pid;
}

static bool child_run(void (*work)(void), const char *what)
{
    int status;
    pid_t pid = child_start(work);
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status)) {
        printf("# the %s ended with status %#x\n", what, (unsigned)status);
        return false;
    }
    return true;
}

/* ---- killed at random ---- */

static bool kill_round(void)
{
    int status;
    uint64_t before = trial->notes->ready;
    pid_t pid = child_start(write_for_ever);
    if (trial_dice(4)) /* otherwise maybe while it opens */
        for (int i = 0; i < 5000 && trial->notes->ready == before; i++)
            usleep(1000);
    usleep((useconds_t)trial_dice(300000));
    kill(pid, SIGKILL);
    if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
        printf("# the writer ended by itself: %#x\n", (unsigned)status);
        return false;
    }
    return child_run(check, "checker");
}

static void kill_rounds(int64_t until_us)
{
    int rounds = 0;
    bool good = true;
    clear();
    while (good && (rounds < 2 || clock_measure_us() < until_us)) {
        good = kill_round();
        rounds++;
    }
    tap(good, "killed %d times: %llu acknowledged, all there, nothing by halves", rounds,
        (unsigned long long)trial->acknowledged());
}

/* ---- the n-th call fails ---- */

/* From empty, or over what a run without faults left. */
static bool fault_round(uint64_t nth, enum FAULT kind, int on_old)
{
    clear();
    fault.kind = kind;
    fault.nth = 0;
    if (on_old && (!child_run(write_with_fault, "first writer") || !child_run(check, "checker")))
        return false;
    fault.nth = nth;
    return child_run(write_with_fault, "writer with a fault") && child_run(check, "checker");
}

static const char *const fault_names[FAULT_COUNT] = {
    "EIO once", "EIO from then on", "ENOSPC once", "ENOSPC from then on", "a short write",
};

/* All calls when there is time, otherwise evenly spread ones. */
static void fault_rounds(enum FAULT kind, int on_old, int64_t until_us)
{
    bool good = fault_round(0, kind, on_old);
    uint64_t calls = trial->notes->calls, tried = 0, step = 61;
    while (calls && calls % step == 0)
        step += 2;
    for (uint64_t at = trial_dice(calls + 1); good && tried < calls; at = (at + step) % calls) {
        if (clock_measure_us() > until_us && tried)
            break;
        good = fault_round(at + 1, kind, on_old);
        if (!good)
            printf("# call %llu of %llu; again with 1 %d %llu %d\n", (unsigned long long)at + 1,
                   (unsigned long long)calls, (int)kind, (unsigned long long)at + 1, on_old);
        tried++;
    }
    tap(good && calls > 50, "%s at %llu of %llu calls, %s folder", fault_names[kind],
        (unsigned long long)tried, (unsigned long long)calls, on_old ? "old" : "new");
}

/* ---- all of it ---- */

/* A killed process loses nothing that it gave to the kernel, so memory will do, and is quicker. */
static const char *parent_dir(void)
{
    const char *chosen = getenv("TMPDIR");
    if (chosen)
        return chosen;
    return access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
}

static void one_case(char **argv)
{
    enum FAULT kind = (enum FAULT)(strtoul(argv[2], NULL, 10) % FAULT_COUNT);
    bool good = fault_round(strtoull(argv[3], NULL, 10), kind, (int)strtol(argv[4], NULL, 10));
    tap(good, "%s at call %s", fault_names[kind], argv[3]);
}

static void one_kind(enum FAULT kind, int kinds_left, int64_t deadline_us)
{
    for (int old = 0; old < 2; old++) {
        int64_t now_us = clock_measure_us();
        fault_rounds(kind, old, now_us + (deadline_us - now_us) / (kinds_left * 2 - old));
    }
}

static void all_cases(int64_t span_us)
{
    int64_t began_us = clock_measure_us();
    kill_rounds(began_us + span_us / 3);
    for (int kind = 0; kind < FAULT_COUNT; kind++)
        one_kind((enum FAULT)kind, FAULT_COUNT - kind, began_us + span_us);
}

int trial_run(const struct trial *asked, int argc, char **argv)
{
    const char *seconds = getenv("CRASH_SECONDS");
    int64_t span_us = (seconds ? strtol(seconds, NULL, 10) : 30) * 1000000LL;
    trial = asked;
    dice_state = argc > 1 ? strtoull(argv[1], NULL, 10) : (uint64_t)clock_measure_us();
    printf("# seed %llu\n", (unsigned long long)dice_state);
    snprintf(dir, sizeof dir, "%s/kintoun-crash-XXXXXX", parent_dir());
    if (!mkdtemp(dir))
        log_fatal("no folder for the test");
    if (argc > 4)
        one_case(argv);
    else if (argc > 2)
        one_kind((enum FAULT)(strtoul(argv[2], NULL, 10) % FAULT_COUNT), 1,
                 clock_measure_us() + span_us);
    else
        all_cases(span_us);
    clear();
    printf("1..%d\n", tap_count);
    return tap_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
