// SPDX-License-Identifier: Apache-2.0
/*
 * What carries the parcels of channels. States move on the control thread (CREATING -> ACTIVE or
 * FAILED, UPDATING -> ACTIVE, DELETING -> gone), and while the worker's job is not out, so the job
 * alone writes how far channels have come, and states never change under it. A job sends one parcel
 * of each channel whose time it is; a timer of the clock that tests move waits for the next time.
 */
#include "services/kinesis/channel.h"

#include "base/log.h"
#include "base/time.h"
#include "loop/workers.h"
#include "services/cloud.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#define RETRY_MS 10000 /* after a bucket refused */
#define ARENA_FIRST 65536
#define ARENA_CEILING (512 << 20)

struct courier {
    struct cloud *cloud;
    struct mail mail;
    struct timer timer;
    struct job job;
    atomic_bool posted;
    bool out, again;
    int64_t next_ms; /* the job's: when there is more to do; INT64_MAX: never */
};

static struct call call_of(struct cloud *cloud, struct arena *arena)
{
    arena_init(arena, ARENA_FIRST, ARENA_CEILING);
    return (struct call){.arena = arena,
                         .now_ms = clock_now_ms(),
                         .request_id = S("channel"),
                         .service = &kinesis_service,
                         .protocol = kinesis_service.protocol,
                         .txn = txn_begin(cloud->store),
                         .cloud = cloud};
}

/* ---- on a worker ----------------------------------------------------------------------------- */

static int64_t send_one(struct cloud *cloud, const struct kinesis_channel *channel)
{
    struct arena arena;
    uint64_t ticket;
    int64_t due_ms = INT64_MAX;
    struct call c = call_of(cloud, &arena);
    const struct refusal *refusal = parcel_send(&c, channel, &due_ms);
    if (refusal) {
        log_warn("kinesis: channel %.*s: %s: %.*s", SPAN_ARG(channel->name), refusal->kind->code,
                 SPAN_ARG(refusal->message));
        txn_rollback(c.txn);
        due_ms = c.now_ms + RETRY_MS;
    } else {
        int error = txn_commit(c.txn, &ticket);
        if (error < 0) {
            log_error("kinesis: channel %.*s: %s", SPAN_ARG(channel->name), strerror(-error));
            due_ms = c.now_ms + RETRY_MS;
        }
    }
    arena_done(&arena);
    return due_ms;
}

struct errand {
    struct errand *next;
    struct kinesis_channel channel;
};

struct round {
    struct arena *arena;
    struct errand *errands;
};

static int take_active(void *user, struct kinesis_channel *channel)
{
    struct round *round = user;
    if (channel->state != CHANNEL_ACTIVE)
        return 0;
    struct errand *errand = ARENA_NEW(round->arena, struct errand);
    *errand = (struct errand){round->errands, *channel};
    round->errands = errand;
    return 0;
}

static void run(struct job *job)
{
    struct courier *courier = (struct courier *)((char *)job - offsetof(struct courier, job));
    struct arena arena;
    struct call c = call_of(courier->cloud, &arena);
    struct round round = {.arena = &arena};
    int error =
        kinesis_channel_each(c.txn, &(struct kinesis_channel){0}, 0, &arena, take_active, &round);
    txn_rollback(c.txn);
    courier->next_ms = error < 0 ? c.now_ms + RETRY_MS : INT64_MAX;
    for (struct errand *it = round.errands; it && !error; it = it->next) {
        int64_t due_ms = send_one(courier->cloud, &it->channel);
        courier->next_ms = due_ms < courier->next_ms ? due_ms : courier->next_ms;
    }
    arena_done(&arena);
}

/* ---- states ---------------------------------------------------------------------------------- */

static struct kinesis_delivery delivery_of(const struct kinesis_channel *channel)
{
    return (struct kinesis_delivery){
        .account = channel->account, .region = channel->region, .id = channel->id};
}

/* "Data delivery does not backfill": it begins at the ends of the shards. */
static int begin_delivery(struct call *c, const struct kinesis_channel *channel)
{
    size_t count;
    struct log_stream *log;
    struct log_access access = target_access(c);
    struct kinesis_delivery delivery = delivery_of(channel);
    const struct kinesis_stream stream = {
        .account = channel->account, .region = channel->region, .name = channel->stream};
    int error = log_find(&access, target_of(c->arena, &stream), &log);
    if (error < 0)
        return error;
    const struct log_lane *lanes = log_lanes(log, &count);
    delivery.passed.at = ARENA_ARRAY(c->arena, struct kinesis_passed, count);
    for (size_t i = 0; i < count && !error; i++) {
        struct log_place end = log_place_of(0);
        error = log_end(&access, log, lanes[i].number, &end);
        delivery.passed.at[delivery.passed.count++] =
            (struct kinesis_passed){lanes[i].number, end.index};
    }
    delivery.examined = delivery.passed;
    delivery.due = c->now_ms + (int64_t)channel->freshness_s * 1000;
    kinesis_delivery_put(c->txn, &delivery);
    return error;
}

