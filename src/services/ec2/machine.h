// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The machines behind instances: which of them run in this process's sight, and the work that
 * begins and ends them, done by workers. A machine is known by the instance's id; when its state
 * here changes, the instance takes a step (instance_step.c), which reads it and says what is next.
 * Nothing here is kept: what runs is found again at start. Control thread.
 */
#include "engines/sandbox/sandbox.h"
#include "services/ec2/resource.h"

struct ec2;
struct machines;
struct steps;

enum MACHINE {
    MACHINE_NONE,    /* nothing is known of it here */
    MACHINE_WORKING, /* being started or put away */
    MACHINE_RUNNING,
    MACHINE_FAILED,   /* it could not be started */
    MACHINE_ENDED,    /* it has run, and ended */
    MACHINE_LOST,     /* it ran when the host went down */
    MACHINE_PUT_AWAY, /* and nothing is left of it but its disk, if that was kept */
};

/* Those that run are found when their instances take a step (instance_resume). */
struct machines *machines_new(struct cloud *cloud, struct steps *steps);
/* The machines go on. */
void machines_free(struct machines *machines);
struct machines *ec2_machines(struct ec2 *ec2);
/* Why none can be started, for people; NULL: they can. */
const char *machines_absent(const struct machines *machines);

/* What a failed one failed of, for people, in *ret_why. */
enum MACHINE machine_state(struct call *c, struct span id, struct span *ret_why);

/* An interface with the device that it becomes. */
struct machine_port {
    struct span interface;
    struct sandbox_network network;
};

/* Texts are copied. */
struct machine_wish {
    struct span id;
    struct span hostname;
    struct sandbox_limits limits;
    uint64_t disk_bytes; /* of a new one */
    const char *image;   /* the disk that a new one is a copy of, or NULL */
    const struct sandbox_file *files;
    size_t file_count;
    const struct machine_port *ports; /* none: only loopback */
    size_t port_count;
};

enum MACHINE_BEGIN {
    MACHINE_BEGIN_NEW,   /* adopted, where it runs already, else started */
    MACHINE_BEGIN_ADOPT, /* adopted only: otherwise it has ended */
};
/* -EAGAIN: later. */
MUST_CHECK int machine_begin(struct call *c, const struct machine_wish *wish,
                             enum MACHINE_BEGIN how);
/* Of one that runs: one more port. Then the interface takes its step, and machine_took_port says,
 * once, that the newest port is this one. -EAGAIN: later; one at a time. */
MUST_CHECK int machine_plug(struct call *c, struct span id, const struct machine_port *port);
bool machine_is_busy(struct call *c, struct span id);
bool machine_took_port(struct call *c, struct span id, struct span interface);
/* Of one that runs: it ends by itself, and after some seconds by force; or boots again. */
void machine_signal(struct call *c, struct span id, enum SANDBOX_SIGNAL what);
/* Of one that does not run: puts away what it left. -EAGAIN: later. */
enum MACHINE_DISK { MACHINE_DISK_KEPT, MACHINE_DISK_DELETED };
MUST_CHECK int machine_put_away(struct call *c, struct span id, enum MACHINE_DISK disk);
/* Of one that was put away or never was: nothing is known of it any more. */
void machine_forget(struct call *c, struct span id);

/* The folder of an instance, in the data directory; NUL-terminated, in the arena. */
const char *machine_folder(struct call *c, struct span id);
