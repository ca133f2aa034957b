// SPDX-License-Identifier: Apache-2.0
/*
 * Shards as the wire has them, and ListShards. A shard is told of while it is open and as long as
 * it may hold records; which ones a filter means is said in "ShardFilter" of the API reference.
 */
#include "services/kinesis/stream.h"

#include "services/cloud.h"
#include "services/kinesis/bookmark.h"
#include "services/kinesis/hash_key.h"
#include "services/kinesis/secret.h"
#include "services/kinesis/sequence.h"

#define LIST_DEFAULT 1000
#define NO_SHARD UINT64_MAX

struct span shard_id(struct arena *arena, uint32_t number)
{
    return arena_printf(arena, "shardId-%012u", number);
}

bool shard_read_id(struct span text, uint32_t *ret)
{
    uint64_t number;
    struct span prefix = S("shardId-");
    struct span digits = span_starts(text, prefix) ? span_from(text, prefix.len) : text;
    if (!digits.len || !span_to_u64(digits, &number) || number > INT32_MAX)
        return false;
    *ret = (uint32_t)number;
    return true;
}

void shard_describe(struct arena *arena, const struct log_lane *lane, struct kinesis_shard *ret)
{
    *ret = (struct kinesis_shard){.shard_id = shard_id(arena, lane->number)};
    if (lane->parent_count > 0)
        ret->parent_shard_id = shard_id(arena, lane->parents[0]);
    if (lane->parent_count > 1)
        ret->adjacent_parent_shard_id = shard_id(arena, lane->parents[1]);
    ret->hash_key_range = ARENA_NEW(arena, struct kinesis_hash_key_range);
    ret->hash_key_range->starting_hash_key = hash_key_print(arena, lane->first);
    ret->hash_key_range->ending_hash_key = hash_key_print(arena, lane->last);
    ret->sequence_number_range = ARENA_NEW(arena, struct kinesis_sequence_number_range);
    ret->sequence_number_range->starting_sequence_number = sequence_of_begin(arena, lane);
    if (lane->closed_ms)
        ret->sequence_number_range->ending_sequence_number = sequence_of_end(arena, lane);
}

bool shard_is_shown(const struct log_stream *stream, const struct log_lane *lane, int64_t now_ms)
{
    return !lane->closed_ms || lane->closed_ms >= log_horizon(stream, now_ms);
}

static bool has_parent(const struct log_lane *lane, uint32_t parent)
{
    for (uint32_t i = 0; i < lane->parent_count; i++)
        if (lane->parents[i] == parent)
            return true;
    return false;
}

struct kinesis_child_shard_list shard_children(struct arena *arena, const struct log_stream *stream,
                                               uint32_t parent)
{
    size_t count;
    const struct log_lane *lanes = log_lanes(stream, &count);
    struct kinesis_child_shard_list list = {.at =
                                                ARENA_ARRAY(arena, struct kinesis_child_shard, 2)};
    for (size_t i = parent + 1; i < count && list.count < 2; i++) {
        if (!has_parent(&lanes[i], parent))
            continue;
        struct kinesis_child_shard *child = &list.at[list.count++];
        child->shard_id = shard_id(arena, lanes[i].number);
        child->parent_shards.at = ARENA_ARRAY(arena, struct span, LOG_PARENTS_MAX);
        child->parent_shards.count = lanes[i].parent_count;
        for (uint32_t j = 0; j < lanes[i].parent_count; j++)
            child->parent_shards.at[j] = shard_id(arena, lanes[i].parents[j]);
        child->hash_key_range = ARENA_NEW(arena, struct kinesis_hash_key_range);
        child->hash_key_range->starting_hash_key = hash_key_print(arena, lanes[i].first);
        child->hash_key_range->ending_hash_key = hash_key_print(arena, lanes[i].last);
    }
    return list;
}

/* ---- ListShards ------------------------------------------------------------------------------ */

enum FILTER {
    FILTER_NONE,
    FILTER_AFTER_SHARD_ID,
    FILTER_AT_TRIM_HORIZON,
    FILTER_FROM_TRIM_HORIZON,
    FILTER_AT_LATEST,
    FILTER_AT_TIMESTAMP,
    FILTER_FROM_TIMESTAMP,
};

static const struct span filter_names[] = {
    [FILTER_AFTER_SHARD_ID] = S_INIT("AFTER_SHARD_ID"),
    [FILTER_AT_TRIM_HORIZON] = S_INIT("AT_TRIM_HORIZON"),
    [FILTER_FROM_TRIM_HORIZON] = S_INIT("FROM_TRIM_HORIZON"),
    [FILTER_AT_LATEST] = S_INIT("AT_LATEST"),
    [FILTER_AT_TIMESTAMP] = S_INIT("AT_TIMESTAMP"),
    [FILTER_FROM_TIMESTAMP] = S_INIT("FROM_TIMESTAMP"),
};

/* What is listed: from a request, or from the token of its first page. */
struct listing {
    struct kinesis_stream key;
    enum FILTER filter;
    int64_t time_ms;
    uint64_t after; /* NO_SHARD: from the first */
    size_t limit;
};

static RESULT read_filter(struct call *c, const struct kinesis_shard_filter *filter,
                          struct listing *listing)
{
    uint32_t number;
    if (!filter)
        return OK;
    for (size_t i = FILTER_AFTER_SHARD_ID; i < ARRAY_LEN(filter_names); i++)
        if (span_eq(filter->type, filter_names[i]))
            listing->filter = (enum FILTER)i;
    bool timed = listing->filter == FILTER_AT_TIMESTAMP || listing->filter == FILTER_FROM_TIMESTAMP;
    if (timed && !filter->has.timestamp)
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION,
                      "ShardFilter of type %.*s needs a Timestamp.", SPAN_ARG(filter->type));
    listing->time_ms = filter->timestamp;
    if (listing->filter != FILTER_AFTER_SHARD_ID)
        return OK;
    if (!shard_read_id(filter->shard_id, &number))
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION,
                      "ShardFilter of type AFTER_SHARD_ID needs a ShardId.");
    listing->after = number;
    return OK;
}

