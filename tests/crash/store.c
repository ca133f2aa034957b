// SPDX-License-Identifier: Apache-2.0
/*
 * Crash tests of the store. Every step is a child process, so that this one never opens RocksDB:
 * a writer that is killed at a random instant or meets a failing call, then a checker that opens
 * the same folder and must find everything that was acknowledged and nothing by halves. Prints TAP;
 * the seed is the first argument or the time, CRASH_SECONDS (30) bounds the whole. SEED KIND (of
 * enum FAULT) tries only that kind, SEED KIND NTH OLD only that call, on an old (1) or new folder.
 */
#include "fault.h"
#include "world.h"

#include "base/log.h"
#include "base/time.h"

#include <errno.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_SECONDS 60 /* a child that takes longer hangs */

static char dir[256];
static struct notes *notes;
static uint64_t dice_state;
static int64_t deadline_us;
static int tap_count, tap_failed;

static uint64_t dice(uint64_t below)
{
    dice_state = dice_state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (dice_state >> 33) % below;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *ftw)
{
    return remove(path);
}

static void dir_clear(void)
{
    nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    memset(notes, 0, sizeof *notes);
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

static void check(void)
{
    if (!world_check(dir, notes)) {
        fflush(stdout);
        _exit(EXIT_FAILURE);
    }
}

/* Killed at random */

static struct store *writer_store;

static void *put_rows(void *row)
{
    while (world_put_row(writer_store, notes, (uint64_t)(uintptr_t)row) == 0)
        ;
    return NULL;
}

static void write_for_ever(void)
{
    const char *why = "";
    struct world *world;
    if (store_open(&writer_store, &(struct store_options){.dir = dir, .reserve_bytes = 1}, &why))
        log_fatal("%s", why);
    notes->ready++;
    pthread_t thread;
    for (uintptr_t row = 0; row < ROWS; row++)
        pthread_create(&thread, NULL, put_rows, (void *)row);
    if (world_new(&world, writer_store, notes))
        log_fatal("no world");
    world_put_slots(world, UINT64_MAX);
    log_fatal("writing ended by itself");
}

static uint64_t acknowledged(void)
{
    uint64_t sum = 0;
    for (int i = 0; i < ROWS; i++)
        sum += notes->rows[i].acked;
    for (int i = 0; i < SLOTS; i++)
        sum += notes->slots[i].acked;
    return sum;
}

static bool kill_round(void)
{
    int status;
    uint64_t opened = notes->ready;
    pid_t pid = child_start(write_for_ever);
    if (dice(4)) /* otherwise maybe while it opens */
        for (int i = 0; i < 5000 && notes->ready == opened; i++)
            usleep(1000);
    usleep((useconds_t)dice(300000));
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
    dir_clear();
    while (good && (rounds < 2 || clock_measure_us() < until_us)) {
        good = kill_round();
        rounds++;
    }
    tap(good, "killed %d times: %llu acknowledged, all there, nothing by halves", rounds,
        (unsigned long long)acknowledged());
}

/* The n-th call fails */

static uint64_t fault_nth;
static enum FAULT fault_kind;

static void write_a_little(void)
{
    const char *why = "";
    struct store *store;
    struct world *world;
    fault_arm(dir, fault_nth, fault_kind);
    int error = store_open(&store, &(struct store_options){.dir = dir, .reserve_bytes = 1}, &why);
    if (!error && world_new(&world, store, notes) == 0) {
        for (int i = 0; i < 4; i++) {
            (void)!world_put_row(store, notes, 0);
            (void)!world_put_row(store, notes, 1);
            world_put_slots(world, 1);
            world_put_slots(world, 1);
        }
        if (store_health(store)) /* RocksDB's own threads may be at work on what failed */
            usleep((useconds_t)dice(20000));
        world_free(world);
        store_close(store);
    } else if (!why || !*why) {
        log_fatal("a refusal without a reason");
    }
    notes->calls = fault_calls();
}

/* From empty, and over what an earlier run without faults left. */
static bool fault_round(uint64_t nth, enum FAULT kind, bool on_old)
{
    dir_clear();
    fault_kind = kind;
    fault_nth = 0;
    if (on_old && !child_run(write_a_little, "first writer"))
        return false;
    fault_nth = nth;
    return child_run(write_a_little, "writer with a fault") && child_run(check, "checker");
}

static const char *const fault_names[FAULT_COUNT] = {
    "EIO once", "EIO from then on", "ENOSPC once", "ENOSPC from then on", "a short write",
};

/* All calls when there is time, otherwise evenly spread ones. */
static void fault_rounds(enum FAULT kind, bool on_old, int64_t until_us)
{
    bool good = fault_round(0, kind, on_old);
    uint64_t calls = notes->calls, tried = 0, step = 61;
    while (calls && calls % step == 0)
        step += 2;
    for (uint64_t at = dice(calls + 1), i = 0; good && i < calls; i++, at = (at + step) % calls) {
        if (clock_measure_us() > until_us && tried >= 1)
            break;
        good = fault_round(at + 1, kind, on_old);
        if (!good)
            printf("# call %llu of %llu: crash-store 1 %d %llu %d\n", (unsigned long long)at + 1,
                   (unsigned long long)calls, (int)kind, (unsigned long long)at + 1, on_old);
        tried++;
    }
    tap(good && calls > 50, "%s at %llu of %llu calls, %s folder", fault_names[kind],
        (unsigned long long)tried, (unsigned long long)calls, on_old ? "old" : "new");
}

/* A killed process loses nothing that it gave to the kernel, so memory will do, and is quicker. */
static const char *parent_dir(void)
{
    const char *chosen = getenv("TMPDIR");
    if (chosen)
        return chosen;
    return access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
}

int main(int argc, char **argv)
{
    const char *seconds = getenv("CRASH_SECONDS");
    int64_t span_us = (seconds ? strtol(seconds, NULL, 10) : 30) * 1000000LL;
    dice_state = argc > 1 ? strtoull(argv[1], NULL, 10) : (uint64_t)clock_measure_us();
    printf("# seed %llu\n", (unsigned long long)dice_state);
    snprintf(dir, sizeof dir, "%s/kintoun-crash-XXXXXX", parent_dir());
    notes = mmap(NULL, sizeof *notes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!mkdtemp(dir) || notes == MAP_FAILED)
        log_fatal("no folder or memory for the test");
    if (argc > 4) { /* one case again */
        bool good = fault_round(strtoull(argv[3], NULL, 10),
                                (enum FAULT)(strtoul(argv[2], NULL, 10) % FAULT_COUNT),
                                strtoul(argv[4], NULL, 10));
        tap(good, "%s at call %s", fault_names[fault_kind], argv[3]);
        dir_clear();
        printf("1..%d\n", tap_count);
        return good ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    deadline_us = clock_measure_us() + span_us;
    int only = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 0;
    if (argc < 3)
        kill_rounds(clock_measure_us() + span_us / 3);
    for (int kind = only; kind < (argc > 2 ? only + 1 : FAULT_COUNT); kind++)
        for (int old = 0; old < 2; old++) {
            int left = (argc > 2 ? 2 : (FAULT_COUNT - kind) * 2) - old;
            int64_t now = clock_measure_us();
            fault_rounds((enum FAULT)kind, old, now + (deadline_us - now) / left);
        }
    dir_clear();
    printf("1..%d\n", tap_count);
    return tap_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
