// SPDX-License-Identifier: Apache-2.0
/*
 * Real packets: namespaces with real sockets, plugged into a fabric of this test's own. An app and
 * a database in a private subnet behind a gateway, a web server in a public one, and a server on
 * the internet. Everything that is made is removed.
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

static void open_world(void)
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

static void close_world(void)
{
    fabric_close(fabric);
    for (int i = 0; i < HOSTS; i++)
        close(hosts[i]);
    CHECK_INT(fabric_remove(name), 0);
}

/* -- sockets ---------------------------------------------------------------------------------- */

static int socket_in(enum HOST host, int type, int protocol)
{
    int fd = in_namespace(
        (struct inside){.host = host, .run = make_socket, .type = type, .protocol = protocol});
    CHECK(fd >= 0);
    return fd;
}

static bool ready(int fd, short events, int ms)
{
    struct pollfd poll_fd = {.fd = fd, .events = events};
    return poll(&poll_fd, 1, ms) > 0;
}

static int listening(enum HOST host, uint16_t port)
{
    int fd = socket_in(host, SOCK_STREAM, 0);
    struct sockaddr_in address = socket_address(0, port);
    CHECK_INT(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    CHECK_INT(listen(fd, 8), 0);
    return fd;
}

/* A connected socket, or -1 when nothing answers. */
static int connected(enum HOST host, uint32_t to, uint16_t port, int ms)
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

static int accepted(int listener, struct sockaddr_in *ret_peer)
{
    socklen_t len = sizeof *ret_peer;
    CHECK(ready(listener, POLLIN, SOON_MS));
    return accept4(listener, (struct sockaddr *)ret_peer, &len, SOCK_CLOEXEC);
}

/* A word there and back. */
static bool talks(int here, int there)
{
    char word[8];
    return send(here, "ping", 4, MSG_NOSIGNAL) == 4 && ready(there, POLLIN, SOON_MS) &&
           recv(there, word, sizeof word, 0) == 4 && send(there, "pong", 4, MSG_NOSIGNAL) == 4 &&
           ready(here, POLLIN, SOON_MS) && recv(here, word, sizeof word, 0) == 4;
}

static bool echoes(enum HOST host, uint32_t to)
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

static uint64_t dropped(enum FAB_REASON reason)
{
    uint64_t count = 0;
    CHECK_INT(fabric_dropped(fabric, reason, &count), 0);
    return count;
}

/* -- what must hold --------------------------------------------------------------------------- */

TEST(neighbours_ping_and_talk)
{
    struct sockaddr_in peer;
    open_world();
    CHECK(echoes(APP_HOST, DATABASE));
    CHECK(echoes(APP_HOST, WEB));
    int listener = listening(DATABASE_HOST, 5432);
    int here = connected(APP_HOST, DATABASE, 5432, SOON_MS);
    CHECK(here >= 0);
    int there = accepted(listener, &peer);
    CHECK_INT(peer.sin_addr.s_addr, APP);
    CHECK(talks(here, there));
    close(here);
    close(there);
    close(listener);
    close_world();
}

TEST(groups_let_in_what_they_name_and_keep_what_they_let_in)
{
    const struct fab_rule postgres = {APP, UINT32_MAX, 5432, 5432, FAB_TCP, 1, 0};
    const struct fab_rule ssh = {APP, UINT32_MAX, 22, 22, FAB_TCP, 1, 0};
    struct sockaddr_in peer;
    open_world();
    int listener = listening(DATABASE_HOST, 5432);
    put_interface(DATABASE_HOST, 2, (struct fabric_address){DATABASE, 0},
                  (struct fabric_rules){&ssh, 1});
    CHECK_INT(fabric_changed(fabric, 1), 0);
    CHECK_INT(connected(APP_HOST, DATABASE, 5432, NEVER_MS), -1);
    CHECK(dropped(FAB_GROUP_IN) > 0);
    CHECK(!echoes(APP_HOST, DATABASE));
    put_interface(DATABASE_HOST, 2, (struct fabric_address){DATABASE, 0},
                  (struct fabric_rules){&postgres, 1});
    CHECK_INT(fabric_changed(fabric, 1), 0);
    int here = connected(APP_HOST, DATABASE, 5432, SOON_MS);
    CHECK(here >= 0);
    int there = accepted(listener, &peer);
    put_interface(DATABASE_HOST, 2, (struct fabric_address){DATABASE, 0},
                  (struct fabric_rules){NULL, 0});
    CHECK_INT(fabric_changed(fabric, 1), 0);
    CHECK(talks(here, there));
    CHECK_INT(connected(APP_HOST, DATABASE, 5432, NEVER_MS), -1);
    close(here);
    close(there);
    close(listener);
    close_world();
}

TEST(the_gateway_shows_its_address_and_lets_nobody_in)
{
    struct sockaddr_in peer;
    struct fab_gateway_count count;
    open_world();
    int listener = listening(INTERNET, 443), inner = listening(APP_HOST, 8080);
    int here = connected(APP_HOST, SERVER, 443, SOON_MS);
    CHECK(here >= 0);
    int there = accepted(listener, &peer);
    CHECK_INT(peer.sin_addr.s_addr, GATEWAY_PUBLIC);
    CHECK(talks(here, there));
    CHECK(echoes(APP_HOST, SERVER));
    CHECK_INT(connected(INTERNET, GATEWAY_PUBLIC, 8080, NEVER_MS), -1);
    CHECK_INT(connected(INTERNET, GATEWAY_PUBLIC, ntohs(peer.sin_port), NEVER_MS), -1);
    CHECK_INT(connected(INTERNET, APP, 8080, NEVER_MS), -1);
    CHECK(dropped(FAB_NO_FLOW) > 0);
    CHECK_INT(fabric_gateway_counted(fabric, 1, &count), 0);
    CHECK_INT(count.active, 2);
    CHECK_INT(count.established, 2);
    close(here);
    close(there);
    close(listener);
    close(inner);
    close_world();
}

TEST(public_addresses_work_both_ways)
{
    struct sockaddr_in peer;
    open_world();
    int web = listening(WEB_HOST, 80), server = listening(INTERNET, 443);
    int from_outside = connected(INTERNET, WEB_PUBLIC, 80, SOON_MS);
    CHECK(from_outside >= 0);
    int served = accepted(web, &peer);
    CHECK_INT(peer.sin_addr.s_addr, SERVER);
    CHECK(talks(from_outside, served));
    int out = connected(WEB_HOST, SERVER, 443, SOON_MS);
    CHECK(out >= 0);
    int there = accepted(server, &peer);
    CHECK_INT(peer.sin_addr.s_addr, WEB_PUBLIC);
    int hairpin = connected(APP_HOST, WEB_PUBLIC, 80, SOON_MS);
    CHECK(hairpin >= 0);
    int turned = accepted(web, &peer);
    CHECK_INT(peer.sin_addr.s_addr, GATEWAY_PUBLIC);
    CHECK(talks(hairpin, turned));
    for (size_t i = 0; i < 8; i++)
        close((int[]){web, server, from_outside, served, out, there, hairpin, turned}[i]);
    close_world();
}

TEST(a_deleted_route_stops_the_next_packet)
{
    open_world();
    int server = socket_in(INTERNET, SOCK_DGRAM, 0), app = socket_in(APP_HOST, SOCK_DGRAM, 0);
    struct sockaddr_in at = socket_address(0, 53), to = socket_address(SERVER, 53);
    char word[8];
    CHECK_INT(bind(server, (struct sockaddr *)&at, sizeof at), 0);
    CHECK_INT(connect(app, (struct sockaddr *)&to, sizeof to), 0);
    CHECK_INT(send(app, "one", 3, 0), 3);
    CHECK(ready(server, POLLIN, SOON_MS));
    CHECK_INT(recv(server, word, sizeof word, 0), 3);
    CHECK_INT(fabric_put_routes(fabric, 2, app_routes, 1), 0);
    CHECK_INT(fabric_changed(fabric, 1), 0);
    CHECK_INT(send(app, "two", 3, 0), 3);
    CHECK(!ready(server, POLLIN, NEVER_MS));
    CHECK_INT(dropped(FAB_NO_ROUTE), 1);
    CHECK_INT(fabric_put_routes(fabric, 2, app_routes, 2), 0);
    CHECK_INT(fabric_changed(fabric, 1), 0);
    CHECK_INT(send(app, "three", 5, 0), 5);
    CHECK(ready(server, POLLIN, SOON_MS));
    CHECK_INT(recv(server, word, sizeof word, 0), 5);
    close(server);
    close(app);
    close_world();
}

TEST(a_small_pool_is_used_up_exactly)
{
    struct fab_gateway_count count;
    int apps[11], got = 0;
    char word[8];
    open_world();
    put_gateway(10);
    int server = socket_in(INTERNET, SOCK_DGRAM, 0);
    struct sockaddr_in at = socket_address(0, 53), to = socket_address(SERVER, 53);
    CHECK_INT(bind(server, (struct sockaddr *)&at, sizeof at), 0);
    for (int i = 0; i < 11; i++) {
        apps[i] = socket_in(APP_HOST, SOCK_DGRAM, 0);
        CHECK_INT(sendto(apps[i], "x", 1, 0, (struct sockaddr *)&to, sizeof to), 1);
    }
    while (ready(server, POLLIN, NEVER_MS))
        got += recv(server, word, sizeof word, 0) == 1;
    CHECK_INT(got, 10);
    CHECK_INT(dropped(FAB_NO_PORT), 1);
    CHECK_INT(fabric_gateway_counted(fabric, 1, &count), 0);
    CHECK_INT(count.port_errors, 1);
    CHECK_INT(fabric_set_clock(fabric, 351 * 1000), 0);
    for (int i = 0; i < 17; i++) /* all of the slices */
        CHECK_INT(fabric_sweep(fabric), 0);
    CHECK_INT(fabric_gateway_counted(fabric, 1, &count), 0);
    CHECK_INT(count.active, 0);
    CHECK_INT(count.idle_timeouts, 10);
    CHECK_INT(sendto(apps[10], "x", 1, 0, (struct sockaddr *)&to, sizeof to), 1);
    CHECK(ready(server, POLLIN, SOON_MS));
    for (int i = 0; i < 11; i++)
        close(apps[i]);
    close(server);
    close_world();
}

TEST(an_idle_connection_is_reset_when_it_goes_on)
{
    struct sockaddr_in peer;
    char word[8];
    open_world();
    int listener = listening(INTERNET, 443);
    int here = connected(APP_HOST, SERVER, 443, SOON_MS);
    CHECK(here >= 0);
    int there = accepted(listener, &peer);
    CHECK(talks(here, there));
    CHECK_INT(fabric_set_clock(fabric, 351 * 1000), 0);
    CHECK_INT(send(here, "late", 4, MSG_NOSIGNAL), 4);
    CHECK(ready(here, POLLIN, SOON_MS));
    CHECK_INT(recv(here, word, sizeof word, 0), -1);
    CHECK_INT(errno, ECONNRESET);
    CHECK(!ready(there, POLLIN, NEVER_MS)); /* nothing to the outside, not even a FIN */
    close(here);
    close(there);
    close(listener);
    close_world();
}

TEST(packets_move_while_nobody_has_the_fabric_open)
{
    struct sockaddr_in peer;
    open_world();
    int listener = listening(INTERNET, 443);
    int here = connected(APP_HOST, SERVER, 443, SOON_MS);
    CHECK(here >= 0);
    int there = accepted(listener, &peer);
    fabric_close(fabric);
    CHECK(talks(here, there));
    int second = connected(APP_HOST, SERVER, 443, SOON_MS);
    CHECK(second >= 0);
    open_fabric();
    CHECK(talks(here, there));
    publish();
    CHECK(talks(here, there));
    close(here);
    close(there);
    close(second);
    close(listener);
    close_world();
}

TEST(an_unplugged_interface_is_gone)
{
    open_world();
    CHECK(echoes(APP_HOST, DATABASE));
    CHECK_INT(fabric_plug(fabric, DATABASE_HOST, hosts[DATABASE_HOST], "eth1"), -EEXIST);
    CHECK_INT(fabric_unplug(fabric, DATABASE_HOST), 0);
    CHECK(!echoes(APP_HOST, DATABASE));
    CHECK_INT(fabric_drop_interface(fabric, DATABASE_HOST), 0);
    CHECK(!echoes(APP_HOST, DATABASE));
    CHECK(dropped(FAB_NO_TARGET) > 0);
    close_world();
}
