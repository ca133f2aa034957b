// SPDX-License-Identifier: Apache-2.0
/*
 * `fabric-load`: what fabric.py needs of C to measure the fabric beside other paths. Makes a fabric
 * of one private subnet behind a gateway, whose programs go on when it ends; injects frames; asks
 * how soon a change counts. Each command prints one line of JSON.
 */
#include "fabric.h"
#include "fabric_injection.h"

#include "engines/fabric/fabric.h"

#include "base/scope.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define GATEWAY_PUBLIC "198.51.100.50"
#define SESSIONS 131072
#define TCX_INGRESS ((enum bpf_attach_type)46) /* linux/bpf.h of 6.6 */
#define LIVE_FRAMES (1U << 1)                  /* BPF_F_TEST_XDP_LIVE_FRAMES */
#define SEND_EVERY_NS 20000
#define CLOCK_STEP_MS (24 * 3600 * 1000LL)

extern const unsigned char fabric_load_program[];
extern const size_t fabric_load_program_size;

void give_up(const char *what, int error)
{
    fprintf(stderr, "%s%s%s\n", what, error ? ": " : "", error ? strerror(error) : "");
    exit(1);
}

int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* What this thread has used of its processor: on a busy machine the clock on the wall measures the
 * neighbours. */
static int64_t used_ns(void)
{
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

void stay_on(int processor)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor % (int)sysconf(_SC_NPROCESSORS_ONLN), &set);
    sched_setaffinity(0, sizeof set, &set);
}

static int namespace_of(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "/run/netns/%s", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        give_up(path, errno);
    return fd;
}

void enter(const char *name)
{
    AUTO_FD fd = namespace_of(name);
    if (setns(fd, CLONE_NEWNET) < 0)
        give_up("setns", errno);
}

static void must(const char *what, int error)
{
    if (error < 0)
        give_up(what, -error);
}

/* -- the fabric ------------------------------------------------------------------------------- */

static struct fabric *open_fabric(const char *name)
{
    struct fabric *fabric;
    const char *why;
    const struct fabric_options options = {.name = name, .sessions = SESSIONS};
    int error = fabric_open(&fabric, &options, &why);
    if (error)
        give_up(why, -error);
    return fabric;
}

/* Nothing fits but the last rule, as in the filter of fabric.py. */
static const struct fab_rule rules[] = {
    {.address = 1, .mask = UINT32_MAX, .low = 22, .high = 22, .protocol = FAB_TCP, .allow = 1},
    {.address = 2, .mask = UINT32_MAX, .low = 80, .high = 80, .protocol = FAB_TCP, .allow = 1},
    {.address = 3, .mask = UINT32_MAX, .low = 443, .high = 443, .protocol = FAB_TCP, .allow = 1},
    {.allow = 1}};
static const struct fabric_rules list = {rules, ARRAY_LEN(rules)};

/* The private subnet's table: the first `count` of its routes. */
static void put_routes(struct fabric *fabric, size_t count)
{
    const struct fabric_route routes[] = {{inet_addr("10.0.0.0"), 16, FAB_ROUTE_LOCAL, 0},
                                          {0, 0, FAB_ROUTE_GATEWAY, 1}};
    must("routes", fabric_put_routes(fabric, 2, routes, count));
    must("changed", fabric_changed(fabric, 1));
}

static void publish(struct fabric *fabric)
{
    const struct fabric_route outside = {0, 0, FAB_ROUTE_INTERNET, 0};
    const char *const subnets[] = {"10.0.1.0", "10.0.2.0"};
    const struct fabric_address address = {inet_addr(CLIENT_ADDRESS), 0};
    must("network", fabric_put_network(fabric, 1, FABRIC_INTERNET));
    for (uint32_t i = 1; i <= 2; i++)
        must("subnet",
             fabric_put_subnet(fabric, i,
                               &(struct fabric_subnet){.network = 1,
                                                       .address = inet_addr(subnets[i - 1]),
                                                       .mask = inet_addr("255.255.255.0"),
                                                       .routes = i,
                                                       .out = list,
                                                       .in = list}));
    must("routes", fabric_put_routes(fabric, 1, &outside, 1));
    must("interface", fabric_put_interface(fabric, 2,
                                           &(struct fabric_interface){.network = 1,
                                                                      .subnet = 2,
                                                                      .mac = {6, 1, 0, 0, 0, 2},
                                                                      .addresses = &address,
                                                                      .address_count = 1,
                                                                      .out = list,
                                                                      .in = list}));
    must("gateway",
         fabric_put_gateway(fabric, 1,
                            &(struct fabric_gateway){.network = 1,
                                                     .subnet = 1,
                                                     .address = inet_addr("10.0.1.5"),
                                                     .publics = {inet_addr(GATEWAY_PUBLIC)},
                                                     .count = 1}));
    put_routes(fabric, 2);
}

