// SPDX-License-Identifier: Apache-2.0
/*
 * SplitShard, MergeShards, UpdateShardCount. A handler checks and writes down what shall become of
 * the shards; step.c has it done here. A scaling is a series of reshapings, each of which splits or
 * merges many shards at once, as the real service does it with temporary shards, until all open
 * shards are even parts. Control thread.
 */
#include "services/kinesis/stream.h"

#include "services/kinesis/hash_key.h"

#include <errno.h>
#include <stdlib.h>

#define SCALINGS_A_DAY 10

/* ---- the handlers ---------------------------------------------------------------------------- */

static RESULT check_provisioned(struct call *c, const struct kinesis_stream *stream,
                                const char *operation)
{
    if (!stream->on_demand)
        return OK;
    return refuse(c, &KINESIS_VALIDATION_EXCEPTION,
                  "%s is only supported for the data streams with the provisioned capacity mode.",
                  operation);
}

static RESULT check_active(struct call *c, const struct kinesis_stream *stream)
{
    struct span state = stream_state_name(stream->state);
    if (stream->state == STREAM_ACTIVE)
        return OK;
    return refuse(c, &KINESIS_RESOURCE_IN_USE_EXCEPTION,
                  "Stream %.*s under account %.*s not ACTIVE, instead in state %.*s",
                  SPAN_ARG(stream->name), SPAN_ARG(stream->account), SPAN_ARG(state));
}

static RESULT no_shard(struct call *c, const struct kinesis_stream *stream, struct span shard)
{
    return refuse(c, &KINESIS_RESOURCE_NOT_FOUND_EXCEPTION,
                  "Could not find shard %.*s in stream %.*s under account %.*s.", SPAN_ARG(shard),
                  SPAN_ARG(stream->name), SPAN_ARG(stream->account));
}

static RESULT find_shard(struct call *c, const struct kinesis_stream *stream, struct span text,
                         const struct log_lane **ret)
{
    uint32_t number;
    struct log_stream *log;
    if (!shard_read_id(text, &number))
        return no_shard(c, stream, text);
    if (stream->state == STREAM_CREATING || stream->state == STREAM_DELETING)
        return check_active(c, stream);
    TRY(target_log(c, stream, &log));
    *ret = log_lane_numbered(log, number);
    if (!*ret || !shard_is_shown(log, *ret, c->now_ms))
        return no_shard(c, stream, shard_id(c->arena, number));
    return OK;
}

static RESULT check_open(struct call *c, const struct kinesis_stream *stream,
                         const struct log_lane *lane)
{
    struct span id = shard_id(c->arena, lane->number);
    if (!lane->closed_ms)
        return OK;
    return refuse(c, &KINESIS_RESOURCE_IN_USE_EXCEPTION,
                  "Shard %.*s in stream %.*s under account %.*s has already been merged or split, "
                  "and thus is not eligible for merging or splitting.",
                  SPAN_ARG(id), SPAN_ARG(stream->name), SPAN_ARG(stream->account));
}

static void begin_change(struct call *c, struct kinesis_stream *stream,
                         const struct kinesis_change *change)
{
    stream->change = ARENA_NEW(c->arena, struct kinesis_change);
    *stream->change = *change;
    stream->state = STREAM_UPDATING;
    step_put_stream(c, stream);
}

RESULT kinesis_split_shard(struct call *c, const struct kinesis_split_shard_in *in,
                           struct kinesis_split_shard_out *out)
{
    struct kinesis_stream stream;
    const struct log_lane *lane;
    struct log_hash hash;
    TRY(target_stream(c, TARGET(in), &stream));
    TRY(find_shard(c, &stream, in->shard_to_split, &lane));
    TRY(check_provisioned(c, &stream, "SplitShard"));
    TRY(stream_check_shards(c, 1));
    if (!hash_key_read(in->new_starting_hash_key, &hash) ||
        log_hash_compare(hash, hash_key_after(lane->first)) <= 0 ||
        log_hash_compare(hash, lane->last) >= 0)
        return refuse(
            c, &KINESIS_INVALID_ARGUMENT_EXCEPTION,
            "NewStartingHashKey %.*s used in SplitShard() on shard %.*s in stream %.*s under "
            "account %.*s is not both greater than one plus the shard's StartingHashKey %.*s and "
            "less than the shard's EndingHashKey %.*s.",
            SPAN_ARG(in->new_starting_hash_key), SPAN_ARG(shard_id(c->arena, lane->number)),
            SPAN_ARG(stream.name), SPAN_ARG(stream.account),
            SPAN_ARG(hash_key_print(c->arena, lane->first)),
            SPAN_ARG(hash_key_print(c->arena, lane->last)));
    TRY(check_active(c, &stream));
    TRY(check_open(c, &stream, lane));
    begin_change(c, &stream,
                 &(struct kinesis_change){.kind = CHANGE_SPLIT,
                                          .shard = lane->number,
                                          .hash_high = hash.high,
                                          .hash_low = hash.low});
    return OK;
}

