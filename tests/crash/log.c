// SPDX-License-Identifier: Apache-2.0
/*
 * Crash tests of engines/log (trial.h). Numbered records go to three lanes; in every lane the
 * numbers from 0 on must be found without a gap, at least to the last that was acknowledged and at
 * most to the last that was begun.
 */
#include "trial.h"

#include "base/log.h"
#include "base/time.h"
#include "engines/log/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define LANES 3
#define RECORD_MAX 70000 /* bytes: more than one index mark */

static struct notes {
    struct trial_notes trial;
    _Atomic uint64_t begun[LANES], acked[LANES]; /* records */
} * notes;

/* ---- a process's engine ---------------------------------------------------------------------- */

struct place {
    struct store *store;
    struct workers *workers;
    struct loop *loop;
    struct log *log;
};

static int place_open(struct place *place, const char *dir)
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
    struct log_settings settings = {.retention_ms = 3600000, .sealed = true}; /* the longer way */
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

static void write_for_ever(const char *dir)
{
    if (place_open(&shared, dir) || make_stream(&shared))
        log_fatal("no engine");
    notes->trial.ready++;
    pthread_t threads[LANES];
    for (uintptr_t i = 0; i < LANES; i++)
        pthread_create(&threads[i], NULL, put_for_ever, (void *)i);
    for (size_t i = 0; i < LANES; i++)
        pthread_join(threads[i], NULL);
}

static void write_a_little(const char *dir)
{
    struct place place = {0};
    uint64_t next[LANES];
    for (uint64_t i = 0; i < LANES; i++)
        next[i] = notes->acked[i];
    int error = place_open(&place, dir);
    if (!error)
        error = make_stream(&place);
    for (unsigned i = 0; i < 30 && !error; i++)
        error = put(&place, next, 1 + i % 7);
    if (place.store)
        place_close(&place);
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

static bool check(const char *dir)
{
    struct place place = {0};
    struct arena arena;
    struct log_stream *stream;
    int error = place_open(&place, dir);
    if (error) {
        printf("# the engine does not open: %s\n", strerror(-error));
        return false;
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
    return good;
}

static uint64_t acknowledged(void)
{
    uint64_t sum = 0;
    for (int i = 0; i < LANES; i++)
        sum += notes->acked[i];
    return sum;
}

int main(int argc, char **argv)
{
    notes = trial_memory(sizeof *notes);
    struct trial trial = {.notes = &notes->trial,
                          .notes_size = sizeof *notes,
                          .write_for_ever = write_for_ever,
                          .write_a_little = write_a_little,
                          .check = check,
                          .acknowledged = acknowledged};
    return trial_run(&trial, argc, argv);
}
