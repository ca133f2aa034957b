// SPDX-License-Identifier: Apache-2.0
/*
 * The steps of a connection's turn, in order: what is broken or overdue, what waits to be sent,
 * what the handler is due, what was received, what the socket holds. Each step looks only at state,
 * so a callback that changes state within a step is seen by the next one; a step that called the
 * handler never ends the turn by waiting. One thread.
 */
#include "http/state.h"

#include "base/log.h"
#include "http/h2.h"

#include <errno.h>
#include <stdlib.h>

#define STEPS_PER_TURN 32
#define APPEND_BYTES (16 << 10)
#define LINGER_MS 2000

void connection_deadline_in(struct connection *c, int64_t ms)
{
    struct loop *loop = c->server->loop;
    c->deadline_ms = loop_now_ms(loop) + ms;
    /* A timer that is due sooner stays: moving it for every request costs more than one look. */
    if (!c->timer.position || c->timer.at_ms > c->deadline_ms)
        loop_timer_set(loop, &c->timer, c->deadline_ms);
}

void connection_deadline_none(struct connection *c)
{
    c->deadline_ms = INT64_MAX;
}

static void timer_due(struct timer *timer)
{
    struct connection *c =
        (struct connection *)((char *)timer - offsetof(struct connection, timer));
    struct loop *loop = c->server->loop;
    if (c->deadline_ms == INT64_MAX)
        return;
    if (c->deadline_ms > loop_now_ms(loop)) {
        loop_timer_set(loop, timer, c->deadline_ms);
        return;
    }
    c->expired = true;
    connection_turn(c);
}

static void watch_ready(struct watch *watch, uint32_t events)
{
    struct connection *c = (struct connection *)watch;
    if (events & (EPOLLIN | EPOLLRDHUP))
        c->readable = true;
    if (events & EPOLLRDHUP)
        c->peer_ended = true;
    if (events & (EPOLLHUP | EPOLLERR))
        c->broken = true;
    connection_turn(c);
}

struct connection *connection_new(struct http_server *server, struct stream stream)
{
    struct connection *c = calloc(1, sizeof *c);
    if (!c)
        log_fatal("out of memory for a connection");
    c->watch = (struct watch){stream.fd, watch_ready};
    c->stream = stream;
    c->server = server;
    c->timer.due = timer_due;
    link_add(&server->connections, &c->member);
    server->connection_count++;
    /* A TLS handshake is as long in coming as a head may be. */
    connection_deadline_in(c, stream.tls ? server->limits.head_ms : server->limits.idle_ms);
    return c;
}

void connection_queue(struct connection *c)
{
    if (!c->turning)
        server_queue(c->server, &c->queued);
}

static void drop_unread(struct connection *c)
{
    if (c->unread.cap)
        server_store_buf(c->server, &c->unread);
    c->used = 0;
}

void connection_detach(struct connection *c)
{
    if (c->detached)
        return;
    c->detached = true;
    loop_unwatch(c->server->loop, &c->watch);
    stream_close(&c->stream);
    drop_unread(c);
}

static void finish(struct connection *c)
{
    struct exchange *x = c->x;
    c->x = NULL;
    c->served = true;
    exchange_finish(x);
}

void connection_free(struct connection *c)
{
    struct http_server *server = c->server;
    c->turning = true; /* what the callbacks ask for comes too late */
    if (c->x) {
        exchange_call_gone(c->x);
        finish(c);
    }
    if (c->h2)
        h2_free(c->h2);
    connection_detach(c);
    loop_timer_clear(server->loop, &c->timer);
    link_remove(&c->queued);
    link_remove(&c->member);
    free(c);
    server_count_out(server);
}

void connection_refuse(struct connection *c, int status)
{
    if (!c->x) {
        c->x = server_take_exchange(c->server);
        c->x->connection = c;
    }
    c->x->refuse_status = status;
    c->input = INPUT_BODY; /* what follows cannot be understood, so it is not read */
    connection_deadline_none(c);
}

static enum STEP leave_step(struct connection *c)
{
    if (!c->x)
        return STEP_GONE;
    exchange_call_gone(c->x);
    c->x->gone = true;
    if (!c->x->completed || c->x->replied)
        return STEP_GONE;
    connection_detach(c);
    return STEP_WAIT;
}

static enum STEP expire_step(struct connection *c)
{
    c->expired = false;
    connection_deadline_none(c);
    if (c->x && !output_is_empty(&c->x->output))
        c->broken = true;
    else if (c->input == INPUT_BODY || c->in_head)
        connection_refuse(c, 408);
    else if (c->input != INPUT_WHOLE)
        return STEP_GONE;
    return STEP_ON;
}

static enum STEP send_step(struct connection *c)
{
    struct exchange *x = c->x;
    uint64_t sent;
    int r = output_flush(&x->output, &c->stream, c->server->file_scratch, &sent);
    x->bytes_out += sent;
    if (r == -EAGAIN) {
        if (sent || !c->write_blocked)
            connection_deadline_in(c, c->server->limits.write_stall_ms);
        c->write_blocked = true;
        return STEP_WAIT;
    }
    if (r < 0) {
        c->broken = true;
        return STEP_ON;
    }
    if (c->write_blocked && !x->replied)
        connection_deadline_in(c, c->server->limits.body_stall_ms); /* behind a 100 Continue */
    else if (c->write_blocked)
        connection_deadline_none(c);
    c->write_blocked = false;
    return output_is_empty(&x->output) ? STEP_ON : STEP_LATER;
}

