// SPDX-License-Identifier: Apache-2.0
/*
 * A body on its way in. Two buffers take turns: the loop fills one while of the other one worker
 * makes the MD5, and a second worker all other digests and appends it to an extent, sealed when it
 * shall be. MD5, and digests and extents, need no lock: each belongs to its job while that is under
 * way and to the loop otherwise. Extents double in size up to EXTENT_MAX, so that a short body
 * wastes little and a long one has few. They are held by the draft and by the transaction that
 * adopts them; whoever lets go last frees them unless they were committed.
 */
#include "store/draft.h"

#include "base/scope.h"
#include "base/time.h"
#include "store/segments.h"

#include <errno.h>
#include <stdlib.h>

#define BUFFER_SIZE (1 << 20)                /* bytes */
#define HAND_OVER (BUFFER_SIZE - 128 * 1024) /* from here on a buffer goes to a worker */
#define BUFFER_CEILING ((size_t)64 << 20)
#define FIRST_EXTENT (1 << 20)
#define AT_ONCE ((size_t)(4 * SEAL_FRAME)) /* stays in the second-level cache */
#define RETRY_MS 5                         /* when the workers' queue is full */

struct holding {
    atomic_int holders;
    atomic_bool committed;
    struct store *store;
    struct extent *extents;
    size_t count, cap;
};

enum DRAFT_STATE { DRAFT_IN_MEMORY, DRAFT_SPILLING, DRAFT_CLOSING, DRAFT_DONE };

struct draft_job {
    struct job job;
    struct draft *draft;
};

struct draft {
    struct draft_job jobs[2]; /* what makes the MD5, and what stores */
    struct store *store;
    struct workers *workers;
    struct loop *loop;
    struct draft_events events;
    enum EXTENT_KIND kind;
    struct timer retry;
    enum DRAFT_STATE state;
    int under_way;    /* jobs */
    int put_off;      /* those of them for which the workers had no room yet */
    bool starved;     /* the caller waits for `ready` */
    bool submit_last; /* the jobs under way are the last ones */
    atomic_bool abandoned;
    int error;
    uint64_t len;
    struct buf filling;
    /* the jobs' while they are under way */
    struct buf writing;
    struct digester digester;
    struct digests digests;
    struct holding *holding;
    int lane;           /* of its segments */
    uint32_t room;      /* bytes of content that the last extent has room for */
    uint32_t allocated; /* bytes in its segment */
    int job_error;
};

static struct holding *holding_new(struct store *store)
{
    struct holding *holding = store_alloc(sizeof *holding);
    *holding = (struct holding){.store = store};
    atomic_init(&holding->holders, 1);
    return holding;
}

static void holding_release(struct holding *holding)
{
    if (atomic_fetch_sub(&holding->holders, 1) > 1)
        return;
    if (holding->count && !atomic_load(&holding->committed))
        reclaim_later(holding->store, holding->extents, holding->count);
    free(holding->extents);
    free(holding);
}

static void adoption_end(void *thing, enum TXN_END end)
{
    struct holding *holding = thing;
    if (end == TXN_COMMITTED)
        atomic_store(&holding->committed, true);
    holding_release(holding);
}

void draft_adopt(struct draft *draft, struct txn *txn)
{
    struct holding *holding = draft->holding;
    if (!holding->count)
        return;
    extent_insert(txn, holding->extents, holding->count);
    atomic_fetch_add(&holding->holders, 1);
    txn_at_end(txn, adoption_end, holding);
}

/* The extent that takes the next bytes; begins one when the last is full. On a worker. */
static int extent_for_more(struct draft *draft, struct extent **ret)
{
    struct holding *holding = draft->holding;
    struct extent *last = holding->count ? &holding->extents[holding->count - 1] : NULL;
    if (last && extent_size(last) < draft->room) {
        *ret = last;
        return 0;
    }
    uint32_t size = draft->room ? draft->room * 2 : FIRST_EXTENT;
    size = size < EXTENT_MAX ? size : EXTENT_MAX;
    bool sealed = draft->kind == EXTENT_SEALED;
    uint32_t allocated = sealed ? (uint32_t)seal_sealed_len(size) : size;
    struct extent extent;
    int error = segments_allocate(draft->store, draft->lane, allocated, &extent);
    if (error)
        return error;
    if (sealed)
        seal_begin(&extent.sealing);
    if (holding->count == holding->cap) {
        holding->cap = holding->cap ? holding->cap * 2 : 8;
        holding->extents = store_grow(holding->extents, holding->cap * sizeof extent);
    }
    draft->room = size;
    draft->allocated = allocated;
    *ret = &holding->extents[holding->count];
    holding->extents[holding->count++] = extent;
    return 0;
}

