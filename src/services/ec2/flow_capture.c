// SPDX-License-Identifier: Apache-2.0
/*
 * Every minute of the clock the fabric's records are taken and kept, in one commit, as captures of
 * the windows of all logs that cover the interface they are of; an interface without records gets
 * an empty one, so that what has passed says by itself where nothing did. Every five minutes what
 * has ended is delivered (flow_delivery.c).
 *
 * While no process runs the fabric goes on recording, so an end between two minutes loses nothing.
 * What was taken from the fabric and is not committed yet is lost with the process: milliseconds.
 * Control thread, but where the fabric's is said.
 */
#include "services/ec2/flow_log.h"

#include "base/log.h"
#include "base/time.h"
#include "engines/fabric/bpf/sizes.h"
#include "engines/fabric/fabric.h"
#include "loop/loop.h"
#include "loop/workers.h"
#include "services/ec2/flow_path.h"
#include "services/ec2/interface.h"
#include "services/ec2/network.h"
#include "services/ec2/number.h"
#include "services/ec2/zone.h"
#include "store/txn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#define DELIVERY_MS (5 * MINUTE_MS) /* "Flow log files" */
#define ARENA_FIRST 65536
#define ARENA_CEILING ((size_t)1 << 30)

struct flow_logger {
    struct cloud *cloud;
    struct mail begin;
    struct timer timer;
    struct job job;
    bool capturing, delivering;
    int64_t until_ms, delivered_ms;      /* of the delivery that runs, and of the last one */
    uint64_t unrecorded[FAB_INTERFACES]; /* as last seen; the fabric's thread */
    bool known[FAB_INTERFACES];
};

/* An interface that a log covers. */
struct covered {
    const struct stored_flow_log *log;
    const struct stored_interface *interface;
    uint32_t number; /* 0: the fabric does not know it */
    bool skipped;
};

/* One turn, with its memory; goes to the fabric's thread and back. */
struct turn {
    struct mail mail;
    struct flow_logger *logger;
    struct arena arena;
    int64_t minute_ms; /* the one that has ended, at its end */
    struct covered *covered;
    size_t covered_count;
    struct fabric_record *records; /* by interface, then by time */
    size_t count;
};

#define logger_at(pointer, member)                                                                 \
    ((struct flow_logger *)(void *)((char *)(pointer)-offsetof(struct flow_logger, member)))

static struct call call_of(struct flow_logger *logger, struct arena *arena)
{
    return (struct call){.arena = arena,
                         .now_ms = clock_now_ms(),
                         .request_id = S("flow logs"),
                         .service = &ec2_service,
                         .txn = txn_begin(logger->cloud->store),
                         .cloud = logger->cloud};
}

/* ---- delivery ----------------------------------------------------------------------------------
 */

static void run_delivery(struct job *job)
{
    struct flow_logger *logger = logger_at(job, job);
    flow_delivery_run(logger->cloud, logger->until_ms);
}

static void on_delivered(struct job *job)
{
    logger_at(job, job)->delivering = false;
}

static void deliver(struct flow_logger *logger, int64_t minute_ms)
{
    int64_t until = minute_ms - minute_ms % DELIVERY_MS;
    if (logger->delivering || until <= logger->delivered_ms)
        return;
    logger->job =
        (struct job){.run = run_delivery, .done = on_delivered, .home = logger->cloud->control};
    logger->until_ms = until;
    logger->delivering = workers_submit(logger->cloud->workers, &logger->job) == 0;
    if (logger->delivering)
        logger->delivered_ms = until;
}

/* ---- keeping -----------------------------------------------------------------------------------
 */

/* The end of the window that a time is in; a window has its end, and not its beginning. */
static uint64_t window_of(const struct stored_flow_log *log, int64_t ms)
{
    uint64_t interval = log->interval * 1000;
    return ((uint64_t)ms + interval - 1) / interval * interval;
}

/* What another log has left in the fabric was before this one. */
static bool is_wanted(const struct stored_flow_log *log, const struct fabric_record *record)
{
    if (record->end_ms < log->created)
        return false;
    return span_eq(log->traffic, S("ALL")) ||
           record->rejected == span_eq(log->traffic, S("REJECT"));
}

static struct span text6(struct call *c, const struct fab_ip6 *address)
{
    char text[INET6_ADDRSTRLEN];
    return arena_copy(c->arena,
                      span_of_cstr(inet_ntop(AF_INET6, address->word, text, sizeof text)));
}

/* The way of IPv6 is not told. */
static struct stored_flow flow_of(const struct flow_paths *paths,
                                  const struct fabric_record *record)
{
    struct stored_flow flow = {.incoming = record->incoming,
                               .rejected = record->rejected,
                               .protocol = record->protocol,
                               .tcp_flags = record->tcp_flags,
                               .source = ntohl(record->source),
                               .target = ntohl(record->target),
                               .source_port = ntohs(record->source_port),
                               .target_port = ntohs(record->target_port),
                               .packets = record->packets,
                               .bytes = record->bytes,
                               .start = record->start_ms,
                               .end = record->end_ms};
    if (record->six) {
        flow.source6 = text6(paths->c, &record->source6);
        flow.target6 = text6(paths->c, &record->target6);
    } else if (!record->incoming)
        flow.path = flow_path_to(paths, (uint32_t)flow.target);
    return flow;
}

