// SPDX-License-Identifier: Apache-2.0
/* GetShardIterator, GetRecords. Any thread. */
#include "auth/identity.h"
#include "base/hash.h"
#include "base/time.h"
#include "services/dynamodbstreams/iterator.h"
#include "services/dynamodbstreams/stream.h"

#include <endian.h>

#define RECORDS_MAX 1000
#define ANSWER_MAX (1 << 20) /* bytes as SizeBytes reckons */

static RESULT refuse_trimmed(struct call *c)
{
    return refuse(c, &DYNAMODBSTREAMS_TRIMMED_DATA_ACCESS_EXCEPTION,
                  "The operation attempted to read past the oldest stream record in a shard.");
}

/* ---- GetShardIterator ----------------------------------------------------------------------- */

/* What the reader of a shard begins with. */
struct place {
    const struct kv_stream_state *state;
    const struct kv_stream_shard *shard;
    uint64_t oldest; /* number of the shard's first record that may be left */
};

static RESULT sequence_given(struct call *c, const struct dynamodbstreams_get_shard_iterator_in *in,
                             const struct place *place, uint64_t *ret)
{
    if (span_is_absent(in->sequence_number))
        return refuse(c, &DYNAMODBSTREAMS_VALIDATION_EXCEPTION,
                      "SequenceNumber is required when ShardIteratorType is %.*s",
                      SPAN_ARG(in->shard_iterator_type));
    if (!iterator_sequence_read(in->sequence_number, ret) || *ret < place->shard->first ||
        (place->shard->last && *ret > place->shard->last))
        return refuse(c, &DYNAMODBSTREAMS_VALIDATION_EXCEPTION,
                      "Invalid SequenceNumber: %.*s is not of shard %.*s",
                      SPAN_ARG(in->sequence_number), SPAN_ARG(in->shard_id));
    return *ret <= place->state->trimmed ? refuse_trimmed(c) : OK;
}

static RESULT sequence_of(struct call *c, const struct dynamodbstreams_get_shard_iterator_in *in,
                          const struct place *place, uint64_t *ret)
{
    struct span type = in->shard_iterator_type;
    *ret = place->oldest;
    if (span_eq(type, S("TRIM_HORIZON")))
        return OK;
    if (span_eq(type, S("LATEST"))) {
        *ret = place->shard->last ? place->shard->last + 1 : place->state->next;
        return OK;
    }
    if (span_eq(type, S("AT_TIMESTAMP"))) {
        if (!in->has.timestamp)
            return refuse(c, &DYNAMODBSTREAMS_VALIDATION_EXCEPTION,
                          "Timestamp is required when ShardIteratorType is AT_TIMESTAMP");
        uint64_t at = in->timestamp > 0 ? (uint64_t)in->timestamp * 1000 : 0;
        *ret = at > place->oldest ? at : place->oldest;
        return OK;
    }
    TRY(sequence_given(c, in, place, ret));
    *ret += span_eq(type, S("AFTER_SEQUENCE_NUMBER"));
    return OK;
}

RESULT dynamodbstreams_get_shard_iterator(struct call *c,
                                          const struct dynamodbstreams_get_shard_iterator_in *in,
                                          struct dynamodbstreams_get_shard_iterator_out *out)
{
    struct dynamodb_stream_view stream;
    struct kv_stream_state state;
    struct place place = {.state = &state};
    TRY(dynamodbstreams_find(c, in->stream_arn, &stream));
    TRY(dynamodbstreams_look(c, &stream, &state));
    TRY(dynamodbstreams_shard(c, &stream, &state, in->shard_id, &place.shard));
    place.oldest = state.trimmed >= place.shard->first ? state.trimmed + 1 : place.shard->first;
    struct iterator iterator = {
        .stream_arn = stream.arn, .shard = place.shard->number, .made_ms = c->now_ms};
    TRY(sequence_of(c, in, &place, &iterator.sequence));
    out->shard_iterator = iterator_print(c->arena, dynamodb_secret(c), &iterator);
    return OK;
}

/* ---- GetRecords ----------------------------------------------------------------------------- */

static struct dynamodbstreams_attribute_map show_map(struct call *c, const struct kv_map *map)
{
    struct dynamodb_shown shown = dynamodb_show_item(c, map);
    return (struct dynamodbstreams_attribute_map){shown.at, shown.count};
}

