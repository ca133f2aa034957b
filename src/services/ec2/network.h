// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What the records say of VPCs, told to the fabric (engines/fabric), which has a thread of its own
 * from the first interface that is plugged on, or from the start on where an earlier process has
 * left one. Resources tell of their changes by themselves (resource.c); handlers need nothing of
 * this. Control thread, but where another is said.
 */
#include "loop/loop.h"
#include "services/ec2/ec2.h"
#include "wire/call.h"

struct fabric;
struct gateway_meters;
struct network;

struct network *ec2_network(struct ec2 *ec2);
struct network *network_new(struct cloud *cloud, const struct ec2_options *options);
/* Where an earlier process has left a fabric: returns once what instances ask is listening again.
 * The control thread runs; any other thread. */
void network_await(struct network *network);
/* The data plane goes on. */
void network_free(struct network *network);

/* Once the call is committed, the fabric hears of everything in that VPC again. */
void network_changed(struct call *c, struct span vpc);
/* The same for every VPC of the account and region. */
void network_all_changed(struct call *c);

/* An interface that gets a device in a network namespace. */
struct network_port {
    struct span account, region, interface;
    int netns;
    const char *device;
};
/* Returns once the fabric knows the interface and its VPC and the device is there, up and without
 * an address. What was plugged before, of a namespace that is gone, makes room. -EOPNOTSUPP where
 * there is no fabric; *ret_why, for people, lives as long as the process. On a worker: blocks. */
MUST_CHECK int network_plug(struct network *network, const struct network_port *port,
                            const char **ret_why);
/* Takes the interface's device away, by and by. */
void network_unplug(struct network *network, struct span interface);

/* Something for the fabric's thread, behind all that was told before; false when there is no such
 * thread yet, and the mail stays the caller's. */
bool network_post(struct network *network, struct mail *mail);
/* On that thread. NULL when it could not be opened. */
struct fabric *network_fabric(struct network *network);
const struct gateway_meters *network_meters(const struct network *network);

/* What listens in the fabric's namespace of services: by number, or at all of them (0). */
enum NETWORK_SERVICE {
    NETWORK_METADATA = 1,
    NETWORK_RESOLVER,
    NETWORK_ENDPOINTS = 16, /* from here on, of VPC endpoints */
};

/* A socket there, opened whenever the fabric is; streams listen. Owned by the caller, and kept. */
struct network_socket {
    struct mail mail;
    void (*opened)(struct network_socket *socket); /* by mail to `loop`: `fd` is the caller's now */
    struct loop *loop;
    int type; /* SOCK_STREAM, SOCK_DGRAM */
    uint32_t service;
    uint16_t port;
    int fd;
    struct network_socket *next; /* the network's */
};
/* Before the control thread runs. */
void network_listen(struct network *network, struct network_socket *socket);
/* Whose interface calls from this address (of a connection to a socket there, textual). -ENOENT:
 * nobody's. */
struct stored_interface;
MUST_CHECK int network_caller(struct call *c, struct span address, struct stored_interface *ret);

/* Why no packet moves, for people; NULL when they do, or would. Any thread. */
const char *network_absent(const struct network *network);
