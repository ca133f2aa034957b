// SPDX-License-Identifier: Apache-2.0
/*
 * Questions and answers. A datagram is answered at once or, when it was sent on, later; a
 * connection by TCP has one question at a time. Whose VPC it is tells the interface. Control
 * thread.
 */
#include "services/ec2/resolver.h"

#include "base/log.h"
#include "base/time.h"
#include "engines/fabric/bpf/sizes.h"
#include "engines/fabric/fabric.h"
#include "services/ec2/dns_forward.h"
#include "services/ec2/dns_zone.h"
#include "services/ec2/interface.h"
#include "store/txn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define DATAGRAMS_AT_ONCE 64
#define ASKED_MAX 2048
#define CLIENTS_MAX 512
#define CLIENT_IDLE_MS 10000
#define LENGTH_SIZE 2           /* before a message by TCP */
#define PACKETS_PER_SECOND 1024 /* "Amazon DNS quotas": of an interface */

/* A connection. */
struct client {
    struct watch watch; /* first */
    struct timer idle;
    struct resolver *resolver;
    struct client *before, *after;
    struct sockaddr_in peer;
    struct buf received;
    struct asked *asked; /* or NULL */
    bool broken;         /* it is to end */
};

/* A question on its way. */
struct asked {
    struct dns_forward forward; /* first */
    struct asked *before, *after;
    struct resolver *resolver;
    struct client *client; /* or NULL: by UDP, or it has left */
    struct sockaddr_in peer;
    struct arena arena;
    struct dns_question question;
};

/* Packets of one interface in one second. */
struct rate {
    uint32_t second;
    uint32_t count;
};

struct resolver {
    struct cloud *cloud;
    struct loop *loop;
    const char *resolv_conf;
    struct network_socket datagrams, connections;
    struct watch udp, tcp;
    struct asked *asked;
    struct client *clients;
    size_t asked_count, client_count;
    struct rate rates[FAB_INTERFACES];
};

/* ---- answers -----------------------------------------------------------------------------------
 */

static void client_free(struct client *client)
{
    struct resolver *resolver = client->resolver;
    loop_unwatch(resolver->loop, &client->watch);
    loop_timer_clear(resolver->loop, &client->idle);
    close(client->watch.fd);
    if (client->asked)
        client->asked->client = NULL;
    *(client->before ? &client->before->after : &resolver->clients) = client->after;
    if (client->after)
        client->after->before = client->before;
    resolver->client_count--;
    buf_done(&client->received);
    free(client);
}

static void asked_free(struct asked *a)
{
    struct resolver *resolver = a->resolver;
    dns_forward_end(&a->forward);
    *(a->before ? &a->before->after : &resolver->asked) = a->after;
    if (a->after)
        a->after->before = a->before;
    resolver->asked_count--;
    if (a->client)
        a->client->asked = NULL;
    arena_done(&a->arena);
    free(a);
}

/* Ends the question. */
static void reply(struct asked *a, struct span message)
{
    struct client *client = a->client;
    const char length[] = {(char)(message.len >> 8), (char)message.len};
    if (client) {
        const struct span parts[] = {span_of(length, LENGTH_SIZE), message};
        struct span all = arena_join(&a->arena, parts, ARRAY_LEN(parts));
        ssize_t sent = send(client->watch.fd, all.at, all.len, MSG_NOSIGNAL);
        client->broken = sent != (ssize_t)all.len; /* it does not read: there is room for any */
    } else if (a->forward.type == SOCK_DGRAM) {
        if (message.len > a->question.room)
            message = dns_truncated(&a->arena, message, &a->question);
        /* What does not leave is asked for again. */
        (void)sendto(a->resolver->udp.fd, message.at, message.len, MSG_NOSIGNAL,
                     (const struct sockaddr *)&a->peer, sizeof a->peer);
    }
    asked_free(a);
}

static void reply_code(struct asked *a, enum DNS_CODE code)
{
    reply(a, dns_write(&a->arena, &a->question, &(struct dns_answer){.code = code}));
}

static void client_use(struct client *client);

static void on_forwarded(struct dns_forward *forward, struct span answer)
{
    struct asked *a = (struct asked *)(void *)forward;
    struct client *client = a->client;
    if (answer.at)
        reply(a, answer);
    else
        reply_code(a, DNS_SERVER_FAILURE);
    if (client)
        client_use(client);
}

/* ---- questions ---------------------------------------------------------------------------------
 */

enum FOUND { FOUND_ANSWER, FOUND_NOTHING, FOUND_SILENCE, FOUND_FAULT };

