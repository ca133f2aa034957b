// SPDX-License-Identifier: Apache-2.0
/* ListStreams, DescribeStream. Any thread. */
#include "services/dynamodbstreams/stream.h"

#include "services/dynamodbstreams/iterator.h"

#include <errno.h>

#define LIST_MAX 100

RESULT dynamodbstreams_find(struct call *c, struct span arn, struct dynamodb_stream_view *ret)
{
    int error = dynamodb_stream_find(c, arn, ret);
    if (error == -EINVAL)
        return refuse(c, &DYNAMODBSTREAMS_VALIDATION_EXCEPTION, "Invalid StreamArn: %.*s",
                      SPAN_ARG(arn));
    if (error == -ENOENT)
        return refuse(c, &DYNAMODBSTREAMS_RESOURCE_NOT_FOUND_EXCEPTION,
                      "Requested resource not found: Stream: %.*s not found", SPAN_ARG(arn));
    return error < 0 ? refuse_errno(c, error, "finding a stream") : OK;
}

RESULT dynamodbstreams_look(struct call *c, const struct dynamodb_stream_view *stream,
                            struct kv_stream_state *ret)
{
    const struct kv_access access = dynamodb_access(c);
    int error = kv_stream_look(&access, stream->id, ret);
    return error < 0 ? refuse_errno(c, error, "looking at a stream") : OK;
}

struct span dynamodbstreams_shard_id(struct call *c, const struct kv_stream_shard *shard)
{
    return arena_printf(c->arena, "shardId-%020lld-%08llx", (long long)shard->opened_ms,
                        (unsigned long long)shard->number);
}

RESULT dynamodbstreams_shard(struct call *c, const struct dynamodb_stream_view *stream,
                             const struct kv_stream_state *state, struct span id,
                             const struct kv_stream_shard **ret)
{
    for (size_t i = 0; i < state->shard_count; i++)
        if (span_eq(dynamodbstreams_shard_id(c, &state->shards[i]), id)) {
            *ret = &state->shards[i];
            return OK;
        }
    return refuse(c, &DYNAMODBSTREAMS_RESOURCE_NOT_FOUND_EXCEPTION,
                  "Requested resource not found: Shard: %.*s in Stream: %.*s not found",
                  SPAN_ARG(id), SPAN_ARG(stream->arn));
}

/* ---- ListStreams ---------------------------------------------------------------------------- */

struct listing {
    struct dynamodbstreams_stream_list streams;
    size_t limit;
    bool more;
};

static int take_stream(void *user, const struct dynamodb_stream_view *stream)
{
    struct listing *listing = user;
    if (listing->streams.count == listing->limit) {
        listing->more = true;
        return 1;
    }
    listing->streams.at[listing->streams.count++] = (struct dynamodbstreams_stream){
        .stream_arn = stream->arn, .table_name = stream->table, .stream_label = stream->label};
    return 0;
}

RESULT dynamodbstreams_list_streams(struct call *c,
                                    const struct dynamodbstreams_list_streams_in *in,
                                    struct dynamodbstreams_list_streams_out *out)
{
    struct listing listing = {.limit = in->has.limit && in->limit < LIST_MAX ? (size_t)in->limit
                                                                             : LIST_MAX};
    listing.streams.at = ARENA_ARRAY(c->arena, struct dynamodbstreams_stream, listing.limit);
    int error = dynamodb_stream_each(
        c, &(struct dynamodb_stream_walk){.table = in->table_name,
                                          .after = in->exclusive_start_stream_arn,
                                          .visit = take_stream,
                                          .user = &listing});
    if (error == -EINVAL || error == -ENOENT)
        return refuse(c, &DYNAMODBSTREAMS_VALIDATION_EXCEPTION, "Invalid StreamArn: %.*s",
                      SPAN_ARG(in->exclusive_start_stream_arn));
    if (error < 0)
        return refuse_errno(c, error, "listing streams");
    out->streams = listing.streams;
    if (listing.more)
        out->last_evaluated_stream_arn = listing.streams.at[listing.streams.count - 1].stream_arn;
    return OK;
}

/* ---- DescribeStream ------------------------------------------------------------------------- */

