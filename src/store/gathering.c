// SPDX-License-Identifier: Apache-2.0
/*
 * Works like a bus: one thread at a time leads, and hashes the pieces of all that wait in lanes, in
 * short turns between which others get on and off. When its own piece is at its end the next one
 * leads. Streams that have a processor each are not worth waiting for: they hash by themselves, in
 * parallel.
 */
#include "store/gathering.h"

#include <unistd.h>

void gathering_init(struct gathering *gathering)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    *gathering =
        (struct gathering){.few = processors > GATHERING_FEW ? (int)processors : GATHERING_FEW};
    gathering->last = &gathering->first;
    pthread_mutex_init(&gathering->mutex, NULL);
}

void gathering_done(struct gathering *gathering)
{
    pthread_mutex_destroy(&gathering->mutex);
}

/* With the mutex held: the first that waits shall lead, if nobody does. */
static void call_next(struct gathering *gathering)
{
    if (gathering->together || !gathering->first)
        return;
    gathering->together = true;
    gathering->first->state = GATHERED_LEADS;
    pthread_cond_signal(&gathering->first->moved);
}

/* Those that the leader hashes; itself is the first. */
struct riders {
    struct gathered *at[GATHERING_MAX];
    size_t count;
};

/* With the mutex held. */
static void take_waiting(struct gathering *gathering, struct riders *riders)
{
    while (gathering->first && riders->count < GATHERING_MAX) {
        riders->at[riders->count++] = gathering->first;
        gathering->first = gathering->first->next;
        gathering->waiting--;
    }
    if (!gathering->first)
        gathering->last = &gathering->first;
}

/* Without the mutex: who waits looks at nothing but its state. */
static void hash_turn(const struct riders *riders)
{
    struct md5_piece pieces[GATHERING_MAX];
    for (size_t i = 0; i < riders->count; i++) {
        struct md5_piece *rest = &riders->at[i]->piece;
        pieces[i] = (struct md5_piece){rest->md5, span_first(rest->bytes, GATHERING_TURN)};
        rest->bytes = span_from(rest->bytes, GATHERING_TURN);
    }
    md5_feed_many(pieces, riders->count);
}

/* With the mutex held: those at their end may go. */
static void let_off(struct riders *riders)
{
    size_t kept = 0;
    for (size_t i = 0; i < riders->count; i++) {
        struct gathered *rider = riders->at[i];
        if (rider->piece.bytes.len) {
            riders->at[kept++] = rider;
        } else {
            rider->state = GATHERED_DONE;
            pthread_cond_signal(&rider->moved);
        }
    }
    riders->count = kept;
}

/* With the mutex held: those that are not at their end go to the head of the queue. */
static void hand_over(struct gathering *gathering, const struct riders *riders)
{
    for (size_t i = riders->count; i; i--) {
        struct gathered *rider = riders->at[i - 1];
        if (!gathering->first)
            gathering->last = &rider->next;
        rider->next = gathering->first;
        gathering->first = rider;
        gathering->waiting++;
    }
    gathering->leader = NULL;
    gathering->together = false;
    call_next(gathering);
}

static bool is_worth_it(const struct gathering *gathering)
{
    int streams = atomic_load_explicit(&gathering->streams, memory_order_relaxed);
    return gathering->waiting >= GATHERING_GOOD || (int)gathering->waiting >= streams;
}

/* The other streams are seldom far: their bytes come in turns. Mutex held before and after. */
static void wait_for_company(struct gathering *gathering, struct gathered *mine)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += GATHERING_WAIT_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    int error = 0;
    while (!error && !is_worth_it(gathering))
        error = pthread_cond_clockwait(&mine->moved, &gathering->mutex, CLOCK_MONOTONIC, &until);
}

/* Hashes until its own piece is at its end. Mutex held before and after. */
static void lead(struct gathering *gathering, struct gathered *mine)
{
    struct riders riders = {.count = 0};
    gathering->leader = mine;
    wait_for_company(gathering, mine);
    while (mine->state != GATHERED_DONE) {
        take_waiting(gathering, &riders);
        pthread_mutex_unlock(&gathering->mutex);
        hash_turn(&riders);
        pthread_mutex_lock(&gathering->mutex);
        let_off(&riders);
    }
    hand_over(gathering, &riders);
}

static void wait_turn(struct gathering *gathering, const struct md5_piece *piece)
{
    struct gathered mine = {.piece = *piece, .state = GATHERED_WAITS};
    pthread_cond_init(&mine.moved, NULL);
    *gathering->last = &mine;
    gathering->last = &mine.next;
    gathering->waiting++;
    call_next(gathering);
    if (gathering->leader && is_worth_it(gathering))
        pthread_cond_signal(&gathering->leader->moved);
    while (mine.state == GATHERED_WAITS)
        pthread_cond_wait(&mine.moved, &gathering->mutex);
    if (mine.state == GATHERED_LEADS)
        lead(gathering, &mine);
    pthread_cond_destroy(&mine.moved);
}

void gathering_join(struct gathering *gathering)
{
    atomic_fetch_add_explicit(&gathering->streams, 1, memory_order_relaxed);
}

void gathering_leave(struct gathering *gathering)
{
    atomic_fetch_sub_explicit(&gathering->streams, 1, memory_order_relaxed);
}

void gathering_feed(struct gathering *gathering, MD5_CTX *md5, struct span bytes)
{
    struct md5_piece piece = {md5, bytes};
    if (atomic_load_explicit(&gathering->streams, memory_order_relaxed) <= gathering->few) {
        md5_feed_many(&piece, 1);
        return;
    }
    pthread_mutex_lock(&gathering->mutex);
    wait_turn(gathering, &piece);
    pthread_mutex_unlock(&gathering->mutex);
}