/* The caller's VPC, and what it knows. */
static enum FOUND look(struct call *c, const struct asked *a, struct dns_answer *ret)
{
    char text[INET_ADDRSTRLEN];
    struct stored_interface interface;
    struct stored_vpc vpc;
    bool found;
    inet_ntop(AF_INET, &a->peer.sin_addr, text, sizeof text);
    if (network_caller(c, span_of_cstr(text), &interface) ||
        resource_find(c, &vpc_kind, interface.vpc, &vpc) || !vpc.dns_support)
        return FOUND_SILENCE;
    const struct refusal *refusal = dns_zone_find(c, &vpc, &a->question, &found, ret);
    if (refusal)
        log_error("ec2: resolving %.*s: %.*s", SPAN_ARG(a->question.name),
                  SPAN_ARG(refusal->message));
    return refusal ? FOUND_FAULT : found ? FOUND_ANSWER : FOUND_NOTHING;
}

static void drop(struct asked *a)
{
    if (a->client)
        a->client->broken = true;
    asked_free(a);
}

static void resolve(struct asked *a)
{
    struct dns_answer answer;
    struct call c = {.arena = &a->arena,
                     .now_ms = clock_now_ms(),
                     .request_id = S("resolver"),
                     .service = &ec2_service,
                     .txn = txn_begin(a->resolver->cloud->store),
                     .cloud = a->resolver->cloud};
    enum FOUND found = look(&c, a, &answer);
    txn_rollback(c.txn);
    if (found == FOUND_ANSWER)
        reply(a, dns_write(&a->arena, &a->question, &answer));
    else if (found == FOUND_NOTHING)
        dns_forward_begin(&a->forward);
    else if (found == FOUND_FAULT)
        reply_code(a, DNS_SERVER_FAILURE);
    else
        drop(a);
}

static void ask(struct resolver *resolver, struct span message, const struct sockaddr_in *peer,
                struct client *client)
{
    if (resolver->asked_count == ASKED_MAX) { /* a datagram is asked again */
        if (client)
            client->broken = true;
        return;
    }
    struct asked *a = calloc(1, sizeof *a);
    if (!a)
        log_fatal("out of memory");
    arena_init(&a->arena, 4096, (size_t)64 << 20);
    a->resolver = resolver;
    a->client = client;
    a->peer = *peer;
    a->after = resolver->asked;
    if (a->after)
        a->after->before = a;
    resolver->asked = a;
    resolver->asked_count++;
    if (client)
        client->asked = a;
    a->forward = (struct dns_forward){.loop = resolver->loop,
                                      .message = arena_copy(&a->arena, message),
                                      .question = &a->question,
                                      .resolv_conf = resolver->resolv_conf,
                                      .type = client ? SOCK_STREAM : SOCK_DGRAM,
                                      .answered = on_forwarded,
                                      .watch.fd = -1};
    int error = dns_read(&a->arena, a->forward.message, &a->question);
    if (error == -EINVAL)
        reply_code(a, DNS_FORMAT);
    else if (error == -EOPNOTSUPP)
        reply_code(a, DNS_NOT_BUILT);
    else if (error)
        drop(a);
    else
        resolve(a);
}

/* ---- datagrams ---------------------------------------------------------------------------------
 */

static bool is_within_rate(struct resolver *resolver, uint32_t caller)
{
    struct rate *rate = &resolver->rates[caller];
    uint32_t second = (uint32_t)(loop_now_ms(resolver->loop) / 1000);
    if (rate->second != second)
        *rate = (struct rate){.second = second};
    return rate->count++ < PACKETS_PER_SECOND;
}

static void on_datagrams(struct watch *watch, uint32_t events)
{
    struct resolver *resolver = (struct resolver *)((char *)watch - offsetof(struct resolver, udp));
    static char message[DNS_MESSAGE_MAX];
    for (int i = 0; i < DATAGRAMS_AT_ONCE; i++) {
        struct sockaddr_in peer;
        socklen_t len = sizeof peer;
        ssize_t got =
            recvfrom(watch->fd, message, sizeof message, 0, (struct sockaddr *)&peer, &len);
        if (got < 0)
            return;
        uint32_t caller = fabric_service_caller(peer.sin_addr.s_addr);
        if (caller && is_within_rate(resolver, caller))
            ask(resolver, span_of(message, (size_t)got), &peer, NULL);
    }
}

static void on_datagrams_opened(struct network_socket *socket)
{
    struct resolver *resolver =
        (struct resolver *)((char *)socket - offsetof(struct resolver, datagrams));
    resolver->udp = (struct watch){.fd = socket->fd, .ready = on_datagrams};
    if (loop_watch(resolver->loop, &resolver->udp, EPOLLIN) < 0)
        log_error("ec2: waiting for questions to the resolver");
}

