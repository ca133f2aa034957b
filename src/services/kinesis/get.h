// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Places in shards, as GetShardIterator and SubscribeToShard find them. Loop thread. */
#include "services/kinesis/stream.h"

struct place {
    struct log_stream *log;
    const struct log_lane *lane;
    struct log_place at;
};

/* What a caller says of it: the type and what that needs. */
struct position {
    struct span type, sequence;
    int64_t time_ms;
    bool has_time;
};

/* Fills `log` and `lane`. */
RESULT get_find_shard(struct call *c, const struct kinesis_stream *stream, struct span text,
                      struct place *ret);
/* Fills `at`. */
RESULT get_find_place(struct call *c, const struct kinesis_stream *stream,
                      const struct position *position, struct place *place);
struct kinesis_record_list get_show(struct call *c, const struct log_lane *lane,
                                    const struct log_reading *reading);
RESULT get_dry_run(struct call *c);
/* policy.c: what a stream or consumer says of itself. */
extern const struct service_hooks kinesis_hooks;
