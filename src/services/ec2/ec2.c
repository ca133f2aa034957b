// SPDX-License-Identifier: Apache-2.0
/* What EC2 keeps beside its records, and what is done around every one of its handlers. */
#include "services/ec2/ec2.h"

#include "base/log.h"
#include "loop/loop.h"
#include "services/ec2/disk_copy.h"
#include "services/ec2/dry_run.h"
#include "services/ec2/flow_log.h"
#include "services/ec2/instance.h"
#include "services/ec2/machine.h"
#include "services/ec2/metadata.h"
#include "services/ec2/network.h"
#include "services/ec2/resolver.h"
#include "services/ec2/reverse_name.h"
#include "services/ec2/step.h"

#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>

static const uint16_t inside_ports[EC2_WAYS_IN] = {80, 443};

struct ec2 {
    struct ec2_options options;
    struct steps *steps;
    struct network *network;
    struct machines *machines;
    struct disk_copies *disk_copies;
    struct metadata *metadata;
    struct resolver *resolver;
    struct reverse_names *reverse_names;
    struct flow_logger *flow_logger;
    struct network_socket inside[EC2_WAYS_IN];
    struct cloud *cloud;
    struct mail resume;
};

/* On the control thread, once it runs. */
static void on_resume(struct mail *mail)
{
    struct ec2 *ec2 = (struct ec2 *)((char *)mail - offsetof(struct ec2, resume));
    instance_resume(ec2->cloud, ec2->steps);
}

/* At every address of a service that has no socket of its own. On the control thread. */
static void on_inside(struct network_socket *socket)
{
    enum EC2_WAY_IN way_in =
        socket->port == inside_ports[EC2_WAY_IN_TLS] ? EC2_WAY_IN_TLS : EC2_WAY_IN_CLEAR;
    struct ec2 *ec2 = (struct ec2 *)((char *)(socket - way_in) - offsetof(struct ec2, inside));
    ec2->options.serve(ec2->options.serve_user, socket->fd, way_in);
}

static void listen_inside(struct ec2 *ec2)
{
    for (int i = 0; i < EC2_WAYS_IN; i++) {
        ec2->inside[i] = (struct network_socket){.opened = on_inside,
                                                 .loop = ec2->cloud->control,
                                                 .type = SOCK_STREAM,
                                                 .port = inside_ports[i]};
        network_listen(ec2->network, &ec2->inside[i]);
    }
}

struct ec2 *ec2_new(struct cloud *cloud, const struct ec2_options *options)
{
    struct ec2 *ec2 = calloc(1, sizeof *ec2);
    if (!ec2)
        log_fatal("out of memory");
    ec2->options = *options;
    ec2->steps = steps_new(cloud);
    ec2->network = network_new(cloud, options);
    ec2->machines = machines_new(cloud, ec2->steps);
    ec2->disk_copies = disk_copies_new(cloud, ec2->steps);
    ec2->metadata = metadata_new(cloud, ec2->network);
    ec2->resolver = resolver_new(cloud, ec2->network, options->resolv_conf);
    ec2->reverse_names = reverse_names_new(cloud, ec2->steps, options->resolv_conf);
    ec2->flow_logger = flow_logger_new(cloud);
    ec2->cloud = cloud;
    if (options->serve)
        listen_inside(ec2);
    ec2->resume.deliver = on_resume;
    loop_post(cloud->control, &ec2->resume);
    return ec2;
}

void ec2_stop(struct ec2 *ec2)
{
    if (ec2)
        disk_copies_stop(ec2->disk_copies);
}

void ec2_free(struct ec2 *ec2)
{
    if (!ec2)
        return;
    network_free(ec2->network);
    metadata_free(ec2->metadata);
    resolver_free(ec2->resolver);
    reverse_names_free(ec2->reverse_names);
    machines_free(ec2->machines);
    disk_copies_free(ec2->disk_copies);
    steps_free(ec2->steps);
    flow_logger_free(ec2->flow_logger);
    free(ec2);
}

void ec2_await(struct ec2 *ec2)
{
    network_await(ec2->network);
}

const char *ec2_fabric_absent(const struct ec2 *ec2)
{
    return network_absent(ec2->network);
}

struct network *ec2_network(struct ec2 *ec2)
{
    return ec2->network;
}

struct machines *ec2_machines(struct ec2 *ec2)
{
    return ec2->machines;
}

struct disk_copies *ec2_disk_copies(struct ec2 *ec2)
{
    return ec2->disk_copies;
}

struct reverse_names *ec2_reverse_names(struct ec2 *ec2)
{
    return ec2->reverse_names;
}

struct steps *ec2_steps(struct ec2 *ec2)
{
    return ec2->steps;
}

struct cidr ec2_public_pool(const struct ec2 *ec2)
{
    return ec2->options.public_pool;
}

extern const struct service_hooks ec2_hooks;
const struct service_hooks ec2_hooks = {.done = dry_run_check};

struct cidr6 ec2_public_pool6(const struct ec2 *ec2)
{
    return ec2->options.public_pool6;
}
