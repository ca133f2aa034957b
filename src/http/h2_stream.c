// SPDX-License-Identifier: Apache-2.0
/*
 * A stream is a machine like a connection of HTTP/1.1: callbacks of nghttp2 and calls of the
 * handler set state and queue it, a step of its connection's turn does what has become possible. A
 * body that the handler is not ready for waits here, and counts against the windows until it is
 * taken, so the peer stops by itself. One thread.
 */
#include "http/h2.h"

#include "http/state.h"

struct h2_stream *h2_stream_new(struct h2 *h2, int32_t id)
{
    struct exchange *x = server_take_exchange(h2->c->server);
    struct h2_stream *s = ARENA_NEW(&x->arena, struct h2_stream);
    *s = (struct h2_stream){.x = x, .h2 = h2, .id = id, .deadline_ms = INT64_MAX};
    x->connection = h2->c;
    x->h2 = s;
    link_add(&h2->streams, &s->member);
    h2->stream_count++;
    h2->clocks[H2_IDLE] = INT64_MAX;
    return s;
}

void h2_stream_queue(struct h2_stream *s)
{
    if (!link_is_in(&s->ready))
        link_add(&s->h2->ready, &s->ready);
    connection_queue(s->h2->c);
}

void h2_stream_deadline_in(struct h2_stream *s, int64_t ms)
{
    struct connection *c = s->h2->c;
    s->deadline_ms = loop_now_ms(c->server->loop) + ms;
    if (s->deadline_ms < c->deadline_ms)
        connection_deadline_in(c, ms);
}

void h2_stream_refuse(struct h2_stream *s, int status)
{
    s->x->refuse_status = status;
    s->deadline_ms = INT64_MAX;
    h2_stream_queue(s);
}

void h2_stream_expire(struct h2_stream *s)
{
    s->deadline_ms = INT64_MAX;
    if (!s->x->replied)
        h2_stream_refuse(s, 408);
    else
        nghttp2_submit_rst_stream(s->h2->session, NGHTTP2_FLAG_NONE, s->id,
                                  exchange_is_sent(s->x) ? NGHTTP2_NO_ERROR : NGHTTP2_CANCEL);
}

/* -- the request ------------------------------------------------------------------------------ */

void h2_stream_announce(struct h2_stream *s)
{
    struct connection *c = s->h2->c;
    const struct http_limits *limits = &c->server->limits;
    struct exchange *x = s->x;
    struct http_head head;
    int status = s->head.size > limits->head_bytes || s->head.fields.count > limits->field_count
                     ? 431
                     : h2_head_parse(&x->arena, &s->head, &head);
    if (status) {
        h2_stream_refuse(s, status);
        return;
    }
    head.chunked = !s->ended && span_is_absent(header_get(head.headers, S("content-length")));
    exchange_show_head(x, &head);
    x->pub.loop = c->server->loop;
    x->pub.tls = stream_tls_version(&c->stream);
    x->pub.peer = span_of(c->peer, c->peer_len);
    x->announced = true;
    c->server->handler->head(c->server->handler, &x->pub);
}

static bool takes_body(const struct h2_stream *s)
{
    return s->x->take && !s->paused && !s->x->replied && !s->x->refuse_status;
}

/* The peer may send as much again. */
static void consume(struct h2_stream *s, size_t len)
{
    if (s->h2->session)
        nghttp2_session_consume(s->h2->session, s->id, len);
}

/* What follows a reply is of no use. The peer is not told so at once, since some then forget the
 * reply too: its window is not raised, and after a while the stream ends (RFC 9113 section 8.1). */
static void drop(struct h2_stream *s, size_t len)
{
    if (s->h2->session)
        nghttp2_session_consume_connection(s->h2->session, len);
}

static void deliver(struct h2_stream *s, struct span piece)
{
    struct exchange *x = s->x;
    struct http_handler *handler = s->h2->c->server->handler;
    if (x->take == TAKE_STREAM)
        handler->piece(handler, &x->pub, piece);
    else if (!exchange_collect(x, piece))
        h2_stream_refuse(s, 413);
    consume(s, piece.len);
}

static void drop_unread(struct h2_stream *s)
{
    if (!s->unread.cap)
        return;
    drop(s, s->unread.len - s->used);
    server_store_buf(s->h2->c->server, &s->unread);
    s->used = 0;
}

void h2_stream_receive(struct h2_stream *s, struct span bytes)
{
    struct exchange *x = s->x;
    x->bytes_in += bytes.len;
    if (x->replied || x->refuse_status) {
        drop(s, bytes.len);
        return;
    }
    if (takes_body(s))
        h2_stream_deadline_in(s, s->h2->c->server->limits.body_stall_ms);
    if (takes_body(s) && s->used == s->unread.len) {
        deliver(s, bytes);
        return;
    }
    if (!s->unread.cap)
        server_take_buf(s->h2->c->server, &s->unread);
    buf_append(&s->unread, bytes);
    s->h2->c->broken |= s->unread.over; /* not while windows are kept to */
}

