// SPDX-License-Identifier: Apache-2.0
/*
 * The states of streams and consumers. A handler writes the record in a moving state and a
 * `pending` record in one commit; once that is durable the control thread takes the step:
 *
 *   CREATING   the engine makes the stream      -> ACTIVE
 *   UPDATING   one reshaping of shards, or the settings -> UPDATING again while more is to do, else
 * ACTIVE DELETING   the record goes
 *
 * and drops the `pending` record when nothing is left to do. A step is one transaction of its own,
 * so after a crash it is either still pending or done. No clock is in it: a waiter waits for the
 * durable log only. Control thread; the wake comes from the flusher's.
 */
#include "services/kinesis/kinesis.h"

#include "base/id.h"
#include "base/log.h"
#include "base/time.h"
#include "loop/loop.h"
#include "services/kinesis/channel.h"
#include "services/kinesis/hash_key.h"
#include "services/kinesis/pace.h"
#include "services/kinesis/queue.h"
#include "services/kinesis/secret.h"
#include "services/kinesis/stream.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#define STEPS_AT_ONCE 32
#define FAILED_MS 1000
#define ARENA_FIRST 16384
#define ARENA_CEILING (256 << 20)

struct kinesis {
    struct cloud *cloud;
    struct demand *demand;
    struct courier *courier;
    struct pace *pace;
    struct hmac_key secret;
    struct mail mail;
    struct timer again;
    atomic_bool posted;
};

const struct hmac_key *secret_key(const struct call *c)
{
    return &c->cloud->kinesis->secret;
}

struct pace *kinesis_pace(const struct cloud *cloud)
{
    return cloud->kinesis->pace;
}

struct courier *kinesis_courier(const struct cloud *cloud)
{
    return cloud->kinesis->courier;
}

/* On the flusher's thread. */
static void wake(void *thing)
{
    struct kinesis *kinesis = thing;
    if (!atomic_exchange(&kinesis->posted, true))
        loop_post(kinesis->cloud->control, &kinesis->mail);
}

static void put_pending(struct cloud *cloud, struct txn *txn, const struct kinesis_pending *pending)
{
    kinesis_pending_put(txn, pending);
    txn_after_durable(txn, wake, cloud->kinesis);
}

void step_begin(struct cloud *cloud, struct txn *txn, const struct kinesis_stream *stream)
{
    kinesis_stream_put(txn, stream);
    put_pending(cloud, txn,
                &(struct kinesis_pending){.account = stream->account,
                                          .region = stream->region,
                                          .name = stream->name,
                                          .consumer = S(""),
                                          .here = true});
}

void step_put_stream(struct call *c, const struct kinesis_stream *stream)
{
    step_begin(c->cloud, c->txn, stream);
}

void step_put_consumer(struct call *c, const struct kinesis_fanout *consumer)
{
    kinesis_fanout_put(c->txn, consumer);
    put_pending(c->cloud, c->txn,
                &(struct kinesis_pending){.account = consumer->account,
                                          .region = consumer->region,
                                          .name = consumer->stream,
                                          .consumer = consumer->name,
                                          .here = true});
}

void step_put_queue(struct call *c, const struct kinesis_queue *queue)
{
    kinesis_queue_put(c->txn, queue);
    put_pending(c->cloud, c->txn,
                &(struct kinesis_pending){.account = queue->account,
                                          .region = queue->region,
                                          .name = S(""), /* of no stream */
                                          .consumer = queue->id,
                                          .here = true});
}

/* ---- one step: 0, 1: more is to do, or negative errno --------------------------------------- */

static int step_create(const struct log_access *access, struct kinesis_stream *stream)
{
    size_t count = stream->change ? (size_t)stream->change->target : 1;
    struct log_lane *lanes = ARENA_ARRAY(access->arena, struct log_lane, count);
    struct log_settings settings = stream_settings(stream);
    for (size_t i = 0; i < count; i++) {
        lanes[i].first = hash_key_part(i, count);
        lanes[i].last =
            i + 1 < count ? hash_key_before(hash_key_part(i + 1, count)) : HASH_KEY_LAST;
    }
    stream->change = NULL;
    stream->state = STREAM_ACTIVE;
    kinesis_stream_put(access->txn, stream);
    return log_create(access, target_of(access->arena, stream), &settings, lanes, count,
                      stream->created);
}

