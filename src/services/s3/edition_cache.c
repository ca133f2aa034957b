// SPDX-License-Identifier: Apache-2.0
/* The cache of one thread: slots by the edition, each with an arena of its own. Any thread. */
#include "services/s3/edition_cache.h"

#include "base/log.h"

#include <pthread.h>
#include <stdlib.h>

#define SLOTS 16
#define ARENA_FIRST 4096
#define ARENA_CEILING (64 << 20) /* a policy of 20 KiB, or 1,000 filters with ten tags each */

struct slot {
    uint64_t edition; /* 0: empty */
    struct arena arena;
    const void *thing;
};

static pthread_key_t ending;
static _Thread_local struct slot *slots;

static void free_slots(void *of)
{
    struct slot *mine = of;
    for (size_t i = 0; i < SLOTS; i++)
        if (mine[i].edition)
            arena_done(&mine[i].arena);
    free(mine);
}

__attribute__((constructor)) static void prepare(void)
{
    if (pthread_key_create(&ending, free_slots))
        log_fatal("out of keys for threads");
}

static struct slot *slots_new(void)
{
    struct slot *made = calloc(SLOTS, sizeof *made);
    if (!made || pthread_setspecific(ending, made))
        log_fatal("out of memory");
    return made;
}

struct arena *edition_cache_at(uint64_t edition, const void ***ret_thing)
{
    if (!slots)
        slots = slots_new();
    struct slot *slot = &slots[edition % SLOTS];
    if (!slot->edition)
        arena_init(&slot->arena, ARENA_FIRST, ARENA_CEILING);
    if (slot->edition != edition) {
        arena_reset(&slot->arena);
        slot->thing = NULL;
        slot->edition = edition;
    }
    *ret_thing = &slot->thing;
    return &slot->arena;
}
