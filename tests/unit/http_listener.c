// SPDX-License-Identifier: Apache-2.0
/* Cases for the listener with loops on several threads; worth running under TSan. */
#include "test.h"

#include "base/time.h"
#include "http/listener.h"
#include "loop/workers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOPS 3
#define CLIENTS 4
#define REQUESTS 50

static struct workers *workers;
static struct loop *loops[LOOPS];
static struct http_server *servers[LOOPS];
static atomic_int served[LOOPS];
static _Thread_local int own_loop;

/* Each request is answered by a worker's result, so exchanges, jobs and mail cross threads. */
struct answer {
    struct job job; /* first */
    struct http_exchange *x;
    struct http_segment segment;
};

static void run_answer(struct job *job)
{
    struct answer *answer = (struct answer *)job;
    answer->segment.bytes = arena_printf(answer->x->arena, "%.*s", SPAN_ARG(answer->x->path));
}

static void done_answer(struct job *job)
{
    struct answer *answer = (struct answer *)job;
    http_reply(answer->x, &(struct http_reply){
                              .status = 200, .segments = &answer->segment, .segment_count = 1});
}

static void head(struct http_handler *handler, struct http_exchange *x)
{
    http_take_whole(x, 0);
}

static void complete(struct http_handler *handler, struct http_exchange *x)
{
    struct answer *answer = ARENA_NEW(x->arena, struct answer);
    answer->job = (struct job){.run = run_answer, .done = done_answer, .home = x->loop};
    answer->x = x;
    if (workers_submit(workers, &answer->job) < 0)
        http_reply(x, &(struct http_reply){.status = 503});
}

static void finished(struct http_handler *handler, struct http_exchange *x, uint64_t bytes_in,
                     uint64_t bytes_out)
{
    atomic_fetch_add(&served[own_loop], 1);
}

static struct http_handler handler = {.head = head, .complete = complete, .finished = finished};

static void *run_loop(void *start)
{
    own_loop = *(int *)start;
    loop_run(loops[own_loop]);
    return NULL;
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        return -1;
    return fd;
}

/* The number of requests whose reply ended with their own path. */
static void *run_client(void *start)
{
    uint16_t port = *(uint16_t *)start;
    intptr_t good = 0;
    for (int i = 0; i < REQUESTS; i++) {
        char request[128], reply[512], path[64];
        int path_len = snprintf(path, sizeof path, "/%d", i);
        int len = snprintf(request, sizeof request,
                           "GET %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", path);
        int fd = connect_to(port);
        if (fd < 0 || write(fd, request, (size_t)len) != len)
            return (void *)good;
        size_t have = 0;
        for (ssize_t n; (n = read(fd, reply + have, sizeof reply - have)) > 0;)
            have += (size_t)n;
        good += span_ends(span_of(reply, have), span_of(path, (size_t)path_len));
        close(fd);
    }
    return (void *)good;
}

TEST(connections_are_dealt_evenly_to_all_loops)
{
    struct listener *listener;
    pthread_t loop_threads[LOOPS], clients[CLIENTS];
    static int numbers[LOOPS];
    CHECK_INT(workers_new(&workers, 2, 1000), 0);
    for (int i = 0; i < LOOPS; i++) {
        CHECK_INT(loop_new(&loops[i]), 0);
        CHECK_INT(http_server_new(&servers[i], loops[i], &handler, NULL), 0);
        numbers[i] = i;
    }
    CHECK_INT(listener_open(&listener, S("127.0.0.1"), 0), 0);
    uint16_t port = listener_port(listener);
    CHECK(port != 0);
    CHECK_INT(listener_start(listener, loops[0], servers, loops, LOOPS), 0);
    for (int i = 0; i < LOOPS; i++)
        CHECK_INT(pthread_create(&loop_threads[i], NULL, run_loop, &numbers[i]), 0);
    for (int i = 0; i < CLIENTS; i++)
        CHECK_INT(pthread_create(&clients[i], NULL, run_client, &port), 0);
    for (int i = 0; i < CLIENTS; i++) {
        void *good;
        pthread_join(clients[i], &good);
        CHECK_INT((intptr_t)good, REQUESTS);
    }
    for (int i = 0; i < LOOPS; i++)
        loop_stop(loops[i]);
    for (int i = 0; i < LOOPS; i++)
        pthread_join(loop_threads[i], NULL);
    listener_stop(listener);
    listener_free(listener);
    int sum = 0;
    for (int i = 0; i < LOOPS; i++) {
        int count = atomic_load(&served[i]);
        CHECK(count == CLIENTS * REQUESTS / LOOPS || count == CLIENTS * REQUESTS / LOOPS + 1);
        sum += count;
        http_server_free(servers[i]);
        loop_free(loops[i]);
    }
    CHECK_INT(sum, CLIENTS * REQUESTS);
    workers_free(workers);
}

static void stop_loop(struct mail *mail)
{
    loop_stop(loops[0]);
}

static void turn(void)
{
    struct mail mail = {.deliver = stop_loop};
    loop_post(loops[0], &mail);
    loop_run(loops[0]);
}

TEST(without_descriptors_it_pauses_and_goes_on_later)
{
    struct listener *listener;
    struct rlimit before, none;
    CHECK_INT(loop_new(&loops[0]), 0);
    CHECK_INT(http_server_new(&servers[0], loops[0], &handler, NULL), 0);
    CHECK_INT(listener_open(&listener, S("127.0.0.1"), 0), 0);
    CHECK_INT(listener_start(listener, loops[0], servers, loops, 1), 0);
    int client = connect_to(listener_port(listener));
    CHECK(client >= 0);
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){.rlim_cur = 3, .rlim_max = before.rlim_max};
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &none), 0);
    turn();
    turn();
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &before), 0);
    turn();
    CHECK_INT(http_server_connections(servers[0]), 0); /* it pauses */
    clock_advance(150);
    for (int i = 0; i < 1000 && !http_server_connections(servers[0]); i++)
        turn();
    CHECK_INT(http_server_connections(servers[0]), 1);
    close(client);
    listener_stop(listener);
    listener_free(listener);
    http_server_free(servers[0]);
    loop_free(loops[0]);
}

TEST(addresses_of_both_families_and_what_is_none)
{
    struct listener *listener, *second;
    CHECK_INT(listener_open(&listener, S("localhost"), 0), -EINVAL);
    CHECK_INT(listener_open(&listener, S(""), 0), -EINVAL);
    CHECK_INT(listener_open(&listener, S("127.0.0.1.5"), 0), -EINVAL);
    CHECK_INT(listener_open(&listener, S("192.0.2.1"), 0), -EADDRNOTAVAIL);
    CHECK_INT(listener_open(&listener, S("127.0.0.1"), 0), 0);
    CHECK_INT(listener_open(&second, S("127.0.0.1"), listener_port(listener)), -EADDRINUSE);
    listener_free(listener);
    int r = listener_open(&listener, S("::1"), 0);
    CHECK(r == 0 || r == -EADDRNOTAVAIL || r == -EAFNOSUPPORT);
    if (r == 0) {
        CHECK(listener_port(listener) != 0);
        listener_free(listener);
    }
}
