// SPDX-License-Identifier: Apache-2.0
/*
 * The states of instances. What a handler or the machine did is in the record and in machine.h; a
 * step looks at both and does the next thing, so it may be taken at any time and as often as one
 * likes, also after a restart, when nothing is known of machines yet:
 *
 * - pending: the machine is made, and runs -> running, or terminated (stopped) with why
 * - running: it ended by itself -> stopping or shutting-down; it was lost with its host, which has
 *   come back -> begun again, as instances recover by themselves ("Automatic instance recovery")
 * - stopping: it is asked to end, then put away -> stopped
 * - shutting-down: the same, and its disk is deleted -> terminated
 * - terminated: an hour later the record goes
 *
 * Control thread.
 */
#include "services/ec2/instance.h"

#include "base/log.h"
#include "base/time.h"
#include "http/authority.h"
#include "services/ec2/boot.h"
#include "services/ec2/dhcp_options.h"
#include "services/ec2/disk_copy.h"
#include "services/ec2/dns_name.h"
#include "services/ec2/image.h"
#include "services/ec2/instance_type.h"
#include "services/ec2/key_pair.h"
#include "services/ec2/machine.h"
#include "services/ec2/metadata.h"
#include "services/ec2/network.h"
#include "services/ec2/subnet.h"
#include "store/txn.h"

#include <errno.h>
#include <stdio.h>

#define SHOWN_MS (60 * 60 * 1000) /* "terminated": how long it is still told of */
#define LATER_MS 500
#define TASKS_PER_GIB 2048
#define TASKS_MIN 1024

#define INSTANCE_CODE "Client.InstanceInitiatedShutdown"
#define INSTANCE_MESSAGE "Client.InstanceInitiatedShutdown: Instance initiated shutdown"
#define SERVER_CODE "Server.InternalError"

/* ---- changes -----------------------------------------------------------------------------------
 */

struct span instance_user_initiated(struct call *c)
{
    struct civil at = time_civil(c->now_ms);
    return arena_printf(c->arena, "User initiated (%04d-%02d-%02d %02d:%02d:%02d GMT)", at.year,
                        at.month, at.day, at.hour, at.minute, at.second);
}

void instance_move(struct call *c, struct stored_instance *instance, enum INSTANCE_STATE state,
                   const char *reason_code, const char *reason_message)
{
    instance->state = state;
    instance->reason_code = span_of_cstr(reason_code);
    instance->reason_message = span_of_cstr(reason_message);
    resource_put_moving(c, &instance_kind, instance, 0);
}

static RESULT settle(struct call *c, struct stored_instance *instance, enum INSTANCE_STATE state)
{
    instance->state = state;
    instance->ended = c->now_ms;
    instance->forced = false;
    machine_forget(c, instance->id);
    resource_put(c, &instance_kind, instance);
    return OK;
}

/* ---- the machine that is wanted ----------------------------------------------------------------
 */

static struct sandbox_limits limits_of(const struct stored_instance *instance)
{
    const struct instance_type *type = instance_type_named(instance->type);
    uint32_t tasks = type ? type->memory_mib / 1024 * TASKS_PER_GIB : 0;
    return (struct sandbox_limits){
        .memory_bytes = (uint64_t)(type ? type->memory_mib : 512) << 20,
        .cpu_percent = type ? 100u * type->vcpus : 100,
        .tasks = tasks < TASKS_MIN ? TASKS_MIN : tasks,
    };
}

static RESULT find_key(struct call *c, const struct stored_instance *instance, struct span *ret)
{
    struct stored_key_pair pair;
    *ret = SPAN_NONE;
    if (!instance->key_name.at)
        return OK;
    TRY(key_pair_named(c, instance->key_name, &pair));
    *ret = arena_printf(c->arena, "%.*s\n", SPAN_ARG(pair.public_line));
    return OK;
}

/* Where there is no fabric, loopback is all there is, and the banner says so. */
static RESULT add_ports(struct call *c, const struct instance_interfaces *all,
                        struct machine_wish *wish)
{
    struct machine_port *ports = ARENA_ARRAY(c->arena, struct machine_port, all->count + 1);
    if (network_absent(ec2_network(c->cloud->ec2)))
        return OK;
    for (size_t i = 0; i < all->count; i++)
        TRY(instance_port(c, &all->at[i], &ports[wish->port_count++]));
    wish->ports = ports;
    return OK;
}

/* The authority is made at the first instance of all, which waits for two small files. */
static void trust_authority(struct call *c, struct boot_facts *facts)
{
    struct authority *authority = c->cloud->authority;
    if (!authority || network_absent(ec2_network(c->cloud->ec2)))
        return;
    int error = authority_open(authority);
    if (error < 0) {
        log_error("ec2: no TLS for instances: %s", strerror(-error));
        return;
    }
    facts->authority = authority_pem(authority);
    facts->authority_hash = authority_hash(authority);
}