/* up NAME CLIENT SERVER: between those two namespaces, as eth0 of each. */
static int run_up(char **args)
{
    struct fabric *fabric = open_fabric(args[0]);
    AUTO_FD client = namespace_of(args[1]);
    AUTO_FD server = namespace_of(args[2]);
    publish(fabric);
    must("plug", fabric_plug(fabric, 2, client, "eth0"));
    must("plug edge", fabric_plug_edge(fabric, server, "eth0"));
    fabric_close(fabric);
    return 0;
}

/* hold NAME: takes it over, tells everything again, and has it open until it is killed. */
static int run_hold(char **args)
{
    struct fabric *fabric = open_fabric(args[0]);
    publish(fabric);
    must("changed", fabric_changed(fabric, 1));
    printf("{\"open\": 1}\n");
    fflush(stdout);
    while (pause() < 0)
        ;
    return 0;
}

/* clear NAME: no session is left. */
static int run_clear(char **args)
{
    struct fabric *fabric = open_fabric(args[0]);
    must("clock", fabric_set_clock(fabric, CLOCK_STEP_MS));
    for (int i = 0; i < 16; i++)
        must("sweep", fabric_sweep(fabric));
    must("clock", fabric_set_clock(fabric, 0));
    fabric_close(fabric);
    return 0;
}

/* counted NAME */
static int run_counted(char **args)
{
    struct fab_gateway_count count;
    struct fabric *fabric = open_fabric(args[0]);
    must("count", fabric_gateway_counted(fabric, 1, &count));
    printf("{\"live\": %lld, \"port_errors\": %llu}\n", (long long)(count.active + count.others),
           (unsigned long long)count.port_errors);
    fabric_close(fabric);
    return 0;
}

/* down NAME */
static int run_down(char **args)
{
    must("remove", fabric_remove(args[0]));
    return 0;
}

/* -- frames ----------------------------------------------------------------------------------- */

struct injector {
    struct bpf_object *object;
    int map, inject, count;
};

static struct injector load_injector(void)
{
    struct injector it = {
        .object = bpf_object__open_mem(fabric_load_program, fabric_load_program_size, NULL)};
    if (!it.object || bpf_object__load(it.object) < 0)
        give_up("loading the injector", errno);
    it.map = bpf_object__find_map_fd_by_name(it.object, "injection");
    it.inject = bpf_program__fd(bpf_object__find_program_by_name(it.object, "inject"));
    it.count = bpf_program__fd(bpf_object__find_program_by_name(it.object, "count"));
    return it;
}

static void set_mac(uint8_t *to, const char *device)
{
    struct ifreq request = {0};
    AUTO_FD fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", device);
    if (ioctl(fd, SIOCGIFHWADDR, &request) < 0)
        give_up(device, errno);
    memcpy(to, request.ifr_hwaddr.sa_data, 6);
}

static uint16_t sum_of(const uint8_t *at)
{
    uint32_t sum = 0;
    for (int i = 0; i < 20; i += 2)
        sum += (uint32_t)at[i] << 8 | at[i + 1];
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t) ~((sum & 0xffff) + (sum >> 16));
}

/* A datagram of the client's to the server, 64 bytes with its Ethernet header and without a sum. */
static void write_frame(uint8_t frame[64], const char *source)
{
    const uint32_t from = inet_addr(source), to = inet_addr(SERVER_ADDRESS);
    static const uint8_t head[] = {8, 0, 0x45, 0, 0, 50, 0, 0, 0, 0, 64, 17};
    static const uint8_t client_mac[] = {6, 1, 0, 0, 0, 2};
    memcpy(frame + 6, client_mac, 6);
    memcpy(frame + 12, head, sizeof head);
    memcpy(frame + 26, &from, 4);
    memcpy(frame + 30, &to, 4);
    uint16_t sum = sum_of(frame + 14);
    frame[24] = (uint8_t)(sum >> 8);
    frame[25] = (uint8_t)sum;
    frame[36] = UDP_PORT >> 8;
    frame[37] = UDP_PORT & 255;
    frame[39] = 30;
}

/* inject NETNS DEVICE SOURCE SINK FLOWS COUNT FIRST-PORT PROCESSOR TIMES: into the device as if
 * received, counted and dropped at eth0 of SINK ("-": not). The nanoseconds of processor per frame
 * of the best time. */
