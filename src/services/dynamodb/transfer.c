// SPDX-License-Identifier: Apache-2.0
/* The worker behind exports, imports, bulk operations, destinations and replicas: one job at a
 * time, which takes steps until there is nothing to do. The timer is for what failed for now. */
#include "services/dynamodb/transfer.h"

#include "auth/principal.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "loop/workers.h"
#include "services/dynamodb/bulk.h"
#include "services/dynamodb/destination.h"
#include "services/dynamodb/dynamodb.api.h"
#include "services/dynamodb/import.h"
#include "services/dynamodb/object_reader.h"
#include "services/dynamodb/replica.h"
#include "store/txn.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#define STEPS_AT_ONCE 16 /* in one go of a worker */
#define FAILED_MS 1000
#define DELIVERY_MS 100 /* between looks for changes to deliver */
#define ARENA_FIRST 65536
#define ARENA_CEILING (256 << 20)

struct transfers {
    struct cloud *cloud;
    struct job job;
    struct timer timer;
    bool busy, again;
    bool delivering;              /* some table has a destination; the job's */
    bool replicating;             /* some table has a replica; the job's */
    int result;                   /* of the job */
    struct object_reader *reader; /* of imports; the job's */
    struct bulk_pace bulk;        /* the job's */
};

/* ---- for whom ------------------------------------------------------------------------------- */

/* The root user's key is no record. */
int transfer_act_for(struct call *c, const struct transfer_actor *actor)
{
    struct identity *caller = ARENA_NEW(c->arena, struct identity);
    c->account = actor->account;
    c->region = actor->region;
    c->caller = caller;
    if (!span_is_absent(actor->access_key))
        return principal_of_key(c->txn, c->arena, actor->access_key, caller);
    principal_root(c->arena, actor->account, caller);
    return 0;
}

/* The root user's key is not kept: his account says who he is. */
struct span transfer_key_of_caller(const struct call *c)
{
    bool kept = c->caller && !c->caller->unrestricted && c->caller->type != IDENTITY_ROOT;
    return kept ? c->caller->access_key : SPAN_NONE;
}

struct span transfer_token_of(struct call *c, struct span text, size_t unit)
{
    size_t len = (text.len + unit - 1) / unit * unit;
    char *bytes = arena_zalloc(c->arena, len, 1);
    memcpy(bytes, text.at, text.len);
    return hex_of(c->arena, span_of(bytes, len));
}

bool transfer_read_token(struct call *c, struct span token, struct span *ret)
{
    struct span bytes = hex_decode(c->arena, token);
    while (bytes.len && !bytes.at[bytes.len - 1])
        bytes.len--;
    *ret = bytes;
    return bytes.len > 0;
}

struct span transfer_failure(struct call *c, const struct refusal *refusal)
{
    return arena_printf(c->arena, "S3%s", refusal->kind->code);
}

/* ---- on a worker ---------------------------------------------------------------------------- */

int transfer_run(struct cloud *cloud, int (*step)(struct call *c, void *user), void *user)
{
    struct arena arena;
    uint64_t ticket;
    arena_init(&arena, ARENA_FIRST, ARENA_CEILING);
    struct call c = {.arena = &arena,
                     .now_ms = clock_now_ms(),
                     .request_id = S("transfer"),
                     .service = &dynamodb_service,
                     .protocol = dynamodb_service.protocol,
                     .txn = txn_begin(cloud->store),
                     .cloud = cloud};
    int result = step(&c, user);
    if (result > 0) {
        int error = txn_commit(c.txn, &ticket);
        result = error < 0 ? error : result;
    } else {
        txn_rollback(c.txn);
    }
    arena_done(&arena);
    return result;
}

typedef int (*take_step)(struct call *c, void *transfers);

static int take(struct transfers *transfers, take_step step)
{
    return transfer_run(transfers->cloud, step, transfers);
}

