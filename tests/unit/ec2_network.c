// SPDX-License-Identifier: Apache-2.0
/*
 * From API calls to packets: a VPC made by EC2's handlers, with a public and a private subnet, an
 * internet gateway, a NAT gateway and an elastic address, interfaces plugged into namespaces, and
 * real datagrams, which must go where the calls say, from the very next one on. Everything that is
 * made is removed.
 */
#include "store_helper.h"

#include "base/log.h"
#include "base/time.h"
#include "engines/fabric/fabric.h"
#include "services/ec2/cidr.h"
#include "services/ec2/ec2.api.h"
#include "services/ec2/group_rule.h"
#include "services/ec2/interface.h"
#include "services/ec2/nat_gateway.h"
#include "services/ec2/network.h"
#include "services/ec2/network_edge.h"
#include "services/ec2/prefix_list.h"
#include "services/ec2/security_group.h"
#include "store/txn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>

#define SOON_MS 2000
#define NEVER_MS 200
#define PORT 7
#define OUTSIDE "203.0.113.1" /* the edge's own address */

enum HOST { INTERNET, WEB, APP, HOSTS };

static struct cloud cloud;
static struct arena arena;
static pthread_t control;
static int hosts[HOSTS];
static char edge[32], fabric_name[NETWORK_NAME];

/* -- inside a namespace, on a thread that ends ------------------------------------------------- */

struct inside {
    int netns;
    int (*run)(struct inside *inside);
    const char *address, *gateway;
    int result;
};

static void *inside_run(void *user)
{
    struct inside *inside = user;
    inside->result = setns(inside->netns, CLONE_NEWNET) < 0 ? -errno : inside->run(inside);
    return NULL;
}

static int in_namespace(struct inside inside)
{
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, inside_run, &inside), 0);
    pthread_join(thread, NULL);
    return inside.result;
}

/* Kept under /run/netns where it has a name. */
static void *make_namespace(void *user)
{
    char path[64];
    int *fd = user;
    if (unshare(CLONE_NEWNET) < 0)
        return NULL;
    *fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (fd != &hosts[INTERNET])
        return NULL;
    snprintf(path, sizeof path, "/run/netns/%s", edge);
    close(open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0444));
    if (mount("/proc/thread-self/ns/net", path, NULL, MS_BIND, NULL) < 0)
        *fd = -1;
    return NULL;
}

static struct sockaddr_in socket_address(const char *address, uint16_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr.s_addr = address ? inet_addr(address) : 0};
}

static int configure(struct inside *inside)
{
    static char device[] = "eth0";
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in in[] = {socket_address(inside->address, 0),
                                     socket_address("255.255.255.0", 0),
                                     socket_address(inside->gateway, 0), socket_address(NULL, 0)};
    struct ifreq request = {.ifr_name = "eth0"};
    struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY, .rt_dev = device};
    memcpy(&request.ifr_addr, &in[0], sizeof in[0]);
    bool good = ioctl(fd, SIOCSIFADDR, &request) == 0;
    memcpy(&request.ifr_addr, &in[1], sizeof in[1]);
    good = good && ioctl(fd, SIOCSIFNETMASK, &request) == 0;
    memcpy(&route.rt_dst, &in[3], sizeof in[3]);
    memcpy(&route.rt_genmask, &in[3], sizeof in[3]);
    memcpy(&route.rt_gateway, &in[2], sizeof in[2]);
    int error = good && ioctl(fd, SIOCADDRT, &route) == 0 ? 0 : -errno;
    close(fd);
    return error;
}

