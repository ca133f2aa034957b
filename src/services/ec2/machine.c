// SPDX-License-Identifier: Apache-2.0
/*
 * Machines in the sight of this process: one entry for each that is being worked on or runs, found
 * by the instance's id. A job on a worker does what blocks and ends here by mail; the pidfd of one
 * that runs is watched. Control thread, but for the jobs' own part.
 */
#include "services/ec2/machine.h"

#include "base/log.h"
#include "base/map.h"
#include "base/time.h"
#include "loop/workers.h"
#include "services/ec2/boot.h"
#include "services/ec2/network.h"
#include "services/ec2/step.h"
#include "store/store.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 512
#define PATIENCE_MS 15000 /* longer than the machine's own, before it is killed */
#define ARENA_FIRST 4096
#define ARENA_CEILING (8 << 20)
#define HIDDEN_MAX 32

struct machines {
    struct cloud *cloud;
    struct steps *steps;
    struct map by_id; /* struct machine */
    const char *absent;
    char folder[PATH_SIZE - 64]; /* of all machines, absolute */
    char data[PATH_SIZE - 64];   /* the data directory */
};

struct machine {
    struct machines *all;
    struct span id, account, region; /* in `text` */
    char text[128];
    enum MACHINE state;
    char why[160];
    struct sandbox box;
    struct watch ended;
    struct timer patience;
    bool plugging;
    char plugged[32]; /* the interface of the newest further port */
};

/* Work for a worker; everything it needs is in its arena. */
struct work {
    struct job job;
    struct machine *machine; /* of a further port: may have gone meanwhile */
    struct machines *all;
    struct arena arena;
    struct span id, account, region;
    const char *folder;
    struct sandbox_spec spec;
    uint64_t disk_bytes;
    const char *image; /* or NULL */
    const struct machine_port *ports;
    size_t port_count;
    struct sandbox box;
    int error;
    const char *step; /* that failed */
    enum MACHINE_DISK disk;
};

/* ---- which there are --------------------------------------------------------------------------
 */

static struct machines *machines_of(const struct call *c)
{
    return ec2_machines(c->cloud->ec2);
}

enum MACHINE machine_state(struct call *c, struct span id, struct span *ret_why)
{
    struct machine *machine = map_get(&machines_of(c)->by_id, id);
    *ret_why = machine ? arena_copy(c->arena, span_of_cstr(machine->why)) : SPAN_NONE;
    return machine ? machine->state : MACHINE_NONE;
}

const char *machines_absent(const struct machines *machines)
{
    return machines->absent;
}

const char *machine_folder(struct call *c, struct span id)
{
    return arena_printf(c->arena, "%s/%.*s", machines_of(c)->folder, SPAN_ARG(id)).at;
}

static struct machine *machine_new(struct call *c, struct span id)
{
    struct machine *machine = calloc(1, sizeof *machine);
    if (!machine)
        log_fatal("out of memory");
    struct span *texts[] = {&machine->id, &machine->account, &machine->region};
    const struct span from[] = {id, c->account, c->region};
    for (size_t i = 0, at = 0; i < ARRAY_LEN(texts); at += from[i++].len) {
        if (at + from[i].len > sizeof machine->text)
            log_fatal("an instance with too long a name");
        memcpy(machine->text + at, from[i].at, from[i].len);
        *texts[i] = span_of(machine->text + at, from[i].len);
    }
    machine->all = machines_of(c);
    machine->box = (struct sandbox){-1, -1, -1};
    map_set(&machine->all->by_id, machine->id, machine);
    return machine;
}

static void unwatch(struct machine *machine)
{
    struct loop *loop = machine->all->cloud->control;
    loop_timer_clear(loop, &machine->patience);
    if (machine->box.process >= 0)
        loop_unwatch(loop, &machine->ended);
    sandbox_close(&machine->box);
}

static void forget(struct machine *machine)
{
    unwatch(machine);
    map_remove(&machine->all->by_id, machine->id);
    free(machine);
}

/* The instance takes its step. The machine may be gone afterwards. */
static void tell(struct machine *machine)
{
    struct machine kept = *machine; /* its names, where the step forgets it */
    step_take_now(kept.all->steps,
                  span_of(kept.text + (kept.account.at - machine->text), kept.account.len),
                  span_of(kept.text + (kept.region.at - machine->text), kept.region.len),
                  span_of(kept.text + (kept.id.at - machine->text), kept.id.len));
}

