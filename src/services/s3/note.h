// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What is remembered of a call for those who look at it once its reply leaves: server access logs
 * and request metrics. Only calls to buckets that have one of them have a note. The call's thread;
 * the hooks are on its home loop.
 */
#include "services/s3/s3.records.h"
#include "wire/call.h"

struct note {
    struct span bucket, account, key; /* key absent: the bucket itself */
    uint64_t bucket_id;
    bool logged;
    bool measured;         /* request metrics count it */
    struct span requester; /* for logs; absent: nobody in particular */
    uint64_t size;         /* of the object that the call is about */
    bool has_size;
    struct s3_pair_list tags; /* of an object that may be gone when the reply leaves */
    uint64_t accessed;        /* stamp of the version of Intelligent-Tiering that was read, or 0 */
    bool tiered;
    struct span *counted; /* names of what has counted the call */
    size_t counted_count;
};

/* Begins one where it is wanted; the first bucket of a call counts. */
void note_begin(struct call *c, const struct s3_bucket_record *bucket, struct span key);
void note_size(struct call *c, uint64_t size);
void note_access(struct call *c, uint64_t stamp);
/* For the gate; see struct service_hooks. */
void note_replied(struct call *c, const struct reply_facts *facts);
void note_finished(struct call *c, int64_t ms);
