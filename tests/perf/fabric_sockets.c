// SPDX-License-Identifier: Apache-2.0
/*
 * The two ends of a path as sockets. The server counts what arrives and says so for each line that
 * it reads; the client sends for some seconds. Client on processor 0, server on processor 1.
 */
#include "fabric.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 64
#define AT_ONCE 64 /* connections under way */
#define CHUNK (256 * 1024)

static _Atomic uint64_t packets, bytes;

static struct sockaddr_in address_of(const char *text, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, text, &address.sin_addr);
    return address;
}

static int open_socket(int type, int protocol)
{
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, protocol);
    if (fd < 0)
        give_up("socket", errno);
    return fd;
}

static int bound(int type, int port)
{
    int fd = open_socket(type, 0), one = 1;
    struct sockaddr_in any = address_of("0.0.0.0", port);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&any, sizeof any) < 0)
        give_up("bind", errno);
    if ((type & SOCK_STREAM) && listen(fd, 4096) < 0)
        give_up("listen", errno);
    return fd;
}

/* -- the server ------------------------------------------------------------------------------- */

static void *count_packets(void *user)
{
    static char room[BATCH][2048];
    struct iovec parts[BATCH];
    struct mmsghdr messages[BATCH] = {0};
    int fd = bound(SOCK_DGRAM, UDP_PORT), size = 64 << 20;
    stay_on(1);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    for (int i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){room[i], sizeof room[i]};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
    for (;;) {
        int got = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
        if (got > 0)
            packets += (uint64_t)got;
    }
    return user;
}

static void *count_bytes(void *user)
{
    static char room[CHUNK];
    int listener = bound(SOCK_STREAM, TCP_PORT);
    stay_on(1);
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        for (ssize_t got; fd >= 0 && (got = recv(fd, room, sizeof room, 0)) > 0;)
            bytes += (uint64_t)got;
        close(fd);
    }
    return user;
}

static void watch(int epoll, int fd, uint32_t events, uint64_t kind, int change)
{
    struct epoll_event event = {.events = events, .data.u64 = (uint64_t)fd | kind << 32};
    epoll_ctl(epoll, change, fd, &event);
}

static void take_connections(int epoll, int listener)
{
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;)
        watch(epoll, fd, EPOLLIN, 0, EPOLL_CTL_ADD);
}

/* A byte back, and closed when the client has. */
static void answer(int fd)
{
    char room[64];
    ssize_t got = recv(fd, room, sizeof room, 0);
    if (got > 0)
        (void)!send(fd, room, (size_t)got, MSG_NOSIGNAL);
    else if (got == 0 || errno != EAGAIN)
        close(fd);
}

static void *answer_connections(void *user)
{
    struct epoll_event events[256];
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    stay_on(1);
    for (int i = 0; i < CONNECT_PORTS; i++)
        watch(epoll, bound(SOCK_STREAM | SOCK_NONBLOCK, CONNECT_PORT + i), EPOLLIN, 1,
              EPOLL_CTL_ADD);
    for (;;) {
        int count = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.u64 >> 32)
                take_connections(epoll, (int)events[i].data.u64);
            else
                answer((int)events[i].data.u64);
        }
    }
    return user;
}

/* server */
int run_server(char **args)
{
    pthread_t threads[3];
    void *(*const parts[])(void *) = {count_packets, count_bytes, answer_connections};
    for (int i = 0; i < 3; i++)
        if (pthread_create(&threads[i], NULL, parts[i], NULL))
            give_up("pthread_create", errno);
    for (int c; (c = getchar()) != EOF;) {
        if (c != '\n')
            continue;
        printf("{\"packets\": %llu, \"bytes\": %llu}\n", (unsigned long long)packets,
               (unsigned long long)bytes);
        fflush(stdout);
    }
    return 0;
}

/* -- the client ------------------------------------------------------------------------------- */

struct client {
    struct sockaddr_in to;
    int64_t end_ns;
    int flows;
};

/* Datagrams of a socket as applications have one, in frames of 64 bytes. */
static uint64_t send_datagrams(const struct client *client)
{
    static char datagram[22];
    struct iovec part = {datagram, sizeof datagram};
    struct mmsghdr messages[BATCH] = {0};
    int fd = open_socket(SOCK_DGRAM, 0);
    uint64_t sent = 0;
    if (connect(fd, (const struct sockaddr *)&client->to, sizeof client->to) < 0)
        give_up("connect", errno);
    for (int i = 0; i < BATCH; i++)
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &part, .msg_iovlen = 1};
    while (now_ns() < client->end_ns) {
        int count = sendmmsg(fd, messages, BATCH, 0);
        if (count > 0)
            sent += (uint64_t)count;
    }
    close(fd);
    return sent;
}

