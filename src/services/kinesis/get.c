// SPDX-License-Identifier: Apache-2.0
/*
 * GetShardIterator and GetRecords. An iterator carries the place to read on, so a reader that keeps
 * going never searches; it is authenticated, expires after five minutes, and is good for the shard
 * it was made for only. Loop thread.
 */
#include "services/kinesis/get.h"

#include "auth/identity.h"
#include "base/time.h"
#include "services/kinesis/bookmark.h"
#include "services/kinesis/secret.h"
#include "services/kinesis/sequence.h"

#include <errno.h>

#define RECORDS_MAX 10000
#define BYTES_MAX (10 << 20)

/* ---- GetShardIterator ------------------------------------------------------------------------ */

static RESULT no_shard(struct call *c, const struct kinesis_stream *stream, struct span shard)
{
    return refuse(c, &KINESIS_RESOURCE_NOT_FOUND_EXCEPTION,
                  "Shard %.*s in stream %.*s under account %.*s does not exist", SPAN_ARG(shard),
                  SPAN_ARG(stream->name), SPAN_ARG(stream->account));
}

RESULT get_find_shard(struct call *c, const struct kinesis_stream *stream, struct span text,
                      struct place *ret)
{
    uint32_t number;
    if (!shard_read_id(text, &number))
        return refuse(c, &KINESIS_RESOURCE_NOT_FOUND_EXCEPTION,
                      "Could not find shard %.*s in stream %.*s under account %.*s.",
                      SPAN_ARG(text), SPAN_ARG(stream->name), SPAN_ARG(stream->account));
    TRY(target_log(c, stream, &ret->log));
    ret->lane = log_lane_numbered(ret->log, number);
    if (!ret->lane || !shard_is_shown(ret->log, ret->lane, c->now_ms))
        return no_shard(c, stream, shard_id(c->arena, number));
    return OK;
}

static RESULT wrong_combination(struct call *c, struct span type, const char *what)
{
    return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION,
                  "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and "
                  "StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no "
                  "StartingSequenceNumber. Request specified %.*s and %s StartingSequenceNumber.",
                  SPAN_ARG(type), what);
}

static RESULT read_sequence(struct call *c, const struct kinesis_stream *stream,
                            const struct log_lane *lane, struct span number, uint64_t *ret_place)
{
    struct sequence sequence;
    struct span id = shard_id(c->arena, lane->number);
    bool ours = sequence_read(number, &sequence);
    if (ours && sequence.shard != lane->number)
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION,
                      "Invalid StartingSequenceNumber. It encodes %.*s, while it was used in a "
                      "call to a shard with %.*s",
                      SPAN_ARG(shard_id(c->arena, sequence.shard)), SPAN_ARG(id));
    if (!ours || sequence.created_s != lane->created_ms / 1000)
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION,
                      "StartingSequenceNumber %.*s used in GetShardIterator on shard %.*s in "
                      "stream %.*s under account %.*s is invalid%s",
                      SPAN_ARG(number), SPAN_ARG(id), SPAN_ARG(stream->name),
                      SPAN_ARG(stream->account),
                      ours ? " because it did not come from this stream." : ".");
    *ret_place = sequence.place;
    return OK;
}

static RESULT at_sequence(struct call *c, const struct kinesis_stream *stream, struct place *place,
                          const struct position *position)
{
    uint64_t number = 0;
    if (!position->sequence.at)
        return wrong_combination(c, position->type, "no");
    TRY(read_sequence(c, stream, place->lane, position->sequence, &number));
    bool after = span_eq(position->type, S("AFTER_SEQUENCE_NUMBER"));
    place->at = log_place_of(after || !number ? number : number - 1);
    return OK;
}