static RESULT make_wish(struct call *c, const struct stored_instance *instance,
                        struct machine_wish *ret)
{
    struct instance_interfaces all;
    struct boot_files *files = ARENA_NEW(c->arena, struct boot_files);
    TRY(instance_interfaces_read(c, instance, &all));
    struct span text = all.count ? all.at[0].addresses.at[0].address : S("");
    struct span name = instance_private_name(c, instance, text);
    struct boot_facts facts = {
        .id = instance->id,
        .address = text,
        .hostname = span_cut(&name, '.'),
        .domain = dns_name_domain(c),
        .user_data = instance->user_data,
    };
    TRY(dhcp_options_resolv_conf(c, instance->vpc, &facts.resolv_conf));
    TRY(find_key(c, instance, &facts.key));
    trust_authority(c, &facts);
    boot_make_files(c, &facts, files);
    *ret = (struct machine_wish){
        .id = instance->id,
        .hostname = facts.hostname,
        .limits = limits_of(instance),
        .disk_bytes = instance->disk_gib << 30,
        .image = instance->own_image ? disk_copy_path(c, instance->image) : NULL,
        .files = files->at,
        .file_count = files->count,
    };
    return add_ports(c, &all, ret);
}

/* ---- steps -------------------------------------------------------------------------------------
 */

struct stepping {
    struct call *c;
    struct stored_instance *instance;
    enum MACHINE machine;
    struct span why;
    int64_t *due_ms;
};

/* What cannot be done now is tried again soon. */
static RESULT later(struct stepping *s, int error)
{
    if (error == -EAGAIN)
        *s->due_ms = s->c->now_ms + LATER_MS;
    else if (error)
        return refuse_errno(s->c, error, "working on %.*s", SPAN_ARG(s->instance->id));
    return OK;
}

/* A first launch that fails ends the instance, a later one leaves it stopped. */
static RESULT fail(struct stepping *s, struct span why)
{
    struct call *c = s->c;
    struct span message =
        arena_printf(c->arena, SERVER_CODE ": Internal error on launch: %.*s", SPAN_ARG(why));
    log_error("ec2: %.*s does not start: %.*s", SPAN_ARG(s->instance->id), SPAN_ARG(why));
    machine_forget(c, s->instance->id);
    s->instance->transition = S(SERVER_CODE);
    instance_move(c, s->instance, s->instance->has_run ? INSTANCE_STOPPING : INSTANCE_SHUTTING_DOWN,
                  SERVER_CODE, message.at);
    return OK;
}

static RESULT begin(struct stepping *s)
{
    struct machine_wish wish;
    const char *absent = machines_absent(ec2_machines(s->c->cloud->ec2));
    if (absent)
        return fail(s, arena_printf(s->c->arena, "no instance can run here: %s", absent));
    TRY(make_wish(s->c, s->instance, &wish));
    return later(s, machine_begin(s->c, &wish, MACHINE_BEGIN_NEW));
}

static RESULT find(struct stepping *s)
{
    struct machine_wish wish = {.id = s->instance->id};
    return later(s, machine_begin(s->c, &wish, MACHINE_BEGIN_ADOPT));
}

/* One that runs has no reason for it, but that of having no network. */
static void say_what_is_missing(struct stepping *s)
{
    const char *absent = network_absent(ec2_network(s->c->cloud->ec2));
    s->instance->reason_code = s->instance->reason_message = SPAN_NONE;
    if (!absent)
        return;
    s->instance->reason_code = S("Server.NoNetwork");
    s->instance->reason_message = arena_printf(
        s->c->arena, "Server.NoNetwork: No packet moves between instances: %s", absent);
}

static RESULT run(struct stepping *s)
{
    s->instance->state = INSTANCE_RUNNING;
    s->instance->has_run = true;
    s->instance->transition = SPAN_NONE;
    say_what_is_missing(s);
    resource_put(s->c, &instance_kind, s->instance);
    return OK;
}

/* It shut itself down. */
static RESULT end_of_itself(struct stepping *s)
{
    s->instance->transition = S("");
    s->instance->has_run = true;
    instance_move(s->c, s->instance,
                  s->instance->terminates_itself ? INSTANCE_SHUTTING_DOWN : INSTANCE_STOPPING,
                  INSTANCE_CODE, INSTANCE_MESSAGE);
    return OK;
}

static RESULT failed(struct stepping *s)
{
    return fail(s, s->why);
}

