// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Channels: deliveries of on-demand streams to buckets ("Amazon S3 delivery" of the developer
 * guide). Control thread, but for parcels.
 */
#include "services/kinesis/stream.h"

/* In records: for ever. */
enum CHANNEL_STATE {
    CHANNEL_CREATING = 1,
    CHANNEL_ACTIVE,
    CHANNEL_UPDATING,
    CHANNEL_DELETING,
    CHANNEL_FAILED,
};

#define CHANNEL_LIMIT (2 * STREAM_ON_DEMAND_LIMIT) /* "a maximum of two deliveries" of each */

/* ---- channel.c ---- */
struct span channel_arn(struct call *c, const struct kinesis_channel *channel);
RESULT channel_find(struct call *c, struct span arn, struct kinesis_channel *ret);
/* Of the account in the call's region; of the stream, where its name is given. */
RESULT channel_count(struct call *c, struct span stream, size_t *ret);
/* Refused while the stream has channels: `doing` completes "cannot be …". */
RESULT channel_check_none(struct call *c, const struct kinesis_stream *stream, const char *doing);

/* ---- channel_show.c ---- */
struct kinesis_channel_description *channel_describe(struct call *c,
                                                     const struct kinesis_channel *channel);

/* ---- channel_role.c: as whom it writes. Any thread ---- */
/* Sets the caller to a session of the role, which must trust the service. */
RESULT channel_act(struct call *c, const struct kinesis_channel *channel);
/* What keeps it from being delivered; absent: nothing does. As the caller that was set. */
struct span channel_obstacle(struct call *c, const struct kinesis_channel *channel);

/* ---- parcel.c ---- */
/* Of a delivery: the records, and those that are not of the channel's format. */
enum PARCEL { PARCEL_GOOD, PARCEL_BAD };
/* Writes the next object of either kind in c->txn, if it is time. *ret_due_ms: when to come again;
 * not after c->now_ms: there may be more. Refused by S3: nothing may be committed. Blocks:
 * workers. */
RESULT parcel_send(struct call *c, const struct kinesis_channel *channel, int64_t *ret_due_ms);
/* The key of an object that is written now. */
struct span parcel_key(struct call *c, const struct kinesis_channel *channel, enum PARCEL kind,
                       uint64_t number);

/* ---- courier.c: what runs by itself ---- */
struct courier;
struct courier *courier_new(struct cloud *cloud);
/* Goes on where an earlier process stopped. */
void courier_start(struct courier *courier);
/* After the workers have stopped. */
void courier_free(struct courier *courier);
/* Looks at channels once the transaction is durable. */
void courier_wake(struct call *c);
/* step.c */
struct courier *kinesis_courier(const struct cloud *cloud);