/* Whole frames, except at the end of a body. */
static int append_sealed(struct store *store, struct extent *extent, struct span bytes)
{
    AUTO_FREE char *sealed = store_alloc(seal_sealed_len(AT_ONCE));
    seal_frames(&extent->sealing.key, extent_size(extent) / SEAL_FRAME, bytes, sealed);
    return segments_append(store, extent, span_of(sealed, seal_sealed_len(bytes.len)));
}

/* Digests, seals and appends a little at a time: it is in the cache for all of that. */
static int append_all(struct draft *draft, struct extent *extent, struct span bytes)
{
    int error = 0;
    while (bytes.len && !error) {
        struct span part = span_first(bytes, AT_ONCE);
        digester_feed_some(&draft->digester, ~(unsigned)DIGEST_MD5, part);
        error = draft->kind == EXTENT_SEALED ? append_sealed(draft->store, extent, part)
                                             : segments_append(draft->store, extent, part);
        bytes = span_from(bytes, part.len);
    }
    return error;
}

static int write_out(struct draft *draft, struct span bytes)
{
    while (bytes.len) {
        struct extent *extent;
        int error = extent_for_more(draft, &extent);
        if (error)
            return error;
        struct span part = span_first(bytes, draft->room - extent_size(extent));
        uint32_t before = extent->len;
        error = append_all(draft, extent, part);
        if (error)
            return error;
        segments_write_back(draft->store, extent, before);
        bytes = span_from(bytes, part.len);
    }
    return 0;
}

static void trim_last(struct draft *draft)
{
    struct holding *holding = draft->holding;
    if (!holding->count)
        return;
    segments_trim(draft->store, &holding->extents[holding->count - 1], draft->allocated);
    draft->allocated = holding->extents[holding->count - 1].len;
}

static struct draft *draft_of(struct job *job)
{
    return ((struct draft_job *)((char *)job - offsetof(struct draft_job, job)))->draft;
}

static void run_md5(struct job *job)
{
    struct draft *draft = draft_of(job);
    if (draft->digester.wanted & DIGEST_MD5 && !atomic_load(&draft->abandoned))
        gathering_feed(&draft->store->gathering, &draft->digester.md5, buf_span(&draft->writing));
}

static void run_store(struct job *job)
{
    struct draft *draft = draft_of(job);
    if (atomic_load(&draft->abandoned))
        return;
    int error = write_out(draft, buf_span(&draft->writing));
    if (!error && draft->submit_last) {
        trim_last(draft);
        error = segments_sync(draft->store, draft->holding->extents, draft->holding->count);
    }
    draft->job_error = error;
}

/* What a job allocated and did not fill goes with the rest; the last job has trimmed. */
static void destroy(struct draft *draft)
{
    struct holding *holding = draft->holding;
    if (draft->state != DRAFT_IN_MEMORY && draft->len > DRAFT_INLINE_MAX) {
        gathering_leave(&draft->store->gathering);
        segments_leave(draft->store, draft->lane);
    }
    if (holding->count)
        holding->extents[holding->count - 1].len = draft->allocated;
    holding_release(draft->holding);
    buf_done(&draft->filling);
    buf_done(&draft->writing);
    free(draft);
}

/* When the workers' queue is full, later. */
static void submit_jobs(struct draft *draft)
{
    for (; draft->put_off; draft->put_off--)
        if (workers_submit(draft->workers, &draft->jobs[draft->put_off - 1].job)) {
            loop_timer_set(draft->loop, &draft->retry, clock_steady_ms() + RETRY_MS);
            return;
        }
}

static void retry_due(struct timer *timer)
{
    submit_jobs((struct draft *)((char *)timer - offsetof(struct draft, retry)));
}

/* Frames are sealed whole: what is behind the last one goes back to the buffer that is filled next.
 */
static void keep_part_frame(struct draft *draft)
{
    struct buf *writing = &draft->writing;
    size_t kept = draft->kind == EXTENT_SEALED ? writing->len % SEAL_FRAME : 0;
    writing->len -= kept;
    buf_append(&draft->filling, span_of(writing->at + writing->len, kept));
}

