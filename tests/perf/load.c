// SPDX-License-Identifier: Apache-2.0
/*
 * A load generator: every connection has one request under way, and sends the next one at once (a
 * closed loop) or when it is due (with --rate, an open one). Requests are signed as
 * they are sent. It shares the machine with the server it measures, so it does little: one epoll
 * loop per thread, no allocation while it runs. Prints one line.
 */
#include "connection.h"

#include "base/scope.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>

struct worker {
    pthread_t thread;
    const struct options *options;
    struct scenario scenario;
    struct tally tally;
    struct connection *connections;
    size_t connection_count;
    uint64_t request_limit; /* 0 = none */
    int error;
};

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool may_send(const struct worker *worker)
{
    return worker->request_limit == 0 || worker->tally.sent < worker->request_limit;
}

static int open_all(struct worker *worker, int epoll)
{
    for (size_t i = 0; i < worker->connection_count; i++) {
        struct connection *connection = &worker->connections[i];
        connection->epoll = epoll;
        connection->scenario = &worker->scenario;
        connection->tally = &worker->tally;
        int error = connection_open(connection);
        if (error < 0)
            return error;
    }
    return 0;
}

/* ---- at a rate: an open loop ----------------------------------------------------------------- */

/* Requests are due one after another, whatever becomes of those before; one that finds no
 * connection idle is sent as soon as one is, and its time runs from when it was due. */
struct schedule {
    struct connection **idle;
    size_t idle_count;
    double due_us, every_us;
};

static int send_due(struct worker *worker, struct schedule *schedule, uint64_t now_us)
{
    int64_t now_ms = wall_ms();
    while (schedule->idle_count && schedule->due_us <= (double)now_us) {
        struct connection *connection = schedule->idle[--schedule->idle_count];
        if (connection_send(connection, now_ms) < 0)
            return -ECONNRESET;
        connection->begun_us = (uint64_t)schedule->due_us;
        schedule->due_us += schedule->every_us;
    }
    return 0;
}

static int wait_for_events(int epoll, struct epoll_event *events, size_t count, double wait_us)
{
    double ns = wait_us > 0 ? wait_us * 1000 : 0;
    struct timespec wait = {.tv_nsec = (long)(ns < 1e8 ? ns : 1e8)};
    return epoll_pwait2(epoll, events, (int)count, &wait, NULL);
}

static int run_at_rate(struct worker *worker, int epoll, uint64_t end_us)
{
    struct epoll_event events[256];
    AUTO_FREE struct connection **idle = calloc(worker->connection_count, sizeof *idle);
    double rate = worker->options->rate / (double)worker->options->threads;
    struct schedule schedule = {
        .idle = idle, .due_us = (double)connection_now_us(), .every_us = 1e6 / rate};
    if (!idle)
        return -ENOMEM;
    for (size_t i = 0; i < worker->connection_count; i++)
        idle[schedule.idle_count++] = &worker->connections[i];
    for (uint64_t now = connection_now_us(); now < end_us; now = connection_now_us()) {
        int error = send_due(worker, &schedule, now);
        if (error < 0)
            return error;
        int count = wait_for_events(epoll, events, ARRAY_LEN(events),
                                    schedule.idle_count ? schedule.due_us - (double)now : 1e5);
        if (count < 0 && errno != EINTR)
            return -errno;
        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;
            if (connection_advance(connection))
                idle[schedule.idle_count++] = connection;
            if (connection->fd < 0)
                return -ECONNREFUSED;
        }
    }
    return 0;
}

static int run_until(struct worker *worker, int epoll, uint64_t end_us)
{
    struct epoll_event events[256];
    for (size_t i = 0; i < worker->connection_count; i++)
        if (may_send(worker) && connection_send(&worker->connections[i], wall_ms()) < 0)
            return -ECONNRESET;
    while (connection_now_us() < end_us) {
        if (worker->request_limit &&
            worker->tally.done + worker->tally.errors >= worker->request_limit)
            break;
        int count = epoll_wait(epoll, events, (int)ARRAY_LEN(events), 100);
        if (count < 0 && errno != EINTR)
            return -errno;
        int64_t now_ms = wall_ms();
        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;
            if (connection_advance(connection) && may_send(worker))
                (void)connection_send(connection, now_ms); /* a failure shows when it is read */
            if (connection->fd < 0)
                return -ECONNREFUSED;
        }
    }
    return 0;
}

static void *work(void *arg)
{
    struct worker *worker = arg;
    AUTO_FD epoll = epoll_create1(EPOLL_CLOEXEC);
    worker->error = epoll < 0 ? -errno : open_all(worker, epoll);
    uint64_t end = connection_now_us() + (uint64_t)(worker->options->seconds * 1e6);
    if (worker->error == 0)
        worker->error = (worker->options->rate > 0 ? run_at_rate : run_until)(worker, epoll, end);
    for (size_t i = 0; i < worker->connection_count; i++)
        connection_close(&worker->connections[i]);
    return NULL;
}