static RESULT reboot(struct stepping *s)
{
    if (!s->instance->reboots)
        return OK;
    machine_signal(s->c, s->instance->id, SANDBOX_REBOOT);
    s->instance->reboots = false;
    resource_put(s->c, &instance_kind, s->instance);
    return OK;
}

static RESULT shut_down(struct stepping *s)
{
    machine_signal(s->c, s->instance->id, s->instance->forced ? SANDBOX_KILL : SANDBOX_SHUT_DOWN);
    return OK;
}

/* Its host has come back. */
static RESULT recover(struct stepping *s)
{
    if (!s->instance->no_recovery)
        return begin(s);
    s->instance->transition = S(SERVER_CODE);
    instance_move(s->c, s->instance, INSTANCE_STOPPING, SERVER_CODE,
                  SERVER_CODE ": The host went down and automatic recovery is disabled");
    return OK;
}

static RESULT put_away(struct stepping *s)
{
    bool deleted = s->instance->state == INSTANCE_SHUTTING_DOWN;
    return later(s, machine_put_away(s->c, s->instance->id,
                                     deleted ? MACHINE_DISK_DELETED : MACHINE_DISK_KEPT));
}

static RESULT stopped(struct stepping *s)
{
    return settle(s->c, s->instance, INSTANCE_STOPPED);
}

static RESULT terminated(struct stepping *s)
{
    TRY(instance_interfaces_end(s->c, s->instance));
    metadata_forget(s->c, s->instance);
    *s->due_ms = s->c->now_ms + SHOWN_MS;
    return settle(s->c, s->instance, INSTANCE_TERMINATED);
}

static RESULT drop(struct stepping *s)
{
    if (s->c->now_ms >= s->instance->ended + SHOWN_MS)
        resource_drop(s->c, &instance_kind, s->instance);
    return OK;
}

static const struct refusal *(*const table[][MACHINE_PUT_AWAY + 1])(struct stepping *) = {
    [INSTANCE_PENDING] = {[MACHINE_NONE] = begin,
                          [MACHINE_RUNNING] = run,
                          [MACHINE_FAILED] = failed,
                          [MACHINE_ENDED] = end_of_itself},
    [INSTANCE_RUNNING] = {[MACHINE_NONE] = find,
                          [MACHINE_RUNNING] = reboot,
                          [MACHINE_FAILED] = failed,
                          [MACHINE_ENDED] = end_of_itself,
                          [MACHINE_LOST] = recover},
    [INSTANCE_STOPPING] = {[MACHINE_NONE] = find,
                           [MACHINE_RUNNING] = shut_down,
                           [MACHINE_FAILED] = put_away,
                           [MACHINE_ENDED] = put_away,
                           [MACHINE_LOST] = put_away,
                           [MACHINE_PUT_AWAY] = stopped},
    [INSTANCE_SHUTTING_DOWN] = {[MACHINE_NONE] = find,
                                [MACHINE_RUNNING] = shut_down,
                                [MACHINE_FAILED] = put_away,
                                [MACHINE_ENDED] = put_away,
                                [MACHINE_LOST] = put_away,
                                [MACHINE_PUT_AWAY] = terminated},
    [INSTANCE_TERMINATED] = {[MACHINE_NONE] = drop},
    [INSTANCE_STOPPED] = {[MACHINE_NONE] = NULL},
};

RESULT instance_step(struct call *c, void *record, int64_t *ret_due_ms)
{
    struct stepping s = {.c = c, .instance = record, .due_ms = ret_due_ms};
    s.machine = machine_state(c, s.instance->id, &s.why);
    const struct refusal *(*next)(struct stepping *) = table[s.instance->state][s.machine];
    return next ? next(&s) : OK;
}

/* ---- at start ----------------------------------------------------------------------------------
 */

struct resuming {
    size_t count;
    struct stored_instance *at[4096];
};

static int resume_next(void *user, struct stored_instance *instance)
{
    struct resuming *r = user;
    if (instance->state != INSTANCE_STOPPED && instance->state != INSTANCE_TERMINATED)
        r->at[r->count++] = instance;
    return r->count == ARRAY_LEN(r->at);
}

void instance_resume(struct cloud *cloud, struct steps *steps)
{
    struct arena arena;
    arena_init(&arena, 65536, 64 << 20);
    struct resuming *r = ARENA_NEW(&arena, struct resuming);
    struct txn *txn = txn_begin(cloud->store);
    int error = stored_instance_each(txn, &(struct stored_instance){0}, 0, &arena, resume_next, r);
    if (error < 0)
        log_error("ec2: reading instances: %s", strerror(-error));
    txn_rollback(txn);
    for (size_t i = 0; i < r->count; i++)
        step_take_now(steps, r->at[i]->account, r->at[i]->region, r->at[i]->id);
    arena_done(&arena);
}
