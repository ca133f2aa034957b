// SPDX-License-Identifier: Apache-2.0
/*
 * Plans and orders on their way to the fabric. The control thread compiles a plan for each VPC that
 * has changed, from committed records, and posts it to the fabric's loop, which alone calls the
 * engine; what a worker orders (a plug) goes the same way, so that it comes behind the plan that
 * tells of the interface. Before something is plugged there is no such loop and nothing is
 * compiled. After a start everything is told again.
 */
#include "services/ec2/network.h"

#include "base/log.h"
#include "base/time.h"
#include "engines/fabric/fabric.h"
#include "loop/loop.h"
#include "services/ec2/gateway_meter.h"
#include "services/ec2/network_edge.h"
#include "services/ec2/network_plan.h"
#include "services/ec2/network_socket.h"
#include "services/ec2/number.h"
#include "services/ec2/peering.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ARENA_FIRST 16384
#define ARENA_CEILING ((size_t)1 << 30)
#define SWEEP_MS 1000
#define PLUG_WAIT_S 20
#define OPEN_WAIT_S 20

struct network {
    struct cloud *cloud;
    struct ec2_options options;
    char name[NETWORK_NAME];
    /* control thread */
    struct change *changed;
    struct mail publish, resume;
    bool posted;
    bool resumes; /* an earlier process has left a fabric */
    sem_t open_end;
    struct network_socket *sockets; /* the control thread's until then */
    /* From network_start on. */
    struct loop *loop;
    pthread_t thread;
    /* the fabric's thread */
    struct fabric *fabric;
    struct mail open;
    struct timer sweep;
    struct gateway_meters *meters;
    int error; /* why there is none */
    const char *why;
};

#define network_at(pointer, member)                                                                \
    ((struct network *)(void *)((char *)(pointer)-offsetof(struct network, member)))

/* ---- the fabric's thread -----------------------------------------------------------------------
 */

static void on_sweep(struct timer *timer)
{
    struct network *network = network_at(timer, sweep);
    int64_t offset = clock_steady_ms() - clock_measure_us() / 1000;
    int error = fabric_set_clock(network->fabric, offset);
    if (!error)
        error = fabric_sweep(network->fabric);
    if (error)
        log_error("ec2: ending idle flows: %s", strerror(-error));
    gateway_meters_tick(network->meters, network->fabric, clock_steady_ms());
    loop_timer_set(network->loop, &network->sweep, clock_steady_ms() + SWEEP_MS);
}

static void begin(struct network *network)
{
    const struct fabric_options options = {.name = network->name};
    network->error = fabric_open(&network->fabric, &options, &network->why);
    if (network->error == -ESTALE)
        network->why = "the fabric of this data directory is of another version; "
                       "`kintoun fabric remove` ends it, and its instances have to start anew";
    if (!network->error && network->options.edge)
        network->error = network_edge_plug(network->fabric, &network->options, &network->why);
    if (!network->error) {
        network->why = "telling the fabric of services";
        network->error = network_services_put(network->fabric);
    }
    if (network->error) {
        log_error("ec2: no packet moves in VPCs: %s: %s", network->why, strerror(-network->error));
        return;
    }
    network_sockets_open(network->sockets, network->fabric);
    on_sweep(&network->sweep);
}

static void on_open(struct mail *mail)
{
    struct network *network = network_at(mail, open);
    begin(network);
    sem_post(&network->open_end);
}

static void *run(void *user)
{
    struct network *network = user;
    loop_run(network->loop);
    return NULL;
}

/* ---- plans -------------------------------------------------------------------------------------
 */

/* A plan with its memory, given over to the fabric's thread. */
struct told {
    struct mail mail;
    struct network *network;
    struct arena arena;
    struct network_plan plan;
};

static void told_free(struct told *told)
{
    arena_done(&told->arena);
    free(told);
}

static void on_told(struct mail *mail)
{
    struct told *told = (struct told *)(void *)mail;
    struct fabric *fabric = told->network->fabric;
    int error = fabric && told->plan.network ? network_plan_apply(&told->plan, fabric) : 0;
    if (error)
        log_error("ec2: telling the fabric of a VPC: %s", strerror(-error));
    for (size_t i = 0; fabric && i < told->plan.gateway_count; i++)
        gateway_meter_watch(told->network->meters, fabric, told->plan.gateways[i].number);
    told_free(told);
}

static struct call call_of(struct network *network, struct arena *arena, struct span account,
                           struct span region)
{
    return (struct call){.arena = arena,
                         .now_ms = clock_now_ms(),
                         .account = account,
                         .region = region,
                         .request_id = S("network"),
                         .service = &ec2_service,
                         .txn = txn_begin(network->cloud->store),
                         .cloud = network->cloud};
}

