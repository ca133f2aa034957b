// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Shard iterators and page tokens: what they say, with a code that only this server can make, so
 * they cannot be altered or made up. Any thread.
 */
#include "base/hash.h"
#include "engines/log/log.h"
#include "services/kinesis/kinesis.records.h"

#define BOOKMARK_LIFE_MS 300000 /* "Shard iterators … expire 5 minutes after they are returned" */

enum BOOKMARK {
    BOOKMARK_ITERATOR = 1,
    BOOKMARK_SHARDS,
    BOOKMARK_STREAMS,
    BOOKMARK_CONSUMERS,
    BOOKMARK_CHANNELS,
    BOOKMARK_QUEUES,
    BOOKMARK_RECEIPT, /* of a record of a queue */
};

struct bookmark {
    enum BOOKMARK kind;
    struct span account, region, stream; /* of the stream; may be empty */
    int64_t stream_created_ms;
    int64_t issued_ms;
    uint32_t shard;
    struct log_place place;
    uint64_t limit;    /* of pages */
    struct span after; /* name or further state of a page */
};

struct span bookmark_print(struct arena *arena, const struct hmac_key *key,
                           const struct bookmark *token);
/* False when it was not made with this key, or is of another kind. */
MUST_CHECK bool bookmark_read(struct arena *arena, const struct hmac_key *key, enum BOOKMARK kind,
                              struct span text, struct bookmark *ret);
