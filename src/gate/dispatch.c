// SPDX-License-Identifier: Apache-2.0
/*
 * Runs a handler on the thread that its .ops line names, inside a transaction: committed when a
 * write says OK, rolled back otherwise. Management calls leave an audit record in the same
 * transaction (refused ones: request_answer). `run` is on that thread; everything else on the home
 * loop.
 */
#include "gate/request.h"

#include "base/log.h"

#include <pthread.h>
#include <stddef.h>

/* Extents that the reply will send must outlive the reading: pinned while the transaction still
 * holds its locks. */
static void pin_output(struct request *r)
{
    const struct operation *operation = r->route.operation;
    if (!operation->streaming_output || operation->output_payload == NO_FIELD)
        return;
    const struct field *field = &r->route.service->fields[operation->output_payload];
    const struct body *body = const_struct_at(r->out, field->offset, struct body);
    if (!body->extent_count)
        return;
    r->pinned = body->extents;
    r->pinned_count = body->extent_count;
    extent_pin(r->gate->config->cloud->store, r->pinned, r->pinned_count);
}

/* These write nothing but their audit record, so that is gathered over a tick (audit_read). */
static bool is_read_on_loop(const struct operation *operation)
{
    return operation->thread == THREAD_LOOP && operation->effect == EFFECT_READ;
}

/* What the permission rests on is read in the handler's own transaction. */
static void run_handler(struct request *r)
{
    struct call *c = &r->call;
    const struct operation *operation = r->route.operation;
    const struct service_hooks *hooks = r->route.service->hooks;
    c->txn = txn_begin(r->gate->config->cloud->store);
    r->refusal = request_authorise(r);
    if (!r->refusal)
        r->refusal = operation->run(c, r->in, r->out);
    if (!r->refusal && hooks && hooks->done)
        r->refusal = hooks->done(c, r->in);
    if (r->refusal) {
        r->ticket = txn_rollback(c->txn); /* a refusal may tell of what was read */
        c->txn = NULL;
        return;
    }
    if (c->again_ms) {
        r->ticket = txn_rollback(c->txn);
        c->txn = NULL;
        return;
    }
    if (!is_read_on_loop(operation))
        audit_append(r, c->txn);
    pin_output(r);
    struct txn *txn = c->txn;
    c->txn = NULL;
    int error = txn_commit(txn, &r->ticket);
    /* A full disk refuses writes, but a call that only reads goes on without its audit record. */
    if (error < 0 && operation->effect == EFFECT_WRITE)
        r->refusal = refuse_errno(c, error, "writing to the store");
}

static void run(struct request *r, struct auth_cache *cache)
{
    if (r->route.operation->thread != THREAD_LOOP)
        r->refusal = request_identify(r, cache);
    if (!r->refusal)
        run_handler(r);
    r->call.caller = NULL; /* belongs to the cache of the thread that ran */
}

static void on_again(struct timer *timer)
{
    struct request *r = (struct request *)((char *)timer - offsetof(struct request, again));
    r->call.again_ms = 0;
    request_dispatch(r);
}

/* A handler that has nothing to tell yet is run again; not by a server that is about to end. */
static void returned(struct request *r)
{
    if (r->refusal || !r->call.again_ms || http_is_draining(r->x)) {
        request_answer(r);
        return;
    }
    r->again = (struct timer){.due = on_again};
    loop_timer_set(r->gate->loop, &r->again, r->call.again_ms);
}

static struct request *request_of_mail(struct mail *mail)
{
    return (struct request *)((char *)mail - offsetof(struct request, mail));
}

static struct request *request_of_job(struct job *job)
{
    return (struct request *)((char *)job - offsetof(struct request, job));
}

static void on_return(struct mail *mail)
{
    returned(request_of_mail(mail));
}

static void on_control(struct mail *mail)
{
    struct request *r = request_of_mail(mail);
    run(r, r->gate->config->control_cache);
    r->mail.deliver = on_return;
    loop_post(r->gate->loop, &r->mail);
}

/* Every worker has a cache of identities of its own, made when it runs its first request. */
static pthread_key_t worker_cache_key;

static void worker_cache_free(void *cache)
{
    auth_cache_free(cache);
}

static void worker_cache_key_new(void)
{
    if (pthread_key_create(&worker_cache_key, worker_cache_free))
        log_fatal("no thread key left");
}

static struct auth_cache *worker_cache(struct auth *auth)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, worker_cache_key_new);
    struct auth_cache *cache = pthread_getspecific(worker_cache_key);
    if (!cache) {
        cache = auth_cache_new(auth);
        pthread_setspecific(worker_cache_key, cache);
    }
    return cache;
}

static void on_worker(struct job *job)
{
    struct request *r = request_of_job(job);
    run(r, worker_cache(r->gate->config->cloud->auth));
}

static void on_worked(struct job *job)
{
    returned(request_of_job(job));
}

static void to_worker(struct request *r)
{
    r->job = (struct job){.run = on_worker, .done = on_worked, .home = r->gate->loop};
    if (workers_submit(r->gate->config->cloud->workers, &r->job) == 0)
        return; /* from here on the request is the worker's */
    r->refusal = refuse(&r->call, &ERROR_SERVICE_UNAVAILABLE, "Please reduce your request rate.");
    request_answer(r);
}

void request_dispatch(struct request *r)
{
    switch ((enum THREAD)r->route.operation->thread) {
    case THREAD_LOOP:
        run(r, r->gate->cache);
        if (r->refusal || !is_read_on_loop(r->route.operation))
            request_answer(r);
        else
            audit_read(r);
        return;
    case THREAD_CONTROL:
        r->mail.deliver = on_control;
        loop_post(r->gate->config->control, &r->mail);
        return;
    case THREAD_WORKER:
        to_worker(r);
        return;
    }
}
