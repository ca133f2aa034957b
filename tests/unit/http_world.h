// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * A server and a client in one thread: world_turn runs one tick of the loop, the client's socket
 * never blocks. The handler does what the path asks for; see world_head.
 */
#include "test.h"

#include "base/time.h"
#include "http/server.h"
#include "http/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static struct {
    struct loop *loop;
    struct http_server *server;
    struct http_handler handler;
    struct http_limits limits;
    struct tls_context *tls;
    int fd; /* the client's end, -1 none */
    struct buf reply;
    bool reply_ended;
    /* What the handler saw. */
    int heads, completes, gones, finishes, pieces, rooms, drains;
    struct buf body;
    uint64_t bytes_in, bytes_out;
    struct http_exchange *open; /* the one for the test to answer */
    int file;
    uint64_t file_len;
    struct http_reply reply_as; /* for /reply */
} world;

static void world_answer(struct http_exchange *x, int status, struct span body)
{
    struct http_segment *segment = ARENA_NEW(x->arena, struct http_segment);
    segment->bytes = body;
    http_reply(x, &(struct http_reply){.status = status, .segments = segment, .segment_count = 1});
}

static void world_head(struct http_handler *handler, struct http_exchange *x)
{
    world.heads++;
    if (span_eq(x->path, S("/refuse")))
        world_answer(x, 403, S("no"));
    else if (span_eq(x->path, S("/small")))
        http_take_whole(x, 10);
    else if (span_starts(x->path, S("/stream")) || span_starts(x->path, S("/pause")))
        http_take_stream(x);
    else if (span_starts(x->path, S("/undecided")))
        world.open = x;
    else
        http_take_whole(x, 1 << 20);
}

static void world_piece(struct http_handler *handler, struct http_exchange *x, struct span piece)
{
    world.pieces++;
    buf_append(&world.body, piece);
    if (span_eq(x->path, S("/pause"))) {
        http_pause(x);
        world.open = x;
    }
    if (span_eq(x->path, S("/stream/refuse")))
        world_answer(x, 403, S("enough"));
}

static void world_file(struct http_exchange *x)
{
    struct http_segment *segments = ARENA_ARRAY(x->arena, struct http_segment, 4);
    uint64_t part = world.file_len / 3;
    segments[0].bytes = S("<");
    segments[1] = (struct http_segment){.fd = world.file, .len = part};
    segments[2] =
        (struct http_segment){.fd = world.file, .offset = part, .len = world.file_len - part};
    segments[3].bytes = S(">");
    http_reply(x, &(struct http_reply){.status = 200, .segments = segments, .segment_count = 4});
}

static void world_complete(struct http_handler *handler, struct http_exchange *x)
{
    world.completes++;
    if (span_eq(x->path, S("/later")))
        world.open = x;
    else if (span_eq(x->path, S("/file")))
        world_file(x);
    else if (span_eq(x->path, S("/reply")))
        http_reply(x, &world.reply_as);
    else if (span_starts(x->path, S("/stream")) || span_eq(x->path, S("/pause")))
        world_answer(x, 200, arena_printf(x->arena, "%zu", world.body.len));
    else
        world_answer(x, 200,
                     arena_printf(x->arena, "[%.*s %.*s %.*s]", SPAN_ARG(x->method),
                                  SPAN_ARG(x->path), SPAN_ARG(x->body)));
}

static void world_gone(struct http_handler *handler, struct http_exchange *x)
{
    world.gones++;
}

static void world_room(struct http_handler *handler, struct http_exchange *x)
{
    world.rooms++;
}

static void world_finished(struct http_handler *handler, struct http_exchange *x, uint64_t bytes_in,
                           uint64_t bytes_out)
{
    world.finishes++;
    world.bytes_in = bytes_in;
    world.bytes_out = bytes_out;
    if (world.open == x)
        world.open = NULL;
}

static void world_malformed(struct http_handler *handler, struct http_exchange *x, int status,
                            struct span *ret_type, struct span *ret_body)
{
    *ret_type = S("text/x-status");
    *ret_body = arena_printf(x->arena, "bad %d", status);
}

static void world_stop(struct mail *mail)
{
    loop_stop(world.loop);
}

static void world_turn(void)
{
    struct mail mail = {.deliver = world_stop};
    loop_post(world.loop, &mail);
    loop_run(world.loop);
}

