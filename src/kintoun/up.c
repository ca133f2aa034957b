// SPDX-License-Identifier: Apache-2.0
/*
 * `kintoun up`, the composition root: opens the store, makes engines, gates and threads, serves
 * until a signal, then stops gracefully. The main thread is loop 0, which accepts; then come the
 * other loops, the control thread, the workers and the store's flusher.
 */
#include "kintoun/catalog.h"
#include "kintoun/commands.h"
#include "kintoun/options.h"
#include "kintoun/version.h"

#include "base/log.h"
#include "base/time.h"
#include "engines/kv/kv.h"
#include "engines/log/log.h"
#include "engines/tally/tally.h"
#include "gate/gate.h"
#include "http/authority.h"
#include "http/listener.h"
#include "http/tls.h"
#include "services/application_autoscaling/application_autoscaling.h"
#include "services/dynamodb/dynamodb.h"
#include "services/ec2/ec2.h"
#include "services/kinesis/kinesis.h"
#include "services/s3/s3.h"
#include "store/store.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define WORKER_THREADS 16 /* they mostly wait; what they digest at the same time costs less */
#define WORKER_QUEUE 4096
#define DRAIN_MS 10000

/* What runs on one loop. */
struct lane {
    struct cloud_up *up;
    struct loop *loop;
    struct gate *gate;
    struct http_server *server, *inside; /* inside: of requests out of VPCs */
    pthread_t thread;
    struct mail drain, drained;
};

/* A listening socket on its way to loop 0. */
struct served {
    struct mail mail;
    struct cloud_up *up;
    int fd;
    enum EC2_WAY_IN way_in;
};

struct cloud_up {
    struct options options;
    struct cloud cloud;
    struct routes *routes;
    struct gate_config config;
    struct loop *control;
    pthread_t control_thread;
    struct auth_cache *control_cache;
    struct tls_context *tls, *inside_tls; /* or NULL */
    bool own_certificate;                 /* that somebody has put into the data directory */
    /* inside: NULL until something is plugged into a VPC */
    struct listener *listener, *inside[EC2_WAYS_IN];
    struct lane *lanes;
    struct gate **gates;
    /* The listeners keep these. */
    struct http_server *servers[OPTIONS_MAX_LOOPS], *insides[OPTIONS_MAX_LOOPS];
    struct loop *loops[OPTIONS_MAX_LOOPS];
    int lane_count, draining;
    struct watch signals;
    struct timer give_up;
    bool stopping;
};

static int fail(const char *doing, int error)
{
    fprintf(stderr, "kintoun up: %s: %s\n", doing, strerror(-error));
    return -1;
}

/* -- making ----------------------------------------------------------------------------------- */

static int open_store(struct cloud_up *up)
{
    const char *why = NULL;
    struct store_options options = {.dir = up->options.data_dir,
                                    .extra_sync_us = up->options.extra_sync_us};
    int error = store_open(&up->cloud.store, &options, &why);
    if (error < 0)
        fprintf(stderr, "kintoun up: %s: %s\n", up->options.data_dir, why ? why : strerror(-error));
    return error;
}

/* The authority's files have been made for the first instance, or are read here: once. */
static int secure_inside(struct cloud_up *up, struct listener *listener, enum EC2_WAY_IN way_in)
{
    if (way_in != EC2_WAY_IN_TLS)
        return 0;
    int error = tls_context_new(&up->inside_tls, up->cloud.authority, ec2_names_inside);
    if (error < 0)
        log_error("no TLS for instances: %s", strerror(-error));
    else
        listener_secure(listener, up->inside_tls);
    return error;
}

/* On loop 0. */
static void on_served(struct mail *mail)
{
    struct served *served = (struct served *)mail;
    struct cloud_up *up = served->up;
    struct listener *listener;
    enum EC2_WAY_IN way_in = served->way_in;
    listener_take(&listener, served->fd);
    free(served);
    if (up->stopping || up->inside[way_in] || secure_inside(up, listener, way_in) < 0 ||
        listener_start(listener, up->lanes[0].loop, up->insides, up->loops,
                       (size_t)up->lane_count) < 0) {
        listener_free(listener);
        return;
    }
    up->inside[way_in] = listener;
}

/* On the control thread. */
static void serve_inside(void *user, int fd, enum EC2_WAY_IN way_in)
{
    struct cloud_up *up = user;
    struct served *served = malloc(sizeof *served);
    if (!served)
        log_fatal("out of memory");
    *served = (struct served){.mail.deliver = on_served, .up = up, .fd = fd, .way_in = way_in};
    loop_post(up->lanes[0].loop, &served->mail);
}