static int make_socket(struct inside *inside)
{
    return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static bool receives(int fd, struct sockaddr_in *ret_from, int ms)
{
    char word[8];
    socklen_t len = sizeof *ret_from;
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    return poll(&poll_fd, 1, ms) > 0 &&
           recvfrom(fd, word, sizeof word, 0, (struct sockaddr *)ret_from, &len) == 4;
}

/* A datagram from one host to an address that another one answers at, and back; as whom the first
 * was seen, or "" when nothing came, "?" when the answer did not. */
static const char *seen(enum HOST from, const char *to, enum HOST at, int ms)
{
    static char text[INET_ADDRSTRLEN];
    struct sockaddr_in any = socket_address(NULL, PORT), there = socket_address(to, PORT), peer;
    int client = in_namespace((struct inside){.netns = hosts[from], .run = make_socket});
    int server = in_namespace((struct inside){.netns = hosts[at], .run = make_socket});
    CHECK_INT(bind(server, (struct sockaddr *)&any, sizeof any), 0);
    text[0] = '\0';
    bool sent = sendto(client, "ping", 4, 0, (struct sockaddr *)&there, sizeof there) == 4;
    if (sent && receives(server, &peer, ms)) {
        inet_ntop(AF_INET, &peer.sin_addr, text, sizeof text);
        CHECK_INT(sendto(server, "pong", 4, 0, (struct sockaddr *)&peer, sizeof peer), 4);
        if (!receives(client, &there, ms))
            snprintf(text, sizeof text, "?");
    }
    close(client);
    close(server);
    return text;
}

#define SEES(from, to, at, whom)                                                                   \
    CHECK_SPAN(span_of_cstr(seen((from), (to), (at), SOON_MS)), span_of_cstr(whom))
#define NEVER(from, to, at) CHECK_SPAN(span_of_cstr(seen((from), (to), (at), NEVER_MS)), S(""))

/* -- calls, on the control thread -------------------------------------------------------------- */

struct asked {
    struct mail mail;
    RESULT (*run)(struct call *c);
    const struct refusal *refusal;
    int error;
    sem_t done;
};

static void on_asked(struct mail *mail)
{
    struct asked *asked = (struct asked *)(void *)mail;
    uint64_t ticket;
    struct call c = {.arena = &arena,
                     .now_ms = clock_now_ms(),
                     .account = S("000000000000"),
                     .region = S("us-east-1"),
                     .request_id = S("test"),
                     .service = &ec2_service,
                     .txn = txn_begin(cloud.store),
                     .cloud = &cloud};
    asked->refusal = asked->run(&c);
    if (asked->refusal)
        txn_rollback(c.txn);
    else
        asked->error = txn_commit(c.txn, &ticket);
    if (!asked->refusal && !asked->error)
        store_want(cloud.store, ticket);
    sem_post(&asked->done);
}

static void ask(RESULT (*run)(struct call *c))
{
    struct asked asked = {.mail.deliver = on_asked, .run = run};
    sem_init(&asked.done, 0, 0);
    loop_post(cloud.control, &asked.mail);
    sem_wait(&asked.done);
    sem_destroy(&asked.done);
    if (asked.refusal)
        test_fail(__FILE__, __LINE__, "refused: %.*s", SPAN_ARG(asked.refusal->message));
    CHECK_INT(asked.error, 0);
}

/* Behind all that was posted: the control thread, then the fabric's, which a plug waits for. */
static RESULT nothing(struct call *c)
{
    return OK;
}

/* -- the VPC ----------------------------------------------------------------------------------- */

static struct {
    struct span vpc, gateway, subnets[2], public_table, private_table, nat, eips[2], enis[3], group,
        list;
} made;

static RESULT make_subnet(struct call *c, struct span cidr, struct span *ret)
{
    struct ec2_create_subnet_out out = {0};
    TRY(ec2_create_subnet(c, &(struct ec2_create_subnet_in){.vpc_id = made.vpc, .cidr_block = cidr},
                          &out));
    *ret = out.subnet->subnet_id;
    return OK;
}

static RESULT make_table(struct call *c, struct span subnet, struct span *ret)
{
    struct ec2_create_route_table_out out = {0};
    struct ec2_associate_route_table_out associated;
    TRY(ec2_create_route_table(c, &(struct ec2_create_route_table_in){.vpc_id = made.vpc}, &out));
    *ret = out.route_table->route_table_id;
    return ec2_associate_route_table(
        c, &(struct ec2_associate_route_table_in){.route_table_id = *ret, .subnet_id = subnet},
        &associated);
}

static RESULT make_vpc(struct call *c)
{
    struct ec2_create_vpc_out vpc = {0};
    struct ec2_create_internet_gateway_out gateway = {0};
    struct ec2_attach_internet_gateway_out attached;
    struct ec2_allocate_address_out address[2] = {0};
    TRY(ec2_create_vpc(c, &(struct ec2_create_vpc_in){.cidr_block = S("10.0.0.0/16")}, &vpc));
    made.vpc = vpc.vpc->vpc_id;
    TRY(ec2_create_internet_gateway(c, &(struct ec2_create_internet_gateway_in){0}, &gateway));
    made.gateway = gateway.internet_gateway->internet_gateway_id;
    TRY(ec2_attach_internet_gateway(c,
                                    &(struct ec2_attach_internet_gateway_in){
                                        .internet_gateway_id = made.gateway, .vpc_id = made.vpc},
                                    &attached));
    TRY(make_subnet(c, S("10.0.1.0/24"), &made.subnets[0]));
    TRY(make_subnet(c, S("10.0.2.0/24"), &made.subnets[1]));
    TRY(make_table(c, made.subnets[0], &made.public_table));
    TRY(make_table(c, made.subnets[1], &made.private_table));
    for (int i = 0; i < 2; i++) {
        struct ec2_allocate_address_in in = {.address = i ? S("203.0.113.20") : S("203.0.113.10")};
        TRY(ec2_allocate_address(c, &in, &address[i]));
        made.eips[i] = address[i].allocation_id;
    }
    return OK;
}

static RESULT make_enis(struct call *c)
{
    static struct span wanted[] = {S_INIT("10.0.1.10"), S_INIT("10.0.2.10"), S_INIT("10.0.2.99")};
    for (int i = 0; i < 3; i++) {
        struct ec2_create_network_interface_out out = {0};
        struct stored_interface interface;
        TRY(ec2_create_network_interface(
            c,
            &(struct ec2_create_network_interface_in){.subnet_id = made.subnets[i > 0],
                                                      .private_ip_address = wanted[i]},
            &out));
        made.enis[i] = out.network_interface->network_interface_id;
        made.group = out.network_interface->groups.at[0].group_id;
        TRY(resource_get(c, &interface_kind, made.enis[i], &interface));
        interface_attach(c, &interface,
                         &(struct stored_attachment){.id = id_new(c, "eni-attach-", 17),
                                                     .state = ATTACHMENT_ATTACHED});
    }
    struct ec2_associate_address_out out;
    return ec2_associate_address(
        c,
        &(struct ec2_associate_address_in){.allocation_id = made.eips[0],
                                           .network_interface_id = made.enis[0]},
        &out);
}

static RESULT make_nat(struct call *c)
{
    struct ec2_create_nat_gateway_out out = {0};
    TRY(ec2_create_nat_gateway(c,
                               &(struct ec2_create_nat_gateway_in){.subnet_id = made.subnets[0],
                                                                   .allocation_id = made.eips[1]},
                               &out));
    made.nat = out.nat_gateway->nat_gateway_id;
    return OK;
}

static bool nat_settled;

static RESULT look_at_nat(struct call *c)
{
    struct stored_nat_gateway gateway;
    TRY(resource_get(c, &nat_gateway_kind, made.nat, &gateway));
    nat_settled = gateway.state != NAT_PENDING;
    if (nat_settled)
        CHECK_INT(gateway.state, NAT_AVAILABLE);
    return OK;
}

static RESULT route_out(struct call *c)
{
    struct ec2_create_route_out out;
    TRY(ec2_create_route(c,
                         &(struct ec2_create_route_in){.route_table_id = made.public_table,
                                                       .destination_cidr_block = S("0.0.0.0/0"),
                                                       .gateway_id = made.gateway},
                         &out));
    return ec2_create_route(c,
                            &(struct ec2_create_route_in){.route_table_id = made.private_table,
                                                          .destination_cidr_block = S("0.0.0.0/0"),
                                                          .nat_gateway_id = made.nat},
                            &out);
}

static RESULT unroute(struct call *c)
{
    struct ec2_delete_route_out out;
    return ec2_delete_route(c,
                            &(struct ec2_delete_route_in){.route_table_id = made.private_table,
                                                          .destination_cidr_block = S("0.0.0.0/0")},
                            &out);
}

/* By a prefix list with the address that the edge has. */
static RESULT let_outside_in(struct call *c)
{
    struct stored_security_group group;
    struct stored_prefix_entry entry = {.cidr = S(OUTSIDE "/32")};
    struct stored_prefix_list list = {.name = S("outside"), .family = S("IPv4"), .version = 1};
    resource_name(c, &prefix_list_kind, &list);
    resource_put(c, &prefix_list_kind, &list);
    prefix_list_put_entries(c, &list, 1, &(struct stored_prefix_entry_list){&entry, 1});
    made.list = list.id;
    TRY(resource_get(c, &security_group_kind, made.group, &group));
    group_rule_add(c, &group,
                   &(struct stored_group_rule){.protocol = S("udp"), .prefix_list = made.list});
    resource_put(c, &security_group_kind, &group);
    return OK;
}

static RESULT let_nobody_out(struct call *c)
{
    struct stored_security_group group;
    TRY(resource_get(c, &security_group_kind, made.group, &group));
    group.rules.count = 0;
    resource_put(c, &security_group_kind, &group);
    return OK;
}

static RESULT move_address(struct call *c)
{
    struct ec2_associate_address_out out;
    struct ec2_disassociate_address_out gone;
    TRY(ec2_disassociate_address(
        c, &(struct ec2_disassociate_address_in){.public_ip = S("203.0.113.10")}, &gone));
    return ec2_associate_address(
        c,
        &(struct ec2_associate_address_in){.allocation_id = made.eips[0],
                                           .network_interface_id = made.enis[1]},
        &out);
}

/* -- the world --------------------------------------------------------------------------------- */

static void *run_control(void *loop)
{
    loop_run(loop);
    return NULL;
}

static void start_cloud(void)
{
    const struct ec2_options options = {.public_pool = {203u << 24 | 113 << 8, 24},
                                        .public_pool6 = {{0x20, 0x01, 0x0d, 0xb8}, 40},
                                        .edge = edge,
                                        .data_dir = test_dir};
    cloud.store = test_store_again(1);
    CHECK_INT(loop_new(&cloud.control), 0);
    cloud.ec2 = ec2_new(&cloud, &options);
    CHECK_INT(pthread_create(&control, NULL, run_control, cloud.control), 0);
}

static void stop_cloud(void)
{
    loop_stop(cloud.control);
    pthread_join(control, NULL);
    store_close(cloud.store);
    ec2_free(cloud.ec2);
    loop_free(cloud.control);
}

static void plug(enum HOST host, struct span interface, const char *address, const char *gateway)
{
    const char *why;
    const struct network_port port = {.account = S("000000000000"),
                                      .region = S("us-east-1"),
                                      .interface = interface,
                                      .netns = hosts[host],
                                      .device = "eth0"};
    int error = network_plug(ec2_network(cloud.ec2), &port, &why);
    if (error)
        test_fail(__FILE__, __LINE__, "plugging: %s: %s", why, strerror(-error));
    CHECK_INT(in_namespace((struct inside){
                  .netns = hosts[host], .run = configure, .address = address, .gateway = gateway}),
              0);
}

/* Also of a test that failed. */
static void clean(void)
{
    char path[64];
    int ignored = fabric_remove(fabric_name);
    snprintf(path, sizeof path, "/run/netns/%s", edge);
    umount2(path, MNT_DETACH);
    unlink(path);
    (void)ignored;
}

static void open_world(void)
{
    const char *why;
    int error = geteuid() ? -EPERM : fabric_check(&why);
    if (error)
        test_skip(geteuid() ? "needs root" : why);
    test_dir_make();
    network_edge_name(test_dir, fabric_name);
    snprintf(edge, sizeof edge, "kintoun-edge-%d", (int)getpid());
    atexit(clean);
    arena_init(&arena, 4096, 256 << 20);
    for (int i = 0; i < HOSTS; i++) {
        pthread_t thread;
        hosts[i] = -1;
        CHECK_INT(pthread_create(&thread, NULL, make_namespace, &hosts[i]), 0);
        pthread_join(thread, NULL);
        CHECK(hosts[i] >= 0);
    }
    start_cloud();
    ask(make_vpc);
    ask(make_enis);
    ask(make_nat);
    for (int64_t end = clock_steady_ms() + SOON_MS; !nat_settled;) {
        CHECK(clock_steady_ms() < end);
        ask(look_at_nat);
    }
    plug(WEB, made.enis[0], "10.0.1.10", "10.0.1.1");
    plug(APP, made.enis[1], "10.0.2.10", "10.0.2.1");
}

static void close_world(void)
{
    stop_cloud();
    for (int i = 0; i < HOSTS; i++)
        close(hosts[i]);
    clean();
    arena_done(&arena);
}

/* The fabric has been told of everything up to now: a plug into no namespace, which fails there,
 * has come behind it. */
static void settle(void)
{
    const char *why;
    const struct network_port nowhere = {.account = S("000000000000"),
                                         .region = S("us-east-1"),
                                         .interface = made.enis[2],
                                         .netns = -1,
                                         .device = "eth0"};
    ask(nothing);
    int error = network_plug(ec2_network(cloud.ec2), &nowhere, &why);
    CHECK(error < 0 && error != -ENOENT && error != -ETIMEDOUT);
}

TEST(packets_go_where_the_calls_say)
{
    open_world();
    settle();
    /* Members of the default group reach one another, and nobody else. */
    SEES(APP, "10.0.1.10", WEB, "10.0.2.10");
    NEVER(INTERNET, "203.0.113.10", WEB);
    /* Without a route there is no way out. */
    NEVER(APP, OUTSIDE, INTERNET);
    NEVER(WEB, OUTSIDE, INTERNET);
    ask(route_out);
    settle();
    SEES(WEB, OUTSIDE, INTERNET, "203.0.113.10");
    SEES(APP, OUTSIDE, INTERNET, "203.0.113.20");
    ask(let_outside_in);
    settle();
    SEES(INTERNET, "203.0.113.10", WEB, OUTSIDE);
    NEVER(INTERNET, "203.0.113.20", APP); /* a NAT gateway lets nobody in */
    ask(unroute);
    settle();
    NEVER(APP, OUTSIDE, INTERNET);
    SEES(WEB, OUTSIDE, INTERNET, "203.0.113.10");
    ask(move_address);
    settle();
    NEVER(WEB, OUTSIDE, INTERNET);
    NEVER(INTERNET, "203.0.113.10", WEB);
    ask(let_nobody_out);
    settle();
    NEVER(APP, "10.0.1.10", WEB);
    close_world();
}

TEST(packets_move_while_nobody_looks_and_after_a_start_all_is_told_again)
{
    open_world();
    ask(route_out);
    settle();
    SEES(APP, OUTSIDE, INTERNET, "203.0.113.20");
    stop_cloud();
    SEES(APP, OUTSIDE, INTERNET, "203.0.113.20");
    SEES(APP, "10.0.1.10", WEB, "10.0.2.10");
    start_cloud();
    settle();
    SEES(APP, OUTSIDE, INTERNET, "203.0.113.20");
    ask(unroute);
    settle();
    NEVER(APP, OUTSIDE, INTERNET);
    close_world();
}