static void tell(struct network *network, struct span account, struct span region, struct span vpc)
{
    struct told *told = calloc(1, sizeof *told);
    if (!told)
        log_fatal("out of memory");
    told->network = network;
    told->mail.deliver = on_told;
    arena_init(&told->arena, ARENA_FIRST, ARENA_CEILING);
    struct call c = call_of(network, &told->arena, account, region);
    const struct refusal *refusal = network_plan_make(&c, vpc, &told->plan);
    txn_rollback(c.txn);
    if (!refusal) {
        loop_post(network->loop, &told->mail);
        return;
    }
    log_error("ec2: reading %.*s for the fabric: %.*s", SPAN_ARG(vpc), SPAN_ARG(refusal->message));
    told_free(told);
}

/* What they know of the VPC has changed with it: its number, and who is in its groups. */
static void tell_peers(struct network *network, struct span account, struct span region,
                       struct span vpc)
{
    struct arena arena;
    struct peering_peers peers = {0};
    arena_init(&arena, ARENA_FIRST, ARENA_CEILING);
    struct call c = call_of(network, &arena, account, region);
    const struct refusal *refusal = peering_peers(&c, vpc, &peers);
    txn_rollback(c.txn);
    if (refusal)
        log_error("ec2: reading the peers of %.*s: %.*s", SPAN_ARG(vpc),
                  SPAN_ARG(refusal->message));
    for (size_t i = 0; i < peers.count; i++)
        tell(network, peers.at[i].account, peers.at[i].region, peers.at[i].vpc);
    arena_done(&arena);
}

static int tell_next(void *user, struct stored_number_taken *taken)
{
    tell(user, taken->account, taken->region, taken->id);
    return 0;
}

static void each_taken(struct network *network, uint64_t kind,
                       int (*visit)(void *user, struct stored_number_taken *taken), void *user)
{
    struct arena arena;
    struct stored_number_taken from = {.kind = kind};
    arena_init(&arena, ARENA_FIRST, ARENA_CEILING);
    struct txn *txn = txn_begin(network->cloud->store);
    int error = stored_number_taken_each(txn, &from, 1, &arena, visit, user);
    txn_rollback(txn);
    arena_done(&arena);
    if (error < 0)
        log_error("ec2: reading what the fabric knows: %s", strerror(-error));
}

/* ---- numbers that are to be forgotten ----------------------------------------------------------
 */

struct forgotten {
    struct mail mail;
    struct network *network;
    uint64_t kind, number;
    int error;
};

/* On the control thread: from now on the number may be given out again. */
static void on_forgotten(struct mail *mail)
{
    struct forgotten *forgotten = (struct forgotten *)(void *)mail;
    uint64_t ticket;
    if (!forgotten->error) {
        struct txn *txn = txn_begin(forgotten->network->cloud->store);
        stored_number_taken_delete(txn, &(struct stored_number_taken){.kind = forgotten->kind,
                                                                      .number = forgotten->number});
        forgotten->error = txn_commit(txn, &ticket);
    }
    if (forgotten->error)
        log_error("ec2: ending what is gone from the fabric: %s", strerror(-forgotten->error));
    free(forgotten);
}

static void on_forget(struct mail *mail)
{
    struct forgotten *forgotten = (struct forgotten *)(void *)mail;
    struct fabric *fabric = forgotten->network->fabric;
    uint32_t number = (uint32_t)forgotten->number;
    if (fabric && forgotten->kind == NUMBER_GONE + NUMBER_INTERFACE)
        forgotten->error = fabric_drop_interface(fabric, number);
    if (fabric && forgotten->kind == NUMBER_GONE + NUMBER_NETWORK)
        forgotten->error = fabric_put_services(fabric, number, NULL, 0);
    if (fabric && forgotten->kind == NUMBER_GONE + NUMBER_GATEWAY) {
        forgotten->error = fabric_drop_gateway(fabric, number);
        gateway_meter_drop(forgotten->network->meters, number);
    }
    forgotten->mail.deliver = on_forgotten;
    loop_post(forgotten->network->cloud->control, &forgotten->mail);
}

static int forget_next(void *user, struct stored_number_taken *taken)
{
    struct network *network = user;
    struct forgotten *forgotten = calloc(1, sizeof *forgotten);
    if (!forgotten)
        log_fatal("out of memory");
    *forgotten = (struct forgotten){.mail.deliver = on_forget,
                                    .network = network,
                                    .kind = taken->kind,
                                    .number = taken->number};
    loop_post(network->loop, &forgotten->mail);
    return 0;
}

static void forget_gone(struct network *network)
{
    for (uint64_t kind = NUMBER_NETWORK; kind <= NUMBER_SERVICE; kind++)
        each_taken(network, NUMBER_GONE + kind, forget_next, network);
}