/* What they go on with from an earlier process waits in the control loop until that runs. */
static int make_engines(struct cloud_up *up)
{
    int error = kv_new(&up->cloud.kv, up->cloud.store, up->cloud.workers, up->control);
    if (!error && up->options.unlimited)
        kv_lift_limits(up->cloud.kv);
    if (error < 0)
        return fail("making the kv engine", error);
    up->cloud.dynamodb = dynamodb_new(&up->cloud);
    up->cloud.application_autoscaling = application_autoscaling_new(&up->cloud);
    up->cloud.s3_requests = tally_new();
    up->cloud.s3 = s3_new(&up->cloud);
    struct ec2_options ec2 = {.public_pool = up->options.public_pool,
                              .public_pool6 = up->options.public_pool6,
                              .fabric_off = up->options.fabric_off,
                              .edge = up->options.edge,
                              .resolv_conf = up->options.resolv_conf,
                              .data_dir = up->options.data_dir,
                              .serve = serve_inside,
                              .serve_user = up};
    up->cloud.ec2 = ec2_new(&up->cloud, &ec2);
    struct log_options options = {.store = up->cloud.store,
                                  .workers = up->cloud.workers,
                                  .home = up->control,
                                  .unlimited = up->options.unlimited};
    error = log_new(&up->cloud.log, &options);
    if (error < 0)
        return fail("making the log engine", error);
    error = kinesis_new(&up->cloud, &up->cloud.kinesis);
    return error < 0 ? fail("making Kinesis", error) : 0;
}

static int make_cloud(struct cloud_up *up)
{
    struct auth_options auth = {
        .root_access_key = up->options.root_access_key,
        .root_secret = up->options.root_secret,
        .default_account = up->options.account,
        .mode = up->options.open_auth ? AUTH_OPEN : AUTH_VERIFY,
    };
    size_t count;
    int error = workers_new(&up->cloud.workers, WORKER_THREADS, WORKER_QUEUE);
    if (error < 0)
        return fail("starting the workers", error);
    up->cloud.authority = authority_new(up->options.data_dir);
    up->cloud.plain_at_rest = up->options.plain_at_rest;
    up->cloud.auth = auth_new(up->cloud.store, &auth);
    up->control_cache = auth_cache_new(up->cloud.auth);
    const struct service *const *services = catalog(&count);
    up->routes = routes_new(services, count);
    error = loop_new(&up->control);
    if (error < 0)
        return fail("making the control loop", error);
    up->cloud.control = up->control;
    return make_engines(up);
}

/* Of whoever asks from outside, whatever name he uses. */
static void find_names(struct arena *arena, struct span asked, struct tls_names *ret)
{
    static const struct tls_names names = {{S_INIT("localhost"), S_INIT("*.localhost"),
                                            S_INIT("s3.localhost"), S_INIT("*.s3.localhost"),
                                            S_INIT("127.0.0.1"), S_INIT("::1")},
                                           6};
    *ret = names;
}

/* Somebody's own certificate, or one of the data directory's authority. */
static int make_tls(struct cloud_up *up)
{
    if (!up->options.tls)
        return 0;
    int error = tls_context_load(&up->tls, up->options.data_dir);
    up->own_certificate = error != -ENOENT;
    if (error == -ENOENT)
        error = tls_context_new(&up->tls, up->cloud.authority, find_names);
    return error < 0 ? fail("preparing the TLS certificate", error) : 0;
}

static int make_lane(struct cloud_up *up, struct lane *lane)
{
    lane->up = up;
    int error = loop_new(&lane->loop);
    if (error < 0)
        return fail("making a loop", error);
    lane->gate = gate_new(&up->config, lane->loop);
    error =
        http_server_new(&lane->server, lane->loop, gate_handler(lane->gate), &http_default_limits);
    if (!error)
        error = http_server_new(&lane->inside, lane->loop, gate_inside_handler(lane->gate),
                                &http_default_limits);
    return error < 0 ? fail("making an HTTP server", error) : 0;
}