static bool are_adjacent(const struct log_lane *left, const struct log_lane *right)
{
    return log_hash_compare(left->last, right->first) < 0 &&
           log_hash_compare(hash_key_after(left->last), right->first) == 0;
}

RESULT kinesis_merge_shards(struct call *c, const struct kinesis_merge_shards_in *in,
                            struct kinesis_merge_shards_out *out)
{
    struct kinesis_stream stream;
    const struct log_lane *lane, *adjacent;
    TRY(target_stream(c, TARGET(in), &stream));
    TRY(find_shard(c, &stream, in->shard_to_merge, &lane));
    TRY(find_shard(c, &stream, in->adjacent_shard_to_merge, &adjacent));
    TRY(check_provisioned(c, &stream, "MergeShards"));
    if (!are_adjacent(lane, adjacent) && !are_adjacent(adjacent, lane))
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION,
                      "Shards %.*s and %.*s in stream %.*s under account %.*s are not an adjacent "
                      "pair of shards eligible for merging",
                      SPAN_ARG(shard_id(c->arena, lane->number)),
                      SPAN_ARG(shard_id(c->arena, adjacent->number)), SPAN_ARG(stream.name),
                      SPAN_ARG(stream.account));
    TRY(check_active(c, &stream));
    TRY(check_open(c, &stream, lane));
    TRY(check_open(c, &stream, adjacent));
    begin_change(c, &stream,
                 &(struct kinesis_change){
                     .kind = CHANGE_MERGE, .shard = lane->number, .adjacent = adjacent->number});
    return OK;
}

size_t reshape_count_open(const struct log_stream *log)
{
    size_t count, open = 0;
    const struct log_lane *lanes = log_lanes(log, &count);
    for (size_t i = 0; i < count; i++)
        open += !lanes[i].closed_ms;
    return open;
}

/* Source: "UpdateShardCount" of the API reference. */
static RESULT check_target(struct call *c, size_t open, size_t target)
{
    if (target > open * 2)
        return refuse(c, &KINESIS_LIMIT_EXCEEDED_EXCEPTION,
                      "UpdateShardCount cannot scale up over double your current open shard count. "
                      "Current open shard count: %zu, Target shard count: %zu",
                      open, target);
    if (target * 2 < open)
        return refuse(c, &KINESIS_LIMIT_EXCEEDED_EXCEPTION,
                      "UpdateShardCount cannot scale down below half your current open shard "
                      "count. Current open shard count: %zu, Target shard count: %zu",
                      open, target);
    if (target > (size_t)stream_shard_limit(c))
        return refuse(c, &KINESIS_LIMIT_EXCEEDED_EXCEPTION,
                      "Target shard count or number of open shards cannot be greater than %d. "
                      "Current open shard count: %zu, Target shard count: %zu",
                      stream_shard_limit(c), open, target);
    return OK;
}

/* Counts this scaling against those of the last day. */
static RESULT note_scaling(struct call *c, struct kinesis_stream *stream)
{
    if (stream_note(c, &stream->scaled, SCALINGS_A_DAY))
        return OK;
    return refuse(c, &KINESIS_LIMIT_EXCEEDED_EXCEPTION,
                  "You can call UpdateShardCount at most %d times per rolling 24-hour period "
                  "per stream.",
                  SCALINGS_A_DAY);
}

RESULT kinesis_update_shard_count(struct call *c, const struct kinesis_update_shard_count_in *in,
                                  struct kinesis_update_shard_count_out *out)
{
    struct kinesis_stream stream;
    struct log_stream *log;
    size_t target = (size_t)in->target_shard_count;
    TRY(target_active(c, TARGET(in), &stream));
    TRY(check_provisioned(c, &stream, "UpdateShardCount"));
    TRY(target_log(c, &stream, &log));
    size_t open = reshape_count_open(log);
    TRY(check_target(c, open, target));
    if (target > open)
        TRY(stream_check_shards(c, target - open));
    TRY(note_scaling(c, &stream));
    begin_change(c, &stream, &(struct kinesis_change){.kind = CHANGE_SCALE, .target = target});
    out->stream_name = stream.name;
    out->stream_arn = target_arn(c, &stream);
    SET(out, current_shard_count, (int32_t)open);
    SET(out, target_shard_count, in->target_shard_count);
    return OK;
}

/* ---- the steps ------------------------------------------------------------------------------- */