static struct stored_flow_capture capture_of(struct call *c, const struct covered *covered,
                                             uint64_t window, int64_t taken_ms)
{
    const struct stored_interface *interface = covered->interface;
    return (struct stored_flow_capture){
        .account = c->account,
        .region = c->region,
        .log = covered->log->id,
        .window = window,
        .interface = interface->id,
        .taken = (uint64_t)taken_ms,
        .vpc = interface->vpc,
        .subnet = interface->subnet,
        .instance = interface->attachment ? interface->attachment->instance : SPAN_NONE,
        .zone = zone_id_of(c, interface->zone),
        .address = interface->addresses.at[0].address,
        .skipped = covered->skipped};
}

/* The first record of an interface, or where it would be. */
static size_t find_first(const struct turn *turn, uint32_t number)
{
    size_t low = 0, high = turn->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (turn->records[middle].interface < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Those of one window, from `first` on; answers where the next one begins. */
static void keep_window(const struct flow_paths *paths, const struct turn *turn,
                        const struct covered *covered, struct stored_flow_capture *capture,
                        size_t *at)
{
    struct stored_flow_list *flows = &capture->flows;
    for (; *at < turn->count && turn->records[*at].interface == covered->number; ++*at) {
        const struct fabric_record *record = &turn->records[*at];
        uint64_t window = window_of(covered->log, record->end_ms);
        if (window > capture->window)
            break;
        if (!is_wanted(covered->log, record))
            continue;
        flows->at = resource_grow(paths->c, flows->at, flows->count, sizeof *flows->at);
        flows->at[flows->count++] = flow_of(paths, record);
    }
}

/* What is older than this minute, as after a jump of the clock or a time without a process, is of
 * windows of its own. */
static RESULT keep(struct call *c, const struct turn *turn, const struct covered *covered)
{
    struct flow_paths paths;
    uint64_t now = window_of(covered->log, turn->minute_ms), window;
    TRY(flow_paths_read(c, covered->interface, &paths));
    size_t at = covered->number ? find_first(turn, covered->number) : turn->count;
    do {
        bool more = at < turn->count && turn->records[at].interface == covered->number;
        window = more ? window_of(covered->log, turn->records[at].end_ms) : now;
        if (window >= now)
            window = now;
        struct stored_flow_capture capture = capture_of(c, covered, window, turn->minute_ms);
        if (window == now)
            capture.window = UINT64_MAX; /* takes all that is left */
        keep_window(&paths, turn, covered, &capture, &at);
        capture.window = window;
        stored_flow_capture_put(c->txn, &capture);
    } while (window != now);
    return OK;
}

static RESULT keep_all(struct call *c, const struct turn *turn)
{
    struct stored_flow_log log;
    for (size_t i = 0; i < turn->covered_count; i++) {
        const struct covered *covered = &turn->covered[i];
        c->account = covered->log->account;
        c->region = covered->log->region;
        int error = resource_find(c, &flow_log_kind, covered->log->id, &log);
        if (error == -ENOENT) /* deleted meanwhile */
            continue;
        if (error)
            return refuse_errno(c, error, "reading a flow log");
        TRY(keep(c, turn, covered));
    }
    return OK;
}

static void on_taken(struct mail *mail)
{
    struct turn *turn = (struct turn *)(void *)mail;
    struct flow_logger *logger = turn->logger;
    uint64_t ticket;
    struct call c = call_of(logger, &turn->arena);
    const struct refusal *refusal = keep_all(&c, turn);
    if (refusal) {
        txn_rollback(c.txn);
        log_error("ec2: flow logs: %.*s", SPAN_ARG(refusal->message));
    } else if (txn_commit(c.txn, &ticket) == 0) {
        store_want(logger->cloud->store, ticket);
    } else {
        log_error("ec2: flow logs: keeping what was recorded failed");
    }
    logger->capturing = false;
    deliver(logger, turn->minute_ms);
    arena_done(&turn->arena);
    free(turn);
}

/* ---- the fabric's thread -----------------------------------------------------------------------
 */

static void take_record(void *user, const struct fabric_record *record)
{
    struct turn *turn = user;
    struct call c = {.arena = &turn->arena};
    turn->records = resource_grow(&c, turn->records, turn->count, sizeof *record);
    turn->records[turn->count++] = *record;
}

static int by_interface(const void *a, const void *b)
{
    const struct fabric_record *one = a, *other = b;
    if (one->interface != other->interface)
        return one->interface < other->interface ? -1 : 1;
    return one->end_ms < other->end_ms ? -1 : one->end_ms > other->end_ms;
}

/* What found no room was counted since the last time. */
static void look_for_skipped(struct flow_logger *logger, struct fabric *fabric,
                             struct covered *covered)
{
    uint64_t count;
    uint32_t number = covered->number;
    if (!number || fabric_unrecorded(fabric, number, &count) < 0)
        return;
    covered->skipped = logger->known[number] && count > logger->unrecorded[number];
}

static void note_skipped(struct flow_logger *logger, struct fabric *fabric, uint32_t number)
{
    if (number && fabric_unrecorded(fabric, number, &logger->unrecorded[number]) == 0)
        logger->known[number] = true;
}

static void on_fabric(struct mail *mail)
{
    struct turn *turn = (struct turn *)(void *)mail;
    struct flow_logger *logger = turn->logger;
    struct fabric *fabric = network_fabric(ec2_network(logger->cloud->ec2));
    int error = fabric ? fabric_records(fabric, take_record, turn) : 0;
    if (error)
        log_error("ec2: flow logs: reading records: %s", strerror(-error));
    if (turn->count)
        qsort(turn->records, turn->count, sizeof *turn->records, by_interface);
    for (size_t i = 0; fabric && i < turn->covered_count; i++)
        look_for_skipped(logger, fabric, &turn->covered[i]);
    for (size_t i = 0; fabric && i < turn->covered_count; i++)
        note_skipped(logger, fabric, turn->covered[i].number);
    turn->mail.deliver = on_taken;
    loop_post(logger->cloud->control, &turn->mail);
}

/* ---- what is covered ---------------------------------------------------------------------------
 */

struct covering {
    struct call *c;
    struct turn *turn;
    const struct refusal *refusal;
};

static RESULT cover(struct call *c, struct turn *turn, const struct stored_flow_log *log)
{
    struct resource_list interfaces;
    c->account = log->account;
    c->region = log->region;
    TRY(resource_list(c, &interface_kind, WHERE(stored_interface, vpc, log->vpc), &interfaces));
    for (size_t i = 0; i < interfaces.count; i++) {
        const struct stored_interface *interface = interfaces.at[i];
        if (interface->state != INTERFACE_IN_USE || !flow_log_covers(log, interface))
            continue;
        turn->covered = resource_grow(c, turn->covered, turn->covered_count, sizeof *turn->covered);
        struct covered *to = &turn->covered[turn->covered_count++];
        *to = (struct covered){.log = log, .interface = interface};
        TRY(number_find(c, interface->id, &to->number));
    }
    return OK;
}

static int cover_next(void *user, struct stored_flow_log *log)
{
    struct covering *covering = user;
    covering->refusal = cover(covering->c, covering->turn, log);
    return covering->refusal != OK;
}

static void begin(struct flow_logger *logger, int64_t minute_ms)
{
    struct turn *turn = calloc(1, sizeof *turn);
    if (!turn)
        log_fatal("out of memory");
    *turn = (struct turn){.mail.deliver = on_fabric, .logger = logger, .minute_ms = minute_ms};
    arena_init(&turn->arena, ARENA_FIRST, ARENA_CEILING);
    struct call c = call_of(logger, &turn->arena);
    struct covering covering = {.c = &c, .turn = turn};
    int error = stored_flow_log_each(c.txn, &(struct stored_flow_log){0}, 0, c.arena, cover_next,
                                     &covering);
    txn_rollback(c.txn);
    if (error < 0 || covering.refusal)
        log_error("ec2: flow logs: reading what they cover failed");
    logger->capturing = turn->covered_count > 0;
    if (!turn->covered_count) {
        deliver(logger, minute_ms);
        arena_done(&turn->arena);
        free(turn);
    } else if (!network_post(ec2_network(logger->cloud->ec2), &turn->mail)) {
        on_taken(&turn->mail);
    }
}

/* ---- time --------------------------------------------------------------------------------------
 */

/* `steady` was read before `now`, so that a clock that is moved between makes it early, not late.
 */
static void wait_for_minute(struct flow_logger *logger)
{
    int64_t steady = clock_steady_ms();
    int64_t now = clock_now_ms();
    loop_timer_set(logger->cloud->control, &logger->timer, steady + MINUTE_MS - now % MINUTE_MS);
}

static void on_timer(struct timer *timer)
{
    struct flow_logger *logger = logger_at(timer, timer);
    int64_t now = clock_now_ms();
    if (!logger->capturing)
        begin(logger, now - now % MINUTE_MS);
    wait_for_minute(logger);
}

/* What an earlier process has left is delivered with the first minute. */
static void on_begin(struct mail *mail)
{
    wait_for_minute(logger_at(mail, begin));
}

struct flow_logger *flow_logger_new(struct cloud *cloud)
{
    struct flow_logger *logger = calloc(1, sizeof *logger);
    if (!logger)
        log_fatal("out of memory");
    logger->cloud = cloud;
    logger->begin.deliver = on_begin;
    logger->timer.due = on_timer;
    loop_post(cloud->control, &logger->begin);
    return logger;
}

void flow_logger_free(struct flow_logger *logger)
{
    free(logger);
}
