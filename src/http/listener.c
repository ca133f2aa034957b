// SPDX-License-Identifier: Apache-2.0
/*
 * One loop accepts for all: round robin balances exactly where SO_REUSEPORT only does on average.
 * Without descriptors it pauses instead of spinning. One thread, but for the mail.
 */
#include "http/listener.h"

#include "base/log.h"
#include "base/scope.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

#define ACCEPTS_PER_EVENT 64
#define RETRY_MS 100
#define BACKLOG 4096

struct listener {
    struct watch watch;
    struct timer retry;
    struct loop *loop; /* NULL: not started */
    struct http_server *const *servers;
    struct loop *const *loops;
    size_t count, next;
    struct tls_context *tls; /* or NULL */
};

/* A connection on its way to its loop. */
struct dealt {
    struct mail mail;
    struct http_server *server;
    struct tls_context *tls;
    int fd;
};

static void deliver(struct mail *mail)
{
    struct dealt *dealt = (struct dealt *)mail;
    http_server_adopt(dealt->server, dealt->fd, dealt->tls);
    free(dealt);
}

static void deal(struct listener *listener, int fd)
{
    size_t i = listener->next;
    listener->next = (i + 1) % listener->count;
    if (listener->loops[i] == listener->loop) {
        http_server_adopt(listener->servers[i], fd, listener->tls);
        return;
    }
    struct dealt *dealt = malloc(sizeof *dealt);
    if (!dealt)
        log_fatal("out of memory for a connection");
    *dealt = (struct dealt){
        .mail.deliver = deliver, .server = listener->servers[i], .tls = listener->tls, .fd = fd};
    loop_post(listener->loops[i], &dealt->mail);
}

static void pause_accepting(struct listener *listener)
{
    loop_unwatch(listener->loop, &listener->watch);
    loop_timer_set(listener->loop, &listener->retry, loop_now_ms(listener->loop) + RETRY_MS);
}

static void retry_due(struct timer *timer)
{
    struct listener *listener =
        (struct listener *)((char *)timer - offsetof(struct listener, retry));
    if (loop_watch(listener->loop, &listener->watch, EPOLLIN) < 0)
        loop_timer_set(listener->loop, timer, loop_now_ms(listener->loop) + RETRY_MS);
}

static void listener_ready(struct watch *watch, uint32_t events)
{
    struct listener *listener = (struct listener *)watch;
    for (int i = 0; i < ACCEPTS_PER_EVENT; i++) {
        int fd = accept4(watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            deal(listener, fd);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            pause_accepting(listener);
        if (errno != ECONNABORTED && errno != EINTR)
            return;
    }
}

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* The length of what was read, 0 when `text` is no address. */
static socklen_t read_address(union address *address, struct span text, uint16_t port)
{
    char copy[INET6_ADDRSTRLEN] = {0};
    *address = (union address){0};
    if (text.len >= sizeof copy)
        return 0;
    memcpy(copy, text.at, text.len);
    if (inet_pton(AF_INET, copy, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons(port);
        return sizeof address->v4;
    }
    if (inet_pton(AF_INET6, copy, &address->v6.sin6_addr) == 1) {
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_port = htons(port);
        return sizeof address->v6;
    }
    return 0;
}

int listener_open(struct listener **ret, struct span text, uint16_t port)
{
    union address address;
    int on = 1;
    socklen_t len = read_address(&address, text, port);
    if (!len)
        return -EINVAL;
    AUTO_FD fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(fd, &address.any, len) < 0 || listen(fd, BACKLOG) < 0)
        return -errno;
    listener_take(ret, TAKE_FD(fd));
    return 0;
}

void listener_take(struct listener **ret, int fd)
{
    struct listener *listener = calloc(1, sizeof *listener);
    if (!listener)
        log_fatal("out of memory for a listener");
    listener->watch = (struct watch){fd, listener_ready};
    listener->retry.due = retry_due;
    *ret = listener;
}

void listener_secure(struct listener *listener, struct tls_context *tls)
{
    listener->tls = tls;
}

uint16_t listener_port(const struct listener *listener)
{
    union address address;
    socklen_t len = sizeof address;
    if (getsockname(listener->watch.fd, &address.any, &len) < 0)
        return 0;
    return ntohs(address.any.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
}

int listener_start(struct listener *listener, struct loop *loop, struct http_server *const *servers,
                   struct loop *const *loops, size_t count)
{
    int r = loop_watch(loop, &listener->watch, EPOLLIN);
    if (r < 0)
        return r;
    listener->loop = loop;
    listener->servers = servers;
    listener->loops = loops;
    listener->count = count;
    return 0;
}

void listener_stop(struct listener *listener)
{
    if (!listener->loop)
        return;
    loop_unwatch(listener->loop, &listener->watch);
    loop_timer_clear(listener->loop, &listener->retry);
    listener->loop = NULL;
}

void listener_free(struct listener *listener)
{
    if (!listener)
        return;
    listener_stop(listener);
    close(listener->watch.fd);
    free(listener);
}
