// SPDX-License-Identifier: Apache-2.0
/*
 * Received bytes become exchanges and bodies. A head is copied into its exchange's arena and read
 * there, so the receive buffer is free again when `head` is called. One thread.
 */
#include "http/h2.h"
#include "http/state.h"

#define LINGER_BYTES (256 << 10)

/* The connection's part of beginning an exchange is done; the handler hears of it. */
static void announce(struct connection *c, const struct http_head *head)
{
    struct http_server *server = c->server;
    struct exchange *x = c->x;
    exchange_show_head(x, head);
    x->pub.loop = server->loop;
    x->pub.tls = stream_tls_version(&c->stream);
    x->pub.peer = span_of(c->peer, c->peer_len);
    c->input = x->pub.has_body ? INPUT_BODY : INPUT_WHOLE;
    c->left = head->content_length;
    c->chunks = (struct http_chunks){0};
    c->paused = false;
    x->announced = true;
    server->handler->head(server->handler, &x->pub);
}

/* What looked like a request is the preface of HTTP/2 (RFC 9113 section 3.4). */
static void begin_frames(struct connection *c)
{
    server_store_exchange(c->server, c->x);
    c->x = NULL;
    h2_begin(c);
}

static void begin_exchange(struct connection *c, struct span bytes)
{
    size_t fields = c->scan.lines - 1;
    struct exchange *x = c->x = server_take_exchange(c->server);
    struct http_head head;
    x->connection = c;
    x->bytes_in = bytes.len;
    c->scan = (struct http_head_scan){0};
    c->in_head = false;
    connection_deadline_none(c);
    if (fields > c->server->limits.field_count) {
        connection_refuse(c, 431);
        return;
    }
    char *copy = arena_alloc(&x->arena, bytes.len);
    memcpy(copy, bytes.at, bytes.len);
    int status = http_head_parse(&head, copy, bytes.len,
                                 arena_alloc(&x->arena, fields * sizeof(struct header)));
    if (status == 505 && !c->served && span_eq(bytes, S(H2_PREFACE_LINE)))
        begin_frames(c);
    else if (status)
        connection_refuse(c, status);
    else
        announce(c, &head);
}

static size_t use_head(struct connection *c, struct span received)
{
    size_t ceiling = c->server->limits.head_bytes;
    size_t blank = c->scan.at ? 0 : http_head_blank(received);
    if (blank)
        return blank;
    int64_t found = http_head_find(&c->scan, received);
    if (found < 0) {
        connection_refuse(c, (int)-found);
        return 0;
    }
    if ((found ? (size_t)found : received.len) > ceiling) {
        bool line = !c->scan.request_line || c->scan.request_line > ceiling;
        connection_refuse(c, line ? 414 : 431);
        return 0;
    }
    if (found) {
        begin_exchange(c, span_first(received, (size_t)found));
    } else if (!c->in_head) {
        c->in_head = true;
        connection_deadline_in(c, c->server->limits.head_ms);
    }
    return (size_t)found;
}

static bool takes_body(const struct connection *c)
{
    const struct exchange *x = c->x;
    return c->input == INPUT_BODY && x->take && !c->paused && !x->replied && !x->refuse_status;
}

static void deliver(struct connection *c, struct span piece)
{
    struct http_handler *handler = c->server->handler;
    struct exchange *x = c->x;
    if (x->take == TAKE_STREAM)
        handler->piece(handler, &x->pub, piece);
    else if (!exchange_collect(x, piece))
        connection_refuse(c, 413);
}

static void end_body(struct connection *c)
{
    c->input = INPUT_WHOLE;
    connection_deadline_none(c);
}

static size_t use_length_body(struct connection *c, struct span received)
{
    struct span piece = received;
    if (c->left < piece.len)
        piece = span_first(piece, (size_t)c->left);
    c->left -= piece.len;
    c->x->bytes_in += piece.len;
    deliver(c, piece);
    if (!c->left)
        end_body(c);
    return piece.len;
}

static size_t use_chunked_body(struct connection *c, struct span received)
{
    struct span rest = received, piece;
    while (takes_body(c)) {
        int r = http_chunks_next(&c->chunks, &rest, &piece);
        if (r == HTTP_CHUNK_MORE)
            break;
        if (r < 0)
            connection_refuse(c, -r);
        else if (r == HTTP_CHUNK_END)
            end_body(c);
        else
            deliver(c, piece);
    }
    c->x->bytes_in += received.len - rest.len;
    return received.len - rest.len;
}

size_t request_use(struct connection *c, struct span received)
{
    switch (c->input) {
    case INPUT_HEAD:
        return use_head(c, received);
    case INPUT_BODY:
        if (!takes_body(c))
            return 0;
        return c->x->pub.chunked ? use_chunked_body(c, received) : use_length_body(c, received);
    case INPUT_FRAMES:
        h2_receive(c->h2, received);
        return received.len;
    case INPUT_LINGER:
        c->lingered += received.len;
        c->broken |= c->lingered > LINGER_BYTES;
        return received.len;
    case INPUT_WHOLE:
        break;
    }
    return 0;
}

static void refuse(struct exchange *x, int status)
{
    if (x->h2)
        h2_stream_refuse(x->h2, status);
    else
        connection_refuse(x->connection, status);
}

static void take(struct http_exchange *pub, enum TAKE how)
{
    struct exchange *x = exchange_of(pub);
    struct connection *c = x->connection;
    x->take = how;
    if (x->h2) {
        h2_stream_take(x->h2);
        return;
    }
    if (pub->expects_continue && !x->gone && !x->refuse_status)
        x->output.front = S("HTTP/1.1 100 Continue\r\n\r\n");
    if (x->gone || c->input != INPUT_BODY) {
        connection_queue(c);
        return;
    }
    connection_deadline_in(c, c->server->limits.body_stall_ms);
    connection_queue(c);
}

void http_take_whole(struct http_exchange *pub, size_t limit)
{
    struct exchange *x = exchange_of(pub);
    x->whole_limit = limit;
    if (!pub->chunked && pub->content_length > limit)
        refuse(x, 413);
    take(pub, TAKE_WHOLE);
}

void http_take_stream(struct http_exchange *x)
{
    take(x, TAKE_STREAM);
}

void http_pause(struct http_exchange *pub)
{
    struct connection *c = exchange_of(pub)->connection;
    if (exchange_of(pub)->h2) {
        h2_stream_pause(exchange_of(pub)->h2);
        return;
    }
    c->paused = true;
    if (c->input == INPUT_BODY)
        connection_deadline_none(c);
}

void http_resume(struct http_exchange *pub)
{
    struct connection *c = exchange_of(pub)->connection;
    if (exchange_of(pub)->h2) {
        h2_stream_resume(exchange_of(pub)->h2);
        return;
    }
    c->paused = false;
    if (c->input == INPUT_BODY)
        connection_deadline_in(c, c->server->limits.body_stall_ms);
    connection_queue(c);
}