/* ---- changes -----------------------------------------------------------------------------------
 */

struct change {
    struct change *next;
    struct network *network;
    struct arena arena; /* of the texts */
    struct span account, region, vpc;
};

static void change_free(struct change *change)
{
    arena_done(&change->arena);
    free(change);
}

static bool same_vpc(const struct change *a, const struct change *b)
{
    return span_eq(a->vpc, b->vpc) && span_eq(a->account, b->account) &&
           span_eq(a->region, b->region);
}

/* Those that are gone are told of last, when no route leads to them any more. */
static void on_publish(struct mail *mail)
{
    struct network *network = network_at(mail, publish);
    network->posted = false;
    while (network->changed) {
        struct change *change = network->changed;
        network->changed = change->next;
        tell(network, change->account, change->region, change->vpc);
        tell_peers(network, change->account, change->region, change->vpc);
        change_free(change);
    }
    forget_gone(network);
}

static void on_end(void *thing, enum TXN_END end)
{
    struct change *change = thing;
    struct network *network = change->network;
    struct change **last = &network->changed;
    while (*last && !same_vpc(*last, change))
        last = &(*last)->next;
    if (end == TXN_DROPPED || *last) {
        change_free(change);
        return;
    }
    *last = change;
    if (!network->posted)
        loop_post(network->cloud->control, &network->publish);
    network->posted = true;
}

void network_changed(struct call *c, struct span vpc)
{
    struct network *network = ec2_network(c->cloud->ec2);
    if (!network->loop || !vpc.at)
        return;
    struct change *change = calloc(1, sizeof *change);
    if (!change)
        log_fatal("out of memory");
    change->network = network;
    arena_init(&change->arena, 256, ARENA_CEILING);
    change->account = arena_copy(&change->arena, c->account);
    change->region = arena_copy(&change->arena, c->region);
    change->vpc = arena_copy(&change->arena, vpc);
    txn_at_end(c->txn, on_end, change);
}

struct changing {
    struct call *c;
};

static int change_next(void *user, struct stored_number_taken *taken)
{
    struct call *c = ((struct changing *)user)->c;
    if (span_eq(taken->account, c->account) && span_eq(taken->region, c->region))
        network_changed(c, taken->id);
    return 0;
}

void network_all_changed(struct call *c)
{
    struct network *network = ec2_network(c->cloud->ec2);
    if (network->loop)
        each_taken(network, NUMBER_NETWORK, change_next, &(struct changing){c});
}

/* ---- beginning ---------------------------------------------------------------------------------
 */

/* Its thread, then everything that there is. */
static void start(struct network *network)
{
    if (network->loop)
        return;
    if (loop_new(&network->loop) < 0)
        log_fatal("making the fabric's loop");
    network->meters = gateway_meters_new();
    if (pthread_create(&network->thread, NULL, run, network))
        log_fatal("starting the fabric's thread");
    network->open.deliver = on_open;
    network->sweep.due = on_sweep;
    loop_post(network->loop, &network->open);
    each_taken(network, NUMBER_NETWORK, tell_next, network);
    forget_gone(network);
}

/* What an earlier process has left goes on, and is told again. */
static void on_resume(struct mail *mail)
{
    struct network *network = network_at(mail, resume);
    if (network->resumes)
        start(network);
}

static bool is_left(const struct network *network)
{
    struct stat info;
    char path[64];
    snprintf(path, sizeof path, "/run/netns/%s", network->name);
    return !network_absent(network) && stat(path, &info) == 0;
}

struct network *network_new(struct cloud *cloud, const struct ec2_options *options)
{
    struct network *network = calloc(1, sizeof *network);
    if (!network)
        log_fatal("out of memory");
    network->cloud = cloud;
    network->options = *options;
    network->publish.deliver = on_publish;
    network->resume.deliver = on_resume;
    network_edge_name(options->data_dir, network->name);
    network->resumes = is_left(network);
    sem_init(&network->open_end, 0, 0);
    loop_post(cloud->control, &network->resume);
    return network;
}

void network_free(struct network *network)
{
    if (network->loop) {
        loop_stop(network->loop);
        pthread_join(network->thread, NULL);
        loop_free(network->loop);
        fabric_close(network->fabric);
    }
    sem_destroy(&network->open_end);
    free(network->meters);
    free(network);
}

/* Connections and datagrams wait in the sockets from there on. */
void network_await(struct network *network)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += OPEN_WAIT_S;
    if (network->resumes && sem_timedwait(&network->open_end, &until) < 0)
        log_error("ec2: the fabric is not open yet");
}