/* A reshaping while it is put together. */
struct plan {
    const struct log_lane *lanes;
    uint32_t *closed;
    struct log_lane *opened;
    size_t closed_count, opened_count;
};

static void plan_split(struct plan *plan, uint32_t number, struct log_hash at)
{
    const struct log_lane *parent = &plan->lanes[number];
    plan->closed[plan->closed_count++] = number;
    plan->opened[plan->opened_count++] = (struct log_lane){.first = parent->first,
                                                           .last = hash_key_before(at),
                                                           .parents = {number},
                                                           .parent_count = 1};
    plan->opened[plan->opened_count++] = (struct log_lane){
        .first = at, .last = parent->last, .parents = {number}, .parent_count = 1};
}

static void plan_merge(struct plan *plan, uint32_t a, uint32_t b)
{
    bool ordered = log_hash_compare(plan->lanes[a].first, plan->lanes[b].first) < 0;
    plan->closed[plan->closed_count++] = a;
    plan->closed[plan->closed_count++] = b;
    plan->opened[plan->opened_count++] =
        (struct log_lane){.first = plan->lanes[ordered ? a : b].first,
                          .last = plan->lanes[ordered ? b : a].last,
                          .parents = {a, b},
                          .parent_count = 2};
}

static int first_compare(const void *a, const void *b, void *thing)
{
    const struct log_lane *lanes = thing;
    return log_hash_compare(lanes[*(const uint32_t *)a].first, lanes[*(const uint32_t *)b].first);
}

/* The even part that begins last at or before `hash`. */
static uint64_t part_of(struct log_hash hash, uint64_t parts)
{
    uint64_t low = 0, high = parts;
    while (high - low > 1) {
        uint64_t middle = (low + high) / 2;
        if (log_hash_compare(hash_key_part(middle, parts), hash) <= 0)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Every shard that reaches over a border is split at its middle one; false when there is none. */
static bool plan_splits(struct plan *plan, const uint32_t *open, size_t count, uint64_t target)
{
    for (size_t i = 0; i < count; i++) {
        const struct log_lane *lane = &plan->lanes[open[i]];
        uint64_t from = part_of(lane->first, target), to = part_of(lane->last, target);
        if (from != to)
            plan_split(plan, open[i], hash_key_part((from + to + 1) / 2, target));
    }
    return plan->closed_count > 0;
}

/* Neighbours within one part are merged in pairs. */
static void plan_merges(struct plan *plan, const uint32_t *open, size_t count, uint64_t target)
{
    for (size_t i = 0; i + 1 < count; i++) {
        const struct log_lane *left = &plan->lanes[open[i]], *right = &plan->lanes[open[i + 1]];
        if (part_of(left->first, target) != part_of(right->first, target))
            continue;
        plan_merge(plan, open[i], open[i + 1]);
        i++;
    }
}

static void plan_scaling(struct plan *plan, struct arena *arena, size_t count, uint64_t target)
{
    size_t open_count = 0;
    uint32_t *open = ARENA_ARRAY(arena, uint32_t, count);
    for (size_t i = 0; i < count; i++)
        if (!plan->lanes[i].closed_ms)
            open[open_count++] = (uint32_t)i;
    qsort_r(open, open_count, sizeof *open, first_compare, (void *)(uintptr_t)plan->lanes);
    if (!plan_splits(plan, open, open_count, target))
        plan_merges(plan, open, open_count, target);
}

int reshape_step(const struct log_access *access, struct kinesis_stream *stream, int64_t now_ms)
{
    struct kinesis_change *change = stream->change;
    struct log_stream *log;
    size_t count;
    if (!change)
        return 0;
    struct span name = target_of(access->arena, stream);
    int error = log_find(access, name, &log);
    if (error < 0)
        return error;
    struct plan plan = {.lanes = log_lanes(log, &count)};
    plan.closed = ARENA_ARRAY(access->arena, uint32_t, count + 2);
    plan.opened = ARENA_ARRAY(access->arena, struct log_lane, 2 * count + 2);
    if (change->kind == CHANGE_SPLIT)
        plan_split(&plan, (uint32_t)change->shard,
                   (struct log_hash){change->hash_high, change->hash_low});
    else if (change->kind == CHANGE_MERGE)
        plan_merge(&plan, (uint32_t)change->shard, (uint32_t)change->adjacent);
    else
        plan_scaling(&plan, access->arena, count, change->target);
    if (change->kind != CHANGE_SCALE || !plan.closed_count)
        stream->change = NULL;
    if (!plan.closed_count)
        return 0;
    struct log_change wanted = {plan.closed, plan.closed_count, plan.opened, plan.opened_count};
    return log_reshape(access, name, &wanted, now_ms);
}
