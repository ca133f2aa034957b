// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Streams and shards as Kinesis tells of them. Control thread, but for the shards. */
#include "services/kinesis/kinesis.api.h"
#include "services/kinesis/target.h"

enum CONSUMER_STATE { CONSUMER_CREATING = 1, CONSUMER_ACTIVE, CONSUMER_DELETING };
enum CHANGE { CHANGE_SPLIT = 1, CHANGE_MERGE, CHANGE_SCALE };

/* "STREAM_CREATING" as the wire has it. */
struct span stream_state_name(uint64_t state);
struct log_settings stream_settings(const struct kinesis_stream *stream);
/* AUTO or USER_PARTITION_KEY: how records find their shards. */
RESULT stream_set_distribution(struct call *c, struct kinesis_stream *stream, struct span strategy);
/* Notes that something happens now, among the times of the last day; false: `most` are there. */
MUST_CHECK bool stream_note(struct call *c, struct record_numbers *times, size_t most);
#define STREAM_ON_DEMAND_LIMIT 50
/* Limits of an account in a region. */
int32_t stream_shard_limit(const struct call *c);
RESULT stream_count_shards(struct call *c, size_t *ret_open, size_t *ret_on_demand);
RESULT stream_check_shards(struct call *c, size_t more);
#define DEMAND_OF_SHARD 1000
/* demand.c: today's peak is at least so much, in thousandths of what a shard takes. True when it is
 * more than was known. */
bool demand_note(struct arena *arena, struct kinesis_stream *stream, uint64_t load, int64_t now_ms);
/* Sets the stream to UPDATING, towards what it needs; `open` shards are there. */
void demand_begin(struct arena *arena, struct kinesis_stream *stream, size_t open);
/* How many shards it needs, having `open` (or 0: being made). */
size_t demand_shards(const struct kinesis_stream *stream, size_t open);
struct demand;
/* The control thread looks at what on-demand streams are given. */
void demand_new(struct demand **ret, struct cloud *cloud);
void demand_free(struct demand *demand);
/* step.c: writes the record in a state that will move on by itself once it is durable. */
void step_put_stream(struct call *c, const struct kinesis_stream *stream);
void step_begin(struct cloud *cloud, struct txn *txn, const struct kinesis_stream *stream);
void step_put_consumer(struct call *c, const struct kinesis_fanout *consumer);
/* reshape.c */
size_t reshape_count_open(const struct log_stream *log);
/* One step of the stream's change, in the engine; the change ends as NULL when it is
 * done. */
MUST_CHECK int reshape_step(const struct log_access *access, struct kinesis_stream *stream,
                            int64_t now_ms);
/* label.c: checked and merged. */
RESULT label_add(struct call *c, struct span owner, struct kinesis_label_list *labels,
                 const struct kinesis_tag_map *tags);
/* commitment.c: whether the account has one now; whether a stream may be warmed; how warm it is. */
RESULT commitment_read(struct call *c, bool *ret_on);
RESULT commitment_check_warm(struct call *c, const struct kinesis_stream *stream, int32_t mibps);
struct kinesis_warm_throughput_object *
commitment_show_warm(struct call *c, const struct kinesis_stream *stream, size_t open);
/* encryption.c: the key that a channel is to write with. */
RESULT encryption_refuse_key(struct call *c, struct span key);
/* consumer.c */
/* How many consumers and queues together a stream may have. */
RESULT consumer_limit(struct call *c, const struct kinesis_stream *stream, size_t *ret);
RESULT consumer_count(struct call *c, const struct kinesis_stream *stream, size_t *ret);
RESULT consumer_remove_all(struct call *c, const struct kinesis_stream *stream);
struct span consumer_arn(struct call *c, const struct kinesis_fanout *consumer);
RESULT consumer_find(struct call *c, const struct kinesis_arn *arn, struct span text,
                     struct kinesis_fanout *ret);

/* ---- shard.c --------------------------------------------------------------------------------- */

#define SHARD_ID_SIZE 24
struct span shard_id(struct arena *arena, uint32_t number);
/* False when it is no shard id; any of the usual spellings of the number. */
MUST_CHECK bool shard_read_id(struct span text, uint32_t *ret);
void shard_describe(struct arena *arena, const struct log_lane *lane, struct kinesis_shard *ret);
/* Whether it is still told of: open, or closed within the retention. */
bool shard_is_shown(const struct log_stream *stream, const struct log_lane *lane, int64_t now_ms);
/* The children of a closed shard, once no other parent of theirs is open. */
struct kinesis_child_shard_list shard_children(struct arena *arena, const struct log_stream *stream,
                                               uint32_t parent);
/* -- describe.c -- */
struct kinesis_enhanced_monitoring_list describe_metrics(struct call *c, uint64_t bits);
struct kinesis_metrics_name_list describe_metric_names(struct call *c, uint64_t bits);
