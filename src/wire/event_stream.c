// SPDX-License-Identifier: Apache-2.0
/*
 * Writes event stream messages. Members marked as headers go into typed headers, a member marked as
 * payload is the payload, otherwise the event's other members are, in the service's protocol. Pure,
 * any thread.
 */
#include "wire/event_stream.h"

#include "base/hash.h"
#include "wire/cbor.h"

#include <endian.h>

#define PRELUDE_SIZE 12 /* total length, headers length, CRC of the two */
#define CRC_SIZE 4

enum HEADER_TYPE {
    HEADER_TRUE,
    HEADER_FALSE,
    HEADER_INTEGER = 4,
    HEADER_LONG = 5,
    HEADER_BYTES = 6,
    HEADER_STRING = 7,
    HEADER_TIMESTAMP = 8,
};

static void append_u16(struct buf *out, size_t value)
{
    uint16_t big = htobe16((uint16_t)value);
    buf_append(out, span_of(&big, sizeof big));
}

static void append_u32(struct buf *out, size_t value)
{
    uint32_t big = htobe32((uint32_t)value);
    buf_append(out, span_of(&big, sizeof big));
}

static void append_u64(struct buf *out, uint64_t value)
{
    uint64_t big = htobe64(value);
    buf_append(out, span_of(&big, sizeof big));
}

/* Lengths and CRCs come last: the message is built behind a prelude that is filled in then. */
static size_t begin_message(struct buf *out)
{
    static const char prelude[PRELUDE_SIZE];
    size_t from = out->len;
    buf_append(out, span_of(prelude, sizeof prelude));
    return from;
}

static void put_u32(struct buf *out, size_t at, size_t value)
{
    uint32_t big = htobe32((uint32_t)value);
    if (at + sizeof big <= out->len)
        memcpy(out->at + at, &big, sizeof big);
}

static void end_message(struct buf *out, size_t from, size_t headers_len)
{
    if (out->over)
        return;
    put_u32(out, from, out->len - from + CRC_SIZE);
    put_u32(out, from + 4, headers_len);
    put_u32(out, from + 8, crc32_feed(0, span_of(out->at + from, 8)));
    append_u32(out, crc32_feed(0, span_of(out->at + from, out->len - from)));
}

static void append_header_name(struct buf *out, struct span name, enum HEADER_TYPE type)
{
    name = span_first(name, UINT8_MAX);
    buf_append_byte(out, (char)name.len);
    buf_append(out, name);
    buf_append_byte(out, (char)type);
}

static void append_text_header(struct buf *out, struct span name, enum HEADER_TYPE type,
                               struct span value)
{
    value = span_first(value, INT16_MAX);
    append_header_name(out, name, type);
    append_u16(out, value.len);
    buf_append(out, value);
}

void event_stream_append(struct buf *out, const struct event_header *headers, size_t count,
                         struct span payload)
{
    size_t from = begin_message(out);
    for (size_t i = 0; i < count; i++)
        append_text_header(out, headers[i].name, HEADER_STRING, headers[i].value);
    size_t headers_len = out->len - from - PRELUDE_SIZE;
    buf_append(out, payload);
    end_message(out, from, headers_len);
}

static void append_member_header(const struct service *service, const struct field *field,
                                 const void *event, struct buf *out)
{
    const struct shape *shape = shape_at(service, field->shape);
    struct span name = service_text(service, field->name);
    const void *value = slot_value(field, shape->kind, event);
    switch ((int)shape->kind) {
    case KIND_BOOLEAN:
        return append_header_name(out, name, *(const bool *)value ? HEADER_TRUE : HEADER_FALSE);
    case KIND_INTEGER:
        append_header_name(out, name, HEADER_INTEGER);
        return append_u32(out, (uint32_t) * (const int32_t *)value);
    case KIND_LONG:
        append_header_name(out, name, HEADER_LONG);
        return append_u64(out, (uint64_t) * (const int64_t *)value);
    case KIND_TIMESTAMP:
        append_header_name(out, name, HEADER_TIMESTAMP);
        return append_u64(out, (uint64_t) * (const int64_t *)value);
    case KIND_BLOB:
        return append_text_header(out, name, HEADER_BYTES, *(const struct span *)value);
    default:
        return append_text_header(out, name, HEADER_STRING, *(const struct span *)value);
    }
}

static struct span structure_type(struct call *c)
{
    if (c->protocol == PROTOCOL_CBOR || c->protocol == PROTOCOL_AWS_CBOR)
        return cbor_content_type(c);
    if (c->protocol == PROTOCOL_REST_XML)
        return S("text/xml");
    return c->protocol == PROTOCOL_JSON ? reply_json_type(c->service) : S("application/json");
}

/* A structure in the service's protocol. */
static void append_structure(struct call *c, const struct shape *shape, const void *from,
                             struct buf *out)
{
    struct xml_style style = {.service = c->service, .fraction = FRACTION_ALWAYS};
    if (c->protocol == PROTOCOL_CBOR || c->protocol == PROTOCOL_AWS_CBOR) {
        cbor_encode(c, shape, from, out);
        return;
    }
    if (c->protocol != PROTOCOL_REST_XML) {
        json_encode(c->service, shape, PRINT_IN_BODY, from, out);
        return;
    }
    struct span name = service_text(c->service, shape->name);
    buf_append_byte(out, '<');
    buf_append(out, name);
    buf_append_byte(out, '>');
    xml_encode_members(&style, shape, PRINT_IN_BODY, from, out);
    buf_append(out, S("</"));
    buf_append(out, name);
    buf_append_byte(out, '>');
}

