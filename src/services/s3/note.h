// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What is remembered of a call for those who look at it once its reply leaves: server access logs,
 * request metrics, Intelligent-Tiering, storage class analyses. Only calls to buckets that have one
 * of them have a note. The call's thread; the hooks are on its home loop.
 */
#include "services/s3/s3.records.h"
#include "wire/call.h"

/* The object whose bytes leave, or came, with the call. */
enum NOTE_HOW { NOTE_NOTHING, NOTE_READ, NOTE_WRITTEN };
struct note_object {
    enum NOTE_HOW how;
    struct span key;
    struct span class; /* STANDARD and so on */
    struct s3_pair_list tags;
    uint64_t size, stamp;
    int64_t modified_ms;
};

struct note {
    struct span bucket, account, key; /* key absent: the bucket itself */
    uint64_t bucket_id;
    bool logged;
    bool measured;         /* request metrics count it */
    bool tiered, analysed; /* what became of the object's bytes matters */
    struct span requester; /* for logs; absent: nobody in particular */
    uint64_t size;         /* of the object that the call is about */
    bool has_size;
    struct s3_pair_list tags; /* of an object that may be gone when the reply leaves */
    struct note_object object;
    struct span *counted; /* names of what has counted the call */
    size_t counted_count;
};

/* Begins one where it is wanted; the first bucket of a call counts. */
void note_begin(struct call *c, const struct s3_bucket_record *bucket, struct span key);
void note_size(struct call *c, uint64_t size);
struct object;
void note_object(struct call *c, enum NOTE_HOW how, struct span key, const struct object *object,
                 const struct s3_attributes *attributes);
/* For the gate; see struct service_hooks. */
void note_replied(struct call *c, const struct reply_facts *facts);
void note_finished(struct call *c, int64_t ms);
