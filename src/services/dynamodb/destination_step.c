// SPDX-License-Identifier: Apache-2.0
/*
 * Changes on their way to Kinesis. A batch is read from the engine's log, appended to the stream in
 * order and noted as delivered, all in one transaction, so a crash neither loses nor repeats any.
 * Where a shard has no room for one, all before it are delivered and the rest is tried again.
 * Format: "Using Kinesis Data Streams to capture changes to DynamoDB". Workers, but for
 * destination_settle.
 */
#include "services/dynamodb/destination.h"

#include "auth/identity.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "services/cloud.h"
#include "services/dynamodb/attribute.h"
#include "services/dynamodb/dynamodb.api.h"
#include "services/dynamodb/reference.h"
#include "services/dynamodb/transfer.h"
#include "services/kinesis/kinesis.h"

#include <endian.h>
#include <errno.h>

#define RECORDS_AT_ONCE 200
#define BYTES_AT_ONCE (512 * 1024)
#define RECORD_CEILING (16 << 20)
#define ARENA_FIRST 65536
#define ARENA_CEILING (256 << 20)

/* ---- one record ----------------------------------------------------------------------------- */

static void put_text(struct json_writer *writer, const char *name, struct span value)
{
    json_key(writer, span_of(name, strlen(name)));
    json_string(writer, value);
}

static void put_image(struct call *c, struct json_writer *writer, const char *name,
                      const struct kv_map *image)
{
    json_key(writer, span_of(name, strlen(name)));
    json_literal(writer, attribute_json(c, image));
}

/* The same whenever it is read: a UUID of the log and the number. */
static struct span event_id(struct call *c, uint64_t log, uint64_t number)
{
    uint64_t parts[2] = {htobe64(log), htobe64(number)};
    uint8_t digest[MD5_SIZE];
    md5_of(span_of(parts, sizeof parts), digest);
    struct span hex = hex_of(c->arena, span_of(digest, sizeof digest));
    return arena_printf(c->arena, "%.8s-%.4s-%.4s-%.4s-%.12s", hex.at, hex.at + 8, hex.at + 12,
                        hex.at + 16, hex.at + 20);
}

/* Numbers are microseconds. */
static void put_time(struct json_writer *writer, const struct dynamodb_destination *destination,
                     const struct kv_record *record)
{
    bool micros = span_eq(destination->precision, S("MICROSECOND"));
    json_key(writer, S("ApproximateCreationDateTime"));
    json_i64(writer, micros ? (int64_t)record->sequence : record->time_ms);
    if (destination->precision.at)
        put_text(writer, "ApproximateCreationDateTimePrecision", destination->precision);
}

enum IMAGES { IMAGES_ALL, IMAGES_NEW, IMAGES_NONE };

static struct span print(struct call *c, const struct dynamodb_destination *destination,
                         const struct kv_record *record, enum IMAGES images)
{
    static const struct span events[] = {
        [KV_INSERT] = S_INIT("INSERT"),
        [KV_MODIFY] = S_INIT("MODIFY"),
        [KV_REMOVE] = S_INIT("REMOVE"),
    };
    struct buf *out = arena_buf(c->arena, RECORD_CEILING);
    struct json_writer writer = {.out = out};
    json_begin_object(&writer);
    put_text(&writer, "awsRegion", destination->region);
    put_text(&writer, "eventID", event_id(c, destination->log, record->sequence));
    put_text(&writer, "eventName", events[record->event]);
    json_key(&writer, S("userIdentity"));
    json_literal(&writer,
                 record->actor == KV_ACTOR_EXPIRY
                     ? S("{\"principalId\":\"dynamodb.amazonaws.com\",\"type\":\"Service\"}")
                     : S("null"));
    put_text(&writer, "recordFormat", S("application/json"));
    put_text(&writer, "tableName", destination->table);
    json_key(&writer, S("dynamodb"));
    json_begin_object(&writer);
    put_time(&writer, destination, record);
    put_image(c, &writer, "Keys", &record->keys);
    if (record->has_new && images != IMAGES_NONE)
        put_image(c, &writer, "NewImage", &record->new);
    if (record->has_old && images == IMAGES_ALL)
        put_image(c, &writer, "OldImage", &record->old);
    json_key(&writer, S("SizeBytes"));
    json_i64(&writer, (int64_t)record->bytes);
    json_end_object(&writer);
    put_text(&writer, "eventSource", S("aws:dynamodb"));
    json_end_object(&writer);
    return buf_span(out);
}