static void show_shard(struct call *c, const struct kv_stream_state *state, size_t i,
                       struct dynamodbstreams_shard *to)
{
    const struct kv_stream_shard *shard = &state->shards[i];
    to->shard_id = dynamodbstreams_shard_id(c, shard);
    to->sequence_number_range = ARENA_NEW(c->arena, struct dynamodbstreams_sequence_number_range);
    to->sequence_number_range->starting_sequence_number = iterator_sequence_print(c, shard->first);
    if (shard->last)
        to->sequence_number_range->ending_sequence_number = iterator_sequence_print(c, shard->last);
    if (i)
        to->parent_shard_id = dynamodbstreams_shard_id(c, shard - 1);
}

/* Where the answer begins, and which shard alone is wanted (CHILD_SHARDS). */
static RESULT shard_from(struct call *c, const struct dynamodbstreams_describe_stream_in *in,
                         const struct dynamodb_stream_view *stream,
                         const struct kv_stream_state *state, size_t *ret)
{
    const struct kv_stream_shard *shard;
    *ret = 0;
    if (!span_is_absent(in->exclusive_start_shard_id)) {
        TRY(dynamodbstreams_shard(c, stream, state, in->exclusive_start_shard_id, &shard));
        *ret = (size_t)(shard - state->shards) + 1;
    }
    if (!in->shard_filter)
        return OK;
    if (span_is_absent(in->shard_filter->type) || span_is_absent(in->shard_filter->shard_id))
        return refuse(c, &DYNAMODBSTREAMS_VALIDATION_EXCEPTION,
                      "ShardFilter needs both Type and ShardId");
    TRY(dynamodbstreams_shard(c, stream, state, in->shard_filter->shard_id, &shard));
    size_t child = (size_t)(shard - state->shards) + 1;
    *ret = *ret <= child ? child : state->shard_count;
    return OK;
}

static void show_keys(struct call *c, const struct dynamodb_stream_view *stream,
                      struct dynamodbstreams_key_schema *ret)
{
    ret->at = ARENA_ARRAY(c->arena, struct dynamodbstreams_key_schema_element, 2);
    ret->at[0] = (struct dynamodbstreams_key_schema_element){stream->hash_name, S("HASH")};
    ret->at[1] = (struct dynamodbstreams_key_schema_element){stream->range_name, S("RANGE")};
    ret->count = stream->range_name.at ? 2 : 1;
}

RESULT dynamodbstreams_describe_stream(struct call *c,
                                       const struct dynamodbstreams_describe_stream_in *in,
                                       struct dynamodbstreams_describe_stream_out *out)
{
    struct dynamodb_stream_view stream;
    struct kv_stream_state state;
    size_t from;
    TRY(dynamodbstreams_find(c, in->stream_arn, &stream));
    TRY(dynamodbstreams_look(c, &stream, &state));
    TRY(shard_from(c, in, &stream, &state, &from));

    size_t limit = in->has.limit && in->limit < LIST_MAX ? (size_t)in->limit : LIST_MAX;
    if (in->shard_filter)
        limit = 1;
    struct dynamodbstreams_stream_description *to =
        ARENA_NEW(c->arena, struct dynamodbstreams_stream_description);
    to->stream_arn = stream.arn;
    to->stream_label = stream.label;
    to->table_name = stream.table;
    to->stream_view_type = stream.view;
    to->stream_status = stream.open ? S("ENABLED") : S("DISABLED");
    SET(to, creation_request_date_time, stream.created_ms);
    show_keys(c, &stream, &to->key_schema);
    to->shards.at = ARENA_ARRAY(c->arena, struct dynamodbstreams_shard, state.shard_count);
    for (size_t i = from; i < state.shard_count && to->shards.count < limit; i++)
        show_shard(c, &state, i, &to->shards.at[to->shards.count++]);
    if (from + to->shards.count < state.shard_count && !in->shard_filter)
        to->last_evaluated_shard_id = to->shards.at[to->shards.count - 1].shard_id;
    out->stream_description = to;
    return OK;
}

extern const struct service_hooks dynamodbstreams_hooks;
const struct service_hooks dynamodbstreams_hooks = {.resource = dynamodb_resource};
