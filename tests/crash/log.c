// SPDX-License-Identifier: Apache-2.0
/*
 * Crash tests of engines/log. A writer process appends numbered records to three lanes and is
 * killed at a random instant, or meets a failing call; then a checker process opens the same folder
 * and must find in every lane the numbers from 0 on, without a gap, at least to the last that was
 * acknowledged and at most to the last that was begun. Prints TAP; the seed is the first argument
 * or the time, CRASH_SECONDS (30) bounds the whole.
 */
#include "fault.h"

#include "base/log.h"
#include "base/time.h"
#include "engines/log/log.h"

#include <errno.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define LANES 3
#define CHILD_SECONDS 60
#define RECORD_MAX 70000 /* bytes: more than one index mark */

struct notes {
    _Atomic uint64_t begun[LANES], acked[LANES]; /* records */
    _Atomic uint64_t ready;
    uint64_t calls;
};

static char dir[256];
static struct notes *notes;
static uint64_t dice_state;
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

/* ---- a process's engine ---------------------------------------------------------------------- */

struct place {
    struct store *store;
    struct workers *workers;
    struct loop *loop;
    struct log *log;
};

static int place_open(struct place *place)
{
    const char *why = "";
    struct store_options options = {.dir = dir, .reserve_bytes = 1};
    int error = store_open(&place->store, &options, &why);
    if (error)
        return error;
    if (workers_new(&place->workers, 1, 16) || loop_new(&place->loop))
        log_fatal("no workers or loop");
    struct log_options log = {
        .store = place->store, .workers = place->workers, .home = place->loop, .unlimited = true};
    error = log_new(&place->log, &log);
    return error;
}

static void place_close(struct place *place)
{
    workers_free(place->workers);
    if (place->store)
        store_close(place->store);
    log_free(place->log);
    loop_free(place->loop);
}

static int commit(struct place *place, struct txn *txn, int error)
{
    uint64_t ticket;
    if (error) {
        txn_rollback(txn);
        return error;
    }
    error = txn_commit(txn, &ticket);
    return error < 0 ? error : store_wait(place->store, ticket);
}

static int make_stream(struct place *place)
{
    struct arena arena;
    struct log_lane lanes[LANES] = {0};
    struct log_settings settings = {.retention_ms = 3600000};
    arena_init(&arena, 4096, 1 << 20);
    for (uint64_t i = 0; i < LANES; i++) {
        lanes[i].first = (struct log_hash){i, 0};
        lanes[i].last = (struct log_hash){i + 1 < LANES ? i : UINT64_MAX, UINT64_MAX};
    }
    struct log_access access = {place->log, txn_begin(place->store), &arena};
    int error = log_create(&access, S("s"), &settings, lanes, LANES, clock_now_ms());
    error = commit(place, access.txn, error == -EEXIST ? 0 : error);
    arena_done(&arena);
    return error;
}

/* ---- writing --------------------------------------------------------------------------------- */

static size_t size_of(uint64_t number)
{
    return number % 50 == 7 ? RECORD_MAX : 8 + number % 300;
}

static void fill(char *to, uint64_t lane, uint64_t number)
{
    memset(to, (int)(lane * 50 + number % 50), size_of(number));
    memcpy(to, &number, sizeof number);
}

/* One transaction: the next record of some lanes. */
static int put(struct place *place, uint64_t next[LANES], unsigned lanes)
{
    static _Thread_local char data[LANES][RECORD_MAX];
    struct arena arena;
    struct log_entry entries[LANES];
    size_t count = 0;
    arena_init(&arena, 4096, 1 << 20);
    for (uint64_t i = 0; i < LANES; i++) {
        if (!(lanes >> i & 1))
            continue;
        fill(data[i], i, next[i]);
        entries[count++] = (struct log_entry){
            .hash = {i, 5}, .key = S("k"), .data = span_of(data[i], size_of(next[i]))};
        notes->begun[i] = next[i] + 1;
    }
    struct log_access access = {place->log, txn_begin(place->store), &arena};
    int error = log_append(&access, S("s"), entries, count, clock_now_ms());
    error = commit(place, access.txn, error);
    for (uint64_t i = 0; i < LANES && !error; i++)
        if (lanes >> i & 1)
            notes->acked[i] = ++next[i];
    arena_done(&arena);
    return error;
}

static struct place shared;

static void *put_for_ever(void *lane)
{
    uint64_t next[LANES];
    uint64_t only = (uint64_t)(uintptr_t)lane;
    for (uint64_t i = 0; i < LANES; i++)
        next[i] = notes->acked[i];
    while (put(&shared, next, 1U << only) == 0)
        ;
    return NULL;
}

static void write_for_ever(void)
{
    if (place_open(&shared) || make_stream(&shared))
        log_fatal("no engine");
    notes->ready++;
    pthread_t threads[LANES];
    for (uintptr_t i = 0; i < LANES; i++)
        pthread_create(&threads[i], NULL, put_for_ever, (void *)i);
    for (size_t i = 0; i < LANES; i++)
        pthread_join(threads[i], NULL);
    log_fatal("writing ended by itself");
}

static uint64_t fault_nth;
static enum FAULT fault_kind;

static void write_a_little(void)
{
    struct place place = {0};
    uint64_t next[LANES];
    for (uint64_t i = 0; i < LANES; i++)
        next[i] = notes->acked[i];
    fault_arm(dir, fault_nth, fault_kind);
    int error = place_open(&place);
    if (!error)
        error = make_stream(&place);
    for (unsigned i = 0; i < 30 && !error; i++)
        error = put(&place, next, 1 + i % 7);
    if (place.store)
        place_close(&place);
    notes->calls = fault_calls();
}