static RESULT at_time(struct call *c, struct place *place, const struct position *position)
{
    struct log_access access = target_access(c);
    if (!position->has_time)
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION,
                      "Must specify timestampInMillis parameter for iterator of type "
                      "AT_TIMESTAMP. Current request has no timestamp parameter.");
    if (position->time_ms > c->now_ms)
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION,
                      "The timestampInMillis parameter cannot be greater than the "
                      "currentTimestampInMillis. timestampInMillis: %lld, "
                      "currentTimestampInMillis: %lld",
                      (long long)position->time_ms, (long long)c->now_ms);
    int error =
        log_place_at(&access, place->log, place->lane->number, position->time_ms, &place->at);
    return error < 0 ? refuse_errno(c, error, "finding a time in a shard") : OK;
}

RESULT get_find_place(struct call *c, const struct kinesis_stream *stream,
                      const struct position *position, struct place *place)
{
    struct log_access access = target_access(c);
    bool latest = span_eq(position->type, S("LATEST"));
    if (span_ends(position->type, S("SEQUENCE_NUMBER")))
        return at_sequence(c, stream, place, position);
    if (span_eq(position->type, S("AT_TIMESTAMP")))
        return at_time(c, place, position);
    if (position->sequence.at)
        return wrong_combination(c, position->type, "also a");
    place->at = log_place_of(0);
    int error = latest ? log_end(&access, place->log, place->lane->number, &place->at) : 0;
    return error < 0 ? refuse_errno(c, error, "finding the end of a shard") : OK;
}

static struct span iterator_of(struct call *c, const struct kinesis_stream *stream,
                               const struct place *place)
{
    struct bookmark token = {
        .kind = BOOKMARK_ITERATOR,
        .account = stream->account,
        .region = stream->region,
        .stream = stream->name,
        .stream_created_ms = place->lane->created_ms,
        .issued_ms = c->now_ms,
        .shard = place->lane->number,
        .place = place->at,
    };
    return bookmark_print(c->arena, secret_key(c), &token);
}

RESULT get_dry_run(struct call *c)
{
    return refuse(c, &KINESIS_DRY_RUN_OPERATION_EXCEPTION,
                  "Request would have succeeded, but DryRun flag is set.");
}

static RESULT too_often(struct call *c, const struct kinesis_stream *stream,
                        const struct place *place)
{
    return refuse(c, &KINESIS_PROVISIONED_THROUGHPUT_EXCEEDED_EXCEPTION,
                  "Rate exceeded for Shard - %.*s/%.*s/%.*s", SPAN_ARG(stream->account),
                  SPAN_ARG(stream->name), SPAN_ARG(shard_id(c->arena, place->lane->number)));
}

RESULT kinesis_get_shard_iterator(struct call *c, const struct kinesis_get_shard_iterator_in *in,
                                  struct kinesis_get_shard_iterator_out *out)
{
    struct kinesis_stream stream;
    struct place place;
    struct position position = {in->shard_iterator_type, in->starting_sequence_number,
                                in->timestamp, in->has.timestamp};
    TRY(target_key(c, TARGET(in), &stream));
    TRY(get_find_shard(c, &stream, in->shard_id, &place));
    if (!log_admit_seek(place.log, place.lane->number))
        return too_often(c, &stream, &place);
    TRY(get_find_place(c, &stream, &position, &place));
    if (in->dry_run)
        return get_dry_run(c);
    out->shard_iterator = iterator_of(c, &stream, &place);
    return OK;
}

/* ---- GetRecords ------------------------------------------------------------------------------ */

/* Thu Jan 22 01:22:02 UTC 2015 */
static struct span java_time(struct arena *arena, int64_t ms)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct civil at = time_civil(ms);
    return arena_printf(arena, "%.3s %.3s %02d %02d:%02d:%02d UTC %d",
                        days + (size_t)at.weekday * 3, months + (size_t)(at.month - 1) * 3, at.day,
                        at.hour, at.minute, at.second, at.year);
}