/* The engine learns of what begins with ACTIVE. */
static int adjust(const struct log_access *access, const struct kinesis_stream *stream)
{
    struct log_settings settings = stream_settings(stream);
    return log_adjust(access, target_of(access->arena, stream), &settings);
}

static int step_update(const struct log_access *access, struct kinesis_stream *stream)
{
    int error =
        stream->change ? reshape_step(access, stream, clock_now_ms()) : adjust(access, stream);
    if (error < 0)
        return error;
    if (!stream->change)
        stream->state = STREAM_ACTIVE;
    kinesis_stream_put(access->txn, stream);
    return stream->change != NULL;
}

static int step_delete(const struct log_access *access, struct kinesis_stream *stream)
{
    kinesis_stream_delete(access->txn, stream);
    return 0;
}

static int (*const stream_steps[])(const struct log_access *, struct kinesis_stream *) = {
    [STREAM_CREATING] = step_create,
    [STREAM_UPDATING] = step_update,
    [STREAM_DELETING] = step_delete,
};

static int step_stream(const struct log_access *access, const struct kinesis_pending *pending)
{
    struct kinesis_stream stream = {
        .account = pending->account, .region = pending->region, .name = pending->name};
    int error = kinesis_stream_get(access->txn, access->arena, &stream);
    if (error < 0)
        return error == -ENOENT ? 0 : error;
    bool moves = stream.state < ARRAY_LEN(stream_steps) && stream_steps[stream.state];
    return moves ? stream_steps[stream.state](access, &stream) : 0;
}

static int step_consumer(const struct log_access *access, const struct kinesis_pending *pending)
{
    struct kinesis_fanout consumer = {.account = pending->account,
                                      .region = pending->region,
                                      .stream = pending->name,
                                      .name = pending->consumer};
    int error = kinesis_fanout_get(access->txn, access->arena, &consumer);
    if (error < 0)
        return error == -ENOENT ? 0 : error;
    if (consumer.state == CONSUMER_CREATING) {
        consumer.state = CONSUMER_ACTIVE;
        kinesis_fanout_put(access->txn, &consumer);
    } else if (consumer.state == CONSUMER_DELETING) {
        kinesis_fanout_delete(access->txn, &consumer);
    }
    return 0;
}

static int step_queue(const struct log_access *access, const struct kinesis_pending *pending)
{
    struct kinesis_queue queue = {
        .account = pending->account, .region = pending->region, .id = pending->consumer};
    int error = kinesis_queue_get(access->txn, access->arena, &queue);
    if (error < 0)
        return error == -ENOENT ? 0 : error;
    return queue_step(access, &queue, clock_now_ms());
}

static int step_one(const struct log_access *access, const struct kinesis_pending *pending)
{
    if (!pending->consumer.len)
        return step_stream(access, pending);
    return pending->name.len ? step_consumer(access, pending) : step_queue(access, pending);
}

/* ---- taking them ----------------------------------------------------------------------------- */

struct batch {
    struct arena *arena;
    struct kinesis_pending at[STEPS_AT_ONCE];
    size_t count;
};

static int take_pending(void *user, struct kinesis_pending *pending)
{
    struct batch *batch = user;
    batch->at[batch->count++] = (struct kinesis_pending){
        .account = arena_copy(batch->arena, pending->account),
        .region = arena_copy(batch->arena, pending->region),
        .name = arena_copy(batch->arena, pending->name),
        .consumer = arena_copy(batch->arena, pending->consumer),
    };
    return batch->count == STEPS_AT_ONCE;
}

