// SPDX-License-Identifier: Apache-2.0
/*
 * Cases for event streams: a message whose bytes are known, and events written by the codec and
 * read back by a small reader that checks every length and CRC.
 */
#include "wire_case.h"

#include "base/hash.h"
#include "base/text.h"
#include "sample_json.api.h"
#include "wire/event_stream.h"

#define MAX_HEADERS 16

struct message {
    struct {
        struct span name, value; /* the value's raw bytes */
        int type;
    } headers[MAX_HEADERS];
    size_t count;
    struct span payload;
};

static uint32_t u32_at(struct span bytes, size_t at)
{
    const unsigned char *p = (const unsigned char *)bytes.at + at;
    CHECK(at + 4 <= bytes.len);
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static size_t value_size(int type, struct span *headers)
{
    static const size_t sizes[] = {[4] = 4, [5] = 8, [8] = 8};
    if (type != 6 && type != 7)
        return type == 4 || type == 5 || type == 8 ? sizes[type] : 0;
    CHECK(headers->len >= 2);
    size_t size = (size_t)(unsigned char)headers->at[0] << 8 | (unsigned char)headers->at[1];
    *headers = span_from(*headers, 2);
    return size;
}

/* Cuts one message off the front. */
static struct message next_message(struct span *bytes)
{
    struct message message = {0};
    CHECK(bytes->len >= 16);
    size_t total = u32_at(*bytes, 0), headers_len = u32_at(*bytes, 4);
    CHECK(total <= bytes->len && headers_len + 16 <= total);
    CHECK_INT(u32_at(*bytes, 8), crc32_feed(0, span_first(*bytes, 8)));
    CHECK_INT(u32_at(*bytes, total - 4), crc32_feed(0, span_first(*bytes, total - 4)));
    struct span headers = span_of(bytes->at + 12, headers_len);
    while (headers.len) {
        size_t name_len = (unsigned char)headers.at[0];
        CHECK(headers.len >= name_len + 2 && message.count < MAX_HEADERS);
        message.headers[message.count].name = span_of(headers.at + 1, name_len);
        int type = headers.at[1 + name_len];
        headers = span_from(headers, name_len + 2);
        size_t size = value_size(type, &headers);
        CHECK(headers.len >= size);
        message.headers[message.count].type = type;
        message.headers[message.count++].value = span_first(headers, size);
        headers = span_from(headers, size);
    }
    message.payload = span_of(bytes->at + 12 + headers_len, total - headers_len - 16);
    *bytes = span_from(*bytes, total);
    return message;
}

static struct span header_of(const struct message *message, struct span name, int type)
{
    for (size_t i = 0; i < message->count; i++)
        if (span_eq(message->headers[i].name, name)) {
            CHECK_INT(message->headers[i].type, type);
            return message->headers[i].value;
        }
    return SPAN_NONE;
}

/* The specification's own example: no headers, no payload. */
TEST(an_empty_message_is_known_bytes)
{
    struct wire_case it;
    struct call *c = case_begin(&it, &sample_json_service, S("Watch"));
    struct buf out;
    buf_init(&out, 1 << 16);
    event_stream_append(&out, NULL, 0, S(""));
    CHECK_SPAN(hex_of(c->arena, buf_span(&out)), S("000000100000000005c248eb7d98c8ff"));
    buf_clear(&out);
    event_stream_append(&out, NULL, 0, S("{'foo':'bar'}"));
    CHECK_SPAN(hex_of(c->arena, buf_span(&out)),
               S("0000001d00000000fd528c5a7b27666f6f273a27626172277dc3653936"));
    buf_done(&out);
    case_end(&it);
}

static uint16_t shape_named(const struct service *service, struct span name)
{
    for (uint16_t i = 0; i < service->shape_count; i++)
        if (span_eq(service_text(service, service->shapes[i].name), name))
            return i;
    test_fail(__FILE__, __LINE__, "no shape %.*s", SPAN_ARG(name));
}

TEST(events_come_back)
{
    struct wire_case it;
    struct call *c = case_begin(&it, &sample_json_service, S("Watch"));
    uint16_t stream = shape_named(c->service, S("Events"));
    struct sample_json_records_event records = {.payload = S("bytes")};
    struct sample_json_nested details = {.name = S("n")};
    struct sample_json_stats_event stats = {.details = &details};
    struct sample_json_end_event end = {0};
    struct sample_json_watch_out first = {.first = S("1")};
    struct buf out;
    buf_init(&out, 1 << 16);
    event_stream_append_initial(c, &first, &out);
    event_stream_append_event(c, stream, &(struct sample_json_events){.records = &records}, &out);
    event_stream_append_event(c, stream, &(struct sample_json_events){.stats = &stats}, &out);
    event_stream_append_event(c, stream, &(struct sample_json_events){.end = &end}, &out);
    struct span bytes = buf_span(&out);
    struct message message = next_message(&bytes);
    CHECK_SPAN(header_of(&message, S(":event-type"), 7), S("initial-response"));
    CHECK_SPAN(message.payload, S("{\"First\":\"1\"}"));
    message = next_message(&bytes);
    CHECK_SPAN(header_of(&message, S(":message-type"), 7), S("event"));
    CHECK_SPAN(header_of(&message, S(":event-type"), 7), S("Records"));
    CHECK_SPAN(header_of(&message, S(":content-type"), 7), S("application/octet-stream"));
    CHECK_SPAN(message.payload, S("bytes"));
    message = next_message(&bytes);
    CHECK_SPAN(header_of(&message, S(":event-type"), 7), S("Stats"));
    CHECK_SPAN(header_of(&message, S(":content-type"), 7), S("application/x-amz-json-1.0"));
    CHECK_SPAN(message.payload, S("{\"Name\":\"n\"}"));
    message = next_message(&bytes);
    CHECK_SPAN(header_of(&message, S(":event-type"), 7), S("End"));
    CHECK_INT(message.payload.len, 0);
    CHECK_INT(bytes.len, 0);
    buf_done(&out);
    case_end(&it);
}

TEST(headers_have_types)
{
    struct wire_case it;
    struct call *c = case_begin(&it, &sample_json_service, S("Watch"));
    struct sample_json_headed_event headed = {.bytes = S("\x01"), .word = S("w"), .rest = S("r")};
    struct buf out;
    SET(&headed, yes, true);
    SET(&headed, no, false);
    SET(&headed, number, -2);
    SET(&headed, big, 1LL << 40);
    SET(&headed, when, 1732280405123);
    buf_init(&out, 1 << 16);
    event_stream_append_event(c, shape_named(c->service, S("Events")),
                              &(struct sample_json_events){.headed = &headed}, &out);
    struct span bytes = buf_span(&out);
    struct message message = next_message(&bytes);
    CHECK(header_of(&message, S("Yes"), 0).at != NULL);
    CHECK(header_of(&message, S("No"), 1).at != NULL);
    CHECK_SPAN(header_of(&message, S("Number"), 4), S("\xff\xff\xff\xfe"));
    CHECK_SPAN(hex_of(c->arena, header_of(&message, S("Big"), 5)), S("0000010000000000"));
    CHECK_SPAN(hex_of(c->arena, header_of(&message, S("When"), 8)), S("0000019353f54c83"));
    CHECK_SPAN(header_of(&message, S("Bytes"), 6), S("\x01"));
    CHECK_SPAN(header_of(&message, S("Word"), 7), S("w"));
    CHECK_SPAN(message.payload, S("{\"Rest\":\"r\"}"));
    buf_done(&out);
    case_end(&it);
}

static const struct error_kind not_there = {"NotThere", NULL, 404};
static const struct error_kind other = {"Other", NULL, 500};

TEST(refusals_end_a_stream)
{
    struct wire_case it;
    struct call *c = case_begin(&it, &sample_json_service, S("Watch"));
    uint16_t stream = shape_named(c->service, S("Events"));
    struct buf out;
    buf_init(&out, 1 << 16);
    event_stream_append_refusal(c, stream, refuse(c, &not_there, "gone"), &out);
    event_stream_append_refusal(c, stream, refuse(c, &other, "broken"), &out);
    struct span bytes = buf_span(&out);
    struct message message = next_message(&bytes);
    CHECK_SPAN(header_of(&message, S(":message-type"), 7), S("exception"));
    CHECK_SPAN(header_of(&message, S(":exception-type"), 7), S("NotThere"));
    CHECK_SPAN(message.payload, S("{\"__type\":\"NotThere\",\"message\":\"gone\"}"));
    message = next_message(&bytes);
    CHECK_SPAN(header_of(&message, S(":message-type"), 7), S("error"));
    CHECK_SPAN(header_of(&message, S(":error-code"), 7), S("Other"));
    CHECK_SPAN(header_of(&message, S(":error-message"), 7), S("broken"));
    buf_done(&out);
    case_end(&it);
}
