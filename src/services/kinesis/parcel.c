// SPDX-License-Identifier: Apache-2.0
/*
 * One object of a channel: records of all shards, in their order within each, validated, packed and
 * written. The object and how far the channel has come are one transaction, so a crash neither
 * loses nor repeats any. S3 writes one object in a transaction, so records that are not of the
 * channel's format go by themselves: both kinds have a row of places and pass over the other's.
 * Workers. Source: "How Amazon S3 delivery works" of the developer guide; it names what an entry of
 * a record that failed has, not how it is written.
 */
#include "services/kinesis/channel.h"

#include "base/id.h"
#include "base/json.h"
#include "base/packing.h"
#include "base/text.h"
#include "base/time.h"
#include "base/utf8.h"
#include "services/kinesis/key_template.h"
#include "services/kinesis/sequence.h"
#include "services/s3/s3.h"

#include <errno.h>

#define OBJECT_BYTES (16 << 20) /* before it is packed; a record more than that at most */
#define READ_BYTES (1 << 20)
#define READ_RECORDS 10000
#define OBJECT_CEILING (64 << 20)

struct parcel {
    struct call *c;
    const struct kinesis_channel *channel;
    const struct log_stream *log;
    enum PARCEL kind;
    struct buf *body;
    struct kinesis_passed_list passed; /* in the order of the lanes */
};

/* ---- its form -------------------------------------------------------------------------------- */

static const struct packed {
    struct span name, extension;
    enum PACKING packing;
} packings[] = {
    {S_INIT("NONE"), S_INIT(""), PACKING_NONE},
    {S_INIT("GZIP"), S_INIT(".gz"), PACKING_GZIP},
    {S_INIT("ZSTD"), S_INIT(".zst"), PACKING_ZSTD},
};

static const struct packed *packed_of(const struct kinesis_channel *channel)
{
    size_t i = 0;
    while (i + 1 < ARRAY_LEN(packings) && !span_eq(packings[i].name, channel->compression))
        i++;
    return &packings[i];
}

struct span parcel_key(struct call *c, const struct kinesis_channel *channel, enum PARCEL kind,
                       uint64_t number)
{
    struct span random = id_hex(c->arena, S(""), 11);
    const struct key_template_values values = {
        .channel_name = channel->name,
        .channel_id = channel->id,
        .stream_name = channel->stream,
        .extension = kind == PARCEL_GOOD ? packed_of(channel)->extension : S(".json"),
        .now_ms = c->now_ms,
        .unique =
            arena_printf(c->arena, "-%06llu-%.*s", (unsigned long long)number, SPAN_ARG(random)),
    };
    if (kind == PARCEL_GOOD)
        return key_template_fill(c->arena, channel->template, &values);
    struct span rest = key_template_fill(
        c->arena, S("!{channel-name}-!{yyyy}-!{MM}-!{dd}-!{HH}-!{mm}!{extension}"), &values);
    const struct span parts[] = {channel->error_prefix, rest};
    return arena_join(c->arena, parts, ARRAY_LEN(parts));
}

static struct span pack(struct parcel *parcel)
{
    enum PACKING packing = packed_of(parcel->channel)->packing;
    if (packing == PACKING_NONE || parcel->kind == PARCEL_BAD)
        return buf_span(parcel->body);
    struct buf *out = arena_buf(parcel->c->arena, OBJECT_CEILING);
    struct packer *packer = packing_begin(packing);
    packing_feed(packer, buf_span(parcel->body), out);
    packing_end(packer, out);
    packing_free(packer);
    return buf_span(out);
}

/* ---- its records ----------------------------------------------------------------------------- */

static bool is_json(struct arena *arena, struct span text)
{
    struct json_reader reader;
    json_reader_init(&reader, text, arena);
    return json_skip(&reader, json_next(&reader)) && json_next(&reader) == JSON_END;
}

/* What is wrong with it; NULL: nothing. */
static const char *fault_of(const struct parcel *parcel, struct span data)
{
    struct span format = parcel->channel->format;
    if (span_eq(format, S("STRING")) && !utf8_is_valid(data))
        return "The record is not a valid UTF-8 string.";
    if (span_eq(format, S("JSON")) && !is_json(parcel->c->arena, data))
        return "The record is not a valid JSON payload.";
    return NULL;
}

static void put_text(struct json_writer *writer, const char *name, struct span value)
{
    json_key(writer, span_of(name, strlen(name)));
    json_string(writer, value);
}

static void add_fault(struct parcel *parcel, const struct log_lane *lane,
                      const struct log_record *record, const char *fault)
{
    struct arena *arena = parcel->c->arena;
    char time[TIME_TEXT_SIZE];
    struct json_writer writer = {.out = parcel->body};
    struct span number = sequence_of_record(arena, lane, record->index, record->time_ms);
    const struct kinesis_stream stream = {.account = parcel->channel->account,
                                          .region = parcel->channel->region,
                                          .name = parcel->channel->stream};
    json_begin_object(&writer);
    put_text(&writer, "streamARN", target_arn(parcel->c, &stream));
    put_text(&writer, "shardId", shard_id(arena, lane->number));
    put_text(&writer, "sequenceNumber", number);
    put_text(&writer, "approximateArrivalTimestamp", time_iso8601_millis(record->time_ms, time));
    put_text(&writer, "partitionKey", record->key);
    put_text(&writer, "errorMessage", span_of(fault, strlen(fault)));
    put_text(&writer, "rawData", base64_of(arena, record->data));
    json_end_object(&writer);
    buf_append_byte(parcel->body, '\n');
}

