// SPDX-License-Identifier: Apache-2.0
/*
 * On-demand streams: "a data stream accommodates up to double the previous peak write throughput
 * observed in the last 30 days" ("Choose the right mode to stream in" of the developer guide).
 * Every few seconds the engine's counters are compared with those of before; the peak of each day
 * is kept with the stream, and its shards are doubled until they take twice the highest. They are
 * halved again when such a peak is 30 days old. Control thread.
 */
#include "services/kinesis/stream.h"

#include "base/log.h"
#include "base/time.h"
#include "loop/loop.h"
#include "services/cloud.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#define LOOK_MS 10000
#define SHARDS_LEAST 4    /* 4 MB/s */
#define SHARDS_MOST 10240 /* 10 GB/s */
#define DAYS 30
#define MIB (1024 * 1024)
#define ARENA_FIRST 16384
#define ARENA_CEILING (256 << 20)

/* What a stream had been given, at a time. */
struct sample {
    struct sample *next;
    struct kinesis_stream stream; /* its record, in the arena */
    int64_t at_ms;                /* steady */
    uint64_t bytes, records;
};

struct look {
    struct arena arena;
    struct sample *samples;
};

struct demand {
    struct cloud *cloud;
    struct timer timer;
    struct look look; /* the last */
};

/* ---- peaks ----------------------------------------------------------------------------------- */

bool demand_note(struct arena *arena, struct kinesis_stream *stream, uint64_t load, int64_t now_ms)
{
    uint64_t today = (uint64_t)(now_ms / DAY_MS), *kept = NULL, known = 0;
    size_t count = 0;
    load = load < UINT32_MAX ? load : UINT32_MAX;
    kept = ARENA_ARRAY(arena, uint64_t, stream->peaks.count + 1);
    for (size_t i = 0; i < stream->peaks.count; i++) {
        uint64_t day = stream->peaks.at[i] >> 32;
        if (day == today)
            known = stream->peaks.at[i] & UINT32_MAX;
        else if (day + DAYS > today)
            kept[count++] = stream->peaks.at[i];
    }
    bool news = load > known || count + (known > 0) < stream->peaks.count;
    kept[count++] = today << 32 | (load > known ? load : known);
    stream->peaks = (struct record_numbers){kept, count};
    return news;
}

/* 4, 8, 16 …, so that every change splits or merges all shards alike. */
size_t demand_shards(const struct kinesis_stream *stream, size_t open)
{
    uint64_t peak = stream->warm * DEMAND_OF_SHARD / 2;
    size_t shards = SHARDS_LEAST;
    for (size_t i = 0; i < stream->peaks.count; i++) {
        uint64_t load = stream->peaks.at[i] & UINT32_MAX;
        peak = load > peak ? load : peak;
    }
    while (shards < SHARDS_MOST && shards * DEMAND_OF_SHARD < 2 * peak)
        shards *= 2;
    bool scarce = open * DEMAND_OF_SHARD < 2 * peak, idle = shards * 2 <= open;
    return !open || scarce || idle ? shards : open;
}

void demand_begin(struct arena *arena, struct kinesis_stream *stream, size_t open)
{
    size_t shards = demand_shards(stream, open);
    stream->state = STREAM_UPDATING;
    if (shards == open)
        return;
    stream->change = ARENA_NEW(arena, struct kinesis_change);
    *stream->change = (struct kinesis_change){.kind = CHANGE_SCALE, .target = shards};
}

/* ---- looking --------------------------------------------------------------------------------- */

static int take_sample(void *user, struct kinesis_stream *stream)
{
    struct look *look = user;
    if (!stream->on_demand || stream->state != STREAM_ACTIVE)
        return 0;
    struct sample *sample = ARENA_NEW(&look->arena, struct sample);
    *sample = (struct sample){.next = look->samples, .stream = *stream};
    look->samples = sample;
    return 0;
}

