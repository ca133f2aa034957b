// SPDX-License-Identifier: Apache-2.0
/*
 * One job at a time fills the piece: it belongs to the job while it is `busy` and to the loop
 * otherwise. Who gives up in the middle leaves the rest to the job's end. The extents stay pinned
 * until then.
 */
#include "store/outlet.h"

#include "base/time.h"
#include "store/segments.h"

#include <stdatomic.h>
#include <stdlib.h>

#define RETRY_MS 5 /* when the workers' queue is full */

struct outlet {
    struct job job;
    struct store *store;
    struct workers *workers;
    struct loop *loop;
    struct outlet_events events;
    struct timer retry;
    bool busy;
    bool delivering; /* inside the event */
    atomic_bool abandoned;
    struct extent_part *parts;
    size_t count, at;
    uint32_t done; /* bytes of part `at` */
    struct buf piece;
    int error;
};

static void pin_all(struct outlet *outlet,
                    void (*pin)(struct store *, const struct extent *, size_t))
{
    for (size_t i = 0; i < outlet->count; i++)
        pin(outlet->store, &outlet->parts[i].extent, 1);
}

static void destroy(struct outlet *outlet)
{
    pin_all(outlet, extent_unpin);
    free(outlet->parts);
    buf_done(&outlet->piece);
    free(outlet);
}

static void job_run(struct job *job)
{
    struct outlet *outlet = (struct outlet *)((char *)job - offsetof(struct outlet, job));
    struct buf *piece = &outlet->piece;
    outlet->error = 0;
    while (outlet->at < outlet->count && piece->len < OUTLET_PIECE && !outlet->error &&
           !atomic_load(&outlet->abandoned)) {
        struct extent_part part = outlet->parts[outlet->at];
        part.skip += outlet->done;
        part.len -= outlet->done;
        bool last = part.len <= OUTLET_PIECE - piece->len;
        if (!last)
            part.len = (uint32_t)(OUTLET_PIECE - piece->len);
        outlet->error = extent_fetch(outlet->store, &part, piece->at + piece->len);
        piece->len += part.len;
        outlet->done = last ? 0 : outlet->done + part.len;
        outlet->at += last;
    }
}

static void job_done(struct job *job)
{
    struct outlet *outlet = (struct outlet *)((char *)job - offsetof(struct outlet, job));
    outlet->busy = false;
    if (!atomic_load(&outlet->abandoned)) {
        outlet->delivering = true;
        outlet->events.piece(outlet, outlet->events.user, &outlet->piece, outlet->error);
        outlet->delivering = false;
    }
    if (atomic_load(&outlet->abandoned) && !outlet->busy)
        destroy(outlet);
}

static void submit(struct outlet *outlet)
{
    buf_clear(&outlet->piece);
    (void)buf_room(&outlet->piece, OUTLET_PIECE); /* cannot be too much */
    outlet->busy = workers_submit(outlet->workers, &outlet->job) == 0;
    if (!outlet->busy)
        loop_timer_set(outlet->loop, &outlet->retry, clock_steady_ms() + RETRY_MS);
}

static void retry_due(struct timer *timer)
{
    submit((struct outlet *)((char *)timer - offsetof(struct outlet, retry)));
}

struct outlet *outlet_new(struct store *store, struct workers *workers, struct loop *loop,
                          const struct extent_part *parts, size_t count)
{
    struct outlet *outlet = store_alloc(sizeof *outlet);
    *outlet = (struct outlet){.job = {.run = job_run, .done = job_done, .home = loop},
                              .store = store,
                              .workers = workers,
                              .loop = loop,
                              .retry.due = retry_due,
                              .parts = store_alloc(count * sizeof *parts),
                              .count = count};
    buf_init(&outlet->piece, OUTLET_PIECE);
    memcpy(outlet->parts, parts, count * sizeof *parts);
    pin_all(outlet, extent_pin);
    return outlet;
}

void outlet_on(struct outlet *outlet, const struct outlet_events *events)
{
    outlet->events = *events;
}

bool outlet_is_done(const struct outlet *outlet)
{
    return outlet->at == outlet->count;
}

void outlet_next(struct outlet *outlet)
{
    submit(outlet);
}

void outlet_free(struct outlet *outlet)
{
    if (outlet->retry.position)
        loop_timer_clear(outlet->loop, &outlet->retry);
    if (outlet->busy || outlet->delivering)
        atomic_store(&outlet->abandoned, true);
    else
        destroy(outlet);
}
