// SPDX-License-Identifier: Apache-2.0
/*
 * A queue under one mutex and threads that take from its head. A thread is made when a job finds
 * all others at work, up to the number that is allowed. A job that a worker has run goes home as
 * mail. Signals are blocked on workers: they belong to the thread that waits for them.
 */
#include "loop/workers.h"

#include "base/log.h"
#include "base/scope.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>

struct workers {
    pthread_mutex_t lock;
    pthread_cond_t submitted;
    struct job *first, **last;
    size_t queued, idle, ceiling;
    bool ending;
    int thread_count, most;
    pthread_t threads[];
};

static void deliver_job(struct mail *mail)
{
    struct job *job = (struct job *)((char *)mail - offsetof(struct job, mail));
    job->done(job);
}

static struct job *next_job(struct workers *workers)
{
    GUARD(&workers->lock);
    while (!workers->first) {
        if (workers->ending)
            return NULL;
        workers->idle++;
        pthread_cond_wait(&workers->submitted, &workers->lock);
        workers->idle--;
    }
    struct job *job = workers->first;
    workers->first = job->next;
    if (!workers->first)
        workers->last = &workers->first;
    workers->queued--;
    return job;
}

static void *worker_main(void *start)
{
    struct workers *workers = start;
    for (struct job *job; (job = next_job(workers));) {
        struct loop *home = job->done ? job->home : NULL; /* without `done` run may free the job */
        job->run(job);
        if (!home)
            continue;
        job->mail.deliver = deliver_job;
        loop_post(home, &job->mail);
    }
    return NULL;
}

/* With the lock held, or alone. */
static int start_thread(struct workers *workers)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = pthread_create(&workers->threads[workers->thread_count], NULL, worker_main, workers);
    if (!r)
        workers->thread_count++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -r;
}

int workers_new(struct workers **ret, int threads, size_t queue_ceiling)
{
    struct workers *workers =
        calloc(1, sizeof *workers + (size_t)threads * sizeof workers->threads[0]);
    if (!workers)
        log_fatal("out of memory for %d workers", threads);
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->submitted, NULL);
    workers->last = &workers->first;
    workers->ceiling = queue_ceiling;
    workers->most = threads;
    int r = start_thread(workers);
    if (r < 0) {
        workers_free(workers);
        return r;
    }
    *ret = workers;
    return 0;
}

void workers_free(struct workers *workers)
{
    if (!workers)
        return;
    pthread_mutex_lock(&workers->lock);
    workers->ending = true;
    pthread_cond_broadcast(&workers->submitted);
    pthread_mutex_unlock(&workers->lock);
    for (int i = 0; i < workers->thread_count; i++)
        pthread_join(workers->threads[i], NULL);
    pthread_cond_destroy(&workers->submitted);
    pthread_mutex_destroy(&workers->lock);
    free(workers);
}

int workers_submit(struct workers *workers, struct job *job)
{
    GUARD(&workers->lock);
    if (workers->queued >= workers->ceiling)
        return -EAGAIN;
    job->next = NULL;
    *workers->last = job;
    workers->last = &job->next;
    workers->queued++;
    if (workers->queued > workers->idle && workers->thread_count < workers->most &&
        start_thread(workers) < 0)
        log_debug("a worker cannot be started; the others go on");
    pthread_cond_signal(&workers->submitted);
    return 0;
}
