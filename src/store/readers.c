// SPDX-License-Identifier: Apache-2.0
/*
 * Who may still be looking at a record that was deleted: transactions are counted by the parity of
 * the epoch they began in, in slots spread over threads. readers_wait turns the epoch twice and
 * waits for the old parity's count each time; twice, because a transaction may have read the epoch
 * just before a turn and counted itself just after it (as in sleepable RCU). Any thread.
 */
#include "store/inside.h"

#include <unistd.h>

#define POLL_US 500

static atomic_uint next_slot;
static _Thread_local unsigned slot = UINT32_MAX;

atomic_uint *readers_enter(struct store *store)
{
    if (slot == UINT32_MAX)
        slot = atomic_fetch_add(&next_slot, 1) % READER_SLOTS;
    atomic_uint *open = &store->readers[slot].open[atomic_load(&store->epoch) & 1];
    atomic_fetch_add(open, 1);
    return open;
}

void readers_leave(atomic_uint *open)
{
    atomic_fetch_sub(open, 1);
}

static unsigned open_in(struct store *store, unsigned parity)
{
    unsigned open = 0;
    for (int i = 0; i < READER_SLOTS; i++)
        open += atomic_load(&store->readers[i].open[parity]);
    return open;
}

void readers_wait(struct store *store)
{
    for (int turn = 0; turn < 2; turn++) {
        unsigned old = atomic_fetch_add(&store->epoch, 1) & 1;
        while (open_in(store, old))
            usleep(POLL_US);
    }
}