/* ---- connections -------------------------------------------------------------------------------
 */

/* The length of the next question, or SIZE_MAX: it has not come. */
static size_t next_length(const struct client *client)
{
    struct span received = buf_span(&client->received);
    if (received.len < LENGTH_SIZE)
        return SIZE_MAX;
    size_t len = (size_t)((uint8_t)received.at[0] << 8 | (uint8_t)received.at[1]);
    return received.len < LENGTH_SIZE + len ? SIZE_MAX : len;
}

/* The next questions of a client, until one is under way. */
static void client_use(struct client *client)
{
    size_t len;
    while (!client->asked && !client->broken && (len = next_length(client)) != SIZE_MAX) {
        struct span message = span_of(client->received.at + LENGTH_SIZE, len);
        ask(client->resolver, message, &client->peer, client);
        buf_drop(&client->received, LENGTH_SIZE + len);
    }
    if (client->broken)
        client_free(client);
}

static void on_client(struct watch *watch, uint32_t events)
{
    struct client *client = (struct client *)(void *)watch;
    const size_t room = LENGTH_SIZE + DNS_MESSAGE_MAX;
    if (client->received.len >= room) { /* it asks faster than it is answered */
        client_free(client);
        return;
    }
    ssize_t got = recv(watch->fd, buf_room(&client->received, room), room, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        client_free(client);
        return;
    }
    client->received.len += (size_t)got;
    loop_timer_set(client->resolver->loop, &client->idle,
                   loop_now_ms(client->resolver->loop) + CLIENT_IDLE_MS);
    client_use(client);
}

static void on_idle(struct timer *timer)
{
    client_free((struct client *)((char *)timer - offsetof(struct client, idle)));
}

static void on_connection(struct watch *watch, uint32_t events)
{
    struct resolver *resolver = (struct resolver *)((char *)watch - offsetof(struct resolver, tcp));
    struct sockaddr_in peer;
    socklen_t len = sizeof peer;
    int fd = accept4(watch->fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    if (resolver->client_count == CLIENTS_MAX) {
        close(fd);
        return;
    }
    struct client *client = calloc(1, sizeof *client);
    if (!client)
        log_fatal("out of memory");
    *client = (struct client){.watch = {.fd = fd, .ready = on_client},
                              .idle.due = on_idle,
                              .resolver = resolver,
                              .after = resolver->clients,
                              .peer = peer};
    buf_init(&client->received, 3 * (LENGTH_SIZE + DNS_MESSAGE_MAX));
    if (client->after)
        client->after->before = client;
    resolver->clients = client;
    resolver->client_count++;
    loop_timer_set(resolver->loop, &client->idle, loop_now_ms(resolver->loop) + CLIENT_IDLE_MS);
    if (loop_watch(resolver->loop, &client->watch, EPOLLIN) < 0)
        client_free(client);
}

static void on_connections_opened(struct network_socket *socket)
{
    struct resolver *resolver =
        (struct resolver *)((char *)socket - offsetof(struct resolver, connections));
    resolver->tcp = (struct watch){.fd = socket->fd, .ready = on_connection};
    if (loop_watch(resolver->loop, &resolver->tcp, EPOLLIN) < 0)
        log_error("ec2: waiting for connections to the resolver");
}

/* ---- beginning and end -------------------------------------------------------------------------
 */

struct resolver *resolver_new(struct cloud *cloud, struct network *network, const char *resolv_conf)
{
    struct resolver *resolver = calloc(1, sizeof *resolver);
    if (!resolver)
        log_fatal("out of memory");
    resolver->cloud = cloud;
    resolver->loop = cloud->control;
    resolver->resolv_conf = resolv_conf;
    resolver->udp.fd = resolver->tcp.fd = -1;
    resolver->datagrams = (struct network_socket){.opened = on_datagrams_opened,
                                                  .loop = cloud->control,
                                                  .type = SOCK_DGRAM,
                                                  .service = NETWORK_RESOLVER,
                                                  .port = 53};
    resolver->connections = resolver->datagrams;
    resolver->connections.opened = on_connections_opened;
    resolver->connections.type = SOCK_STREAM;
    network_listen(network, &resolver->datagrams);
    network_listen(network, &resolver->connections);
    return resolver;
}

void resolver_free(struct resolver *resolver)
{
    while (resolver->clients)
        client_free(resolver->clients);
    while (resolver->asked)
        asked_free(resolver->asked);
    if (resolver->udp.fd >= 0)
        close(resolver->udp.fd);
    if (resolver->tcp.fd >= 0)
        close(resolver->tcp.fd);
    free(resolver);
}