static int find_pending(struct kinesis *kinesis, struct batch *batch)
{
    struct txn *txn = txn_begin(kinesis->cloud->store);
    int error = kinesis_pending_each(txn, &(struct kinesis_pending){0}, 0, batch->arena,
                                     take_pending, batch);
    txn_rollback(txn);
    return error;
}

/* A transaction of its own: the engine changes a stream once in each. */
static int take_step(struct kinesis *kinesis, struct arena *arena,
                     const struct kinesis_pending *pending)
{
    uint64_t ticket;
    struct log_access access = {
        .log = kinesis->cloud->log, .txn = txn_begin(kinesis->cloud->store), .arena = arena};
    int more = step_one(&access, pending);
    if (more < 0) {
        txn_rollback(access.txn);
        return more;
    }
    if (!more)
        kinesis_pending_delete(access.txn, pending);
    int error = txn_commit(access.txn, &ticket);
    return error < 0 ? error : more;
}

/* 1 when there is more to do. */
static int take_steps(struct kinesis *kinesis, struct arena *arena)
{
    struct batch *batch = ARENA_NEW(arena, struct batch);
    batch->arena = arena;
    int error = find_pending(kinesis, batch), more = batch->count == STEPS_AT_ONCE;
    for (size_t i = 0; i < batch->count && error >= 0; i++) {
        error = take_step(kinesis, arena, &batch->at[i]);
        more |= error == 1;
    }
    return error < 0 ? error : more;
}

static void on_wake(struct mail *mail)
{
    struct kinesis *kinesis = (struct kinesis *)((char *)mail - offsetof(struct kinesis, mail));
    struct arena arena;
    atomic_store(&kinesis->posted, false);
    arena_init(&arena, ARENA_FIRST, ARENA_CEILING);
    int more = take_steps(kinesis, &arena);
    arena_done(&arena);
    if (more > 0)
        wake(kinesis);
    if (more < 0) {
        log_error("kinesis: the next step of a stream: %s", strerror(-more));
        loop_timer_set(kinesis->cloud->control, &kinesis->again, clock_steady_ms() + FAILED_MS);
    }
}

static void on_again(struct timer *timer)
{
    wake((struct kinesis *)((char *)timer - offsetof(struct kinesis, again)));
}

/* ---- start and end --------------------------------------------------------------------------- */

static int load_secret(struct kinesis *kinesis, struct arena *arena)
{
    char bytes[SHA256_SIZE];
    uint64_t ticket;
    struct kinesis_secret secret = {.id = 1};
    struct txn *txn = txn_begin(kinesis->cloud->store);
    int error = kinesis_secret_get(txn, arena, &secret);
    if (error == -ENOENT) {
        random_bytes(bytes, sizeof bytes);
        secret.bytes = span_of(bytes, sizeof bytes);
        kinesis_secret_put(txn, &secret);
        error = 0;
    }
    if (!error)
        hmac_key_init(&kinesis->secret, secret.bytes);
    if (error < 0) {
        txn_rollback(txn);
        return error;
    }
    return txn_commit(txn, &ticket);
}

int kinesis_new(struct cloud *cloud, struct kinesis **ret)
{
    struct arena arena;
    struct kinesis *kinesis = calloc(1, sizeof *kinesis);
    if (!kinesis)
        log_fatal("out of memory");
    kinesis->cloud = cloud;
    kinesis->mail.deliver = on_wake;
    kinesis->again.due = on_again;
    demand_new(&kinesis->demand, cloud);
    kinesis->courier = courier_new(cloud);
    kinesis->pace = pace_new();
    *ret = kinesis;
    arena_init(&arena, ARENA_FIRST, ARENA_CEILING);
    int error = load_secret(kinesis, &arena);
    arena_done(&arena);
    if (!error) {
        wake(kinesis);
        courier_start(kinesis->courier);
    }
    return error;
}

void kinesis_free(struct kinesis *kinesis)
{
    if (!kinesis)
        return;
    demand_free(kinesis->demand);
    courier_free(kinesis->courier);
    pace_free(kinesis->pace);
    free(kinesis);
}
