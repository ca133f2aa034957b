// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Messages of application/vnd.amazon.eventstream: a prelude of two lengths and a CRC, headers, a
 * payload, a CRC over all of it. Source: "Amazon Event Stream Specification" (Smithy). Pure, any
 * thread.
 */
#include "base/buf.h"
#include "wire/call.h"

#define EVENT_STREAM_CONTENT_TYPE "application/vnd.amazon.eventstream"

/* Appends one message whose headers are all texts. */
struct event_header {
    struct span name, value;
};
void event_stream_append(struct buf *out, const struct event_header *headers, size_t count,
                         struct span payload);

/* The head of a reply that is such a stream. */
struct wire_reply;
void event_stream_reply(struct call *c, struct wire_reply *reply);
/* The first message of a JSON or CBOR operation: its output members beside the stream. */
void event_stream_append_initial(struct call *c, const void *output, struct buf *out);
/* One event: `stream` is the union's shape, `event` its memory with one member set. */
void event_stream_append_event(struct call *c, uint16_t stream, const void *event, struct buf *out);
/* Ends the stream with a refusal: an exception where the stream's shape knows it, else an error. */
void event_stream_append_refusal(struct call *c, uint16_t stream, const struct refusal *refusal,
                                 struct buf *out);