static void deliver_unread(struct h2_stream *s)
{
    while (takes_body(s) && s->used < s->unread.len) {
        struct span piece = span_first(span_from(buf_span(&s->unread), s->used), SCRATCH_BYTES);
        s->used += piece.len;
        deliver(s, piece);
    }
    if (s->used == s->unread.len || s->x->replied || s->x->refuse_status)
        drop_unread(s);
}

static void request_step(struct h2_stream *s)
{
    struct exchange *x = s->x;
    struct http_handler *handler = s->h2->c->server->handler;
    if (s->continue_due) {
        nghttp2_nv status = {(uint8_t *)(uintptr_t) ":status", (uint8_t *)(uintptr_t) "100", 7, 3,
                             NGHTTP2_NV_FLAG_NONE};
        s->continue_due = false;
        nghttp2_submit_headers(s->h2->session, NGHTTP2_FLAG_NONE, s->id, NULL, &status, 1, NULL);
    }
    deliver_unread(s);
    if (!s->ended || s->used < s->unread.len || x->completed || x->replied || x->refuse_status)
        return;
    s->deadline_ms = INT64_MAX;
    x->completed = true;
    exchange_collected(x);
    handler->complete(handler, &x->pub);
}

void h2_stream_take(struct h2_stream *s)
{
    s->continue_due = s->x->pub.expects_continue && !s->ended && !s->x->refuse_status;
    h2_stream_resume(s);
}

void h2_stream_pause(struct h2_stream *s)
{
    s->paused = true;
    s->deadline_ms = INT64_MAX;
}

void h2_stream_resume(struct h2_stream *s)
{
    s->paused = false;
    if (!s->ended)
        h2_stream_deadline_in(s, s->h2->c->server->limits.body_stall_ms);
    h2_stream_queue(s);
}

/* -- the reply -------------------------------------------------------------------------------- */

void h2_stream_reply(struct h2_stream *s, const struct reply_head *head)
{
    s->reply = h2_head_encode(&s->x->arena, head, &s->reply_count);
    h2_stream_queue(s);
}

static ssize_t read_reply(nghttp2_session *session, int32_t id, uint8_t *to, size_t size,
                          uint32_t *flags, nghttp2_data_source *source, void *user)
{
    struct h2_stream *s = source->ptr;
    struct exchange *x = s->x;
    ssize_t n = s->broken ? -1 : output_read(&x->output, (char *)to, size);
    if (n < 0)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (!output_is_empty(&x->output))
        return n;
    if (!x->streaming)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (x->wants_room)
        h2_stream_queue(s);
    if (n || !x->streaming)
        return n;
    s->deferred = true;
    s->deadline_ms = INT64_MAX;
    return NGHTTP2_ERR_DEFERRED;
}

static void submit(struct h2_stream *s)
{
    struct exchange *x = s->x;
    nghttp2_data_provider provider = {.source.ptr = s, .read_callback = read_reply};
    bool body = !x->silent_reply && (x->streaming || !output_is_empty(&x->output));
    s->submitted = true;
    drop_unread(s);
    h2_stream_deadline_in(s, s->h2->c->server->limits.write_stall_ms);
    if (nghttp2_submit_response(s->h2->session, s->id, s->reply, s->reply_count,
                                body ? &provider : NULL) < 0)
        s->h2->c->broken = true;
}

static void reply_step(struct h2_stream *s)
{
    struct exchange *x = s->x;
    struct http_handler *handler = s->h2->c->server->handler;
    if (s->broken)
        nghttp2_submit_rst_stream(s->h2->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_INTERNAL_ERROR);
    else if (!s->submitted)
        submit(s);
    else if (s->deferred && (!x->streaming || !output_is_empty(&x->output))) {
        s->deferred = false;
        h2_stream_deadline_in(s, s->h2->c->server->limits.write_stall_ms);
        nghttp2_session_resume_data(s->h2->session, s->id);
    }
    if (x->streaming && x->wants_room && output_is_empty(&x->output) && handler->room) {
        x->wants_room = false;
        handler->room(handler, &x->pub);
    }
}

void h2_stream_step(struct h2_stream *s)
{
    struct exchange *x = s->x;
    if (s->closed) {
        h2_stream_leave(s);
        return;
    }
    if (x->refuse_status && !x->replied)
        exchange_refuse(x);
    else if (!x->replied && x->take)
        request_step(s);
    if (x->replied)
        reply_step(s);
}

/* -- the end ---------------------------------------------------------------------------------- */

void h2_stream_finish(struct h2_stream *s)
{
    struct h2 *h2 = s->h2;
    drop_unread(s);
    link_remove(&s->member);
    link_remove(&s->ready);
    exchange_finish(s->x);
    if (!--h2->stream_count)
        h2_clock_in(h2, H2_IDLE, h2->c->server->limits.idle_ms);
}

void h2_stream_leave(struct h2_stream *s)
{
    struct exchange *x = s->x;
    s->closed = true;
    s->deadline_ms = INT64_MAX;
    if (!exchange_is_sent(x)) {
        exchange_call_gone(x);
        x->gone = true;
    }
    if (!x->completed || x->replied)
        h2_stream_finish(s);
}
