// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Namespaces with real sockets, plugged into a fabric of the test's own: an app and a database in a
 * private subnet behind a gateway, a web server in a public one, and a server on the internet.
 * Everything that is made is removed.
 */
#include "test.h"

#include "engines/fabric/inside.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define IP(a, b, c, d)                                                                             \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)
#define WEB IP(10, 0, 1, 10)
#define WEB_PUBLIC IP(198, 51, 100, 10)
#define APP IP(10, 0, 2, 20)
#define DATABASE IP(10, 0, 2, 21)
#define GATEWAY_PUBLIC IP(198, 51, 100, 50)
#define SERVER IP(192, 0, 2, 80)
#define SOON_MS 2000 /* what must come, comes by then */
#define NEVER_MS 200 /* what has not come by then is not waited for */

enum HOST { INTERNET, WEB_HOST, APP_HOST, DATABASE_HOST, HOSTS };

static struct fabric *fabric;
static char name[32];
static int hosts[HOSTS];

/* -- inside a namespace, on a thread that ends ------------------------------------------------ */

struct inside {
    enum HOST host;
    int (*run)(struct inside *inside);
    int type, protocol;        /* of a socket */
    uint32_t address, gateway; /* of a host */
    int result;
};

static void *inside_run(void *user)
{
    struct inside *inside = user;
    inside->result = setns(hosts[inside->host], CLONE_NEWNET) < 0 ? -errno : inside->run(inside);
    return NULL;
}

static int in_namespace(struct inside inside)
{
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, inside_run, &inside), 0);
    pthread_join(thread, NULL);
    return inside.result;
}

static void *make_namespace(void *user)
{
    int *fd = user;
    *fd = unshare(CLONE_NEWNET) < 0 ? -1 : open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    return NULL;
}

static int make_socket(struct inside *inside)
{
    return socket(AF_INET, inside->type | SOCK_CLOEXEC, inside->protocol);
}

static struct sockaddr_in socket_address(uint32_t address, uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {address}};
}

static int set_address(int fd, unsigned long what, uint32_t address)
{
    struct ifreq request = {.ifr_name = "eth0"};
    struct sockaddr_in in = socket_address(address, 0);
    memcpy(&request.ifr_addr, &in, sizeof in);
    return ioctl(fd, what, &request);
}

static int add_default_route(int fd, uint32_t gateway)
{
    struct sockaddr_in any = socket_address(0, 0), to = socket_address(gateway, 0);
    static char device[] = "eth0";
    struct rtentry route = {.rt_flags = gateway ? RTF_UP | RTF_GATEWAY : RTF_UP, .rt_dev = device};
    memcpy(&route.rt_dst, &any, sizeof any);
    memcpy(&route.rt_genmask, &any, sizeof any);
    memcpy(&route.rt_gateway, &to, sizeof to);
    return ioctl(fd, SIOCADDRT, &route);
}

/* /24 and a default route; the fabric answers ARP for any address of the subnet. */
static int configure(struct inside *inside)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int bad = set_address(fd, SIOCSIFADDR, inside->address) < 0 ||
              set_address(fd, SIOCSIFNETMASK, IP(255, 255, 255, 0)) < 0 ||
              add_default_route(fd, inside->gateway) < 0;
    int error = bad ? -errno : 0;
    close(fd);
    return error;
}

/* -- the world -------------------------------------------------------------------------------- */

static const struct fab_rule all = {.allow = 1};
static const struct fabric_rules open_rules = {&all, 1};
static struct fabric_route app_routes[] = {{IP(10, 0, 0, 0), 16, FAB_ROUTE_LOCAL, 0},
                                           {0, 0, FAB_ROUTE_GATEWAY, 1}};
static struct fabric_route web_routes[] = {{IP(10, 0, 0, 0), 16, FAB_ROUTE_LOCAL, 0},
                                           {0, 0, FAB_ROUTE_INTERNET, 0}};

static void put_interface(uint32_t number, uint32_t subnet, struct fabric_address address,
                          struct fabric_rules in)
{
    const struct fabric_interface interface = {.network = 1,
                                               .subnet = subnet,
                                               .mac = {6, 1, 0, 0, 0, (uint8_t)number},
                                               .addresses = &address,
                                               .address_count = 1,
                                               .out = open_rules,
                                               .in = in};
    CHECK_INT(fabric_put_interface(fabric, number, &interface), 0);
}

static void put_gateway(uint32_t ports_max)
{
    const struct fabric_gateway gateway = {.subnet = 1,
                                           .address = IP(10, 0, 1, 5),
                                           .publics = {GATEWAY_PUBLIC},
                                           .count = 1,
                                           .ports_max = ports_max};
    CHECK_INT(fabric_put_gateway(fabric, 1, &gateway), 0);
}

static void publish(void)
{
    CHECK_INT(fabric_put_network(fabric, 1, FABRIC_INTERNET), 0);
    for (uint32_t i = 1; i <= 2; i++) {
        const struct fabric_subnet subnet = {.network = 1,
                                             .address = IP(10, 0, i, 0),
                                             .mask = IP(255, 255, 255, 0),
                                             .routes = i,
                                             .out = open_rules,
                                             .in = open_rules};
        CHECK_INT(fabric_put_subnet(fabric, i, &subnet), 0);
    }
    CHECK_INT(fabric_put_routes(fabric, 1, web_routes, 2), 0);
    CHECK_INT(fabric_put_routes(fabric, 2, app_routes, 2), 0);
    put_interface(WEB_HOST, 1, (struct fabric_address){WEB, WEB_PUBLIC}, open_rules);
    put_interface(APP_HOST, 2, (struct fabric_address){APP, 0}, open_rules);
    put_interface(DATABASE_HOST, 2, (struct fabric_address){DATABASE, 0}, open_rules);
    put_gateway(0);
    CHECK_INT(fabric_changed(fabric, 1), 0);
}

