// SPDX-License-Identifier: Apache-2.0
/*
 * What readers of a lane share: a ring of the newest, each made once of the records from one place
 * to another. A reader that stands between two places reads to the next of them only, and from
 * there on takes what the others take. What is older than a second is forgotten. Any thread.
 */
#include "engines/log/inside.h"

#include "base/scope.h"
#include "base/time.h"

#include <errno.h>

#define BYTES_MAX (32 << 20) /* of all that is kept for others */
#define LIFE_MS 1000
#define MAKING_MS 100 /* who has not finished by then has given up */

void share_init(struct sharing *sharing)
{
    pthread_mutex_init(&sharing->mutex, NULL);
}

static void forget(struct sharing *sharing, struct shared_slot *slot)
{
    if (slot->made)
        sharing->bytes -= slot->made->bytes.len;
    log_shared_drop(slot->made);
    *slot = (struct shared_slot){0};
}

void share_done(struct sharing *sharing)
{
    for (size_t i = 0; i < SHARED_SLOTS; i++)
        forget(sharing, &sharing->slots[i]);
    pthread_mutex_destroy(&sharing->mutex);
}

void log_shared_drop(struct log_shared *shared)
{
    if (!shared || atomic_fetch_sub(&shared->references, 1) > 1)
        return;
    buf_done(&shared->bytes);
    free(shared);
}

struct log_shared *log_shared_new(const struct log_reading *reading, unsigned form, size_t ceiling)
{
    struct log_shared *shared = log_alloc(sizeof *shared);
    *shared = (struct log_shared){.form = form, .reading = *reading, .references = 1};
    shared->oldest_ms = reading->count ? reading->records[0].time_ms : 0;
    shared->reading.records = NULL;
    buf_init(&shared->bytes, ceiling);
    return shared;
}

static void expire(struct sharing *sharing, int64_t now_ms)
{
    for (size_t i = 0; i < SHARED_SLOTS; i++) {
        struct shared_slot *slot = &sharing->slots[i];
        int64_t life_ms = slot->made ? LIFE_MS : MAKING_MS;
        if (slot->since_ms && now_ms - slot->since_ms > life_ms)
            forget(sharing, slot);
    }
}

/* The slot of that begin; *ret_until: the next place after `from` where another begins or ends. */
static struct shared_slot *find(struct sharing *sharing, const struct shared_slot *wanted,
                                uint64_t *ret_until)
{
    struct shared_slot *found = NULL;
    uint64_t until = UINT64_MAX;
    for (size_t i = 0; i < SHARED_SLOTS; i++) {
        struct shared_slot *slot = &sharing->slots[i];
        if (!slot->since_ms || slot->lane != wanted->lane || slot->form != wanted->form)
            continue;
        if (slot->from == wanted->from)
            found = slot;
        if (slot->from > wanted->from && slot->from < until)
            until = slot->from;
        if (slot->from < wanted->from && slot->next > wanted->from && slot->next < until)
            until = slot->next;
    }
    *ret_until = until == UINT64_MAX ? 0 : until;
    return found;
}

static struct shared_slot *put(struct sharing *sharing, const struct shared_slot *slot)
{
    sharing->newest = (sharing->newest + 1) % SHARED_SLOTS;
    forget(sharing, &sharing->slots[sharing->newest]);
    sharing->slots[sharing->newest] = *slot;
    return &sharing->slots[sharing->newest];
}

/* Whether there is something to be shared, and somebody to share it with. */
static bool is_shared(struct lane *lane, uint64_t from)
{
    GUARD(&lane->mutex);
    return lane->watches && lane->watches->next && from < lane->tail.next;
}

int log_shared_take(const struct log_access *access, const struct log_stream *stream,
                    struct log_reading *reading, unsigned form, struct log_shared **ret)
{
    struct lane *lane = stream_lane(stream, reading->lane);
    struct sharing *sharing = &access->log->sharing;
    struct shared_slot wanted = {
        .lane = lane->id, .from = reading->from.index, .form = form, .since_ms = clock_steady_ms()};
    *ret = NULL;
    if (!is_shared(lane, wanted.from))
        return -ENOENT;
    pthread_mutex_lock(&sharing->mutex);
    expire(sharing, wanted.since_ms);
    struct shared_slot *slot = find(sharing, &wanted, &reading->until);
    if (slot && slot->made) {
        *ret = slot->made;
        atomic_fetch_add(&slot->made->references, 1);
    }
    if (!slot)
        put(sharing, &wanted);
    pthread_mutex_unlock(&sharing->mutex);
    if (!*ret)
        return slot ? -EBUSY : -ENOENT;
    struct log_place from = reading->from;
    *reading = (*ret)->reading;
    reading->from = from;
    read_account(stream, lane, reading, (*ret)->oldest_ms);
    return read_wait_for_ticket(access, lane);
}

void log_shared_give(const struct log_stream *stream, struct log_shared *shared)
{
    struct sharing *sharing = &stream->log->sharing;
    uint64_t ignored;
    struct shared_slot made = {.lane = stream_lane(stream, shared->reading.lane)->id,
                               .from = shared->reading.from.index,
                               .next = shared->reading.next.index,
                               .form = shared->form,
                               .since_ms = clock_steady_ms()};
    GUARD(&sharing->mutex);
    struct shared_slot *slot = find(sharing, &made, &ignored);
    if (!slot || slot->made) /* nobody waits for it */
        return;
    made.made = shared;
    *slot = made;
    atomic_fetch_add(&shared->references, 1);
    sharing->bytes += shared->bytes.len;
    for (size_t i = 1; i < SHARED_SLOTS && sharing->bytes > BYTES_MAX; i++)
        forget(sharing, &sharing->slots[(sharing->newest + i) % SHARED_SLOTS]);
}
