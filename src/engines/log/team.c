// SPDX-License-Identifier: Apache-2.0
/*
 * Threads that sync files side by side with the flusher. One after the other each sync of a file
 * that grew costs a commit of the file system's journal; at the same time they share one.
 */
#include "engines/log/inside.h"

#include "base/log.h"
#include "base/scope.h"

#include <errno.h>
#include <stdlib.h>

#define HELPERS 3

struct team {
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t work, done;
    const int *fds; /* of the batch */
    size_t count, next, busy;
    int error;
    bool stopping;
    pthread_t helpers[HELPERS];
    size_t helper_count;
};

/* With the mutex held, which is let go for each sync: takes files until none is left. */
static void sync_some(struct team *team)
{
    while (team->next < team->count) {
        int fd = team->fds[team->next++];
        team->busy++;
        pthread_mutex_unlock(&team->mutex);
        int error = fdatasync(fd) ? -errno : 0;
        pthread_mutex_lock(&team->mutex);
        team->busy--;
        if (error)
            team->error = error;
    }
    if (!team->busy)
        pthread_cond_broadcast(&team->done);
}

static void *help(void *thing)
{
    struct team *team = thing;
    GUARD(&team->mutex);
    while (!team->stopping) {
        sync_some(team);
        pthread_cond_wait(&team->work, &team->mutex);
    }
    return NULL;
}

struct team *team_new(void)
{
    struct team *team = log_alloc(sizeof *team);
    *team = (struct team){0};
    pthread_mutex_init(&team->mutex, NULL);
    pthread_cond_init(&team->work, NULL);
    pthread_cond_init(&team->done, NULL);
    return team;
}

void team_free(struct team *team)
{
    if (!team)
        return;
    pthread_mutex_lock(&team->mutex);
    team->stopping = true;
    pthread_cond_broadcast(&team->work);
    pthread_mutex_unlock(&team->mutex);
    while (team->helper_count)
        pthread_join(team->helpers[--team->helper_count], NULL);
    pthread_cond_destroy(&team->work);
    pthread_cond_destroy(&team->done);
    pthread_mutex_destroy(&team->mutex);
    free(team);
}

/* With the first work. */
static void start_helpers(struct team *team)
{
    while (team->helper_count < HELPERS &&
           pthread_create(&team->helpers[team->helper_count], NULL, help, team) == 0)
        team->helper_count++; /* fewer will do */
}

void team_begin(struct team *team, const int *fds, size_t count)
{
    GUARD(&team->mutex);
    team->fds = fds;
    team->count = count;
    team->next = 0;
    team->error = 0;
    if (!count)
        return;
    start_helpers(team);
    pthread_cond_broadcast(&team->work);
}

int team_finish(struct team *team)
{
    GUARD(&team->mutex);
    sync_some(team);
    while (team->busy)
        pthread_cond_wait(&team->done, &team->mutex);
    team->count = team->next = 0;
    return team->error;
}