static void add(struct parcel *parcel, const struct log_lane *lane, const struct log_record *record)
{
    const char *fault = fault_of(parcel, record->data);
    if (fault && parcel->kind == PARCEL_BAD)
        add_fault(parcel, lane, record, fault);
    if (!fault && parcel->kind == PARCEL_GOOD)
        buf_append(parcel->body, record->data);
}

static bool is_full(const struct parcel *parcel)
{
    return parcel->body->len >= OBJECT_BYTES;
}

/* From *next on until the lane is read or the parcel is full. */
static int gather_lane(struct parcel *parcel, const struct log_lane *lane, uint64_t *next)
{
    struct log_access access = target_access(parcel->c);
    while (!is_full(parcel)) {
        struct log_reading reading = {.from = log_place_of(*next),
                                      .lane = lane->number,
                                      .pace = LOG_OWN,
                                      .most_records = READ_RECORDS,
                                      .most_bytes = READ_BYTES,
                                      .now_ms = parcel->c->now_ms};
        int error = log_read(&access, parcel->log, &reading);
        if (error < 0)
            return error;
        for (size_t i = 0; i < reading.count; i++)
            add(parcel, lane, &reading.records[i]);
        *next = reading.next.index;
        if (!reading.count)
            return 0;
    }
    return 0;
}

static uint64_t passed_of(const struct kinesis_passed_list *passed, uint32_t shard)
{
    for (size_t i = 0; i < passed->count; i++)
        if (passed->at[i].shard == shard)
            return passed->at[i].next;
    return 0;
}

/* Lanes that are forgotten are left out of the new places; parents come before their children. */
static int gather(struct parcel *parcel, const struct kinesis_passed_list *before)
{
    size_t count;
    const struct log_lane *lanes = log_lanes(parcel->log, &count);
    parcel->passed.at = ARENA_ARRAY(parcel->c->arena, struct kinesis_passed, count);
    for (size_t i = 0; i < count; i++) {
        struct kinesis_passed *passed = &parcel->passed.at[parcel->passed.count++];
        *passed = (struct kinesis_passed){lanes[i].number, passed_of(before, lanes[i].number)};
        int error = gather_lane(parcel, &lanes[i], &passed->next);
        if (error < 0)
            return error;
    }
    return 0;
}

/* ---- sending --------------------------------------------------------------------------------- */

static RESULT write_object(struct parcel *parcel, uint64_t number)
{
    struct call *c = parcel->c;
    const struct kinesis_channel *channel = parcel->channel;
    bool good = parcel->kind == PARCEL_GOOD;
    struct span etag;
    const struct s3_subject subject = {.bucket = good ? channel->bucket : channel->error_bucket,
                                       .key = parcel_key(c, channel, parcel->kind, number),
                                       .owner =
                                           good ? channel->bucket_owner : channel->error_owner};
    const struct s3_writing writing = {.bytes = pack(parcel),
                                       .content_type = S("application/octet-stream"),
                                       .storage_class = good ? channel->storage_class : SPAN_NONE};
    return s3_write(c, &subject, &writing, &etag);
}

/* *ret_more: the kind's places were not at the end. */
static RESULT send_kind(struct parcel *parcel, struct kinesis_delivery *delivery, bool *ret_more)
{
    struct call *c = parcel->c;
    struct kinesis_passed_list *places =
        parcel->kind == PARCEL_GOOD ? &delivery->passed : &delivery->examined;
    parcel->body = arena_buf(c->arena, OBJECT_CEILING);
    int error = gather(parcel, places);
    if (error < 0)
        return refuse_errno(c, error, "reading records for a channel");
    *places = parcel->passed;
    *ret_more = parcel->body->len > 0;
    return *ret_more ? write_object(parcel, delivery->objects++) : OK;
}

static RESULT send(struct parcel *parcel, struct kinesis_delivery *delivery, bool *ret_more)
{
    bool any = span_eq(parcel->channel->format, S("BYTE_ARRAY"));
    TRY(send_kind(parcel, delivery, ret_more));
    if (*ret_more || any)
        return OK;
    parcel->kind = PARCEL_BAD;
    parcel->passed = (struct kinesis_passed_list){0};
    return send_kind(parcel, delivery, ret_more);
}

RESULT parcel_send(struct call *c, const struct kinesis_channel *channel, int64_t *ret_due_ms)
{
    bool more = false;
    struct log_stream *log;
    struct log_access access = target_access(c);
    struct parcel parcel = {.c = c, .channel = channel, .kind = PARCEL_GOOD};
    const struct kinesis_stream stream = {
        .account = channel->account, .region = channel->region, .name = channel->stream};
    struct kinesis_delivery delivery = {
        .account = channel->account, .region = channel->region, .id = channel->id};
    int error = kinesis_delivery_get(c->txn, c->arena, &delivery);
    *ret_due_ms = delivery.due;
    if (error == -ENOENT || (!error && delivery.due > c->now_ms))
        return OK;
    if (!error)
        error = log_find(&access, target_of(c->arena, &stream), &log);
    if (error < 0)
        return refuse_errno(c, error, "finding the stream of a channel");
    parcel.log = log;
    TRY(channel_act(c, channel));
    TRY(send(&parcel, &delivery, &more));
    if (!more)
        delivery.due = c->now_ms + (int64_t)channel->freshness_s * 1000;
    *ret_due_ms = delivery.due;
    kinesis_delivery_put(c->txn, &delivery);
    return OK;
}
