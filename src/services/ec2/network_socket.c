// SPDX-License-Identifier: Apache-2.0
/*
 * Sockets of services, opened anew by every process in the namespace that the fabric keeps for
 * them. Where they are found: "Reserved CIDR blocks", "Amazon DNS server", link-local addresses.
 * The fabric's thread, but network_caller.
 */
#include "services/ec2/network_socket.h"

#include "base/log.h"
#include "base/scope.h"
#include "engines/fabric/fabric.h"
#include "services/ec2/interface.h"
#include "services/ec2/number.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 1024

static int open_one(struct network_socket *socket, struct fabric *fabric)
{
    const struct sockaddr_in at = {
        .sin_family = AF_INET,
        .sin_port = htons(socket->port),
        .sin_addr = {socket->service ? fabric_service_address(socket->service) : 0}};
    int on = 1;
    AUTO_FD fd = fabric_service_socket(fabric, socket->type | SOCK_NONBLOCK);
    if (fd < 0)
        return fd;
    /* Also beside a socket at all services. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0 ||
        bind(fd, (const struct sockaddr *)&at, sizeof at) < 0 ||
        (socket->type == SOCK_STREAM && listen(fd, BACKLOG) < 0))
        return -errno;
    return TAKE_FD(fd);
}

static void on_opened(struct mail *mail)
{
    struct network_socket *socket = (struct network_socket *)(void *)mail;
    socket->opened(socket);
}

void network_sockets_open(struct network_socket *first, struct fabric *fabric)
{
    for (struct network_socket *at = first; at; at = at->next) {
        at->fd = open_one(at, fabric);
        if (at->fd < 0) {
            log_error("ec2: listening for instances at port %u: %s", at->port, strerror(-at->fd));
            continue;
        }
        at->mail.deliver = on_opened;
        loop_post(at->loop, &at->mail);
    }
}

int network_services_put(struct fabric *fabric)
{
    const struct fabric_service services[] = {
        {inet_addr("169.254.169.254"), 80, FAB_TCP, NETWORK_METADATA},
        {inet_addr("169.254.169.253"), 53, FAB_TCP, NETWORK_RESOLVER},
        {inet_addr("169.254.169.253"), 53, FAB_UDP, NETWORK_RESOLVER},
    };
    return fabric_put_services(fabric, 0, services, ARRAY_LEN(services));
}

int network_caller(struct call *c, struct span address, struct stored_interface *ret)
{
    struct in_addr at;
    struct stored_number_taken taken = {.kind = NUMBER_INTERFACE};
    if (inet_pton(AF_INET, arena_cstr(c->arena, address), &at) != 1)
        return -ENOENT;
    taken.number = fabric_service_caller(at.s_addr);
    int error = taken.number ? stored_number_taken_get(c->txn, c->arena, &taken) : -ENOENT;
    if (error < 0)
        return error;
    c->account = taken.account;
    c->region = taken.region;
    return resource_find(c, &interface_kind, taken.id, ret);
}