/* ---- one that runs ----------------------------------------------------------------------------
 */

static void on_ended(struct watch *watch, uint32_t events)
{
    struct machine *machine = (struct machine *)((char *)watch - offsetof(struct machine, ended));
    unwatch(machine);
    machine->state = MACHINE_ENDED;
    tell(machine);
}

static void on_patience(struct timer *timer)
{
    struct machine *machine =
        (struct machine *)((char *)timer - offsetof(struct machine, patience));
    int error = sandbox_signal(&machine->box, SANDBOX_KILL);
    if (error < 0 && error != -ESRCH)
        log_error("ec2: killing %.*s: %s", SPAN_ARG(machine->id), strerror(-error));
}

static int watch_end(struct machine *machine)
{
    machine->ended = (struct watch){.fd = machine->box.process, .ready = on_ended};
    machine->patience.due = on_patience;
    return loop_watch(machine->all->cloud->control, &machine->ended, EPOLLIN);
}

void machine_signal(struct call *c, struct span id, enum SANDBOX_SIGNAL what)
{
    struct machine *machine = map_get(&machines_of(c)->by_id, id);
    if (!machine || machine->state != MACHINE_RUNNING)
        return;
    int error = sandbox_signal(&machine->box, what);
    if (error < 0 && error != -ESRCH)
        log_error("ec2: a signal to %.*s: %s", SPAN_ARG(id), strerror(-error));
    if (what == SANDBOX_SHUT_DOWN && !machine->patience.position)
        loop_timer_set(machine->all->cloud->control, &machine->patience,
                       clock_steady_ms() + PATIENCE_MS);
}

/* ---- work -------------------------------------------------------------------------------------
 */

static struct work *work_new(struct machine *machine, void (*run)(struct job *),
                             void (*done)(struct job *))
{
    struct work *work = calloc(1, sizeof *work);
    if (!work)
        log_fatal("out of memory");
    arena_init(&work->arena, ARENA_FIRST, ARENA_CEILING);
    work->machine = machine;
    work->all = machine->all;
    work->id = arena_copy(&work->arena, machine->id);
    work->account = arena_copy(&work->arena, machine->account);
    work->region = arena_copy(&work->arena, machine->region);
    work->job = (struct job){.run = run, .done = done, .home = machine->all->cloud->control};
    work->folder =
        arena_printf(&work->arena, "%s/%.*s", machine->all->folder, SPAN_ARG(machine->id)).at;
    work->box = (struct sandbox){-1, -1, -1};
    machine->state = MACHINE_WORKING;
    return work;
}

static void work_free(struct work *work)
{
    arena_done(&work->arena);
    free(work);
}

/* A full queue is no reason to lose an instance: it takes its step again. */
static int submit(struct work *work)
{
    struct machine *machine = work->machine;
    int error = workers_submit(machine->all->cloud->workers, &work->job);
    if (error) {
        work_free(work);
        forget(machine);
    }
    return error;
}

static struct work *work_of(struct job *job)
{
    return (struct work *)((char *)job - offsetof(struct work, job));
}

/* ---- beginning --------------------------------------------------------------------------------
 */

/* On a worker. */
static int prepare(struct work *work)
{
    work->step = "making its folder";
    if (mkdir(work->folder, 0700) < 0 && errno != EEXIST)
        return -errno;
    work->step = "putting away what an earlier run left";
    int error = sandbox_clear(work->folder);
    if (error)
        return error;
    work->step = "making its disk";
    error = work->image ? sandbox_make_disk_of(work->folder, work->image, work->disk_bytes)
                        : sandbox_make_disk(work->folder, work->disk_bytes);
    return error == -EEXIST ? 0 : error;
}

static int plug(struct work *work)
{
    int error = 0;
    for (size_t i = 0; !error && i < work->port_count; i++) {
        const struct network_port port = {.account = work->account,
                                          .region = work->region,
                                          .interface = work->ports[i].interface,
                                          .netns = work->box.network,
                                          .device = work->ports[i].network.device};
        error = network_plug(ec2_network(work->all->cloud->ec2), &port, &work->step);
    }
    return error;
}

static int start(struct work *work)
{
    int error = prepare(work);
    if (!error)
        error = sandbox_start(&work->spec, &work->box, &work->step);
    if (!error)
        error = plug(work); /* before its first command runs, so that this finds the network */
    if (!error)
        error = sandbox_go(work->folder, &work->box, &work->step);
    work->step = arena_copy(&work->arena, span_of_cstr(work->step)).at; /* it is the thread's */
    return error;
}

