// SPDX-License-Identifier: Apache-2.0
/* Crash tests of the store (trial.h): what was acknowledged is there, and nothing by halves. */
#include "fault.h"
#include "trial.h"
#include "world.h"

#include "base/log.h"

#include <pthread.h>
#include <unistd.h>

static struct notes *notes;

static struct store *writer_store;

static void *put_rows(void *row)
{
    while (world_put_row(writer_store, notes, (uint64_t)(uintptr_t)row) == 0)
        ;
    return NULL;
}

static void write_for_ever(const char *dir)
{
    const char *why = "";
    struct world *world;
    if (store_open(&writer_store, &(struct store_options){.dir = dir, .reserve_bytes = 1}, &why))
        log_fatal("%s", why);
    notes->trial.ready++;
    pthread_t thread;
    for (uintptr_t row = 0; row < ROWS; row++)
        pthread_create(&thread, NULL, put_rows, (void *)row);
    if (world_new(&world, writer_store, notes))
        log_fatal("no world");
    world_put_slots(world, UINT64_MAX);
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

static void write_a_little(const char *dir)
{
    const char *why = "";
    struct store *store;
    struct world *world;
    int error = store_open(&store, &(struct store_options){.dir = dir, .reserve_bytes = 1}, &why);
    if (!error && world_new(&world, store, notes) == 0) {
        for (int i = 0; i < 4; i++) {
            (void)!world_put_row(store, notes, 0);
            (void)!world_put_row(store, notes, 1);
            world_put_slots(world, 1);
            world_put_slots(world, 1);
        }
        if (store_health(store)) /* RocksDB's own threads may be at work on what failed */
            usleep((useconds_t)trial_dice(20000));
        world_free(world);
        store_close(store);
    } else if (!why || !*why) {
        log_fatal("a refusal without a reason");
    }
}

static bool check(const char *dir)
{
    return world_check(dir, notes);
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