static RESULT read_request(struct call *c, const struct kinesis_list_shards_in *in,
                           struct listing *listing)
{
    uint32_t number;
    struct kinesis_stream stream;
    if (!in->stream_name.at && !in->stream_arn.at)
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION,
                      "Either NextToken or StreamName should be provided.");
    TRY(target_stream(c, TARGET(in), &stream));
    if (in->has.stream_creation_timestamp &&
        in->stream_creation_timestamp / 1000 != stream.created / 1000)
        return target_not_found(c, &stream);
    listing->key = stream;
    listing->after = NO_SHARD;
    TRY(read_filter(c, in->shard_filter, listing));
    if (!in->exclusive_start_shard_id.at)
        return OK;
    if (!shard_read_id(in->exclusive_start_shard_id, &number))
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION, "Invalid ExclusiveStartShardId: %.*s",
                      SPAN_ARG(in->exclusive_start_shard_id));
    listing->after = number;
    return OK;
}

/* The filter and the time ride in the place's numbers. */
static RESULT read_token(struct call *c, const struct kinesis_list_shards_in *in,
                         struct listing *listing)
{
    struct bookmark token;
    struct kinesis_stream stream;
    if (in->stream_name.at || in->stream_arn.at)
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION,
                      "NextToken and StreamName cannot be provided together.");
    if (!bookmark_read(c->arena, secret_key(c), BOOKMARK_SHARDS, in->next_token, &token) ||
        !span_eq(token.account, c->account) || !span_eq(token.region, c->region))
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION, "Invalid NextToken.");
    if (c->now_ms - token.issued_ms > BOOKMARK_LIFE_MS)
        return refuse(c, &KINESIS_EXPIRED_NEXT_TOKEN_EXCEPTION, "NextToken has expired.");
    TRY(target_stream(c, (struct target){.name = token.stream}, &stream));
    listing->key = stream;
    listing->filter = (enum FILTER)token.place.index;
    listing->time_ms = (int64_t)token.place.base;
    listing->after = token.shard;
    listing->limit = (size_t)token.limit;
    return OK;
}

static struct span next_token(struct call *c, const struct listing *listing, uint32_t last)
{
    struct bookmark token = {
        .kind = BOOKMARK_SHARDS,
        .account = listing->key.account,
        .region = listing->key.region,
        .stream = listing->key.name,
        .issued_ms = c->now_ms,
        .shard = last,
        .place = {.index = listing->filter, .base = (uint64_t)listing->time_ms},
        .limit = listing->limit,
    };
    return bookmark_print(c->arena, secret_key(c), &token);
}

static bool passes(const struct listing *listing, const struct log_stream *stream,
                   const struct log_lane *lane, int64_t now_ms)
{
    int64_t horizon_ms = log_horizon(stream, now_ms);
    int64_t at_ms = horizon_ms > listing->key.created ? horizon_ms : listing->key.created;
    switch (listing->filter) {
    case FILTER_AT_LATEST:
        return !lane->closed_ms;
    case FILTER_AT_TIMESTAMP:
    case FILTER_FROM_TIMESTAMP:
        at_ms = listing->time_ms > at_ms ? listing->time_ms : at_ms;
        break;
    case FILTER_AT_TRIM_HORIZON:
        break;
    case FILTER_NONE:
    case FILTER_AFTER_SHARD_ID:
    case FILTER_FROM_TRIM_HORIZON:
        return true;
    }
    bool lasted = !lane->closed_ms || lane->closed_ms >= at_ms;
    bool begun = lane->created_ms <= at_ms || lane->parent_count == 0;
    return lasted && (begun || listing->filter == FILTER_FROM_TIMESTAMP);
}

RESULT kinesis_list_shards(struct call *c, const struct kinesis_list_shards_in *in,
                           struct kinesis_list_shards_out *out)
{
    struct listing listing = {.limit =
                                  in->has.max_results ? (size_t)in->max_results : LIST_DEFAULT};
    struct log_stream *stream;
    size_t count;
    TRY(in->next_token.at ? read_token(c, in, &listing) : read_request(c, in, &listing));
    out->shards.at = ARENA_ARRAY(c->arena, struct kinesis_shard, 1);
    if (listing.key.state == STREAM_CREATING || listing.key.state == STREAM_DELETING)
        return OK;
    TRY(target_log(c, &listing.key, &stream));
    const struct log_lane *lanes = log_lanes(stream, &count);
    size_t from = listing.after == NO_SHARD ? 0 : (size_t)listing.after + 1;
    size_t most = count > from ? count - from : 0;
    out->shards.at = ARENA_ARRAY(c->arena, struct kinesis_shard, most);
    for (size_t i = from; i < count; i++) {
        if (!shard_is_shown(stream, &lanes[i], c->now_ms) ||
            !passes(&listing, stream, &lanes[i], c->now_ms))
            continue;
        if (out->shards.count == listing.limit) {
            out->next_token = next_token(c, &listing, lanes[i].number - 1);
            return OK;
        }
        shard_describe(c->arena, &lanes[i], &out->shards.at[out->shards.count++]);
    }
    return OK;
}
