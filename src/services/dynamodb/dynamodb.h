// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What of DynamoDB runs by itself: the steps of tables between CREATING, ACTIVE, UPDATING and
 * DELETING. Made by the composition root once the control loop is there; goes on with what an
 * earlier process left.
 */
#include "engines/kv/kv.h"
#include "services/cloud.h"
#include "wire/call.h"

struct dynamodb;

/* ---- for services/dynamodbstreams ------------------------------------------------------------ */

struct dynamodb_stream_view {
    uint64_t id; /* of engines/kv */
    struct span arn, table, label, view;
    struct span hash_name, range_name; /* range_name absent: none */
    int64_t created_ms;
    bool open;
};

/* Kept with the data, so iterators outlive a restart. */
struct hmac_key;
const struct hmac_key *dynamodb_secret(const struct call *c);

struct auth_question;
/* Adds the owner and the policy of a table or stream to a question: the hook of both services. */
const struct refusal *dynamodb_resource(struct call *c, const void *in,
                                        struct auth_question *question);

/* A stream of the caller's account and region; -ENOENT, -EINVAL: not the ARN of a stream. Any
 * thread. */
MUST_CHECK int dynamodb_stream_find(struct call *c, struct span arn,
                                    struct dynamodb_stream_view *ret);
/* Streams in order of table and label, of one table or (absent) of all, behind the one with that
 * ARN (absent: from the first). `visit` answers 1 to stop. */
struct dynamodb_stream_walk {
    struct span table, after;
    int (*visit)(void *user, const struct dynamodb_stream_view *stream);
    void *user;
};
MUST_CHECK int dynamodb_stream_each(struct call *c, const struct dynamodb_stream_walk *walk);
struct kv_access dynamodb_access(struct call *c);

/* An item as the pairs of a generated map: those of all shapes have one layout. */
struct dynamodb_shown {
    void *at;
    size_t count;
};
struct dynamodb_shown dynamodb_show_item(struct call *c, const struct kv_map *item);

/* ---- for services/application_autoscaling ---------------------------------------------------- */

/* Provisioned units of a table or a global index. Control thread. */
struct dynamodb_units {
    struct span table, index; /* index absent: the table's own */
    enum KV_METER which;
};
struct dynamodb_units_state {
    bool on_demand;
    bool settled;   /* a change would be taken now */
    uint64_t units; /* a second */
    uint64_t taken; /* half units, since the process began */
};
/* -ENOENT: no such table or index. */
MUST_CHECK int dynamodb_units_look(struct call *c, const struct dynamodb_units *of,
                                   struct dynamodb_units_state *ret);
/* As UpdateTable does it, for c->region, with its refusals. */
RESULT dynamodb_units_set(struct call *c, const struct dynamodb_units *of, uint64_t units);

/* ---- for the program's own pages ------------------------------------------------------------- */

/* What contributor insights have counted: a line for each key with its rule and count. Any thread.
 */
MUST_CHECK int dynamodb_print_insights(struct cloud *cloud, struct buf *out);

/* ---- for the composition root ---------------------------------------------------------------- */

struct dynamodb *dynamodb_new(struct cloud *cloud);
/* After the control loop has stopped and the store is closed. */
void dynamodb_free(struct dynamodb *dynamodb);