static void open_fabric(void)
{
    const char *why;
    int error =
        fabric_open(&fabric, &(struct fabric_options){.name = name, .sessions = 4000}, &why);
    if (error)
        test_fail(__FILE__, __LINE__, "%s: %s", why, strerror(-error));
}

static inline void open_world(void)
{
    static const uint32_t addresses[HOSTS] = {SERVER, WEB, APP, DATABASE};
    const char *why;
    int error = geteuid() ? -EPERM : fabric_check(&why);
    if (error)
        test_skip(geteuid() ? "needs root" : why);
    snprintf(name, sizeof name, "kintoun-test-%d", (int)getpid());
    CHECK_INT(fabric_remove(name), 0); /* of a test that failed */
    open_fabric();
    publish();
    for (int i = 0; i < HOSTS; i++) {
        pthread_t thread;
        CHECK_INT(pthread_create(&thread, NULL, make_namespace, &hosts[i]), 0);
        pthread_join(thread, NULL);
        CHECK(hosts[i] >= 0);
        CHECK_INT(i == INTERNET ? fabric_plug_edge(fabric, hosts[i], "eth0")
                                : fabric_plug(fabric, (uint32_t)i, hosts[i], "eth0"),
                  0);
        uint32_t gateway = (addresses[i] & IP(255, 255, 255, 0)) | IP(0, 0, 0, 1);
        if (i == INTERNET)
            gateway = 0; /* the fabric answers for its public addresses on the link */
        CHECK_INT(in_namespace((struct inside){.host = (enum HOST)i,
                                               .run = configure,
                                               .address = addresses[i],
                                               .gateway = gateway}),
                  0);
    }
}

static inline void close_world(void)
{
    fabric_close(fabric);
    for (int i = 0; i < HOSTS; i++)
        close(hosts[i]);
    CHECK_INT(fabric_remove(name), 0);
}

/* -- sockets ---------------------------------------------------------------------------------- */

static inline int socket_in(enum HOST host, int type, int protocol)
{
    int fd = in_namespace(
        (struct inside){.host = host, .run = make_socket, .type = type, .protocol = protocol});
    CHECK(fd >= 0);
    return fd;
}

static inline bool ready(int fd, short events, int ms)
{
    struct pollfd poll_fd = {.fd = fd, .events = events};
    return poll(&poll_fd, 1, ms) > 0;
}

static inline int listening(enum HOST host, uint16_t port)
{
    int fd = socket_in(host, SOCK_STREAM, 0);
    struct sockaddr_in address = socket_address(0, port);
    CHECK_INT(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    CHECK_INT(listen(fd, 8), 0);
    return fd;
}

/* A connected socket, or -1 when nothing answers. */
static inline int connected(enum HOST host, uint32_t to, uint16_t port, int ms)
{
    int fd = socket_in(host, SOCK_STREAM | SOCK_NONBLOCK, 0), error = 0;
    struct sockaddr_in address = socket_address(to, port);
    socklen_t len = sizeof error;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    if (ready(fd, POLLOUT, ms) && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 &&
        error == 0)
        return fd;
    close(fd);
    return -1;
}

static inline int accepted(int listener, struct sockaddr_in *ret_peer)
{
    socklen_t len = sizeof *ret_peer;
    CHECK(ready(listener, POLLIN, SOON_MS));
    return accept4(listener, (struct sockaddr *)ret_peer, &len, SOCK_CLOEXEC);
}

/* A word there and back. */
static inline bool talks(int here, int there)
{
    char word[8];
    return send(here, "ping", 4, MSG_NOSIGNAL) == 4 && ready(there, POLLIN, SOON_MS) &&
           recv(there, word, sizeof word, 0) == 4 && send(there, "pong", 4, MSG_NOSIGNAL) == 4 &&
           ready(here, POLLIN, SOON_MS) && recv(here, word, sizeof word, 0) == 4;
}

static inline bool echoes(enum HOST host, uint32_t to)
{
    int fd = socket_in(host, SOCK_RAW, IPPROTO_ICMP);
    struct sockaddr_in address = socket_address(to, 0);
    uint16_t request[4] = {htons(0x0800), 0, htons(77), htons(1)};
    uint32_t sum = request[0] + request[2] + request[3];
    request[1] = (uint16_t) ~((sum & 0xffff) + (sum >> 16));
    CHECK_INT(sendto(fd, request, 8, 0, (struct sockaddr *)&address, sizeof address), 8);
    bool found = false;
    uint8_t reply[128];
    while (!found && ready(fd, POLLIN, NEVER_MS * 2))
        found = recv(fd, reply, sizeof reply, 0) >= 28 && reply[20] == ICMP_ECHOREPLY &&
                memcmp(reply + 12, &to, 4) == 0 && reply[25] == 77;
    close(fd);
    return found;
}

static inline uint64_t dropped(enum FAB_REASON reason)
{
    uint64_t count = 0;
    CHECK_INT(fabric_dropped(fabric, reason, &count), 0);
    return count;
}
