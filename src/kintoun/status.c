// SPDX-License-Identifier: Apache-2.0
/* `kintoun status`: asks the one that runs on this machine for its health and its counters, and
 * sums them up by service. */
#include "kintoun/commands.h"

#include "base/buf.h"
#include "base/scope.h"
#include "base/span.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

static int connect_to(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    AUTO_FD fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        return -errno;
    return TAKE_FD(fd);
}

/* The body of the reply, absent on failure. */
static struct span fetch(uint16_t port, const char *path, struct buf *reply)
{
    AUTO_FD fd = connect_to(port);
    if (fd < 0)
        return SPAN_NONE;
    if (dprintf(fd, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path) < 0)
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

/* kintoun_requests_total{service="s3",operation="PutObject"} 7 -> the words and the number. */
static bool read_requests(struct span line, struct span *ret_service, struct span *ret_operation,
                          struct span *ret_count)
{
    if (!span_starts(line, S("kintoun_requests_total{")))
        return false;
    span_cut(&line, '"');
    *ret_service = span_cut(&line, '"');
    span_cut(&line, '"');
    *ret_operation = span_cut(&line, '"');
    span_cut(&line, ' ');
    *ret_count = line;
    return !span_is_absent(line);
}

static void print_requests(struct span metrics)
{
    struct span service, operation, count;
    while (!span_is_absent(metrics)) {
        struct span line = span_cut(&metrics, '\n');
        if (read_requests(line, &service, &operation, &count))
            printf("%10.*s  %.*s %.*s\n", SPAN_ARG(count), SPAN_ARG(service), SPAN_ARG(operation));
    }
}

int command_status(int argc, char **argv)
{
    uint64_t port = 4566;
    const char *environment = getenv("KINTOUN_PORT");
    const char *wanted = argc > 1 && strcmp(argv[0], "--port") == 0 ? argv[1] : environment;
    if (wanted && (!span_to_u64(span_of_cstr(wanted), &port) || port > UINT16_MAX)) {
        fprintf(stderr, "kintoun status: %s is no port\n", wanted);
        return 2;
    }
    struct buf health, metrics;
    buf_init(&health, 1 << 20);
    buf_init(&metrics, 64 << 20);
    struct span answer = fetch((uint16_t)port, "/_kintoun/health", &health);
    bool running = !span_is_absent(answer);
    if (running) {
        printf("http://127.0.0.1:%u  %.*s", (unsigned)port, SPAN_ARG(answer));
        print_requests(fetch((uint16_t)port, "/metrics", &metrics));
    } else {
        printf("nothing answers on http://127.0.0.1:%u\n", (unsigned)port);
    }
    buf_done(&health);
    buf_done(&metrics);
    return running ? 0 : 1;
}