static void run_begin(struct job *job)
{
    struct work *work = work_of(job);
    work->error = sandbox_adopt(work->folder, &work->box);
    if (!work->error) /* it may wait for an earlier process that copied its disk */
        work->error = sandbox_signal(&work->box, SANDBOX_LET_GO);
    if ((work->error == -ESRCH || work->error == -EHOSTDOWN) && work->spec.folder)
        work->error = start(work);
}

static void done_begin(struct job *job)
{
    struct work *work = work_of(job);
    struct machine *machine = work->machine;
    machine->box = work->box;
    int error = work->error ? work->error : watch_end(machine);
    machine->state = !error                ? MACHINE_RUNNING
                     : work->spec.folder   ? MACHINE_FAILED
                     : error == -EHOSTDOWN ? MACHINE_LOST
                                           : MACHINE_ENDED;
    if (error && work->spec.folder)
        snprintf(machine->why, sizeof machine->why, "%s: %s", work->step, strerror(-error));
    work_free(work);
    tell(machine);
}

static const char *const *hidden_paths(struct work *work)
{
    const char **paths = ARENA_ARRAY(&work->arena, const char *, HIDDEN_MAX);
    size_t count = 0;
    for (const char *const *it = boot_hidden; *it; it++)
        paths[count++] = *it;
    paths[count] = work->machine->all->data;
    return paths;
}

static const struct sandbox_file *copy_files(struct arena *arena, const struct machine_wish *wish)
{
    struct sandbox_file *files = ARENA_ARRAY(arena, struct sandbox_file, wish->file_count);
    for (size_t i = 0; i < wish->file_count; i++)
        files[i] = (struct sandbox_file){
            .path = arena_copy(arena, span_of_cstr(wish->files[i].path)).at,
            .mode = wish->files[i].mode,
            .body = arena_copy(arena, wish->files[i].body),
        };
    return files;
}

static void put_ports(struct work *work, const struct machine_port *from, size_t count)
{
    struct machine_port *to = ARENA_ARRAY(&work->arena, struct machine_port, count + 1);
    for (size_t i = 0; i < count; i++)
        to[i] = (struct machine_port){arena_copy(&work->arena, from[i].interface), from[i].network};
    work->ports = to;
    work->port_count = count;
}

static const struct sandbox_network *networks_of(struct work *work)
{
    struct sandbox_network *to =
        ARENA_ARRAY(&work->arena, struct sandbox_network, work->port_count + 1);
    for (size_t i = 0; i < work->port_count; i++)
        to[i] = work->ports[i].network;
    return to;
}

static void put_spec(struct work *work, const struct machine_wish *wish)
{
    struct arena *arena = &work->arena;
    work->disk_bytes = wish->disk_bytes;
    work->image = wish->image ? arena_copy(arena, span_of_cstr(wish->image)).at : NULL;
    put_ports(work, wish->ports, wish->port_count);
    work->spec = (struct sandbox_spec){
        .folder = work->folder,
        .name = arena_printf(arena, "kintoun-%.*s", SPAN_ARG(wish->id)).at,
        .hostname = arena_cstr(arena, wish->hostname),
        .limits = wish->limits,
        .networks = networks_of(work),
        .network_count = wish->port_count,
        .boot = boot_command,
        .hidden = hidden_paths(work),
        .files = copy_files(arena, wish),
        .file_count = wish->file_count,
    };
}

int machine_begin(struct call *c, const struct machine_wish *wish, enum MACHINE_BEGIN how)
{
    struct machine *machine = map_get(&machines_of(c)->by_id, wish->id);
    if (!machine)
        machine = machine_new(c, wish->id);
    struct work *work = work_new(machine, run_begin, done_begin);
    if (how == MACHINE_BEGIN_NEW)
        put_spec(work, wish);
    return submit(work);
}

/* ---- a further port ---------------------------------------------------------------------------
 */

/* The machine may end meanwhile, so the job finds it for itself. */
static void run_plug(struct job *job)
{
    struct work *work = work_of(job);
    work->step = "finding the machine";
    work->error = sandbox_adopt(work->folder, &work->box);
    if (!work->error)
        work->error = plug(work);
    if (!work->error) {
        work->step = "giving it its address";
        work->error = sandbox_configure(&work->box, &work->ports[0].network);
    }
    sandbox_close(&work->box);
}

