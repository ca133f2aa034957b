// SPDX-License-Identifier: Apache-2.0
/*
 * Short bodies of known length go into the arena; others into a buffer that grows with what really
 * arrives, so that announcing a length costs the server nothing. One thread.
 */
#include "http/state.h"

#include "base/log.h"
#include "http/head.h"

#include <stdlib.h>

#define ARENA_FIRST (16 << 10)
#define ARENA_CEILING (256 << 20) /* a guard against bugs, not a limit for clients */
#define SHORT_BODY (8 << 10)

struct exchange *exchange_new(void)
{
    struct exchange *x = calloc(1, sizeof *x);
    if (!x)
        log_fatal("out of memory for an exchange");
    arena_init(&x->arena, ARENA_FIRST, ARENA_CEILING);
    x->pub.arena = &x->arena;
    return x;
}

void exchange_free(struct exchange *x)
{
    buf_done(&x->whole);
    output_close(&x->output);
    arena_done(&x->arena);
    free(x);
}

void exchange_reset(struct exchange *x)
{
    buf_done(&x->whole);
    output_close(&x->output);
    arena_reset(&x->arena);
    *x = (struct exchange){.arena = x->arena, .pub.arena = &x->arena};
}

void exchange_show_head(struct exchange *x, const struct http_head *head)
{
    x->pub.method = head->method;
    x->pub.target = head->target;
    x->pub.path = head->path;
    x->pub.query = head->query;
    x->pub.host = head->host;
    x->pub.headers = head->headers;
    x->pub.content_length = head->content_length;
    x->pub.chunked = head->chunked;
    x->pub.has_body = head->chunked || head->content_length;
    x->pub.head_only = span_eq(head->method, S("HEAD"));
    x->pub.expects_continue = head->expects_continue;
    x->keep_alive = head->keep_alive;
    x->minor = head->minor;
}

static bool collects_in_arena(const struct exchange *x)
{
    return !x->pub.chunked && x->pub.content_length <= SHORT_BODY;
}

bool exchange_collect(struct exchange *x, struct span piece)
{
    if (collects_in_arena(x)) {
        if (span_is_absent(x->pub.body))
            x->pub.body.at = arena_alloc(&x->arena, (size_t)x->pub.content_length + 1);
        memcpy((char *)(uintptr_t)x->pub.body.at + x->pub.body.len, piece.at, piece.len);
        x->pub.body.len += piece.len;
        return true;
    }
    if (!x->whole.ceiling)
        buf_init(&x->whole, x->whole_limit);
    buf_append(&x->whole, piece);
    return !x->whole.over;
}

void exchange_collected(struct exchange *x)
{
    if (x->take == TAKE_WHOLE && x->whole.at)
        x->pub.body = buf_span(&x->whole);
    else if (x->take == TAKE_WHOLE && span_is_absent(x->pub.body))
        x->pub.body = S("");
}

void exchange_call_gone(struct exchange *x)
{
    struct http_handler *handler = x->connection->server->handler;
    if (!x->announced || x->replied || x->gone)
        return;
    x->gone = true;
    if (handler->gone)
        handler->gone(handler, &x->pub);
}

void exchange_refuse(struct exchange *x)
{
    struct http_handler *handler = x->connection->server->handler;
    struct span type = SPAN_NONE, body = SPAN_NONE;
    int status = x->refuse_status;
    exchange_call_gone(x);
    if (handler->malformed)
        handler->malformed(handler, &x->pub, status, &type, &body);
    struct http_segment *segment = ARENA_NEW(&x->arena, struct http_segment);
    segment->bytes = body;
    struct header content_type = {S("Content-Type"), type};
    struct http_reply reply = {
        .status = status,
        .headers = {&content_type, span_is_absent(type) ? 0 : 1},
        .segments = segment,
        .segment_count = span_is_absent(body) ? 0 : 1,
        .after = HTTP_CLOSE,
    };
    x->gone = false; /* of the handler's replies; this one is ours */
    http_reply(&x->pub, &reply);
    x->gone = x->announced;
}

void exchange_finish(struct exchange *x)
{
    struct http_server *server = x->connection->server;
    if (x->announced)
        server->handler->finished(server->handler, &x->pub, x->bytes_in, x->bytes_out);
    server_store_exchange(server, x);
}
