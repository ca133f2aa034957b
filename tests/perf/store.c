// SPDX-License-Identifier: Apache-2.0
/*
 * Measures the store alone: `bench-store DIR [threads] [outstanding] [seconds]` prints how long
 * opening takes, what it costs in memory, how many durable puts of 1 KiB a second it takes with
 * that many threads each keeping that many tickets outstanding, and gets. `bench-store DIR count
 * N` only runs N puts and N gets on one thread, to be run below callgrind.
 */
#include "base/log.h"
#include "base/time.h"
#include "store/txn.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define VALUE_SIZE 1024
#define KEYS 100000

static struct store *store;
static _Atomic bool stop;
static uint64_t outstanding = 64;
static char value[VALUE_SIZE];

static long resident_kib(void)
{
    long kib = 0;
    char line[256];
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmRSS: %ld", &kib) == 1)
            break;
    if (file)
        fclose(file);
    return kib;
}

static uint64_t put(uint64_t number)
{
    char key[40];
    int len = snprintf(key, sizeof key, "bench-%010llu", (unsigned long long)number);
    uint64_t ticket;
    struct txn *txn = txn_begin(store);
    struct span name = span_of(key, (size_t)len);
    txn_lock(txn, &name, 1);
    txn_put(txn, FAMILY_ITEMS, name, span_of(value, sizeof value));
    if (txn_commit(txn, &ticket))
        log_fatal("commit failed");
    return ticket;
}

static void get(struct arena *arena, uint64_t number)
{
    char key[40];
    int len = snprintf(key, sizeof key, "bench-%010llu", (unsigned long long)number);
    struct span found;
    uint64_t ticket;
    struct txn *txn = txn_begin(store);
    if (txn_get(txn, FAMILY_ITEMS, span_of(key, (size_t)len), arena, &found) ||
        txn_commit(txn, &ticket))
        log_fatal("get failed");
    arena_reset(arena);
}

/* Keeps a window of tickets, as a loop with held replies does. */
static void *put_on(void *user)
{
    uint64_t *done = user, window[1024], sent = 0, base = (uint64_t)(uintptr_t)user / 64;
    while (!stop) {
        if (sent - *done == outstanding)
            if (store_wait(store, window[*done % outstanding]))
                log_fatal("not durable");
        while (*done < sent && window[*done % outstanding] <= store_durable(store))
            ++*done;
        window[sent % outstanding] = put((base + sent * 7919) % KEYS);
        store_want(store, window[sent % outstanding]);
        sent++;
    }
    return NULL;
}

static void measure_puts(int threads, int64_t seconds)
{
    static struct {
        _Alignas(64) uint64_t done;
    } counts[16];
    pthread_t thread[16];
    struct store_stats before, after;
    uint64_t total = 0;
    store_stats(store, &before);
    for (int i = 0; i < threads; i++)
        if (pthread_create(&thread[i], NULL, put_on, &counts[i].done))
            log_fatal("no thread");
    int64_t began = clock_measure_us();
    while (clock_measure_us() - began < seconds * 1000000)
        usleep(10000);
    stop = true;
    for (int i = 0; i < threads; i++) {
        pthread_join(thread[i], NULL);
        total += counts[i].done;
    }
    store_stats(store, &after);
    printf("%d threads x %llu tickets: %.0f durable puts/s, %.1f per sync, %.0f us per sync\n",
           threads, (unsigned long long)outstanding, (double)total / (double)seconds,
           (double)total / (double)(after.syncs - before.syncs),
           (double)(after.sync_us_total - before.sync_us_total) /
               (double)(after.syncs - before.syncs));
}

static void measure_gets(void)
{
    struct arena arena;
    arena_init(&arena, 4096, 1 << 20);
    for (uint64_t i = 0; i < KEYS; i++)
        put(i);
    int64_t began = clock_measure_us();
    for (uint64_t i = 0; i < KEYS; i++)
        get(&arena, i * 7919 % KEYS);
    printf("gets: %.2f us each\n", (double)(clock_measure_us() - began) / KEYS);
    arena_done(&arena);
}

static void count(uint64_t rounds)
{
    struct arena arena;
    arena_init(&arena, 4096, 1 << 20);
    for (uint64_t i = 0; i < rounds; i++)
        put(i);
    for (uint64_t i = 0; i < rounds; i++)
        get(&arena, i * 7919 % rounds);
    arena_done(&arena);
}

static void open_once(const char *dir)
{
    const char *why = "";
    long before = resident_kib();
    int64_t began = clock_measure_us();
    if (store_open(&store, &(struct store_options){.dir = dir}, &why))
        log_fatal("%s", why);
    printf("open: %.1f ms, resident %ld KiB (%ld before)\n",
           (double)(clock_measure_us() - began) / 1000, resident_kib(), before);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return EXIT_FAILURE;
    open_once(argv[1]);
    if (argc == 4 && !strcmp(argv[2], "count")) {
        count(strtoull(argv[3], NULL, 10));
        store_close(store);
        return EXIT_SUCCESS;
    }
    store_close(store);
    open_once(argv[1]);
    int threads = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 2;
    outstanding = argc > 3 ? strtoull(argv[3], NULL, 10) : 64;
    measure_puts(threads, argc > 4 ? strtol(argv[4], NULL, 10) : 5);
    measure_gets();
    printf("resident %ld KiB\n", resident_kib());
    store_close(store);
    open_once(argv[1]);
    store_close(store);
    return EXIT_SUCCESS;
}
