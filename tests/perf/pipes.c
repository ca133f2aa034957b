// SPDX-License-Identifier: Apache-2.0
/*
 * Subscribers that cost next to nothing. Standard input brings requests, each ended by a zero byte,
 * and an empty line; each gets a connection of its own, whose reply must be a 200. Then "ready",
 * and what follows is counted and left in the kernel (MSG_TRUNC): a consumer's own work is no part
 * of what it costs the producer. Every line on standard input is answered by the bytes so far.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIPES_MAX 1024
#define REQUEST_MAX 65536
#define READ_MAX (4 << 20)
#define NAP_MS 2

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

static size_t open_all(const struct sockaddr_in *to, int pipes[PIPES_MAX])
{
    static char request[REQUEST_MAX];
    size_t len = 0, count = 0;
    for (int byte; (byte = getchar()) != EOF && (len || byte != '\n');) {
        if (len + 1 == sizeof request || count == PIPES_MAX)
            fail("too much");
        request[len++] = (char)byte;
        if (byte)
            continue;
        pipes[count++] = open_pipe(to, request);
        len = 0;
    }
    return count;
}

static uint64_t take(int *pipe)
{
    ssize_t len = *pipe < 0 ? 0 : recv(*pipe, NULL, READ_MAX, MSG_TRUNC | MSG_DONTWAIT);
    if (len > 0)
        return (uint64_t)len;
    if (*pipe >= 0 && (!len || errno != EAGAIN)) {
        close(*pipe);
        *pipe = -1;
    }
    return 0;
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
    static int pipes[PIPES_MAX];
    struct sockaddr_in to = {.sin_family = AF_INET};
    if (argc != 3 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) {
        fprintf(stderr, "pipes ADDRESS PORT <requests\n");
        return 2;
    }
    to.sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
    setvbuf(stdin, NULL, _IONBF, 0);
    size_t count = open_all(&to, pipes);
    printf("ready\n");
    fflush(stdout);
    uint64_t bytes = 0;
    struct pollfd asked = {.fd = STDIN_FILENO, .events = POLLIN};
    for (;;) {
        if (poll(&asked, 1, NAP_MS) > 0 && !answer(bytes))
            return 0;
        for (size_t i = 0; i < count; i++)
            bytes += take(&pipes[i]);
    }
}
