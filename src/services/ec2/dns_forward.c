// SPDX-License-Identifier: Apache-2.0
/* Servers are asked in the order of the file, which is read for each question, so that a change
 * counts at once. The loop's thread. */
#include "services/ec2/dns_forward.h"

#include "base/id.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SERVERS_MAX 3 /* resolv.conf(5) */
#define WAIT_MS 2000
#define DNS_PORT 53
#define LENGTH_SIZE 2 /* before a message by TCP */
#define RECEIVED_MAX (LENGTH_SIZE + DNS_MESSAGE_MAX)

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static bool read_server(const char *text, union address *to)
{
    *to = (union address){0};
    if (inet_pton(AF_INET, text, &to->v4.sin_addr) == 1) {
        to->v4.sin_family = AF_INET;
        to->v4.sin_port = htons(DNS_PORT);
        return true;
    }
    if (inet_pton(AF_INET6, text, &to->v6.sin6_addr) != 1)
        return false;
    to->v6.sin6_family = AF_INET6;
    to->v6.sin6_port = htons(DNS_PORT);
    return true;
}

/* The server of that number; false: there is none (any more). */
static bool find_server(const char *path, size_t number, union address *ret)
{
    char line[256], text[64];
    size_t found = 0;
    FILE *file = fopen(path, "re");
    bool is_it = false;
    while (file && !is_it && number < SERVERS_MAX && fgets(line, sizeof line, file))
        if (sscanf(line, "nameserver %63s", text) == 1 && read_server(text, ret))
            is_it = found++ == number;
    if (file)
        fclose(file);
    return is_it;
}

static void stop(struct dns_forward *f)
{
    if (f->watch.fd >= 0) {
        loop_unwatch(f->loop, &f->watch);
        close(f->watch.fd);
        f->watch.fd = -1;
    }
    loop_timer_clear(f->loop, &f->timer);
}

void dns_forward_end(struct dns_forward *f)
{
    stop(f);
    buf_done(&f->received);
}

/* One message, in one piece: it is small and the socket is new. */
static bool send_question(struct dns_forward *f)
{
    char message[RECEIVED_MAX];
    size_t head = f->type == SOCK_STREAM ? LENGTH_SIZE : 0, len = head + f->message.len;
    memcpy(message + head, f->message.at, f->message.len);
    dns_set_id(message + head, f->id);
    if (head)
        dns_set_id(message, (uint16_t)f->message.len);
    return send(f->watch.fd, message, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static void next_server(struct dns_forward *f);

static void on_due(struct timer *timer)
{
    struct dns_forward *f =
        (struct dns_forward *)((char *)timer - offsetof(struct dns_forward, timer));
    next_server(f);
}

/* What has been received, once it is a whole message; absent: more is to come. */
static struct span whole(const struct dns_forward *f)
{
    struct span all = buf_span(&f->received);
    if (f->type == SOCK_DGRAM || all.len < LENGTH_SIZE)
        return f->type == SOCK_DGRAM ? all : SPAN_NONE;
    size_t len = (size_t)((uint8_t)all.at[0] << 8 | (uint8_t)all.at[1]);
    return all.len < LENGTH_SIZE + len ? SPAN_NONE : span_of(all.at + LENGTH_SIZE, len);
}

static void on_ready(struct watch *watch, uint32_t events)
{
    struct dns_forward *f =
        (struct dns_forward *)((char *)watch - offsetof(struct dns_forward, watch));
    if (events & EPOLLOUT) {
        if (!send_question(f) || loop_rewatch(f->loop, watch, EPOLLIN) < 0)
            next_server(f);
        return;
    }
    if (f->type == SOCK_DGRAM)
        buf_clear(&f->received);
    ssize_t got = recv(watch->fd, buf_room(&f->received, RECEIVED_MAX), RECEIVED_MAX, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0 || f->received.len + (size_t)got > RECEIVED_MAX) {
        next_server(f);
        return;
    }
    f->received.len += (size_t)got;
    struct span message = whole(f);
    if (!message.at || !dns_answers(message, f->id, f->question))
        return; /* somebody else's guess, or a beginning */
    stop(f);
    dns_set_id(f->received.at + (f->type == SOCK_STREAM ? LENGTH_SIZE : 0), f->question->id);
    f->answered(f, message);
}

static bool ask(struct dns_forward *f, const union address *server)
{
    socklen_t len = server->any.sa_family == AF_INET ? sizeof server->v4 : sizeof server->v6;
    f->id = (uint16_t)random_u64();
    buf_clear(&f->received);
    f->watch.fd = socket(server->any.sa_family, f->type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (f->watch.fd < 0)
        return false;
    if ((connect(f->watch.fd, &server->any, len) < 0 && errno != EINPROGRESS) ||
        loop_watch(f->loop, &f->watch, EPOLLOUT) < 0) {
        close(f->watch.fd);
        f->watch.fd = -1;
        return false;
    }
    loop_timer_set(f->loop, &f->timer, loop_now_ms(f->loop) + WAIT_MS);
    return true;
}

static void next_server(struct dns_forward *f)
{
    union address server;
    stop(f);
    while (find_server(f->resolv_conf, f->server, &server)) {
        f->server++;
        if (ask(f, &server))
            return;
    }
    f->answered(f, SPAN_NONE);
}

void dns_forward_begin(struct dns_forward *f)
{
    f->watch = (struct watch){.fd = -1, .ready = on_ready};
    f->timer = (struct timer){.due = on_due};
    f->server = 0;
    buf_init(&f->received, 2 * RECEIVED_MAX);
    loop_timer_set(f->loop, &f->timer, loop_now_ms(f->loop)); /* in the next round */
}