/* The same, whose source ports go round: a socket of each would measure the sender's caches. */
static uint64_t send_packets(const struct client *client)
{
    static uint16_t datagrams[BATCH][13];
    struct iovec parts[BATCH];
    struct mmsghdr messages[BATCH] = {0};
    int fd = open_socket(SOCK_RAW, IPPROTO_UDP), next = 0;
    uint64_t sent = 0;
    if (connect(fd, (const struct sockaddr *)&client->to, sizeof client->to) < 0)
        give_up("connect", errno);
    for (int i = 0; i < BATCH; i++) {
        datagrams[i][1] = htons(UDP_PORT);
        datagrams[i][2] = htons(sizeof datagrams[i]);
        parts[i] = (struct iovec){datagrams[i], sizeof datagrams[i]};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
    while (now_ns() < client->end_ns) {
        for (int i = 0; i < BATCH; i++)
            datagrams[i][0] = htons((uint16_t)(10000 + next++ % client->flows));
        int count = sendmmsg(fd, messages, BATCH, 0);
        if (count > 0)
            sent += (uint64_t)count;
    }
    return sent;
}

static uint64_t send_bytes(const struct client *client)
{
    static char room[CHUNK];
    int fd = open_socket(SOCK_STREAM, 0);
    uint64_t sent = 0;
    if (connect(fd, (const struct sockaddr *)&client->to, sizeof client->to) < 0)
        give_up("connect", errno);
    while (now_ns() < client->end_ns) {
        ssize_t count = send(fd, room, sizeof room, MSG_NOSIGNAL);
        if (count < 0)
            give_up("send", errno);
        sent += (uint64_t)count;
    }
    close(fd);
    return sent;
}

/* Ends by a reset, so that neither end keeps the port. */
static void begin_connection(const struct client *client, int epoll)
{
    static unsigned number;
    const struct linger hard = {1, 0};
    struct sockaddr_in to = client->to;
    int fd = open_socket(SOCK_STREAM | SOCK_NONBLOCK, 0);
    to.sin_port = htons((uint16_t)(CONNECT_PORT + number++ % CONNECT_PORTS));
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS)
        give_up("connect", errno);
    watch(epoll, fd, EPOLLOUT, 1, EPOLL_CTL_ADD);
}

/* Connections opened, used for a byte there and back, and closed. */
static uint64_t make_connections(const struct client *client)
{
    struct epoll_event events[AT_ONCE];
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    uint64_t done = 0;
    for (int i = 0; i < AT_ONCE; i++)
        begin_connection(client, epoll);
    while (now_ns() < client->end_ns) {
        int count = epoll_wait(epoll, events, AT_ONCE, 100);
        for (int i = 0; i < count; i++) {
            int fd = (int)events[i].data.u64;
            char byte = 'x';
            if (events[i].events & EPOLLERR)
                give_up("a connection failed", 0);
            if (events[i].data.u64 >> 32) {
                (void)!send(fd, &byte, 1, MSG_NOSIGNAL);
                watch(epoll, fd, EPOLLIN, 0, EPOLL_CTL_MOD);
                continue;
            }
            done += recv(fd, &byte, 1, 0) == 1;
            close(fd);
            begin_connection(client, epoll);
        }
    }
    return done;
}

/* A byte there and back by each; how many did. */
static int talk(const int *fds, int count)
{
    int done = 0;
    for (int i = 0; i < count; i++)
        (void)!send(fds[i], "x", 1, MSG_NOSIGNAL);
    for (int i = 0; i < count; i++) {
        char byte;
        done += recv(fds[i], &byte, 1, 0) == 1;
    }
    return done;
}

/* Connections that stay: how many talk, for each line that is read. */
static void keep_connections(const struct client *client)
{
    enum { MOST = 1000 };
    static int fds[MOST];
    const struct timeval patience = {.tv_sec = 2};
    int count = client->flows < MOST ? client->flows : MOST;
    for (int i = 0; i < count; i++) {
        struct sockaddr_in to = client->to;
        to.sin_port = htons((uint16_t)(CONNECT_PORT + i % CONNECT_PORTS));
        fds[i] = open_socket(SOCK_STREAM, 0);
        setsockopt(fds[i], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        if (connect(fds[i], (struct sockaddr *)&to, sizeof to) < 0)
            give_up("connect", errno);
    }
    do {
        printf("{\"talk\": %d}\n", talk(fds, count));
        fflush(stdout);
    } while (getchar() == '\n');
}

/* client WHAT ADDRESS SECONDS FLOWS; what the server counts is what counts, but for connections. */
int run_client(char **args)
{
    double seconds = strtod(args[2], NULL);
    struct client client = {.flows = (int)strtol(args[3], NULL, 10)};
    uint64_t count;
    stay_on(0);
    int64_t start = now_ns();
    client.end_ns = start + (int64_t)(seconds * 1e9);
    if (strcmp(args[0], "packets") == 0) {
        client.to = address_of(args[1], UDP_PORT);
        count = client.flows > 1 ? send_packets(&client) : send_datagrams(&client);
    } else if (strcmp(args[0], "bytes") == 0) {
        client.to = address_of(args[1], TCP_PORT);
        count = send_bytes(&client);
    } else {
        client.to = address_of(args[1], CONNECT_PORT);
        if (strcmp(args[0], "live") == 0) {
            keep_connections(&client);
            return 0;
        }
        count = make_connections(&client);
    }
    printf("{\"count\": %llu, \"seconds\": %.6f}\n", (unsigned long long)count,
           (double)(now_ns() - start) / 1e9);
    return 0;
}