int run_inject(char **args)
{
    struct injector it = load_injector();
    struct fabric_injection injection = {.flows = (uint32_t)strtoul(args[4], NULL, 10),
                                         .first_port = (uint32_t)strtoul(args[6], NULL, 10)};
    uint8_t frame[64] = {0};
    const uint32_t none = 0;
    AUTO_FD link = -1;
    if (strcmp(args[3], "-") != 0) {
        enter(args[3]);
        link = bpf_link_create(it.count, (int)if_nametoindex("eth0"), TCX_INGRESS, NULL);
        if (link < 0)
            give_up("attaching the counter", errno);
    }
    enter(args[0]);
    stay_on((int)strtol(args[7], NULL, 10));
    set_mac(frame, args[1]);
    write_frame(frame, args[2]);
    memcpy(injection.frame, frame, sizeof injection.frame);
    struct xdp_md context = {.data_end = sizeof frame, .ingress_ifindex = if_nametoindex(args[1])};
    LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = sizeof frame,
                .ctx_in = &context, .ctx_size_in = sizeof context,
                .repeat = (int)strtol(args[5], NULL, 10), .flags = LIVE_FRAMES, .batch_size = 64);
    must("settings", bpf_map_update_elem(it.map, &none, &injection, 0));
    int64_t best_ns = INT64_MAX;
    for (long times = strtol(args[8], NULL, 10); times > 0; times--) {
        int64_t start = used_ns();
        must("injecting", bpf_prog_test_run_opts(it.inject, &run));
        int64_t took_ns = used_ns() - start;
        best_ns = took_ns < best_ns ? took_ns : best_ns;
    }
    must("count", bpf_map_lookup_elem(it.map, &none, &injection));
    printf("{\"counted\": %llu, \"ns\": %.2f}\n", (unsigned long long)injection.counted,
           (double)best_ns / run.repeat);
    bpf_object__close(it.object);
    return 0;
}

/* -- a change --------------------------------------------------------------------------------- */

struct traffic {
    const char *netns;
    _Atomic bool stop;
    _Atomic int64_t last_ns; /* when the newest packet arrived */
};

static void *send_all_the_time(void *user)
{
    struct traffic *traffic = user;
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(UDP_PORT),
                             .sin_addr = {inet_addr(SERVER_ADDRESS)}};
    enter(traffic->netns);
    stay_on(0);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    for (int64_t next = now_ns(); !traffic->stop; next += SEND_EVERY_NS) {
        while (now_ns() < next && !traffic->stop)
            ;
        (void)!sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof to);
    }
    close(fd);
    return NULL;
}

/* The kernel's time of arrival of every packet. */
static void *receive_all_the_time(void *user)
{
    struct traffic *traffic = user;
    const struct timeval patience = {.tv_usec = 20000};
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(UDP_PORT)};
    enter(traffic->netns);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), one = 1, size = 16 << 20;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    if (bind(fd, (struct sockaddr *)&any, sizeof any) < 0)
        give_up("bind", errno);
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    while (!traffic->stop) {
        char byte, room[CMSG_SPACE(sizeof(struct timespec))];
        struct iovec part = {&byte, 1};
        struct msghdr message = {
            .msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
        struct timespec at;
        if (recvmsg(fd, &message, 0) < 0 || !CMSG_FIRSTHDR(&message))
            continue;
        memcpy(&at, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof at);
        traffic->last_ns = (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
    }
    close(fd);
    return NULL;
}

static int64_t real_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    double difference = *(const double *)a - *(const double *)b;
    return (difference > 0) - (difference < 0);
}

/* change NAME CLIENT SERVER TIMES: from the call that takes a route away to the last packet that
 * still came through. Microseconds: the middle one and the worst. */
int run_change(char **args)
{
    enum { TIMES_MAX = 100 };
    struct fabric *fabric = open_fabric(args[0]);
    struct traffic client = {.netns = args[1]}, server = {.netns = args[2]};
    int times = (int)strtol(args[3], NULL, 10);
    double took_us[TIMES_MAX];
    pthread_t threads[2];
    if (times < 1 || times > TIMES_MAX ||
        pthread_create(&threads[0], NULL, receive_all_the_time, &server) ||
        pthread_create(&threads[1], NULL, send_all_the_time, &client))
        give_up("threads", 0);
    stay_on(1); /* beside the sender */
    for (int i = 0; i < times; i++) {
        usleep(30000);
        int64_t start = real_ns();
        put_routes(fabric, 1);
        usleep(50000);
        int64_t last = server.last_ns;
        if (!last)
            give_up("no packet came through", 0);
        took_us[i] = last > start ? (double)(last - start) / 1000 : 0;
        put_routes(fabric, 2);
    }
    client.stop = server.stop = true;
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    qsort(took_us, (size_t)times, sizeof took_us[0], by_size);
    printf("{\"middle_us\": %.1f, \"worst_us\": %.1f}\n", took_us[times / 2], took_us[times - 1]);
    fabric_close(fabric);
    return 0;
}

static const struct command {
    const char *name;
    int args;
    int (*run)(char **args);
} commands[] = {
    {"up", 3, run_up},         {"clear", 1, run_clear},   {"counted", 1, run_counted},
    {"down", 1, run_down},     {"server", 0, run_server}, {"client", 4, run_client},
    {"inject", 9, run_inject}, {"change", 4, run_change}, {"hold", 1, run_hold},
};

int main(int count, char **args)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (count >= 2 && strcmp(args[1], commands[i].name) == 0 && count - 2 == commands[i].args)
            return commands[i].run(args + 2);
    fprintf(stderr, "fabric-load: see the comments of its commands\n");
    return 2;
}