/* Hands the filled buffer to the workers. */
static void submit(struct draft *draft)
{
    struct buf filled = draft->filling;
    draft->filling = draft->writing;
    draft->writing = filled;
    buf_clear(&draft->filling);
    draft->submit_last = draft->state == DRAFT_CLOSING;
    if (!draft->submit_last) {
        (void)buf_room(&draft->filling, BUFFER_SIZE);
        keep_part_frame(draft);
    }
    draft->under_way = draft->put_off = ARRAY_LEN(draft->jobs);
    submit_jobs(draft);
}

/* The callbacks may free the draft, so they come last. */
static void job_done(struct job *job)
{
    struct draft *draft = draft_of(job);
    if (--draft->under_way)
        return;
    if (atomic_load(&draft->abandoned)) {
        destroy(draft);
        return;
    }
    draft->error = draft->job_error;
    if (draft->state == DRAFT_CLOSING) {
        if (!draft->error && !draft->submit_last) {
            submit(draft);
            return;
        }
        digester_finish(&draft->digester, &draft->digests);
        draft->state = DRAFT_DONE;
        draft->events.sealed(draft, draft->events.user, draft->error);
        return;
    }
    if (!draft->starved)
        return;
    draft->starved = false;
    if (!draft->error && draft->filling.len >= HAND_OVER)
        submit(draft);
    draft->events.ready(draft, draft->events.user);
}

struct draft *draft_new(struct store *store, struct workers *workers, struct loop *loop,
                        const struct draft_plan *plan, const struct draft_events *events)
{
    struct draft *draft = store_alloc(sizeof *draft);
    memset(draft, 0, sizeof *draft);
    draft->jobs[0] = (struct draft_job){{.run = run_md5, .done = job_done, .home = loop}, draft};
    draft->jobs[1] = (struct draft_job){{.run = run_store, .done = job_done, .home = loop}, draft};
    draft->store = store;
    draft->workers = workers;
    draft->loop = loop;
    draft->events = *events;
    draft->kind = plan->kind;
    draft->retry.due = retry_due;
    draft->holding = holding_new(store);
    buf_init(&draft->filling, BUFFER_CEILING);
    buf_init(&draft->writing, BUFFER_CEILING);
    digester_init(&draft->digester, plan->digests);
    return draft;
}

int draft_write(struct draft *draft, struct span piece)
{
    if (draft->error)
        return draft->error;
    draft->len += piece.len;
    if (draft->state == DRAFT_IN_MEMORY && draft->len > DRAFT_INLINE_MAX) {
        draft->state = DRAFT_SPILLING;
        gathering_join(&draft->store->gathering);
        draft->lane = segments_enter(draft->store);
        (void)buf_room(&draft->filling, BUFFER_SIZE - draft->filling.len);
    }
    buf_append(&draft->filling, piece);
    if (draft->filling.over)
        return draft->error = -EMSGSIZE;
    if (draft->state == DRAFT_IN_MEMORY || draft->filling.len < HAND_OVER)
        return 0;
    if (!draft->under_way)
        submit(draft);
    draft->starved = draft->filling.len >= HAND_OVER;
    return draft->starved;
}

int draft_seal(struct draft *draft)
{
    if (draft->error)
        return draft->error;
    if (draft->state == DRAFT_IN_MEMORY) {
        digester_feed(&draft->digester, buf_span(&draft->filling));
        digester_finish(&draft->digester, &draft->digests);
        draft->state = DRAFT_DONE;
        return DRAFT_SEALED_NOW;
    }
    draft->state = DRAFT_CLOSING;
    if (!draft->under_way)
        submit(draft);
    return DRAFT_SEALING;
}

uint64_t draft_len(const struct draft *draft)
{
    return draft->len;
}

const struct digests *draft_digests(const struct draft *draft)
{
    return &draft->digests;
}

struct span draft_bytes(const struct draft *draft)
{
    if (draft->len > DRAFT_INLINE_MAX)
        return SPAN_NONE;
    return draft->len ? buf_span(&draft->filling) : S("");
}

const struct extent *draft_extents(const struct draft *draft, size_t *ret_count)
{
    *ret_count = draft->holding->count;
    return draft->holding->extents;
}

void draft_free(struct draft *draft)
{
    if (draft->put_off)
        loop_timer_clear(draft->loop, &draft->retry);
    draft->under_way -= draft->put_off;
    if (draft->under_way)
        atomic_store(&draft->abandoned, true);
    else
        destroy(draft);
}