static int count_input(const struct log_access *access, struct sample *sample, size_t *ret_open)
{
    struct log_stream *log;
    size_t count;
    int error = log_find(access, target_of(access->arena, &sample->stream), &log);
    if (error < 0)
        return error;
    const struct log_lane *lanes = log_lanes(log, &count);
    for (size_t i = 0; i < count; i++) {
        struct log_counters counters;
        log_count(log, lanes[i].number, &counters);
        sample->bytes += counters.bytes_in;
        sample->records += counters.records_in;
    }
    sample->at_ms = clock_steady_ms();
    *ret_open = reshape_count_open(log);
    return 0;
}

static const struct sample *find_before(const struct look *before, const struct sample *sample)
{
    for (const struct sample *old = before->samples; old; old = old->next) {
        const struct kinesis_stream *stream = &old->stream;
        if (span_eq(stream->name, sample->stream.name) &&
            span_eq(stream->account, sample->stream.account) &&
            span_eq(stream->region, sample->stream.region) &&
            stream->created == sample->stream.created)
            return old;
    }
    return NULL;
}

/* In thousandths of what a shard takes, by bytes or by records. */
static uint64_t load_between(const struct sample *before, const struct sample *now)
{
    if (!before || now->at_ms <= before->at_ms || now->bytes < before->bytes)
        return 0;
    uint64_t ms = (uint64_t)(now->at_ms - before->at_ms);
    uint64_t bytes = (now->bytes - before->bytes) * DEMAND_OF_SHARD / ms * 1000 / MIB;
    uint64_t records = (now->records - before->records) * 1000 / ms * DEMAND_OF_SHARD / 1000;
    return bytes > records ? bytes : records;
}

/* A transaction of its own. */
static int follow(struct demand *demand, struct look *look, struct sample *sample)
{
    uint64_t ticket;
    size_t open;
    struct txn *txn = txn_begin(demand->cloud->store);
    struct log_access access = {demand->cloud->log, txn, &look->arena};
    int error = count_input(&access, sample, &open);
    if (error < 0) {
        txn_rollback(txn);
        return error == -ENOENT ? 0 : error;
    }
    struct kinesis_stream *stream = &sample->stream;
    uint64_t load = load_between(find_before(&demand->look, sample), sample);
    bool news = demand_note(&look->arena, stream, load, clock_now_ms());
    if (demand_shards(stream, open) != open) {
        demand_begin(&look->arena, stream, open);
        step_begin(demand->cloud, txn, stream);
    } else if (news) {
        kinesis_stream_put(txn, stream);
    }
    return txn_commit(txn, &ticket);
}

static int look_at_all(struct demand *demand, struct look *look)
{
    struct txn *txn = txn_begin(demand->cloud->store);
    int error =
        kinesis_stream_each(txn, &(struct kinesis_stream){0}, 0, &look->arena, take_sample, look);
    txn_rollback(txn);
    for (struct sample *it = look->samples; it && error >= 0; it = it->next)
        error = follow(demand, look, it);
    return error;
}

static void on_look(struct timer *timer)
{
    struct demand *demand = (struct demand *)((char *)timer - offsetof(struct demand, timer));
    struct look look = {0};
    arena_init(&look.arena, ARENA_FIRST, ARENA_CEILING);
    int error = look_at_all(demand, &look);
    if (error < 0)
        log_error("kinesis: looking at on-demand streams: %s", strerror(-error));
    arena_done(&demand->look.arena);
    demand->look = look;
    loop_timer_set(demand->cloud->control, &demand->timer, clock_steady_ms() + LOOK_MS);
}

void demand_new(struct demand **ret, struct cloud *cloud)
{
    struct demand *demand = calloc(1, sizeof *demand);
    if (!demand)
        log_fatal("out of memory");
    demand->cloud = cloud;
    demand->timer.due = on_look;
    arena_init(&demand->look.arena, ARENA_FIRST, ARENA_CEILING);
    loop_timer_set(cloud->control, &demand->timer, clock_steady_ms() + LOOK_MS);
    *ret = demand;
}

void demand_free(struct demand *demand)
{
    arena_done(&demand->look.arena);
    free(demand);
}