struct outcome {
    struct tally tally;
    double seconds, own_us; /* of this program's processor time per request */
};

static double processor_us(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

static void merge(struct tally *into, const struct tally *from)
{
    latency_merge(&into->latency, &from->latency);
    if (into->errors == 0)
        memcpy(into->first_error, from->first_error, sizeof into->first_error);
    into->done += from->done;
    into->errors += from->errors;
    into->verified += from->verified;
    into->bytes += from->bytes;
    into->connects += from->connects;
}

static int run(struct worker *workers, size_t count, struct outcome *outcome)
{
    double used = processor_us();
    uint64_t begun = connection_now_us();
    int error = 0;
    for (size_t i = 0; i < count; i++)
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            abort();
    for (size_t i = 0; i < count; i++) {
        pthread_join(workers[i].thread, NULL);
        merge(&outcome->tally, &workers[i].tally);
        error = workers[i].error ? workers[i].error : error;
    }
    outcome->seconds = (double)(connection_now_us() - begun) / 1e6;
    outcome->own_us =
        (processor_us() - used) / (outcome->tally.done ? (double)outcome->tally.done : 1);
    return error;
}

static void report(const struct options *options, const char *name, const struct outcome *outcome)
{
    const struct tally *tally = &outcome->tally;
    const char *format =
        options->json
            ? "{\"scenario\": \"%s\", \"requests_per_s\": %.0f, \"mib_per_s\": %.1f, \"p50_us\": "
              "%lu, "
              "\"p99_us\": %lu, \"requests\": %lu, \"errors\": %lu, \"verified\": %lu, "
              "\"connects\": %lu, "
              "\"own_us\": %.2f}\n"
            : "%s: %.0f requests/s, %.1f MiB/s, p50 %lu us, p99 %lu us, %lu requests, %lu errors, "
              "%lu verified, %lu connects, generator %.2f us per request\n";
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    printf(format, name, (double)tally->done / outcome->seconds,
           (double)tally->bytes / outcome->seconds / 1048576, latency_at(&tally->latency, 0.5),
           latency_at(&tally->latency, 0.99), tally->done, tally->errors, tally->verified,
           tally->connects, outcome->own_us);
#pragma GCC diagnostic pop
    if (tally->errors)
        fprintf(stderr, "first error: %s\n", tally->first_error);
}

static _Noreturn void usage(void)
{
    fprintf(stderr,
            "usage: load [--endpoint A.B.C.D:PORT] [--connections N] [--threads N] [--seconds S]\n"
            "            [--requests N] [--rate N] [--keys N] [--first N] [--item BYTES]\n"
            "            [--large BYTES] [--sample N] [--bucket NAME] [--table NAME]\n"
            "            [--iterator TEXT] [--upload ID] [--region NAME]\n"
            "            [--json] SCENARIO\n"
            "Credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (test, test).\n"
            "Scenarios: %s\n",
            scenario_names());
    exit(EXIT_FAILURE);
}

static uint64_t number(const char *text)
{
    uint64_t value;
    if (!span_to_u64(span_of_cstr(text), &value) || value == 0)
        usage();
    return value;
}

static void set_endpoint(struct options *options, const char *text)
{
    struct span port = span_of_cstr(text);
    struct span address = span_cut(&port, ':');
    struct in_addr parsed;
    uint64_t value;
    options->host = span_of_cstr(text);
    snprintf(options->address, sizeof options->address, "%.*s", SPAN_ARG(address));
    if (!span_to_u64(port, &value) || inet_pton(AF_INET, options->address, &parsed) != 1)
        usage();
    options->port = (uint16_t)value;
}

static struct span from_environment(const char *name, struct span otherwise)
{
    const char *value = getenv(name);
    return value && value[0] ? span_of_cstr(value) : otherwise;
}

enum OPTION {
    OPTION_ENDPOINT = 256,
    OPTION_CONNECTIONS,
    OPTION_THREADS,
    OPTION_SECONDS,
    OPTION_REQUESTS,
    OPTION_KEYS,
    OPTION_FIRST,
    OPTION_ITEM,
    OPTION_RATE,
    OPTION_LARGE,
    OPTION_SAMPLE,
    OPTION_BUCKET,
    OPTION_TABLE,
    OPTION_ITERATOR,
    OPTION_UPLOAD,
    OPTION_REGION,
    OPTION_JSON,
};

static void set_option(struct options *options, int option, const char *text)
{
    switch (option) {
    case OPTION_ENDPOINT:
        set_endpoint(options, text);
        break;
    case OPTION_CONNECTIONS:
        options->connections = number(text);
        break;
    case OPTION_THREADS:
        options->threads = number(text);
        break;
    case OPTION_SECONDS:
        options->seconds = strtod(text, NULL);
        break;
    case OPTION_REQUESTS:
        options->requests = number(text);
        break;
    case OPTION_KEYS:
        options->keys = number(text);
        break;
    case OPTION_FIRST:
        options->first = number(text);
        break;
    case OPTION_ITEM:
        options->item = number(text);
        break;
    case OPTION_RATE:
        options->rate = strtod(text, NULL);
        break;
    case OPTION_LARGE:
        options->large = number(text);
        break;
    case OPTION_SAMPLE:
        options->sample = number(text);
        break;
    case OPTION_BUCKET:
        options->bucket = span_of_cstr(text);
        break;
    case OPTION_TABLE:
        options->table = span_of_cstr(text);
        break;
    case OPTION_ITERATOR:
        options->iterator = span_of_cstr(text);
        break;
    case OPTION_UPLOAD:
        options->upload = span_of_cstr(text);
        break;
    case OPTION_REGION:
        options->region = span_of_cstr(text);
        break;
    case OPTION_JSON:
        options->json = 1;
        break;
    default:
        usage();
    }
}

static struct options options_of(int argc, char **argv)
{
    static const struct option names[] = {
        {"endpoint", required_argument, NULL, OPTION_ENDPOINT},
        {"connections", required_argument, NULL, OPTION_CONNECTIONS},
        {"threads", required_argument, NULL, OPTION_THREADS},
        {"seconds", required_argument, NULL, OPTION_SECONDS},
        {"requests", required_argument, NULL, OPTION_REQUESTS},
        {"keys", required_argument, NULL, OPTION_KEYS},
        {"first", required_argument, NULL, OPTION_FIRST},
        {"item", required_argument, NULL, OPTION_ITEM},
        {"rate", required_argument, NULL, OPTION_RATE},
        {"large", required_argument, NULL, OPTION_LARGE},
        {"sample", required_argument, NULL, OPTION_SAMPLE},
        {"bucket", required_argument, NULL, OPTION_BUCKET},
        {"table", required_argument, NULL, OPTION_TABLE},
        {"iterator", required_argument, NULL, OPTION_ITERATOR},
        {"upload", required_argument, NULL, OPTION_UPLOAD},
        {"region", required_argument, NULL, OPTION_REGION},
        {"json", no_argument, NULL, OPTION_JSON},
        {NULL, 0, NULL, 0},
    };
    struct options options = {
        .connections = 64,
        .threads = 1,
        .seconds = 5,
        .keys = 1000,
        .item = 1000,
        .large = (uint64_t)1 << 30,
        .sample = 1000,
        .access_key = from_environment("AWS_ACCESS_KEY_ID", S("test")),
        .secret = from_environment("AWS_SECRET_ACCESS_KEY", S("test")),
        .region = S("us-east-1"),
        .bucket = S("bench"),
        .table = S("bench"),
    };
    set_endpoint(&options, "127.0.0.1:4566");
    for (int option; (option = getopt_long(argc, argv, "", names, NULL)) != -1;)
        set_option(&options, option, optarg);
    if (optind + 1 != argc)
        usage();
    return options;
}

static void worker_init(struct worker *worker, size_t i, const char *name,
                        const struct options *options)
{
    size_t threads = options->threads;
    worker->options = options;
    worker->connection_count =
        options->connections / threads + (i < options->connections % threads);
    worker->request_limit = options->requests / threads + (i < options->requests % threads);
    worker->connections = calloc(worker->connection_count, sizeof *worker->connections);
    if (!worker->connections || !scenario_init(&worker->scenario, span_of_cstr(name), options,
                                               &(struct scenario_share){i, threads}))
        usage();
}

int main(int argc, char **argv)
{
    struct options options = options_of(argc, argv);
    const char *name = argv[optind];
    struct outcome outcome = {0};
    AUTO_FREE struct worker *workers = calloc(options.threads, sizeof *workers);
    if (!workers || options.connections < options.threads)
        usage();
    signal(SIGPIPE, SIG_IGN);
    (void)scenario_pattern();
    for (size_t i = 0; i < options.threads; i++)
        worker_init(&workers[i], i, name, &options);
    int error = run(workers, options.threads, &outcome);
    if (error < 0)
        fprintf(stderr, "load: %s\n", strerror(-error));
    report(&options, name, &outcome);
    for (size_t i = 0; i < options.threads; i++) {
        scenario_done(&workers[i].scenario);
        free(workers[i].connections);
    }
    return error < 0 || outcome.tally.errors ? EXIT_FAILURE : EXIT_SUCCESS;
}
