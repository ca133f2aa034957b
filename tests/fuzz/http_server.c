// SPDX-License-Identifier: Apache-2.0
/*
 * A whole server behind a socket pair: whatever a client sends, the replies are the same whether it
 * comes at once or in parts, every exchange is finished once, and nothing is left open. The first
 * byte of the input is the length of the parts.
 */
#include "http/server.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define INPUT_CEILING 4096 /* fits the socket's buffer, so sending never waits */
#define OUTPUT_CEILING (1 << 20)

static struct loop *loop;
static int open_exchanges;

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
    if (span_starts(x->path, S("/r")))
        answer(x, 403, x->path);
    else if (span_starts(x->path, S("/s")))
        http_take_stream(x);
    else
        http_take_whole(x, 20);
}

/* The sum does not depend on how the body is cut. */
static void piece(struct http_handler *handler, struct http_exchange *x, struct span part)
{
    size_t *sum = x->user ? x->user : (x->user = ARENA_NEW(x->arena, size_t));
    for (size_t i = 0; i < part.len; i++)
        *sum = *sum * 31 + (unsigned char)part.at[i];
}

static void complete(struct http_handler *handler, struct http_exchange *x)
{
    const size_t *sum = x->user;
    if (span_starts(x->path, S("/c"))) {
        http_reply_begin(x, &(struct http_reply){.status = 200});
        http_reply_write(x, x->body);
        http_reply_end(x);
        return;
    }
    answer(x, 200,
           arena_printf(x->arena, "%.*s %.*s %zu %.*s", SPAN_ARG(x->method), SPAN_ARG(x->target),
                        sum ? *sum : x->headers.count, SPAN_ARG(x->body)));
}

static void finished(struct http_handler *handler, struct http_exchange *x, uint64_t bytes_in,
                     uint64_t bytes_out)
{
    open_exchanges--;
}

static void stop_loop(struct mail *mail)
{
    loop_stop(loop);
}

static void turn(int fd, struct buf *output)
{
    struct mail mail = {.deliver = stop_loop};
    loop_post(loop, &mail);
    loop_run(loop);
    char *room = buf_room(output, 65536);
    ssize_t n = room ? recv(fd, room, 65536, MSG_DONTWAIT) : -1;
    output->len += n > 0 ? (size_t)n : 0;
}

/* Date lines could differ. */
static void drop_dates(struct buf *output)
{
    for (size_t at; (at = span_find(buf_span(output), S("\r\nDate: "))) != SPAN_NOT_FOUND;) {
        memmove(output->at + at, output->at + at + 37, output->len - at - 37);
        output->len -= 37;
    }
}

static struct buf run(struct span input, size_t part)
{
    struct http_handler handler = {
        .head = head, .piece = piece, .complete = complete, .finished = finished};
    struct http_server *server = NULL;
    struct buf output;
    int pair[2];
    buf_init(&output, OUTPUT_CEILING);
    demand(loop_new(&loop) == 0 && http_server_new(&server, loop, &handler, NULL) == 0);
    demand(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
    http_server_adopt(server, pair[0], NULL);
    for (; input.len; input = span_from(input, part)) {
        struct span some = span_first(input, part);
        ssize_t n = send(pair[1], some.at, some.len, MSG_NOSIGNAL);
        if (n < 0)
            break; /* the server has closed */
        demand((size_t)n == some.len);
        turn(pair[1], &output);
    }
    for (size_t before = SIZE_MAX; before != output.len;) {
        before = output.len;
        for (int i = 0; i < 3; i++)
            turn(pair[1], &output);
    }
    close(pair[1]);
    turn(pair[1], &output);
    turn(pair[1], &output);
    demand(http_server_connections(server) == 0 && open_exchanges == 0);
    http_server_free(server);
    loop_free(loop);
    drop_dates(&output);
    return output;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (!len)
        return 0;
    struct span input = span_first(span_of(bytes + 1, len - 1), INPUT_CEILING);
    struct buf once = run(input, INPUT_CEILING);
    struct buf parts = run(input, bytes[0] % 64 + 1U);
    demand(span_eq(buf_span(&once), buf_span(&parts)));
    buf_done(&once);
    buf_done(&parts);
    return 0;
}