static void done_plug(struct job *job)
{
    struct work *work = work_of(job);
    struct machine *machine = map_get(&work->all->by_id, work->id);
    if (work->error)
        log_error("ec2: a further interface of %.*s: %s: %s", SPAN_ARG(work->id), work->step,
                  strerror(-work->error));
    if (machine)
        machine->plugging = false;
    if (machine && !work->error) {
        snprintf(machine->plugged, sizeof machine->plugged, "%.*s",
                 SPAN_ARG(work->ports[0].interface));
        step_take_now(work->all->steps, work->account, work->region, work->ports[0].interface);
    }
    work_free(work);
}

int machine_plug(struct call *c, struct span id, const struct machine_port *port)
{
    struct machine *machine = map_get(&machines_of(c)->by_id, id);
    if (!machine || machine->state != MACHINE_RUNNING || machine->plugging)
        return -EAGAIN;
    struct work *work = work_new(machine, run_plug, done_plug);
    machine->state = MACHINE_RUNNING; /* it goes on beside this work */
    put_ports(work, port, 1);
    machine->plugging = true;
    int error = workers_submit(machine->all->cloud->workers, &work->job);
    if (error) {
        machine->plugging = false;
        work_free(work);
    }
    return error;
}

bool machine_is_busy(struct call *c, struct span id)
{
    const struct machine *machine = map_get(&machines_of(c)->by_id, id);
    return machine && machine->plugging;
}

bool machine_took_port(struct call *c, struct span id, struct span interface)
{
    struct machine *machine = map_get(&machines_of(c)->by_id, id);
    bool took = machine && span_eq(span_of_cstr(machine->plugged), interface);
    if (took)
        machine->plugged[0] = 0;
    return took;
}

/* ---- putting away -----------------------------------------------------------------------------
 */

static void run_put_away(struct job *job)
{
    struct work *work = work_of(job);
    work->error = work->disk == MACHINE_DISK_DELETED ? sandbox_remove(work->folder)
                                                     : sandbox_clear(work->folder);
}

static void done_put_away(struct job *job)
{
    struct work *work = work_of(job);
    struct machine *machine = work->machine;
    if (work->error)
        log_error("ec2: putting %.*s away: %s", SPAN_ARG(machine->id), strerror(-work->error));
    /* Its disk is still being copied for an image: once more. */
    machine->state = work->error == -EBUSY ? MACHINE_ENDED : MACHINE_PUT_AWAY;
    work_free(work);
    tell(machine);
}

int machine_put_away(struct call *c, struct span id, enum MACHINE_DISK disk)
{
    struct machine *machine = map_get(&machines_of(c)->by_id, id);
    if (!machine)
        machine = machine_new(c, id);
    struct work *work = work_new(machine, run_put_away, done_put_away);
    work->disk = disk;
    return submit(work);
}

void machine_forget(struct call *c, struct span id)
{
    struct machine *machine = map_get(&machines_of(c)->by_id, id);
    if (machine)
        forget(machine);
}

/* ---- all of them ------------------------------------------------------------------------------
 */

/* The folder's own path, wherever the data directory is called from. */
static const char *find_folder(struct machines *machines)
{
    char link[64];
    int fd = store_folder(machines->cloud->store, EC2_INSTANCES);
    if (fd < 0)
        return "its data directory takes no further folder";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, machines->folder, sizeof machines->folder - 1);
    close(fd);
    if (len <= (ssize_t)sizeof EC2_INSTANCES)
        return "the path of its data directory is too long";
    machines->folder[len] = '\0';
    memcpy(machines->data, machines->folder, (size_t)len - sizeof EC2_INSTANCES);
    return NULL;
}

struct machines *machines_new(struct cloud *cloud, struct steps *steps)
{
    struct machines *machines = calloc(1, sizeof *machines);
    if (!machines)
        log_fatal("out of memory");
    machines->cloud = cloud;
    machines->steps = steps;
    machines->absent = find_folder(machines);
    if (!machines->absent && sandbox_check(&machines->absent) == 0)
        machines->absent = NULL;
    return machines;
}

void machines_free(struct machines *machines)
{
    size_t at = 0;
    struct span id;
    void *value;
    while (map_next(&machines->by_id, &at, &id, &value)) {
        struct machine *machine = value;
        sandbox_close(&machine->box);
        free(machine);
    }
    map_done(&machines->by_id);
    free(machines);
}