static int settle_creating(struct call *c, struct kinesis_channel *channel)
{
    struct call own = *c;
    const struct refusal *refusal = channel_act(&own, channel);
    channel->reason = refusal ? refusal->message : channel_obstacle(&own, channel);
    channel->state = channel->reason.at ? CHANNEL_FAILED : CHANNEL_ACTIVE;
    return channel->reason.at ? 0 : begin_delivery(c, channel);
}

/* What waits is delivered no later than the new freshness wants it. */
static int settle_updating(struct call *c, struct kinesis_channel *channel)
{
    struct kinesis_delivery delivery = delivery_of(channel);
    int64_t due_ms = c->now_ms + (int64_t)channel->freshness_s * 1000;
    int error = kinesis_delivery_get(c->txn, c->arena, &delivery);
    if (error < 0)
        return error;
    delivery.due = due_ms < delivery.due ? due_ms : delivery.due;
    kinesis_delivery_put(c->txn, &delivery);
    channel->state = CHANNEL_ACTIVE;
    return 0;
}

static int settle(void *user, struct kinesis_channel *channel)
{
    struct call *c = user;
    int error = 0;
    if (channel->state == CHANNEL_DELETING) {
        const struct kinesis_delivery delivery = delivery_of(channel);
        kinesis_delivery_delete(c->txn, &delivery);
        kinesis_channel_delete(c->txn, channel);
        return 0;
    }
    if (channel->state != CHANNEL_CREATING && channel->state != CHANNEL_UPDATING)
        return 0;
    error = channel->state == CHANNEL_CREATING ? settle_creating(c, channel)
                                               : settle_updating(c, channel);
    kinesis_channel_put(c->txn, channel);
    return error;
}

static int settle_all(struct cloud *cloud)
{
    struct arena arena;
    uint64_t ticket;
    struct call c = call_of(cloud, &arena);
    int error = kinesis_channel_each(c.txn, &(struct kinesis_channel){0}, 0, &arena, settle, &c);
    if (error < 0)
        txn_rollback(c.txn);
    else
        error = txn_commit(c.txn, &ticket);
    arena_done(&arena);
    return error;
}

/* ---- on the control loop --------------------------------------------------------------------- */

static void come_again(struct courier *courier, int64_t in_ms)
{
    loop_timer_set(courier->cloud->control, &courier->timer, clock_steady_ms() + in_ms);
}

static void go(struct courier *courier)
{
    courier->again = courier->out;
    if (courier->out)
        return;
    int error = settle_all(courier->cloud);
    if (!error)
        error = workers_submit(courier->cloud->workers, &courier->job);
    courier->out = !error;
    if (!error)
        return;
    log_error("kinesis: channels: %s", strerror(-error));
    come_again(courier, RETRY_MS);
}

static void done(struct job *job)
{
    struct courier *courier = (struct courier *)((char *)job - offsetof(struct courier, job));
    int64_t in_ms = courier->next_ms - clock_now_ms();
    courier->out = false;
    if (courier->again || in_ms <= 0)
        go(courier);
    else if (courier->next_ms != INT64_MAX)
        come_again(courier, in_ms);
}

static void on_timer(struct timer *timer)
{
    go((struct courier *)((char *)timer - offsetof(struct courier, timer)));
}

static void on_mail(struct mail *mail)
{
    struct courier *courier = (struct courier *)((char *)mail - offsetof(struct courier, mail));
    atomic_store(&courier->posted, false);
    go(courier);
}

/* On the flusher's thread. */
static void post(void *thing)
{
    struct courier *courier = thing;
    if (!atomic_exchange(&courier->posted, true))
        loop_post(courier->cloud->control, &courier->mail);
}

void courier_wake(struct call *c)
{
    txn_after_durable(c->txn, post, kinesis_courier(c->cloud));
}

void courier_start(struct courier *courier)
{
    post(courier);
}

struct courier *courier_new(struct cloud *cloud)
{
    struct courier *courier = calloc(1, sizeof *courier);
    if (!courier)
        log_fatal("out of memory");
    courier->cloud = cloud;
    courier->mail.deliver = on_mail;
    courier->timer.due = on_timer;
    courier->job = (struct job){.run = run, .done = done, .home = cloud->control};
    return courier;
}

void courier_free(struct courier *courier)
{
    free(courier);
}