void network_listen(struct network *network, struct network_socket *socket)
{
    socket->next = network->sockets;
    network->sockets = socket;
}

bool network_post(struct network *network, struct mail *mail)
{
    if (network->loop)
        loop_post(network->loop, mail);
    return network->loop != NULL;
}

struct fabric *network_fabric(struct network *network)
{
    return network->fabric;
}

const struct gateway_meters *network_meters(const struct network *network)
{
    return network->meters;
}

const char *network_absent(const struct network *network)
{
    if (network->options.fabric_off)
        return "the fabric was switched off";
    return geteuid() == 0 ? NULL : "this process is not root's";
}

/* ---- orders ------------------------------------------------------------------------------------
 */

/* Owned by whoever waits and by whoever does it: the second one frees it. */
struct order {
    struct mail mail;
    struct network *network;
    struct network_port port;
    uint32_t number;
    int error;
    const char *why;
    sem_t done;
    atomic_int owners;
};

static void order_leave(struct order *order)
{
    if (atomic_fetch_sub(&order->owners, 1) > 1)
        return;
    sem_destroy(&order->done);
    free(order);
}

static void order_end(struct order *order, int error, const char *why)
{
    order->error = error;
    order->why = why;
    sem_post(&order->done);
    order_leave(order);
}

/* On the fabric's thread. */
static void on_plug(struct mail *mail)
{
    struct order *order = (struct order *)(void *)mail;
    struct network *network = order->network;
    if (!network->fabric) {
        order_end(order, -EOPNOTSUPP, network->why);
        return;
    }
    int error = fabric_plug(network->fabric, order->number, order->port.netns, order->port.device);
    if (error == -EEXIST) {
        error = fabric_unplug(network->fabric, order->number);
        if (!error)
            error =
                fabric_plug(network->fabric, order->number, order->port.netns, order->port.device);
    }
    order_end(order, error, "plugging an interface");
}

/* On the control thread: it finds the number, and the fabric when it is the first. */
static void on_order(struct mail *mail)
{
    struct order *order = (struct order *)(void *)mail;
    struct network *network = order->network;
    struct arena arena;
    start(network);
    arena_init(&arena, ARENA_FIRST, ARENA_CEILING);
    struct call c = call_of(network, &arena, order->port.account, order->port.region);
    const struct refusal *refusal = number_find(&c, order->port.interface, &order->number);
    txn_rollback(c.txn);
    arena_done(&arena);
    if (refusal || !order->number) {
        order_end(order, -ENOENT, "the fabric knows no such interface");
        return;
    }
    order->mail.deliver = on_plug;
    loop_post(network->loop, &order->mail);
}

int network_plug(struct network *network, const struct network_port *port, const char **ret_why)
{
    struct timespec until;
    *ret_why = network_absent(network);
    if (*ret_why)
        return -EOPNOTSUPP;
    struct order *order = calloc(1, sizeof *order);
    if (!order)
        log_fatal("out of memory");
    order->mail.deliver = on_order;
    order->network = network;
    order->port = *port;
    atomic_init(&order->owners, 2);
    sem_init(&order->done, 0, 0);
    loop_post(network->cloud->control, &order->mail);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PLUG_WAIT_S;
    int error = -ETIMEDOUT;
    *ret_why = "the fabric does not answer";
    if (sem_timedwait(&order->done, &until) == 0) {
        error = order->error;
        *ret_why = order->why;
    }
    order_leave(order);
    return error;
}

/* ---- unplugging --------------------------------------------------------------------------------
 */

struct unplugging {
    struct mail mail;
    struct network *network;
    uint32_t number;
};

static void on_unplug(struct mail *mail)
{
    struct unplugging *unplugging = (struct unplugging *)(void *)mail;
    struct fabric *fabric = unplugging->network->fabric;
    int error = fabric ? fabric_unplug(fabric, unplugging->number) : 0;
    if (error)
        log_error("ec2: unplugging an interface: %s", strerror(-error));
    free(unplugging);
}

void network_unplug(struct network *network, struct span interface)
{
    struct arena arena;
    uint32_t number;
    if (!network->loop)
        return;
    arena_init(&arena, ARENA_FIRST, ARENA_CEILING);
    struct call c = call_of(network, &arena, SPAN_NONE, SPAN_NONE);
    const struct refusal *refusal = number_find(&c, interface, &number);
    txn_rollback(c.txn);
    arena_done(&arena);
    if (refusal || !number)
        return;
    struct unplugging *unplugging = calloc(1, sizeof *unplugging);
    if (!unplugging)
        log_fatal("out of memory");
    *unplugging =
        (struct unplugging){.mail.deliver = on_unplug, .network = network, .number = number};
    loop_post(network->loop, &unplugging->mail);
}
