// SPDX-License-Identifier: Apache-2.0
/*
 * Works like a group commit: one thread at a time leads, takes all that wait and hashes them in
 * lanes; the first of those that came meanwhile leads next. Few streams are not worth waiting for,
 * so as long as nobody waits up to GATHERING_ALONE hash by themselves, in parallel.
 */
#include "store/gathering.h"

void gathering_init(struct gathering *gathering)
{
    *gathering = (struct gathering){.first = NULL};
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

/* Takes those that wait, the leader among them, and hashes them. Mutex held before and after. */
static void lead(struct gathering *gathering)
{
    struct gathered *taken[GATHERING_MAX];
    struct md5_piece pieces[GATHERING_MAX];
    size_t count = 0;
    for (; gathering->first && count < GATHERING_MAX; count++) {
        taken[count] = gathering->first;
        pieces[count] = taken[count]->piece;
        gathering->first = taken[count]->next;
    }
    if (!gathering->first)
        gathering->last = &gathering->first;
    pthread_mutex_unlock(&gathering->mutex);
    md5_feed_many(pieces, count);
    pthread_mutex_lock(&gathering->mutex);
    for (size_t i = 0; i < count; i++) {
        taken[i]->state = GATHERED_DONE;
        pthread_cond_signal(&taken[i]->moved);
    }
    gathering->together = false;
}

static void wait_turn(struct gathering *gathering, const struct md5_piece *piece)
{
    struct gathered mine = {.piece = *piece, .state = GATHERED_WAITS};
    pthread_cond_init(&mine.moved, NULL);
    *gathering->last = &mine;
    gathering->last = &mine.next;
    while (mine.state == GATHERED_WAITS)
        pthread_cond_wait(&mine.moved, &gathering->mutex);
    if (mine.state == GATHERED_LEADS) {
        lead(gathering);
        call_next(gathering);
    }
    pthread_cond_destroy(&mine.moved);
}

void gathering_feed(struct gathering *gathering, MD5_CTX *md5, struct span bytes)
{
    struct md5_piece piece = {md5, bytes};
    pthread_mutex_lock(&gathering->mutex);
    if (gathering->first || gathering->together || gathering->alone == GATHERING_ALONE) {
        wait_turn(gathering, &piece);
    } else {
        gathering->alone++;
        pthread_mutex_unlock(&gathering->mutex);
        md5_feed_many(&piece, 1);
        pthread_mutex_lock(&gathering->mutex);
        gathering->alone--;
        call_next(gathering);
    }
    pthread_mutex_unlock(&gathering->mutex);
}
