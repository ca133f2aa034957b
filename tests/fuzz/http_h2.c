// SPDX-License-Identifier: Apache-2.0
/*
 * A whole server behind a socket pair that is sent the preface of HTTP/2 and then anything: every
 * exchange is finished once, nothing is left open, and nothing that is not bounded is kept. The
 * first byte of the input is the length of the parts it is cut into.
 */
#include "http/server.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define INPUT_CEILING 4096 /* fits the socket's buffer, so sending never waits */
#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

static struct loop *loop;
static int open_exchanges;
static struct http_exchange *paused;

static void demand(bool condition)
{
    if (!condition)
        abort();
}

static void answer(struct http_exchange *x, int status, struct span body)
{
    struct http_segment *segment = ARENA_NEW(x->arena, struct http_segment);
    segment->bytes = body;
    http_reply(x, &(struct http_reply){.status = status, .segments = segment, .segment_count = 1});
}

static void head(struct http_handler *handler, struct http_exchange *x)
{
    open_exchanges++;
    demand(x->method.len && x->path.len && !span_is_absent(x->host));
    if (span_starts(x->path, S("/r")))
        answer(x, 403, x->path);
    else if (span_starts(x->path, S("/s")))
        http_take_stream(x);
    else
        http_take_whole(x, 20);
}

static void piece(struct http_handler *handler, struct http_exchange *x, struct span part)
{
    if (span_starts(x->path, S("/sp")) && !paused) {
        http_pause(x);
        paused = x;
    }
}

static void complete(struct http_handler *handler, struct http_exchange *x)
{
    if (span_starts(x->path, S("/c"))) {
        http_reply_begin(x, &(struct http_reply){.status = 200});
        http_reply_write(x, x->body);
        http_reply_end(x);
        return;
    }
    answer(x, 200, x->target);
}

static void finished(struct http_handler *handler, struct http_exchange *x, uint64_t bytes_in,
                     uint64_t bytes_out)
{
    open_exchanges--;
    paused = paused == x ? NULL : paused;
}

static void stop_loop(struct mail *mail)
{
    loop_stop(loop);
}

static void turn(int fd)
{
    static char dropped[65536];
    struct mail mail = {.deliver = stop_loop};
    loop_post(loop, &mail);
    loop_run(loop);
    while (recv(fd, dropped, sizeof dropped, MSG_DONTWAIT) > 0)
        ;
}

static bool give(int fd, struct span some)
{
    ssize_t n = send(fd, some.at, some.len, MSG_NOSIGNAL);
    demand(n < 0 || (size_t)n == some.len);
    turn(fd);
    return n >= 0; /* else the server has closed */
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct http_handler handler = {
        .head = head, .piece = piece, .complete = complete, .finished = finished};
    struct http_server *server = NULL;
    int pair[2];
    if (!len)
        return 0;
    struct span input = span_first(span_of((const char *)bytes + 1, len - 1), INPUT_CEILING);
    size_t part = bytes[0] % 64 * 16 + 1U;
    demand(loop_new(&loop) == 0 && http_server_new(&server, loop, &handler, NULL) == 0);
    demand(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
    http_server_adopt(server, pair[0], NULL);
    bool open = give(pair[1], S(PREFACE));
    for (; open && input.len; input = span_from(input, part))
        open = give(pair[1], span_first(input, part));
    for (int i = 0; i < 3; i++) {
        if (paused)
            http_resume(paused);
        turn(pair[1]);
    }
    close(pair[1]);
    turn(-1);
    turn(-1);
    demand(http_server_connections(server) == 0 && open_exchanges == 0);
    http_server_free(server);
    loop_free(loop);
    return 0;
}