static RESULT read_iterator(struct call *c, struct span text, struct bookmark *token)
{
    if (!bookmark_read(c->arena, secret_key(c), BOOKMARK_ITERATOR, text, token) ||
        !span_eq(token->region, c->region))
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION, "Invalid ShardIterator.");
    if (c->now_ms - token->issued_ms <= BOOKMARK_LIFE_MS)
        return OK;
    return refuse(c, &KINESIS_EXPIRED_ITERATOR_EXCEPTION,
                  "Iterator expired. The iterator was created at time %.*s while right now it is "
                  "%.*s which is further in the future than the tolerated delay of %d "
                  "milliseconds.",
                  SPAN_ARG(java_time(c->arena, token->issued_ms)),
                  SPAN_ARG(java_time(c->arena, c->now_ms)), BOOKMARK_LIFE_MS);
}

/* The iterator names the stream, so the .ops line cannot. */
static RESULT authorise(struct call *c, const struct kinesis_get_records_in *in,
                        const struct kinesis_stream *stream)
{
    struct span arn = target_arn(c, stream);
    struct auth_question question = {.action = S("kinesis:GetRecords"), .resource = arn};
    if (in->stream_arn.at && !span_eq(in->stream_arn, arn))
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION,
                      "StreamARN %.*s does not match the stream of the ShardIterator.",
                      SPAN_ARG(in->stream_arn));
    TRY(kinesis_hooks.resource(c, NULL, &question));
    return auth_ask(c, &question);
}

struct kinesis_record_list get_show(struct call *c, const struct log_lane *lane,
                                    const struct log_reading *reading)
{
    struct kinesis_record_list list = {
        .at = ARENA_ARRAY(c->arena, struct kinesis_record, reading->count),
        .count = reading->count};
    for (size_t i = 0; i < reading->count; i++) {
        const struct log_record *from = &reading->records[i];
        struct kinesis_record *to = &list.at[i];
        bool follows = i && from->time_ms / 1000 == from[-1].time_ms / 1000; /* as indexes do */
        to->sequence_number = follows
                                  ? sequence_following(c->arena, to[-1].sequence_number)
                                  : sequence_of_record(c->arena, lane, from->index, from->time_ms);
        to->partition_key = from->key.len ? from->key : SPAN_NONE; /* of AUTO streams */
        to->data = from->data;
        to->encryption_type =
            from->seal ? S("KMS") : SPAN_NONE; /* plain: it was seen to be absent */
        SET(to, approximate_arrival_timestamp, from->time_ms);
    }
    return list;
}

static RESULT read_records(struct call *c, const struct kinesis_stream *stream,
                           const struct place *place, struct log_reading *reading)
{
    struct log_access access = target_access(c);
    int error = log_read(&access, place->log, reading);
    if (error == -EAGAIN)
        return too_often(c, stream, place);
    return error < 0 ? refuse_errno(c, error, "reading records") : OK;
}

RESULT kinesis_get_records(struct call *c, const struct kinesis_get_records_in *in,
                           struct kinesis_get_records_out *out)
{
    struct bookmark token;
    struct place place = {0};
    TRY(read_iterator(c, in->shard_iterator, &token));
    struct kinesis_stream stream = {
        .account = token.account, .region = token.region, .name = token.stream};
    TRY(authorise(c, in, &stream));
    struct span id = shard_id(c->arena, token.shard);
    TRY(get_find_shard(c, &stream, id, &place));
    if (place.lane->created_ms != token.stream_created_ms)
        return no_shard(c, &stream, id);
    if (in->dry_run)
        return get_dry_run(c);
    struct log_reading reading = {
        .from = token.place,
        .lane = token.shard,
        .pace = LOG_SHARED,
        .most_records = in->has.limit ? (size_t)in->limit : RECORDS_MAX,
        .most_bytes = BYTES_MAX,
        .now_ms = c->now_ms,
    };
    TRY(read_records(c, &stream, &place, &reading));
    out->records = get_show(c, place.lane, &reading);
    SET(out, millis_behind_latest, reading.behind_ms);
    place.at = reading.next;
    if (reading.ended)
        out->child_shards = shard_children(c->arena, place.log, token.shard);
    else
        out->next_shard_iterator = iterator_of(c, &stream, &place);
    return OK;
}
