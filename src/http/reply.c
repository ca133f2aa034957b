// SPDX-License-Identifier: Apache-2.0
/*
 * Replies as the handler gives them become an exchange's output. Nothing is sent here: the
 * connection's next turn does that. One thread.
 */
#include "http/state.h"

#include "base/log.h"
#include "http/h2.h"

#include <stdio.h>

static uint64_t segments_len(const struct http_reply *reply)
{
    uint64_t len = 0;
    for (size_t i = 0; i < reply->segment_count; i++) {
        const struct http_segment *segment = &reply->segments[i];
        len += span_is_absent(segment->bytes) ? segment->len : segment->bytes.len;
    }
    return len;
}

/* How the length of a reply that is not streamed is said. */
static enum REPLY_FRAMING length_framing(const struct exchange *x, const struct http_reply *reply,
                                         uint64_t *ret_len)
{
    uint64_t len =
        x->silent_reply && reply->announced_length ? reply->announced_length : segments_len(reply);
    *ret_len = len;
    if (reply->status == 204 || (reply->status == 304 && !reply->announced_length))
        return REPLY_NEITHER;
    bool unknown = x->silent_reply && reply->no_length && !reply->announced_length;
    return unknown ? REPLY_NEITHER : REPLY_LENGTH;
}

static enum REPLY_FRAMING streamed_framing(struct exchange *x, const struct http_reply *reply,
                                           uint64_t *ret_len)
{
    if (reply_is_bodiless(reply->status))
        return REPLY_NEITHER;
    *ret_len = x->promised = reply->announced_length;
    if (reply->announced_length)
        return REPLY_LENGTH;
    if (x->minor == 0) {
        x->close |= !x->silent_reply; /* the end of the connection is the end of the reply */
        return REPLY_NEITHER;
    }
    x->chunked_reply = !x->h2;
    return x->h2 ? REPLY_NEITHER : REPLY_CHUNKED;
}

static struct span connection_option(const struct exchange *x)
{
    if (x->close)
        return S("close");
    return x->minor == 0 ? S("keep-alive") : SPAN_NONE;
}

static void reply_begin(struct exchange *x, const struct http_reply *reply)
{
    struct connection *c = x->connection;
    if (x->replied || reply->status < 200 || reply->status > 999)
        log_fatal("a reply of status %d, the %s of its exchange", reply->status,
                  x->replied ? "second" : "first");
    x->replied = true;
    x->silent_reply = x->pub.head_only || reply_is_bodiless(reply->status);
    bool unexpected = x->pub.expects_continue && x->take == TAKE_NOTHING; /* instead of the 100 */
    x->close = reply->after == HTTP_CLOSE || unexpected || !x->keep_alive ||
               c->input != INPUT_WHOLE || c->server->draining;
    struct reply_head head = {
        .status = reply->status, .date = server_date(c->server), .headers = reply->headers};
    head.framing = x->streaming ? streamed_framing(x, reply, &head.content_length)
                                : length_framing(x, reply, &head.content_length);
    if (x->h2) {
        h2_stream_reply(x->h2, &head);
        return;
    }
    head.connection = connection_option(x);
    struct span text = reply_head_encode(&x->arena, &head);
    struct span both[] = {x->output.front, text}; /* a 100 Continue may not have left yet */
    x->output.front = both[0].len ? arena_join(&x->arena, both, 2) : text;
    connection_deadline_none(c);
    connection_queue(c);
}

static void queue(struct exchange *x)
{
    if (x->h2)
        h2_stream_queue(x->h2);
    else
        connection_queue(x->connection);
}

/* What was promised cannot be kept; the client must not take it for whole. */
static void break_off(struct exchange *x)
{
    if (x->h2)
        x->h2->broken = true;
    else
        x->connection->broken = true;
}

/* What was waited for before the exchange may end. */
static void reply_to_nobody(struct exchange *x)
{
    x->replied |= x->completed;
    queue(x);
}

void http_reply(struct http_exchange *pub, const struct http_reply *reply)
{
    struct exchange *x = exchange_of(pub);
    if (x->gone) {
        reply_to_nobody(x);
        return;
    }
    reply_begin(x, reply);
    if (x->silent_reply)
        return;
    x->output.segments = reply->segments;
    x->output.segment_count = reply->segment_count;
}

void http_reply_begin(struct http_exchange *pub, const struct http_reply *reply)
{
    struct exchange *x = exchange_of(pub);
    if (x->gone) {
        reply_to_nobody(x);
        return;
    }
    x->streaming = true;
    output_open(&x->output);
    reply_begin(x, reply);
}

/* Whether a piece of that length is to be sent. */
static bool accept_piece(struct exchange *x, size_t len)
{
    if (!x->streaming || !len)
        return false;
    x->wants_room = true;
    queue(x);
    if (x->silent_reply)
        return false;
    x->promised -= x->promised ? len : 0;
    return true;
}

void http_reply_write(struct http_exchange *pub, struct span piece)
{
    struct exchange *x = exchange_of(pub);
    struct buf *pieces = output_end(&x->output);
    if (!accept_piece(x, piece.len))
        return;
    if (x->chunked_reply)
        buf_printf(pieces, "%zx\r\n", piece.len);
    buf_append(pieces, piece);
    if (x->chunked_reply)
        buf_append(pieces, S("\r\n"));
    if (pieces->over)
        break_off(x);
}

void http_reply_give(struct http_exchange *pub, struct buf *piece)
{
    struct exchange *x = exchange_of(pub);
    if (x->chunked_reply) {
        http_reply_write(pub, buf_span(piece));
        return;
    }
    if (accept_piece(x, piece->len))
        output_give(&x->output, piece);
    if (x->output.later.over)
        break_off(x);
}

void http_reply_lend(struct http_exchange *pub, struct span piece)
{
    struct exchange *x = exchange_of(pub);
    if (!accept_piece(x, piece.len))
        return;
    if (http_reply_waiting(pub))
        log_fatal("a piece was lent while others are waiting");
    size_t count = 0;
    if (x->chunked_reply) {
        int len = snprintf(x->lent_head, sizeof x->lent_head, "%zx\r\n", piece.len);
        x->lent[count++].bytes = span_of(x->lent_head, (size_t)len);
    }
    x->lent[count++].bytes = piece;
    if (x->chunked_reply)
        x->lent[count++].bytes = S("\r\n");
    x->output.segments = x->lent;
    x->output.segment_count = count;
    x->output.segment_done = 0;
}

size_t http_reply_waiting(const struct http_exchange *pub)
{
    const struct output *output = &((const struct exchange *)pub)->output;
    size_t waiting = output_waiting(output);
    for (size_t i = 0; i < output->segment_count; i++)
        waiting += output->segments[i].bytes.len;
    return waiting - (output->segment_count ? (size_t)output->segment_done : 0);
}

void http_reply_end(struct http_exchange *pub)
{
    struct exchange *x = exchange_of(pub);
    if (!x->streaming)
        return;
    x->streaming = false;
    if (x->chunked_reply && !x->silent_reply)
        buf_append(output_end(&x->output), S("0\r\n\r\n"));
    if (output_end(&x->output)->over || (x->promised && !x->silent_reply))
        break_off(x);
    queue(x);
}

int http_descriptor(const struct http_exchange *pub)
{
    const struct exchange *x = (const struct exchange *)pub;
    return x->connection ? x->connection->stream.fd : -1;
}

bool http_is_draining(const struct http_exchange *pub)
{
    const struct exchange *x = (const struct exchange *)pub;
    return x->connection && x->connection->server->draining;
}
