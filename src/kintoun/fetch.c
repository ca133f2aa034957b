// SPDX-License-Identifier: Apache-2.0
/* One request over a connection of its own. */
#include "kintoun/fetch.h"

#include "base/scope.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int connect_to(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    AUTO_FD fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        return -errno;
    return TAKE_FD(fd);
}

static struct span exchange(uint16_t port, struct span request, struct buf *reply)
{
    AUTO_FD fd = connect_to(port);
    if (fd < 0 || write(fd, request.at, request.len) != (ssize_t)request.len)
        return SPAN_NONE;
    for (;;) {
        char *room = buf_room(reply, 65536);
        ssize_t got = room ? read(fd, room, 65536) : -1;
        if (got <= 0)
            break;
        reply->len += (size_t)got;
    }
    size_t end = span_find(buf_span(reply), S("\r\n\r\n"));
    return end == SPAN_NOT_FOUND ? SPAN_NONE : span_from(buf_span(reply), end + 4);
}

#define REQUEST_MAX 8192
#define FIELDS " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"

struct span fetch_local(uint16_t port, const char *path, struct buf *reply)
{
    char request[REQUEST_MAX];
    int len = snprintf(request, sizeof request, "GET %s" FIELDS "\r\n", path);
    return len < REQUEST_MAX ? exchange(port, span_of(request, (size_t)len), reply) : SPAN_NONE;
}

struct span fetch_post(uint16_t port, const char *path, struct span body, struct buf *reply)
{
    char request[REQUEST_MAX];
    int len = snprintf(request, sizeof request, "POST %s" FIELDS "Content-Length: %zu\r\n\r\n%.*s",
                       path, body.len, SPAN_ARG(body));
    return len < REQUEST_MAX ? exchange(port, span_of(request, (size_t)len), reply) : SPAN_NONE;
}

int fetch_read_port(const char *command, int argc, char **argv, uint16_t *ret)
{
    uint64_t port = 4566;
    const char *environment = getenv("KINTOUN_PORT");
    const char *wanted = argc > 1 && strcmp(argv[0], "--port") == 0 ? argv[1] : environment;
    if (wanted && (!span_to_u64(span_of_cstr(wanted), &port) || port > UINT16_MAX)) {
        fprintf(stderr, "kintoun %s: %s is no port\n", command, wanted);
        return -EINVAL;
    }
    *ret = (uint16_t)port;
    return 0;
}