/* ---- checking -------------------------------------------------------------------------------- */

static bool check_lane(struct place *place, struct log_stream *stream, struct log_access *access,
                       uint32_t lane)
{
    static char want[RECORD_MAX];
    struct log_reading reading = {.lane = lane,
                                  .from = log_place_of(0),
                                  .most_records = 500,
                                  .most_bytes = 1 << 20,
                                  .now_ms = clock_now_ms()};
    uint64_t number = 0;
    do {
        struct arena_mark mark = arena_mark(access->arena);
        int error = log_read(access, stream, &reading);
        if (error) {
            printf("# lane %u at %llu: %s\n", lane, (unsigned long long)number, strerror(-error));
            return false;
        }
        for (size_t i = 0; i < reading.count; i++, number++) {
            fill(want, lane, number);
            if (reading.records[i].index != number ||
                !span_eq(reading.records[i].data, span_of(want, size_of(number)))) {
                printf("# lane %u: record %llu is another\n", lane, (unsigned long long)number);
                return false;
            }
        }
        reading.from = reading.next;
        arena_rewind(access->arena, mark);
    } while (reading.count);
    bool good = number >= notes->acked[lane] && number <= notes->begun[lane];
    if (!good)
        printf("# lane %u has %llu, acknowledged %llu, begun %llu\n", lane,
               (unsigned long long)number, (unsigned long long)notes->acked[lane],
               (unsigned long long)notes->begun[lane]);
    notes->acked[lane] = notes->begun[lane] = number; /* from here the next writer goes on */
    return good;
}

static void check(void)
{
    struct place place = {0};
    struct arena arena;
    struct log_stream *stream;
    int error = place_open(&place);
    if (error) {
        printf("# the engine does not open: %s\n", strerror(-error));
        fflush(stdout);
        _exit(EXIT_FAILURE);
    }
    arena_init(&arena, 65536, 64 << 20);
    struct log_access access = {place.log, txn_begin(place.store), &arena};
    bool good = true;
    if (log_find(&access, S("s"), &stream) == 0)
        for (uint32_t i = 0; i < LANES; i++)
            good &= check_lane(&place, stream, &access, i);
    else
        for (size_t i = 0; i < LANES; i++)
            good &= notes->acked[i] == 0;
    txn_rollback(access.txn);
    arena_done(&arena);
    place_close(&place);
    fflush(stdout);
    _exit(good ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* ---- rounds ---------------------------------------------------------------------------------- */

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

static bool kill_round(void)
{
    int status;
    uint64_t opened = notes->ready;
    pid_t pid = child_start(write_for_ever);
    for (int i = 0; i < 5000 && notes->ready == opened; i++)
        usleep(1000);
    usleep((useconds_t)dice(200000));
    kill(pid, SIGKILL);
    if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status)) {
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
    tap(good, "killed %d times: %llu records of one lane, all there", rounds,
        (unsigned long long)notes->acked[0]);
}

static bool fault_round(uint64_t nth, enum FAULT kind)
{
    dir_clear();
    fault_kind = kind;
    fault_nth = 0;
    if (!child_run(write_a_little, "first writer") || !child_run(check, "checker"))
        return false;
    fault_nth = nth;
    return child_run(write_a_little, "writer with a fault") && child_run(check, "checker");
}

static void fault_rounds(enum FAULT kind, int64_t until_us)
{
    static const char *const names[FAULT_COUNT] = {"EIO once", "EIO from then on", "ENOSPC once",
                                                   "ENOSPC from then on", "a short write"};
    bool good = fault_round(0, kind);
    uint64_t calls = notes->calls, tried = 0;
    for (uint64_t at = dice(calls + 1); good && tried < calls; at = (at + 37) % calls, tried++) {
        if (clock_measure_us() > until_us && tried)
            break;
        good = fault_round(at + 1, kind);
        if (!good)
            printf("# call %llu of %llu\n", (unsigned long long)at + 1, (unsigned long long)calls);
    }
    tap(good && calls > 50, "%s at %llu of %llu calls", names[kind], (unsigned long long)tried,
        (unsigned long long)calls);
}

int main(int argc, char **argv)
{
    const char *seconds = getenv("CRASH_SECONDS"), *parent = getenv("TMPDIR");
    int64_t span_us = (seconds ? strtol(seconds, NULL, 10) : 30) * 1000000LL;
    dice_state = argc > 1 ? strtoull(argv[1], NULL, 10) : (uint64_t)clock_measure_us();
    printf("# seed %llu\n", (unsigned long long)dice_state);
    if (!parent)
        parent = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
    snprintf(dir, sizeof dir, "%s/kintoun-crash-log-XXXXXX", parent);
    notes = mmap(NULL, sizeof *notes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!mkdtemp(dir) || notes == MAP_FAILED)
        log_fatal("no folder or memory for the test");
    int64_t began_us = clock_measure_us();
    kill_rounds(began_us + span_us / 3);
    for (int kind = 0; kind < FAULT_COUNT; kind++) {
        int64_t now_us = clock_measure_us(), left_us = began_us + span_us - now_us;
        fault_rounds((enum FAULT)kind, now_us + left_us / (FAULT_COUNT - kind));
    }
    dir_clear();
    rmdir(dir);
    printf("1..%d\n", tap_count);
    return tap_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