static int make_lanes(struct cloud_up *up)
{
    up->config = (struct gate_config){
        .routes = up->routes,
        .cloud = &up->cloud,
        .control = up->control,
        .control_cache = up->control_cache,
        .default_account = up->options.account,
        .default_region = up->options.region,
        .cors_origins = up->options.cors_origins,
        .cors_origin_count = up->options.cors_origin_count,
        .test_clock = up->options.test_clock,
        .data_events = up->options.data_events,
    };
    up->lane_count = up->options.loops;
    up->lanes = calloc((size_t)up->lane_count, sizeof *up->lanes);
    up->gates = calloc((size_t)up->lane_count, sizeof(struct gate *));
    if (!up->lanes || !up->gates)
        return fail("making the loops", -ENOMEM);
    for (int i = 0; i < up->lane_count; i++) {
        if (make_lane(up, &up->lanes[i]) < 0)
            return -1;
        up->gates[i] = up->lanes[i].gate;
    }
    gate_share(up->gates, (size_t)up->lane_count);
    return 0;
}

static int start_listening(struct cloud_up *up)
{
    int error = listener_open(&up->listener, up->options.address, up->options.port);
    if (error < 0) {
        fprintf(stderr, "kintoun up: cannot listen on %.*s:%u: %s%s\n",
                SPAN_ARG(up->options.address), up->options.port, strerror(-error),
                error == -EADDRINUSE ? "; is another one running? --port chooses another port"
                                     : "");
        return error;
    }
    listener_secure(up->listener, up->tls);
    for (int i = 0; i < up->lane_count; i++) {
        up->servers[i] = up->lanes[i].server;
        up->insides[i] = up->lanes[i].inside;
        up->loops[i] = up->lanes[i].loop;
    }
    error = listener_start(up->listener, up->lanes[0].loop, up->servers, up->loops,
                           (size_t)up->lane_count);
    return error < 0 ? fail("accepting connections", error) : 0;
}

/* -- running ---------------------------------------------------------------------------------- */

static void *run_loop(void *loop)
{
    loop_run(loop);
    return NULL;
}

static int start_threads(struct cloud_up *up)
{
    int error = pthread_create(&up->control_thread, NULL, run_loop, up->control);
    for (int i = 1; !error && i < up->lane_count; i++)
        error = pthread_create(&up->lanes[i].thread, NULL, run_loop, up->lanes[i].loop);
    return error ? fail("starting threads", -error) : 0;
}

static void stop_loops(struct cloud_up *up)
{
    for (int i = 0; i < up->lane_count; i++)
        loop_stop(up->lanes[i].loop);
}

/* On loop 0. */
static void on_lane_drained(struct mail *mail)
{
    struct lane *lane = (struct lane *)((char *)mail - offsetof(struct lane, drained));
    if (--lane->up->draining == 0)
        stop_loops(lane->up);
}

static void tell_drained(void *user)
{
    struct lane *lane = user;
    lane->drained.deliver = on_lane_drained;
    loop_post(lane->up->lanes[0].loop, &lane->drained);
}

static void drain_inside(void *user)
{
    struct lane *lane = user;
    http_server_drain(lane->inside, tell_drained, lane);
}

static void on_drain(struct mail *mail)
{
    struct lane *lane = (struct lane *)((char *)mail - offsetof(struct lane, drain));
    http_server_drain(lane->server, drain_inside, lane);
}

static void on_give_up(struct timer *timer)
{
    stop_loops((struct cloud_up *)((char *)timer - offsetof(struct cloud_up, give_up)));
}

/* The first signal stops gracefully, the second at once. */
static void on_signal(struct watch *watch, uint32_t events)
{
    struct cloud_up *up = (struct cloud_up *)((char *)watch - offsetof(struct cloud_up, signals));
    struct signalfd_siginfo info;
    if (read(watch->fd, &info, sizeof info) != sizeof info)
        return;
    if (up->stopping) {
        stop_loops(up);
        return;
    }
    up->stopping = true;
    up->draining = up->lane_count;
    listener_stop(up->listener);
    for (int i = 0; i < EC2_WAYS_IN; i++)
        if (up->inside[i])
            listener_stop(up->inside[i]);
    for (int i = 0; i < up->lane_count; i++) {
        up->lanes[i].drain.deliver = on_drain;
        loop_post(up->lanes[i].loop, &up->lanes[i].drain);
    }
    up->give_up.due = on_give_up;
    loop_timer_set(up->lanes[0].loop, &up->give_up, clock_steady_ms() + DRAIN_MS);
}

/* Before any thread is made, RocksDB's too: one that has them unblocked would die of them. */
static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int watch_signals(struct cloud_up *up, const sigset_t *set)
{
    up->signals =
        (struct watch){.fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK), .ready = on_signal};
    int error = up->signals.fd < 0 ? -errno : loop_watch(up->lanes[0].loop, &up->signals, EPOLLIN);
    return error < 0 ? fail("watching for signals", error) : 0;
}