static struct dynamodbstreams_stream_record *show_change(struct call *c,
                                                         const struct dynamodb_stream_view *stream,
                                                         const struct kv_record *record)
{
    struct dynamodbstreams_stream_record *to =
        ARENA_NEW(c->arena, struct dynamodbstreams_stream_record);
    SET(to, approximate_creation_date_time, record->time_ms / 1000 * 1000);
    to->keys = show_map(c, &record->keys);
    if (record->has_new)
        to->new_image = show_map(c, &record->new);
    if (record->has_old)
        to->old_image = show_map(c, &record->old);
    to->sequence_number = iterator_sequence_print(c, record->sequence);
    SET(to, size_bytes, (int64_t)record->bytes);
    to->stream_view_type = stream->view;
    return to;
}

/* The same each time the record is read. */
static struct span event_id(struct call *c, const struct dynamodb_stream_view *stream,
                            uint64_t sequence)
{
    uint8_t digest[MD5_SIZE];
    uint64_t parts[2] = {htobe64(stream->id), htobe64(sequence)};
    char text[2 * MD5_SIZE];
    md5_of(span_of(parts, sizeof parts), digest);
    for (size_t i = 0; i < MD5_SIZE; i++) {
        text[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    return arena_copy(c->arena, span_of(text, sizeof text));
}

static void show_record(struct call *c, const struct dynamodb_stream_view *stream,
                        const struct kv_record *record, struct dynamodbstreams_record *to)
{
    static const struct span events[] = {
        [KV_INSERT] = S_INIT("INSERT"),
        [KV_MODIFY] = S_INIT("MODIFY"),
        [KV_REMOVE] = S_INIT("REMOVE"),
    };
    to->event_id = event_id(c, stream, record->sequence);
    to->event_name = events[record->event];
    to->event_version = S("1.1");
    to->event_source = S("aws:dynamodb");
    to->aws_region = c->region;
    to->dynamodb = show_change(c, stream, record);
    if (record->actor == KV_ACTOR_EXPIRY) {
        to->user_identity = ARENA_NEW(c->arena, struct dynamodbstreams_identity);
        to->user_identity->principal_id = S("dynamodb.amazonaws.com");
        to->user_identity->type = S("Service");
    }
}

static RESULT open_iterator(struct call *c, struct span text, struct iterator *ret)
{
    if (!iterator_read(c->arena, dynamodb_secret(c), text, ret))
        return refuse(c, &DYNAMODBSTREAMS_VALIDATION_EXCEPTION, "Invalid ShardIterator");
    struct auth_question question = {.action = S("dynamodb:GetRecords"),
                                     .resource = ret->stream_arn};
    TRY(dynamodb_resource(c, NULL, &question));
    TRY(auth_ask(c, &question));
    if (c->now_ms - ret->made_ms > ITERATOR_MINUTES * MINUTE_MS)
        return refuse(c, &DYNAMODBSTREAMS_EXPIRED_ITERATOR_EXCEPTION,
                      "The shard iterator has expired and can no longer be used to retrieve "
                      "stream records.");
    return OK;
}

static const struct kv_stream_shard *shard_of(const struct kv_stream_state *state, uint64_t number)
{
    for (size_t i = 0; i < state->shard_count; i++)
        if (state->shards[i].number == number)
            return &state->shards[i];
    return NULL;
}

RESULT dynamodbstreams_get_records(struct call *c, const struct dynamodbstreams_get_records_in *in,
                                   struct dynamodbstreams_get_records_out *out)
{
    const struct kv_access access = dynamodb_access(c);
    struct iterator iterator;
    struct dynamodb_stream_view stream;
    struct kv_stream_state state;
    struct kv_records records;
    TRY(open_iterator(c, in->shard_iterator, &iterator));
    TRY(dynamodbstreams_find(c, iterator.stream_arn, &stream));
    TRY(dynamodbstreams_look(c, &stream, &state));
    const struct kv_stream_shard *shard = shard_of(&state, iterator.shard);
    if (!shard || iterator.sequence <= state.trimmed)
        return refuse_trimmed(c);

    struct kv_stream_range range = {
        .from = iterator.sequence,
        .to = shard->last ? shard->last : UINT64_MAX - 1,
        .records = in->has.limit && in->limit < RECORDS_MAX ? (size_t)in->limit : RECORDS_MAX,
        .bytes = ANSWER_MAX,
    };
    int error = kv_stream_read(&access, stream.id, &range, &records);
    if (error < 0)
        return refuse_errno(c, error, "reading a stream");
    out->records.at = ARENA_ARRAY(c->arena, struct dynamodbstreams_record, records.count);
    out->records.count = records.count;
    for (size_t i = 0; i < records.count; i++)
        show_record(c, &stream, &records.at[i], &out->records.at[i]);
    iterator.sequence = records.next;
    iterator.made_ms = c->now_ms;
    bool done = shard->last && (records.next > shard->last || !records.count);
    if (!done)
        out->next_shard_iterator = iterator_print(c->arena, dynamodb_secret(c), &iterator);
    return OK;
}
