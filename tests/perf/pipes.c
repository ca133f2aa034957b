// SPDX-License-Identifier: Apache-2.0
/*
 * Subscribers that cost next to nothing. Standard input brings requests, each ended by a zero byte,
 * and an empty line; each gets a connection of its own, whose reply must be a 200. Then "ready",
 * and what follows is counted and left in the kernel (MSG_TRUNC): a consumer's own work is no part
 * of what it costs the producer. Every line on standard input is answered by the bytes so far.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIPES_MAX 1024
#define REQUEST_MAX 65536
#define READ_MAX (4 << 20)
#define EVENTS 64

static void fail(const char *what)
{
    fprintf(stderr, "pipes: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void send_all(int fd, const char *bytes, size_t len)
{
    while (len) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0)
            fail("sending a request");
        bytes += sent;
        len -= (size_t)sent;
    }
}

static int open_pipe(const struct sockaddr_in *to, const char *request)
{
    char head[4096];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)to, sizeof *to))
        fail("connecting");
    send_all(fd, request, strlen(request));
    ssize_t len = recv(fd, head, sizeof head - 1, 0);
    head[len > 0 ? len : 0] = 0;
    if (strncmp(head, "HTTP/1.1 200 ", 13) != 0) {
        fprintf(stderr, "pipes: a subscription was refused: %.300s\n", head);
        exit(1);
    }
    return fd;
}

static void watch(int poll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event))
        fail("watching");
}

static void open_all(const struct sockaddr_in *to, int poll)
{
    static char request[REQUEST_MAX];
    size_t len = 0, count = 0;
    for (int byte; (byte = getchar()) != EOF && (len || byte != '\n');) {
        if (len + 1 == sizeof request)
            fail("too long a request");
        request[len++] = (char)byte;
        if (byte)
            continue;
        if (++count > PIPES_MAX)
            fail("too many pipes");
        watch(poll, open_pipe(to, request));
        len = 0;
    }
}

/* True while there is somebody who asks. */
static bool answer(uint64_t bytes)
{
    char line[64];
    if (read(STDIN_FILENO, line, sizeof line) <= 0)
        return false;
    printf("%llu\n", (unsigned long long)bytes);
    fflush(stdout);
    return true;
}

int main(int argc, char **argv)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    if (argc != 3 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) {
        fprintf(stderr, "pipes ADDRESS PORT <requests\n");
        return 2;
    }
    to.sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
    setvbuf(stdin, NULL, _IONBF, 0);
    int poll = epoll_create1(EPOLL_CLOEXEC);
    open_all(&to, poll);
    watch(poll, STDIN_FILENO);
    printf("ready\n");
    fflush(stdout);
    uint64_t bytes = 0;
    for (;;) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(poll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == STDIN_FILENO) {
                if (!answer(bytes))
                    return 0;
                continue;
            }
            ssize_t len = recv(events[i].data.fd, NULL, READ_MAX, MSG_TRUNC | MSG_DONTWAIT);
            if (len > 0)
                bytes += (uint64_t)len;
            else if (!len || errno != EAGAIN)
                close(events[i].data.fd);
        }
    }
}
