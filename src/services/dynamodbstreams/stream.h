// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Streams and their shards as a request names them. Any thread. */
#include "services/dynamodb/dynamodb.h"
#include "services/dynamodbstreams/dynamodbstreams.api.h"

/* ResourceNotFoundException, or ValidationException for what is no ARN of a stream. */
RESULT dynamodbstreams_find(struct call *c, struct span arn, struct dynamodb_stream_view *ret);
RESULT dynamodbstreams_look(struct call *c, const struct dynamodb_stream_view *stream,
                            struct kv_stream_state *ret);
struct span dynamodbstreams_shard_id(struct call *c, const struct kv_stream_shard *shard);
/* ResourceNotFoundException */
RESULT dynamodbstreams_shard(struct call *c, const struct dynamodb_stream_view *stream,
                             const struct kv_stream_state *state, struct span id,
                             const struct kv_stream_shard **ret);
