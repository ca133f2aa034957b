// SPDX-License-Identifier: Apache-2.0
/*
 * The server of one loop: its connections, what they share and recycle, and the queue of those that
 * have something to do without the peer (a reply was given, a pause ended). The queue is worked off
 * at the end of the tick, and by a timer for what is queued after that. One thread.
 */
#include "http/state.h"

#include "base/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/tls_session.h"

const struct http_limits http_default_limits = {
    .head_bytes = 64 << 10,
    .field_count = 200,
    .head_ms = 10000,
    .idle_ms = 75000,
    .body_stall_ms = 30000,
    .write_stall_ms = 60000,
    .connections = 20000,
    .streams = 100,
};

struct exchange *server_take_exchange(struct http_server *server)
{
    struct exchange *x = server->stored;
    if (!x)
        return exchange_new();
    server->stored = x->next;
    server->stored_count--;
    x->next = NULL;
    return x;
}

void server_store_exchange(struct http_server *server, struct exchange *x)
{
    exchange_reset(x);
    if (server->stored_count >= STORED_EXCHANGES) {
        exchange_free(x);
        return;
    }
    x->next = server->stored;
    server->stored = x;
    server->stored_count++;
}

void server_take_buf(struct http_server *server, struct buf *ret)
{
    if (server->buf_count)
        *ret = server->bufs[--server->buf_count];
    else
        buf_init(ret, 0);
    /* A head that is not whole yet, or what one read may leave behind a request. */
    ret->ceiling = server->limits.head_bytes + 2 * SCRATCH_BYTES;
}

void server_store_buf(struct http_server *server, struct buf *buf)
{
    buf_clear(buf);
    if (buf->cap && buf->cap <= STORED_BUF_BYTES && server->buf_count < STORED_BUFS) {
        server->bufs[server->buf_count++] = *buf;
        *buf = (struct buf){0};
        return;
    }
    buf_done(buf);
}

struct span server_date(struct http_server *server)
{
    int64_t second = loop_now_ms(server->loop) / 1000;
    if (second != server->date_second) {
        server->date_second = second;
        server->date = time_http_date(clock_now_ms(), server->date_text);
    }
    return server->date;
}

static void announce_drained(struct http_server *server)
{
    void (*drained)(void *user) = server->drained;
    if (!server->draining || server->connection_count || !drained)
        return;
    server->drained = NULL;
    drained(server->drained_user);
}

static void work_queue(struct http_server *server)
{
    struct link now;
    loop_timer_clear(server->loop, &server->timer);
    link_move(&now, &server->queue);
    for (struct link *link; (link = link_take(&now));)
        connection_turn(LINK_OWNER(link, struct connection, queued));
    announce_drained(server); /* last: it may free the server */
}

static void tick_ended(struct tick *tick)
{
    struct http_server *server =
        (struct http_server *)((char *)tick - offsetof(struct http_server, tick));
    if (!link_is_empty(&server->queue))
        work_queue(server);
}

static void timer_due(struct timer *timer)
{
    work_queue((struct http_server *)((char *)timer - offsetof(struct http_server, timer)));
}

/* Soon, from the loop. */
static void work_queue_later(struct http_server *server)
{
    if (!server->timer.position)
        loop_timer_set(server->loop, &server->timer, loop_now_ms(server->loop));
}

void server_queue(struct http_server *server, struct link *queued)
{
    if (link_is_in(queued))
        return;
    work_queue_later(server);
    link_add(&server->queue, queued);
}

void server_count_out(struct http_server *server)
{
    if (--server->connection_count == 0 && server->draining)
        work_queue_later(server);
}

int http_server_new(struct http_server **ret, struct loop *loop, struct http_handler *handler,
                    const struct http_limits *limits)
{
    struct http_server *server = calloc(1, sizeof *server);
    if (!server)
        log_fatal("out of memory for a server");
    signal(SIGPIPE, SIG_IGN);
    server->loop = loop;
    server->handler = handler;
    server->limits = limits ? *limits : http_default_limits;
    server->date_second = INT64_MIN;
    link_init(&server->connections);
    link_init(&server->queue);
    server->timer.due = timer_due;
    server->tick.ended = tick_ended;
    loop_add_tick(loop, &server->tick);
    *ret = server;
    return 0;
}

static void note_peer(struct connection *c)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    const char *text = NULL;
    if (getpeername(c->stream.fd, (struct sockaddr *)&address, &len) < 0)
        return;
    if (address.ss_family == AF_INET) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
        text = inet_ntop(AF_INET, &v4->sin_addr, c->peer, sizeof c->peer);
    } else if (address.ss_family == AF_INET6) {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;
        bool mapped = IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
        text = mapped ? inet_ntop(AF_INET, v6->sin6_addr.s6_addr + 12, c->peer, sizeof c->peer)
                      : inet_ntop(AF_INET6, &v6->sin6_addr, c->peer, sizeof c->peer);
    }
    c->peer_len = text ? strlen(text) : 0;
}

/* False: the socket stays the caller's. */
static bool adopt(struct http_server *server, int fd, struct tls_context *tls)
{
    struct stream stream = {.fd = fd};
    int on = 1;
    if (server->draining || server->connection_count >= server->limits.connections)
        return false;
    if (tls && !(stream.tls = tls_session_new(tls, fd)))
        return false;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* fails on no TCP: no matter */
    struct connection *c = connection_new(server, stream);
    /* Edges, both ways, once: no further call for this descriptor. */
    if (loop_watch(server->loop, &c->watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) < 0) {
        connection_free(c);
        return true;
    }
    note_peer(c);
    return true;
}

void http_server_adopt(struct http_server *server, int fd, struct tls_context *tls)
{
    if (!adopt(server, fd, tls))
        close(fd);
}

void http_server_drain(struct http_server *server, void (*drained)(void *user), void *user)
{
    server->draining = true;
    server->drained = drained;
    server->drained_user = user;
    for (struct link *at = server->connections.after; at != &server->connections; at = at->after)
        server_queue(server, &LINK_OWNER(at, struct connection, member)->queued);
    work_queue_later(server); /* also when there is none */
}

void http_set_hops(struct http_exchange *x, int hops)
{
    int value = hops ? hops : -1;
    /* Fails where there is no IPv4 below, where nobody asks for it. */
    setsockopt(exchange_of(x)->connection->stream.fd, IPPROTO_IP, IP_TTL, &value, sizeof value);
}

size_t http_server_connections(const struct http_server *server)
{
    return server->connection_count;
}

void http_server_free(struct http_server *server)
{
    if (!server)
        return;
    while (!link_is_empty(&server->connections))
        connection_free(LINK_OWNER(server->connections.after, struct connection, member));
    loop_remove_tick(server->loop, &server->tick);
    loop_timer_clear(server->loop, &server->timer);
    for (struct exchange *x; (x = server->stored);) {
        server->stored = x->next;
        exchange_free(x);
    }
    while (server->buf_count)
        buf_done(&server->bufs[--server->buf_count]);
    free(server);
}