/* The last reply is sent. Closing with unread bytes would reset the connection and could destroy
 * the reply on its way, so they are read and dropped for a while (RFC 9112 section 9.6). */
void connection_linger(struct connection *c)
{
    drop_unread(c);
    stream_end(&c->stream);
    c->input = INPUT_LINGER;
    c->in_head = false;
    connection_deadline_in(c, LINGER_MS);
}

static enum STEP end_step(struct connection *c)
{
    bool close = c->x->close;
    bool more = c->input != INPUT_WHOLE || c->unread.len || c->readable;
    finish(c);
    if (close && !more)
        return STEP_GONE;
    if (close) {
        connection_linger(c);
        return STEP_ON;
    }
    c->input = INPUT_HEAD;
    c->starved = false;
    connection_deadline_in(c, c->server->limits.idle_ms);
    return STEP_ON;
}

static enum STEP peer_ended_step(struct connection *c)
{
    if (c->input != INPUT_BODY && c->input != INPUT_FRAMES)
        return STEP_GONE;
    c->broken = true;
    return STEP_ON;
}

static enum STEP use_unread(struct connection *c)
{
    struct span unread = span_from(buf_span(&c->unread), c->used);
    size_t used = request_use(c, unread);
    c->used += used;
    c->starved = !used;
    if (used == unread.len)
        drop_unread(c);
    return STEP_ON;
}

/* Uses what it can at once; only the rest is copied. */
static void use_received(struct connection *c, struct span received)
{
    for (size_t used = 1; used && received.len;) {
        used = request_use(c, received);
        received = span_from(received, used);
    }
    c->starved = c->input == INPUT_HEAD;
    if (received.len && c->input != INPUT_LINGER) {
        server_take_buf(c->server, &c->unread);
        buf_append(&c->unread, received);
    }
}

static enum STEP receive_step(struct connection *c)
{
    bool append = c->unread.len;
    size_t size = append ? APPEND_BYTES : SCRATCH_BYTES;
    if (!c->readable)
        return c->server->draining && c->input == INPUT_HEAD && !c->in_head ? STEP_GONE : STEP_WAIT;
    if (append) {
        buf_drop(&c->unread, c->used);
        c->used = 0;
    }
    char *to = append ? buf_room(&c->unread, size) : c->server->received;
    ssize_t n = to ? stream_read(&c->stream, to, size) : -ENOBUFS;
    if (n == -EAGAIN) {
        c->readable = false;
        return STEP_ON;
    }
    if (n == 0)
        return peer_ended_step(c);
    if (n < 0) {
        c->broken = true;
        return STEP_ON;
    }
    if (!c->stream.tls && (size_t)n < size && !c->peer_ended)
        c->readable = false; /* the socket is empty: the next byte is a new event */
    if (c->input == INPUT_BODY)
        connection_deadline_in(c, c->server->limits.body_stall_ms);
    c->starved = false;
    if (append)
        c->unread.len += (size_t)n;
    else
        use_received(c, span_of(to, (size_t)n));
    return STEP_ON;
}

static enum STEP input_step(struct connection *c)
{
    if (c->input == INPUT_WHOLE || (c->input == INPUT_BODY && (c->paused || !c->x->take)))
        return STEP_WAIT;
    if (c->unread.len && !c->starved)
        return use_unread(c);
    return receive_step(c);
}

/* What an exchange has to do before more input is looked at. */
static enum STEP exchange_step(struct connection *c)
{
    struct exchange *x = c->x;
    struct http_handler *handler = c->server->handler;
    if (!output_is_empty(&x->output))
        return send_step(c);
    if (x->refuse_status && !x->replied) {
        exchange_refuse(x);
        return STEP_ON;
    }
    if (exchange_is_sent(x))
        return end_step(c);
    if (x->replied && x->wants_room && handler->room) {
        x->wants_room = false;
        handler->room(handler, &x->pub);
        return STEP_ON;
    }
    if (x->replied)
        return STEP_WAIT;
    if (c->input == INPUT_WHOLE && x->take && !x->completed) {
        x->completed = true;
        exchange_collected(x);
        handler->complete(handler, &x->pub);
        return STEP_ON;
    }
    return input_step(c);
}

static enum STEP step(struct connection *c)
{
    if (c->broken)
        return c->h2 ? h2_leave_step(c) : leave_step(c);
    if (c->expired)
        return c->h2 ? h2_expire_step(c) : expire_step(c);
    if (c->x)
        return exchange_step(c);
    enum STEP frames = c->h2 ? h2_step(c) : STEP_WAIT;
    return frames == STEP_WAIT ? input_step(c) : frames;
}

void connection_turn(struct connection *c)
{
    enum STEP outcome = STEP_ON;
    link_remove(&c->queued);
    c->turning = true;
    for (int i = 0; i < STEPS_PER_TURN && outcome == STEP_ON; i++)
        outcome = step(c);
    c->turning = false;
    if (outcome == STEP_GONE)
        connection_free(c);
    else if (outcome != STEP_WAIT)
        connection_queue(c);
}
