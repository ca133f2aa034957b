// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Sequence numbers: decimal numbers of 56 digits that carry the shard's creation, the record's
 * place in it and its time. The layout is the one that numbers of the real service show. Pure, any
 * thread.
 */
#include "base/arena.h"
#include "engines/log/log.h"

struct sequence {
    int64_t created_s; /* of the shard */
    uint64_t place;    /* 0: the shard's begin, else one more than the record's index */
    int64_t time_s;
    uint32_t shard;
};
#define SEQUENCE_LAST_PLACE INT64_MAX /* of a closed shard's ending number */

struct span sequence_print(struct arena *arena, const struct sequence *sequence);
/* False when it is none of ours. */
MUST_CHECK bool sequence_read(struct span text, struct sequence *ret);
/* Of a record, and of the begin (place 0) and end of a shard. */
struct span sequence_of_record(struct arena *arena, const struct log_lane *lane, uint64_t index,
                               int64_t time_ms);
/* Of the next record in the shard and second of this one: much less work. */
struct span sequence_following(struct arena *arena, struct span number);
struct span sequence_of_begin(struct arena *arena, const struct log_lane *lane);
struct span sequence_of_end(struct arena *arena, const struct log_lane *lane);