/* The error of either, or whether either has more. */
static int both(int one, int two)
{
    return one < 0 || two < 0 ? (one < two ? one : two) : one | two;
}

/* A step of each, so that a long export does not hold up an import. */
static int step_both(struct transfers *transfers, take_step first, take_step second)
{
    int one = take(transfers, first), two = take(transfers, second);
    return both(one, two);
}

static int step_export(struct call *c, void *transfers)
{
    return export_step(c);
}

static int step_import(struct call *c, void *transfers)
{
    return import_step(c, &((struct transfers *)transfers)->reader);
}

static int step_bulk(struct call *c, void *transfers)
{
    return bulk_step(c, &((struct transfers *)transfers)->bulk);
}

static void run(struct job *job)
{
    struct transfers *transfers =
        (struct transfers *)((char *)job - offsetof(struct transfers, job));
    int result = 1;
    for (int i = 0; i < STEPS_AT_ONCE && result > 0; i++) {
        int delivered = destination_deliver(transfers->cloud, &transfers->delivering);
        int replicated = replica_deliver(transfers->cloud, &transfers->replicating);
        int moved =
            both(step_both(transfers, step_export, step_import), take(transfers, step_bulk));
        result = both(both(delivered, replicated), moved);
    }
    transfers->result = result;
}

/* ---- on the control loop -------------------------------------------------------------------- */

static int finish_export(struct call *c, void *transfers)
{
    return export_finish(c);
}

static int settle_destinations(struct call *c, void *transfers)
{
    return destination_settle(c);
}

static int settle_replicas(struct call *c, void *transfers)
{
    return replica_settle(c);
}

static int finish_import(struct call *c, void *transfers)
{
    return import_finish(c);
}

static int finish_bulk(struct call *c, void *transfers)
{
    return bulk_finish(c);
}

static void submit(struct transfers *transfers)
{
    transfers->again = false;
    transfers->busy = true;
    if (workers_submit(transfers->cloud->workers, &transfers->job) == 0)
        return;
    transfers->busy = false;
    loop_timer_set(transfers->cloud->control, &transfers->timer, clock_steady_ms() + FAILED_MS);
}

static void done(struct job *job)
{
    struct transfers *transfers =
        (struct transfers *)((char *)job - offsetof(struct transfers, job));
    int result = transfers->result;
    int finished =
        both(step_both(transfers, finish_export, finish_import), take(transfers, finish_bulk));
    int settled = step_both(transfers, settle_destinations, settle_replicas);
    transfers->busy = false;
    if (finished < 0 || settled < 0)
        result = finished < settled ? finished : settled;
    else if (settled)
        transfers->again = true;
    if (result < 0) {
        log_error("dynamodb: an export, import or bulk operation: %s", strerror(-result));
        loop_timer_set(transfers->cloud->control, &transfers->timer, clock_steady_ms() + FAILED_MS);
    } else if (result > 0 || transfers->again) {
        submit(transfers);
    } else if (transfers->delivering || transfers->replicating || transfers->bulk.waiting) {
        loop_timer_set(transfers->cloud->control, &transfers->timer,
                       clock_steady_ms() + DELIVERY_MS);
    }
}

static void on_timer(struct timer *timer)
{
    transfers_wake((struct transfers *)((char *)timer - offsetof(struct transfers, timer)));
}

void transfers_wake(struct transfers *transfers)
{
    if (transfers->busy)
        transfers->again = true;
    else
        submit(transfers);
}

struct transfers *transfers_new(struct cloud *cloud)
{
    struct transfers *transfers = calloc(1, sizeof *transfers);
    if (!transfers)
        log_fatal("out of memory");
    transfers->cloud = cloud;
    transfers->timer.due = on_timer;
    transfers->job = (struct job){.run = run, .done = done, .home = cloud->control};
    return transfers;
}

void transfers_free(struct transfers *transfers)
{
    object_reader_free(transfers->reader);
    object_reader_free(transfers->bulk.reader);
    free(transfers);
}
