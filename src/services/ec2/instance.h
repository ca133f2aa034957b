// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Instances: their records, what is told of them, and their states. A state is never set by a
 * handler alone: it writes what is wanted (pending, stopping, shutting-down), and the step says
 * what became of the machine. Control thread.
 */
#include "services/ec2/resource.h"
#include "services/ec2/step.h"

enum INSTANCE_STATE {
    INSTANCE_PENDING = 1,
    INSTANCE_RUNNING,
    INSTANCE_SHUTTING_DOWN,
    INSTANCE_TERMINATED,
    INSTANCE_STOPPING,
    INSTANCE_STOPPED,
};

extern const struct resource_kind instance_kind;

/* 16, "running". */
struct ec2_instance_state *instance_show_state(struct call *c, uint64_t state);
/* Shows one without its reservation. */
RESULT instance_show(struct call *c, const struct stored_instance *instance,
                     struct ec2_instance *to);
/* "ip-10-0-1-5.ec2.internal", or by the id where the subnet says so. */
struct span instance_private_name(struct call *c, const struct stored_instance *instance,
                                  struct span address);

/* instance_attribute.c: what is changed only then. */
RESULT instance_must_be_stopped(struct call *c, const struct stored_instance *instance);

/* instance_step.c: takes it into a state that moves on by itself, for this reason ("Client.…"). */
void instance_move(struct call *c, struct stored_instance *instance, enum INSTANCE_STATE state,
                   const char *reason_code, const char *reason_message);
/* "User initiated (2026-11-22 20:36:00 GMT)" */
struct span instance_user_initiated(struct call *c);
RESULT instance_step(struct call *c, void *record, int64_t *ret_due_ms);

/* All that are not terminated take a step: at start. */
void instance_resume(struct cloud *cloud, struct steps *steps);

/* instance_interface.c: its network interfaces; the first one of all: device 0. One without
 * addresses when there is none (any more). */
RESULT instance_interface_read(struct call *c, const struct stored_instance *instance,
                               struct stored_interface *ret);
/* All that there are, the first one first. */
struct instance_interfaces {
    struct stored_interface *at;
    size_t count;
};
RESULT instance_interfaces_read(struct call *c, const struct stored_instance *instance,
                                struct instance_interfaces *ret);
/* A further one; the record is put. */
void instance_interface_add(struct call *c, struct stored_instance *instance,
                            struct span interface);
void instance_interface_remove(struct call *c, struct stored_instance *instance,
                               struct span interface);
/* When it is terminated: those that end with it are dropped, the others detached. */
RESULT instance_interfaces_end(struct call *c, const struct stored_instance *instance);
/* The device that an attached interface becomes. */
struct machine_port;
RESULT instance_port(struct call *c, const struct stored_interface *interface,
                     struct machine_port *ret);
