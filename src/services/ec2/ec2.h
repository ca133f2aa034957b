// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What of EC2 runs by itself: the steps of resources whose state is on its way. Made by the
 * composition root once the control loop is there; goes on with what an earlier process left.
 */
#include "services/cloud.h"
#include "services/ec2/cidr.h"
#include "services/ec2/cidr6.h"
#include "wire/call.h"

struct ec2;

/* Folder of the data directory with a folder per instance. */
#define EC2_INSTANCES "instances"

/* Ports 80 and 443 of services. */
enum EC2_WAY_IN { EC2_WAY_IN_CLEAR, EC2_WAY_IN_TLS, EC2_WAYS_IN };

struct ec2_options {
    struct cidr public_pool;   /* of the public addresses that are given out */
    struct cidr6 public_pool6; /* of the IPv6 blocks of VPCs */
    bool fabric_off;           /* no packet moves */
    const char *edge;          /* namespace that plays the internet, "host", or NULL for none */
    const char *resolv_conf;   /* of the resolvers for what VPCs do not know; resolv.conf(5) */
    const char *data_dir;
    /* Takes over a listening socket, at which requests come out of VPCs. Control thread; NULL:
     * nobody listens. */
    void (*serve)(void *user, int fd, enum EC2_WAY_IN way_in);
    void *serve_user;
};

struct ec2 *ec2_new(struct cloud *cloud, const struct ec2_options *options);
/* After the control loop has stopped, before the workers: what takes long on one of them ends.
 * Accepts NULL. */
void ec2_stop(struct ec2 *ec2);
/* After the control loop has stopped and the store is closed. Accepts NULL. */
void ec2_free(struct ec2 *ec2);

/* Returns once instances that run already find metadata, names and endpoints; at once where there
 * are none. After the control thread was started; blocks. */
void ec2_await(struct ec2 *ec2);

/* Why no packet moves in VPCs, for people; NULL when they do, or would. */
const char *ec2_fabric_absent(const struct ec2 *ec2);

/* How a request came out of a VPC. */
struct ec2_way {
    struct call_endpoint endpoint;
    struct span address;             /* of the sender, in its VPC */
    struct span region, services[2]; /* that the endpoint leads to, as this program names them */
};
/* Of a connection, by its socket; in the arena. -ENOENT: the endpoint is not available. Any thread.
 */
MUST_CHECK int ec2_find_way(struct txn *txn, struct cloud *cloud, int fd, struct arena *arena,
                            struct ec2_way *ret);

/* The names on the certificate of a service by one of them, for TLS out of VPCs: a tls_find_names.
 */
struct tls_names;
void ec2_names_inside(struct arena *arena, struct span asked, struct tls_names *ret);

/* ---- within the service ---------------------------------------------------------------------- */

struct cidr ec2_public_pool(const struct ec2 *ec2);
struct cidr6 ec2_public_pool6(const struct ec2 *ec2);
