// SPDX-License-Identifier: Apache-2.0
/*
 * Records lie in chunks that never move, so the table of recent writes can point into them. The
 * mutex orders commits: ticket, bytes and visibility of one are settled before the next begins. Any
 * thread.
 */
#include "store/commits.h"

#include "base/hash.h"
#include "base/scope.h"
#include "store/inside.h"
#include "store/recent.h"

#include <stdlib.h>

#define CHUNK_BYTES ((512 << 10) - sizeof(struct chunk))
#define SPARE_MAX 4
#define UNSETTLED_MAX (64 << 20) /* bytes; then commits wait for the settler */

static struct chunk *chunk_new(size_t cap)
{
    struct chunk *chunk = store_alloc(sizeof *chunk + cap);
    *chunk = (struct chunk){.cap = cap};
    return chunk;
}

void commits_init(struct commits *commits, uint64_t latest)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
    pthread_mutex_init(&commits->mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    pthread_cond_init(&commits->settled_more, NULL);
    commits->first = commits->last = chunk_new(CHUNK_BYTES);
    commits->written = commits->settled = (struct place){commits->first, 0, latest};
    atomic_store(&commits->latest, latest);
}

static void chunks_free(struct chunk *chunk)
{
    while (chunk) {
        struct chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
}

void commits_done(struct commits *commits)
{
    if (!commits->first)
        return;
    chunks_free(commits->first);
    chunks_free(commits->spare);
    pthread_mutex_destroy(&commits->mutex);
    pthread_cond_destroy(&commits->settled_more);
}

/* With the mutex held. */
static struct chunk *chunk_with_room(struct commits *commits, size_t size)
{
    struct chunk *chunk = commits->last;
    if (size <= chunk->cap - chunk->len)
        return chunk;
    if (size <= CHUNK_BYTES && commits->spare) {
        chunk = commits->spare;
        commits->spare = chunk->next;
        commits->spare_count--;
        chunk->next = NULL;
        chunk->len = 0;
    } else {
        chunk = chunk_new(size > CHUNK_BYTES ? size : CHUNK_BYTES);
    }
    commits->last->next = chunk;
    commits->last = chunk;
    return chunk;
}

/* With the mutex held. */
static void wait_for_settler(struct store *store)
{
    while (store->commits.unsettled > UNSETTLED_MAX && !atomic_load(&store->failed))
        pthread_cond_wait(&store->commits.settled_more, &store->commits.mutex);
}

static void make_visible(struct store *store, const struct writes *writes, const char *body,
                         uint64_t ticket)
{
    for (uint32_t i = 0; i < writes->count; i++)
        if (write_is_carried(body + writes->at[i].begin))
            store->commits.carried = ticket;
        else
            recent_put(store->recent, writes->at[i].hash, body + writes->at[i].begin, ticket);
}

uint64_t commits_add(struct store *store, const struct writes *writes)
{
    struct commits *commits = &store->commits;
    struct span body = buf_span(&writes->bytes);
    size_t size = sizeof(struct record_head) + body.len;
    struct record_head head = {.body_crc = crc32c_feed(0, body), .body_len = (uint32_t)body.len};
    GUARD(&commits->mutex);
    wait_for_settler(store);
    struct chunk *chunk = chunk_with_room(commits, size);
    char *to = chunk->bytes + chunk->len;
    head.ticket = atomic_load_explicit(&commits->latest, memory_order_relaxed) + 1;
    memcpy(to, &head, sizeof head);
    memcpy(to + sizeof head, body.at, body.len);
    chunk->len += size;
    make_visible(store, writes, to + sizeof head, head.ticket);
    atomic_store_explicit(&commits->latest, head.ticket, memory_order_release);
    bool was_little = commits->unsettled < SETTLE_BYTES;
    bool was_none = commits->unsettled == 0;
    commits->unsettled += size;
    if (was_none || (was_little && commits->unsettled >= SETTLE_BYTES))
        settler_wake(store);
    if (commits->unsettled >= PRESSING_BYTES)
        settler_hurry(store);
    return head.ticket;
}

struct place commits_end(struct commits *commits)
{
    GUARD(&commits->mutex);
    return (struct place){commits->last, commits->last->len,
                          atomic_load_explicit(&commits->latest, memory_order_relaxed)};
}

struct record_head record_head_at(const char *at)
{
    struct record_head head;
    memcpy(&head, at, sizeof head);
    return head;
}

/* A chunk that has a successor does not grow any more. */
bool commits_next(struct place *from, const struct place *to, struct span *ret_piece)
{
    if (from->chunk != to->chunk && from->at == from->chunk->len)
        *from = (struct place){from->chunk->next, 0, from->ticket};
    bool last = from->chunk == to->chunk;
    size_t end = last ? to->at : from->chunk->len;
    *ret_piece = span_of(from->chunk->bytes + from->at, end - from->at);
    if (!ret_piece->len)
        return false;
    uint64_t ticket = from->ticket;
    for (const char *at = ret_piece->at; at < ret_piece->at + ret_piece->len;) {
        struct record_head head = record_head_at(at);
        ticket = head.ticket;
        at += sizeof head + head.body_len;
    }
    *from = (struct place){from->chunk, end, ticket};
    return true;
}

/* With the mutex held. */
static void free_passed(struct commits *commits)
{
    while (commits->first != commits->written.chunk && commits->first != commits->settled.chunk) {
        struct chunk *chunk = commits->first;
        commits->first = chunk->next;
        if (chunk->cap != CHUNK_BYTES || commits->spare_count == SPARE_MAX) {
            free(chunk);
            continue;
        }
        chunk->next = commits->spare;
        commits->spare = chunk;
        commits->spare_count++;
    }
}

void commits_pass(struct commits *commits, struct place *reader, const struct place *to)
{
    GUARD(&commits->mutex);
    *reader = *to;
    free_passed(commits);
}