/* Changes of one item have one key, so one shard keeps their order. What is too large for the
 * stream goes without its images. */
static struct kinesis_delivered delivered_of(struct call *c,
                                             const struct dynamodb_destination *destination,
                                             const struct kv_record *record, uint64_t most)
{
    uint8_t digest[MD5_SIZE];
    struct kinesis_delivered delivered;
    md5_of(attribute_json(c, &record->keys), digest);
    delivered.key = hex_of(c->arena, span_of(digest, sizeof digest));
    for (enum IMAGES images = IMAGES_ALL; images <= IMAGES_NONE; images++) {
        delivered.data = print(c, destination, record, images);
        if (delivered.data.len + delivered.key.len <= most)
            break;
    }
    return delivered;
}

/* ---- a batch -------------------------------------------------------------------------------- */

struct batch {
    struct dynamodb_destination *destination;
    size_t most; /* records */
    int taken;   /* of those that were tried */
    bool more;
};

static int append(struct call *c, struct batch *batch, const struct kv_records *records)
{
    struct kinesis_look look;
    struct dynamodb_destination *destination = batch->destination;
    struct kinesis_delivered *all = ARENA_ARRAY(c->arena, struct kinesis_delivered, records->count);
    int error = kinesis_look(c, destination->stream, &look);
    if (error < 0)
        return error;
    for (size_t i = 0; i < records->count; i++)
        all[i] = delivered_of(c, destination, &records->at[i], look.record_max);
    return kinesis_deliver(c, destination->stream, all, records->count);
}

/* 1: commit, 0: nothing to do now, or a negative errno. */
static int try_batch(struct call *c, void *user)
{
    struct batch *batch = user;
    struct dynamodb_destination *destination = batch->destination;
    struct kv_access access = reference_access(c);
    struct kv_stream_range range = {.from = destination->next,
                                    .to = UINT64_MAX - 1,
                                    .records = batch->most,
                                    .bytes = BYTES_AT_ONCE};
    struct kv_records records;
    c->account = destination->account;
    c->region = destination->region;
    batch->taken = 0;
    int error = kv_stream_read(&access, destination->log, &range, &records);
    if (error < 0 || !records.count)
        return error;
    batch->taken = append(c, batch, &records);
    if (batch->taken < 0)
        return batch->taken;
    batch->more = records.count == batch->most || records.count > 1;
    if ((size_t)batch->taken < records.count)
        return 0;
    destination->next = records.next;
    dynamodb_destination_put(c->txn, destination);
    return 1;
}

/* 1: there is more now. A stream that is gone is none of our errors. */
static int deliver(struct cloud *cloud, struct dynamodb_destination *destination)
{
    struct batch batch = {.destination = destination, .most = RECORDS_AT_ONCE};
    int result = transfer_run(cloud, try_batch, &batch);
    if (!result && batch.taken > 0) {
        batch.most = (size_t)batch.taken;
        result = transfer_run(cloud, try_batch, &batch);
        batch.more = false;
    }
    if (result == -ENOENT)
        return 0;
    return result < 0 ? result : result && batch.more;
}

struct gathering {
    struct dynamodb_destination *at;
    size_t count;
};

#define DESTINATIONS_AT_ONCE 256

static int take_alive(void *user, struct dynamodb_destination *destination)
{
    struct gathering *gathering = user;
    bool delivers = destination->state == DESTINATION_ACTIVE ||
                    destination->state == DESTINATION_UPDATING ||
                    destination->state == DESTINATION_DISABLING;
    if (delivers)
        gathering->at[gathering->count++] = *destination;
    return gathering->count == DESTINATIONS_AT_ONCE;
}