/* A connected pair of TCP sockets; the first does not block. */
static void world_pair(int pair[2], int window)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int on = 1, listening = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_INT(bind(listening, (struct sockaddr *)&address, len), 0);
    CHECK_INT(listen(listening, 1), 0);
    CHECK_INT(getsockname(listening, (struct sockaddr *)&address, &len), 0);
    pair[1] = socket(AF_INET, SOCK_STREAM, 0);
    if (window) {
        setsockopt(pair[1], SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
        setsockopt(listening, SOL_SOCKET, SO_SNDBUF, &window, sizeof window);
    }
    CHECK_INT(connect(pair[1], (struct sockaddr *)&address, len), 0);
    pair[0] = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    CHECK(pair[0] >= 0);
    CHECK_INT(setsockopt(pair[1], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
    CHECK_INT(fcntl(pair[1], F_SETFL, O_NONBLOCK), 0);
    close(listening);
}

static void world_connect_narrow(int window)
{
    int pair[2];
    if (world.fd >= 0)
        close(world.fd);
    world_pair(pair, window);
    world.fd = pair[1];
    world.reply_ended = false;
    buf_clear(&world.reply);
    http_server_adopt(world.server, pair[0], world.tls);
}

static void world_connect(void)
{
    world_connect_narrow(0);
}

static void world_end(void)
{
    if (world.fd >= 0)
        close(world.fd);
    world.fd = -1;
    http_server_free(world.server);
    loop_free(world.loop);
    buf_done(&world.reply);
    buf_done(&world.body);
}

/* Without a connection. */
static void world_begin_with(const struct http_limits *limits, struct tls_context *tls)
{
    memset(&world, 0, sizeof world);
    world.fd = -1;
    world.tls = tls;
    world.handler = (struct http_handler){
        .head = world_head,
        .piece = world_piece,
        .complete = world_complete,
        .gone = world_gone,
        .room = world_room,
        .finished = world_finished,
        .malformed = world_malformed,
    };
    buf_init(&world.reply, 64 << 20);
    buf_init(&world.body, 64 << 20);
    CHECK_INT(loop_new(&world.loop), 0);
    CHECK_INT(http_server_new(&world.server, world.loop, &world.handler, limits), 0);
}

static inline void world_begin(void)
{
    world_begin_with(NULL, NULL);
    world_connect();
}

/* Returns when the server's socket has the bytes and a turn saw them. */
static inline void world_send(struct span bytes)
{
    int unacknowledged = 1;
    CHECK_INT(send(world.fd, bytes.at, bytes.len, MSG_NOSIGNAL), bytes.len);
    for (int i = 0; i < 3000 && unacknowledged; i++) {
        world_turn();
        if (ioctl(world.fd, SIOCOUTQ, &unacknowledged) < 0 || !unacknowledged)
            break;
        usleep(1000);
    }
    world_turn();
}

static inline void world_read_some(size_t most)
{
    if (world.fd < 0)
        return;
    char *room = buf_room(&world.reply, most);
    ssize_t n = recv(world.fd, room, most, 0);
    if (n > 0)
        world.reply.len += (size_t)n;
    else if (n == 0 || errno != EAGAIN)
        world.reply_ended = true;
}

/* Loopback TCP usually brings bytes at once, but on a busy machine a little later. */
static inline void world_wait(int round)
{
    world_turn();
    world_read_some(65536);
    if (round > 10)
        usleep(1000);
}

#define WORLD_WAIT(condition)                                                                      \
    for (int round_ = 0; round_ < 3000 && !(condition); round_++)                                  \
    world_wait(round_)

/* What a counter shall come to, and stay at for a moment. */
#define COMES(have, want)                                                                          \
    do {                                                                                           \
        WORLD_WAIT((long long)(have) == (long long)(want));                                        \
        world_wait(0);                                                                             \
        CHECK_INT(have, want);                                                                     \
    } while (0)

static inline bool world_ended(void)
{
    WORLD_WAIT(world.reply_ended);
    return world.reply_ended;
}

/* The exchange that the handler left for the test to answer. */
static inline struct http_exchange *world_open(void)
{
    WORLD_WAIT(world.open);
    CHECK(world.open != NULL);
    return world.open;
}

/* What came so far, without Date lines, each of which must be good. */
static inline struct span world_text(void)
{
    static char text[65536];
    struct span all = buf_span(&world.reply);
    size_t len = 0;
    while (all.len) {
        size_t date = span_find(all, S("Date: "));
        if (date == SPAN_NOT_FOUND || all.len < date + 37)
            date = all.len;
        CHECK(len + date <= sizeof text);
        memcpy(text + len, all.at, date);
        len += date;
        all = span_from(all, date);
        if (all.len)
            CHECK_SPAN(span_first(span_from(all, 31), 6), S(" GMT\r\n"));
        all = span_from(all, 37);
    }
    return span_of(text, len);
}

/* Exactly this came, and no more. */
#define EXPECT(want)                                                                               \
    do {                                                                                           \
        struct span expected_ = (want);                                                            \
        WORLD_WAIT(world.reply_ended || world_text().len >= expected_.len);                        \
        for (int more_ = 0; more_ < 3; more_++)                                                    \
            world_wait(0);                                                                         \
        CHECK_SPAN(world_text(), expected_);                                                       \
    } while (0)

static inline bool world_reply_starts(struct span start)
{
    WORLD_WAIT(world.reply_ended || span_starts(buf_span(&world.reply), start));
    return span_starts(buf_span(&world.reply), start);
}

static inline bool world_reply_ends(struct span end)
{
    WORLD_WAIT(world.reply_ended || span_ends(buf_span(&world.reply), end));
    return span_ends(buf_span(&world.reply), end);
}

static inline void world_close(void)
{
    close(world.fd);
    world.fd = -1;
    world_turn();
}