static void print_banner(const struct cloud_up *up)
{
    char endpoint[96];
    bool ipv6 = span_find_byte(up->options.address, ':') != SPAN_NOT_FOUND;
    snprintf(endpoint, sizeof endpoint, "%s://%s%.*s%s:%u", up->tls ? "https" : "http",
             ipv6 ? "[" : "", SPAN_ARG(up->options.address), ipv6 ? "]" : "",
             listener_port(up->listener));
    printf("kintoun %s  %s  data in %s\n\n", KINTOUN_VERSION, endpoint, up->options.data_dir);
    printf("  export AWS_ENDPOINT_URL=%s AWS_REGION=%.*s\n", endpoint,
           SPAN_ARG(up->options.region));
    if (up->options.default_root_key)
        printf("  export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test\n");
    if (up->tls)
        printf("  export AWS_CA_BUNDLE=%s/%s\n", up->options.data_dir,
               up->own_certificate ? "tls-cert.pem" : "ca-cert.pem");
    printf("\n  AWS CLI    aws s3 mb s3://my-bucket        (the variables above are enough)\n");
    printf("  SDKs       the same variables, or endpoint_url=\"%s\"\n", endpoint);
    printf("  Terraform  provider \"aws\" { s3_use_path_style = true } and the same variables\n\n");
    if (up->options.open_auth)
        printf("  Authentication is OPEN: any key is taken without a signature check.\n\n");
    const char *absent = ec2_fabric_absent(up->cloud.ec2);
    if (absent)
        printf("  VPCs answer, but no packet moves in them: %s (see kintoun doctor).\n\n", absent);
    printf("Ready.\n");
    fflush(stdout);
}

static void join(struct cloud_up *up)
{
    for (int i = 1; i < up->lane_count; i++)
        pthread_join(up->lanes[i].thread, NULL);
    loop_stop(up->control);
    pthread_join(up->control_thread, NULL);
}

static void release(struct cloud_up *up)
{
    ec2_stop(up->cloud.ec2);
    workers_free(up->cloud.workers);
    if (up->cloud.store)
        s3_finish(up->cloud.s3);
    listener_free(up->listener);
    for (int i = 0; i < EC2_WAYS_IN; i++)
        listener_free(up->inside[i]);
    for (int i = 0; i < up->lane_count; i++) {
        http_server_free(up->lanes[i].server);
        http_server_free(up->lanes[i].inside);
    }
    if (up->cloud.store)
        store_close(up->cloud.store);
    for (int i = 0; i < up->lane_count; i++) {
        gate_free(up->lanes[i].gate);
        loop_free(up->lanes[i].loop);
    }
    kinesis_free(up->cloud.kinesis);
    log_free(up->cloud.log);
    application_autoscaling_free(up->cloud.application_autoscaling);
    dynamodb_free(up->cloud.dynamodb);
    s3_free(up->cloud.s3);
    tally_free(up->cloud.s3_requests);
    ec2_free(up->cloud.ec2);
    kv_free(up->cloud.kv);
    loop_free(up->control);
    auth_cache_free(up->control_cache);
    auth_free(up->cloud.auth);
    routes_free(up->routes);
    tls_context_free(up->tls);
    tls_context_free(up->inside_tls);
    authority_free(up->cloud.authority);
    free(up->lanes);
    free(up->gates);
}

/* Buffers of large bodies come and go by the half mebibyte: given back to the kernel each time they
 * would be faulted in again, which was a tenth of reading an encrypted object. */
static void keep_freed_memory(void)
{
    mallopt(M_MMAP_THRESHOLD, 4 << 20);
    mallopt(M_TRIM_THRESHOLD, 32 << 20);
}

int command_up(int argc, char **argv)
{
    struct cloud_up up = {.signals.fd = -1};
    if (options_read(&up.options, argc, argv) < 0)
        return 2;
    if (up.options.verbose)
        log_set_level(LOG_INFO);
    keep_freed_memory();
    sigset_t signals;
    block_signals(&signals);
    /* What fails before `Ready.` ends the process; the kernel takes back what was made. */
    if (open_store(&up) < 0 || make_cloud(&up) < 0 || make_tls(&up) < 0 || make_lanes(&up) < 0 ||
        watch_signals(&up, &signals) < 0 || start_listening(&up) < 0 || start_threads(&up) < 0)
        return 1;
    ec2_await(up.cloud.ec2);
    print_banner(&up);
    loop_run(up.lanes[0].loop);
    join(&up);
    release(&up);
    return 0;
}