int destination_deliver(struct cloud *cloud, bool *ret_alive)
{
    struct arena arena;
    arena_init(&arena, ARENA_FIRST, ARENA_CEILING);
    struct gathering gathering = {
        .at = ARENA_ARRAY(&arena, struct dynamodb_destination, DESTINATIONS_AT_ONCE)};
    struct txn *txn = txn_begin(cloud->store);
    int result = dynamodb_destination_each(txn, &(struct dynamodb_destination){0}, 0, &arena,
                                           take_alive, &gathering);
    txn_rollback(txn);
    *ret_alive = gathering.count > 0;
    for (size_t i = 0; i < gathering.count && result >= 0; i++) {
        int more = deliver(cloud, &gathering.at[i]);
        result = more < 0 ? more : result | more;
    }
    arena_done(&arena);
    return result;
}

/* ---- states --------------------------------------------------------------------------------- */

static struct span failure_of(struct call *c, const struct dynamodb_destination *destination)
{
    struct kinesis_look look;
    struct call own = *c;
    own.account = destination->account;
    own.region = destination->region;
    int error = kinesis_look(&own, destination->stream, &look);
    if (!error && !look.here)
        return S("The kinesis Arn used to enable kinesis replication belongs to a stream which is "
                 "not in the current region");
    if (error || destination->denied)
        return S("User does not have a permission to use kinesis stream");
    if (!look.active)
        return S("The kinesis Arn used to enable kinesis replication belongs to a stream which is "
                 "not in Active state");
    return SPAN_NONE;
}

static struct span table_of(struct call *c, const struct dynamodb_destination *destination)
{
    const struct dynamodb_table key = {
        .account = destination->account, .region = destination->region, .name = destination->table};
    return reference_of(c->arena, &key);
}

static int settle_enabling(struct call *c, struct dynamodb_destination *destination)
{
    struct kv_access access = reference_access(c);
    destination->failure = failure_of(c, destination);
    destination->state = destination->failure.at ? DESTINATION_FAILED : DESTINATION_ACTIVE;
    if (!destination->failure.at)
        return 0;
    int error = kv_stream_close(&access, table_of(c, destination), KV_LOG_DELIVERY);
    return error < 0 ? error : kv_stream_drop(&access, destination->log);
}

/* 1: it is not done yet. */
static int settle_disabling(struct call *c, struct dynamodb_destination *destination)
{
    struct kv_access access = reference_access(c);
    struct kv_stream_range range = {
        .from = destination->next, .to = UINT64_MAX - 1, .records = 1, .bytes = 1};
    struct kv_records records;
    int error = kv_stream_read(&access, destination->log, &range, &records);
    if (error < 0)
        return error;
    bool undeliverable = failure_of(c, destination).at != NULL;
    if (records.count && !undeliverable)
        return 1;
    destination->state = DESTINATION_DISABLED;
    return kv_stream_drop(&access, destination->log);
}

struct settling {
    struct call *c;
    int moved;
};

/* One of a table that is gone goes with it. */
static int keep(struct call *c, const struct dynamodb_destination *destination)
{
    struct dynamodb_table table = {
        .account = destination->account, .region = destination->region, .name = destination->table};
    int error = dynamodb_table_get(c->txn, c->arena, &table);
    if (error == -ENOENT)
        dynamodb_destination_delete(c->txn, destination);
    else if (!error)
        dynamodb_destination_put(c->txn, destination);
    return error == -ENOENT ? 0 : error;
}

static int settle(void *user, struct dynamodb_destination *destination)
{
    struct settling *settling = user;
    int result = 0;
    switch (destination->state) {
    case DESTINATION_ENABLING:
        result = settle_enabling(settling->c, destination);
        break;
    case DESTINATION_UPDATING:
        destination->state = DESTINATION_ACTIVE;
        break;
    case DESTINATION_DISABLING:
        result = settle_disabling(settling->c, destination);
        break;
    default:
        return 0;
    }
    if (result)
        return result < 0 ? result : 0;
    settling->moved = 1;
    return keep(settling->c, destination);
}

int destination_settle(struct call *c)
{
    struct settling settling = {.c = c};
    int error = dynamodb_destination_each(c->txn, &(struct dynamodb_destination){0}, 0, c->arena,
                                          settle, &settling);
    return error < 0 ? error : settling.moved;
}
