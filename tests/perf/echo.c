// SPDX-License-Identifier: Apache-2.0
/*
 * The cheapest server that http/ can make, to measure http/ itself: every request is answered with
 * 1 KiB, /file with the file named on the command line, and a body with that body.
 *   echo PORT [FILE [TLS-DIRECTORY]]
 */
#include "http/authority.h"
#include "http/listener.h"
#include "http/tls.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static struct {
    int fd;
    uint64_t len;
} file = {.fd = -1};

static char kilobyte[1024];

static void find_names(struct arena *arena, struct span asked, struct tls_names *ret)
{
    *ret = (struct tls_names){{S("localhost"), S("127.0.0.1")}, 2};
}

static void answer(struct http_exchange *x)
{
    static struct header type = {S_INIT("Content-Type"), S_INIT("application/octet-stream")};
    struct http_segment *segment = ARENA_NEW(x->arena, struct http_segment);
    if (x->body.len)
        segment->bytes = x->body;
    else if (file.fd >= 0 && span_eq(x->path, S("/file")))
        *segment = (struct http_segment){.fd = file.fd, .len = file.len};
    else
        segment->bytes = span_of(kilobyte, sizeof kilobyte);
    http_reply(x,
               &(struct http_reply){
                   .status = 200, .headers = {&type, 1}, .segments = segment, .segment_count = 1});
}

static void head(struct http_handler *handler, struct http_exchange *x)
{
    http_take_whole(x, 1 << 20);
}

static void complete(struct http_handler *handler, struct http_exchange *x)
{
    answer(x);
}

static void finished(struct http_handler *handler, struct http_exchange *x, uint64_t bytes_in,
                     uint64_t bytes_out)
{
}

static void fail(const char *what)
{
    fprintf(stderr, "echo: %s\n", what);
    exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
    struct http_handler handler = {.head = head, .complete = complete, .finished = finished};
    struct tls_context *tls = NULL;
    struct loop *loop = NULL;
    struct http_server *server = NULL;
    struct listener *listener = NULL;
    uint64_t port = 0;
    if (argc < 2 || !span_to_u64(span_of_cstr(argv[1]), &port) || port > UINT16_MAX)
        fail("usage: echo PORT [FILE [TLS-DIRECTORY]]");
    memset(kilobyte, 'k', sizeof kilobyte);
    if (argc > 2) {
        struct stat state;
        file.fd = open(argv[2], O_RDONLY | O_CLOEXEC);
        if (file.fd < 0 || fstat(file.fd, &state) < 0)
            fail("no such file");
        file.len = (uint64_t)state.st_size;
    }
    if (argc > 3 && tls_context_new(&tls, authority_new(argv[3]), find_names) < 0)
        fail("no TLS");
    if (listener_open(&listener, S("127.0.0.1"), (uint16_t)port) < 0)
        fail("cannot listen");
    listener_secure(listener, tls);
    if (loop_new(&loop) < 0 || http_server_new(&server, loop, &handler, NULL) < 0 ||
        listener_start(listener, loop, &server, &loop, 1) < 0)
        fail("cannot listen");
    loop_run(loop);
    return EXIT_SUCCESS;
}