static const struct field *payload_member(const struct service *service, const struct shape *shape)
{
    const struct field *field = first_field(service, shape);
    for (unsigned i = 0; i < shape->field_count; i++, field++)
        if (field->flags & FIELD_EVENT_PAYLOAD)
            return field;
    return NULL;
}

/* Whether the event is told by headers alone. */
static bool has_payload(const struct service *service, const struct shape *shape)
{
    const struct field *field = first_field(service, shape);
    for (unsigned i = 0; i < shape->field_count; i++, field++)
        if (!(field->flags & FIELD_EVENT_HEADER))
            return true;
    return false;
}

/* What an event has behind its headers. */
struct payload {
    const struct shape *shape; /* NULL: nothing */
    const void *value;
    struct span type;
};

static struct payload payload_of(struct call *c, const struct shape *shape, const void *event)
{
    const struct field *field = payload_member(c->service, shape);
    if (!field && has_payload(c->service, shape))
        return (struct payload){shape, event, structure_type(c)};
    const struct shape *member = field ? shape_at(c->service, field->shape) : NULL;
    if (!field || !slot_printed(field, member->kind, event))
        return (struct payload){0};
    struct span type = member->kind == KIND_STRUCTURE ? structure_type(c)
                       : member->kind == KIND_BLOB    ? S("application/octet-stream")
                                                      : S("text/plain");
    return (struct payload){member, slot_value(field, member->kind, event), type};
}

static void append_payload(struct call *c, const struct payload *payload, struct buf *out)
{
    if (payload->shape && payload->shape->kind == KIND_STRUCTURE)
        append_structure(c, payload->shape, payload->value, out);
    else if (payload->shape)
        buf_append(out, *(const struct span *)payload->value);
}

/* The member of the union that is set, or NULL. */
static const struct field *set_member(const struct service *service, const struct shape *stream,
                                      const void *event)
{
    const struct field *field = first_field(service, stream);
    for (unsigned i = 0; i < stream->field_count; i++, field++)
        if (slot_given(field, shape_at(service, field->shape)->kind, event))
            return field;
    return NULL;
}

static void append_event_headers(const struct service *service, const struct shape *shape,
                                 const void *event, struct buf *out)
{
    const struct field *field = first_field(service, shape);
    for (unsigned i = 0; i < shape->field_count; i++, field++)
        if ((field->flags & FIELD_EVENT_HEADER) &&
            slot_printed(field, shape_at(service, field->shape)->kind, event))
            append_member_header(service, field, event, out);
}

void event_stream_append_event(struct call *c, uint16_t stream, const void *event, struct buf *out)
{
    const struct service *service = c->service;
    const struct field *member = set_member(service, shape_at(service, stream), event);
    if (!member)
        return;
    const struct shape *shape = shape_at(service, member->shape);
    const void *value = slot_value(member, shape->kind, event);
    struct payload payload = payload_of(c, shape, value);
    size_t from = begin_message(out);
    append_text_header(out, S(":message-type"), HEADER_STRING, S("event"));
    append_text_header(out, S(":event-type"), HEADER_STRING, service_text(service, member->name));
    if (payload.type.at)
        append_text_header(out, S(":content-type"), HEADER_STRING, payload.type);
    append_event_headers(service, shape, value, out);
    size_t headers_len = out->len - from - PRELUDE_SIZE;
    append_payload(c, &payload, out);
    end_message(out, from, headers_len);
}

void event_stream_reply(struct call *c, struct wire_reply *reply)
{
    *reply = (struct wire_reply){.status = c->operation->status};
    reply_finish(c, reply, S(EVENT_STREAM_CONTENT_TYPE));
}

void event_stream_append_initial(struct call *c, const void *output, struct buf *out)
{
    struct buf *payload = reply_buf(c);
    append_structure(c, shape_at(c->service, c->operation->output), output, payload);
    const struct event_header headers[] = {
        {S(":message-type"), S("event")},
        {S(":event-type"), S("initial-response")},
        {S(":content-type"), structure_type(c)},
    };
    event_stream_append(out, headers, ARRAY_LEN(headers), buf_span(payload));
}

void event_stream_append_refusal(struct call *c, uint16_t stream, const struct refusal *refusal,
                                 struct buf *out)
{
    struct span code = span_of_cstr(refusal->kind->code);
    unsigned hint = 0;
    if (!field_find(c->service, shape_at(c->service, stream), code, FIELD_BY_NAME, &hint)) {
        const struct event_header headers[] = {
            {S(":message-type"), S("error")},
            {S(":error-code"), code},
            {S(":error-message"), refusal->message},
        };
        event_stream_append(out, headers, ARRAY_LEN(headers), S(""));
        return;
    }
    struct wire_reply reply;
    wire_encode_refusal(c, refusal, &reply);
    const struct event_header headers[] = {
        {S(":message-type"), S("exception")},
        {S(":exception-type"), code},
        {S(":content-type"), reply_content_type(&reply)},
    };
    event_stream_append(out, headers, ARRAY_LEN(headers), reply.body);
}
