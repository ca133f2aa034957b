// SPDX-License-Identifier: Apache-2.0
/*
 * The namespace in which services listen: a veth of the fabric as its only device, every address of
 * a service on its loopback, and everybody who calls behind one router, which the fabric plays.
 * Sockets are opened by a thread that enters it and ends; it and they outlive nobody's opening of
 * the fabric but the socket's own process.
 */
#include "engines/fabric/inside.h"
#include "engines/fabric/netlink.h"

#include "base/scope.h"

#define FAB_INLINE static inline __attribute__((unused))
#include "engines/fabric/decide/tuple.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEVICE "fabric"
#define CALLERS_MASK 0xffe00000u /* of FAB_CALLERS and of FAB_CALLED: 11 bits */
#define LINK_MASK 0xfffffffcu

void fabric_services_name(const char *fabric, char ret[48])
{
    snprintf(ret, 48, "%s-services", fabric);
}

static struct sockaddr_in socket_address(uint32_t address)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(address)}};
}

static int add_route(struct visit *visit)
{
    AUTO_FD fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in to = socket_address(FAB_CALLERS), mask = socket_address(CALLERS_MASK),
                             router = socket_address(FAB_SERVICE_ROUTER);
    struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY};
    memcpy(&route.rt_dst, &to, sizeof to);
    memcpy(&route.rt_genmask, &mask, sizeof mask);
    memcpy(&route.rt_gateway, &router, sizeof router);
    return fd < 0 || ioctl(fd, SIOCADDRT, &route) < 0 ? -errno : 0;
}

/* A net on the loopback device is local as a whole. The route comes last: where it is, all is. */
static int configure(int netns)
{
    struct visit up = {.netns = netns, .path = "lo", .run = fabric_put_up};
    struct visit own = {.netns = netns,
                        .path = "lo",
                        .run = fabric_set_address,
                        .addresses = {htonl(FAB_CALLED), htonl(CALLERS_MASK)}};
    struct visit link = {.netns = netns,
                         .path = DEVICE,
                         .run = fabric_set_address,
                         .addresses = {htonl(FAB_SERVICE_HOST), htonl(LINK_MASK)}};
    struct visit route = {.netns = netns, .run = add_route};
    int error = fabric_visit(&route);
    if (error == -EEXIST)
        return 0;
    error = fabric_visit(&up);
    if (!error)
        error = fabric_visit(&own);
    if (!error)
        error = fabric_visit(&link);
    return error ? error : fabric_visit(&route);
}

int fabric_services_open(struct fabric *fabric)
{
    const uint32_t none = 0;
    char name[48];
    struct fab_settings settings;
    fabric_services_name(fabric->name, name);
    int error = fabric_namespace_get(name, &fabric->services);
    if (!error)
        error = fabric_get(fabric, FABRIC_SETTINGS, &none, &settings);
    if (error < 0)
        return error;
    int index = fabric_veth_index(fabric, FAB_SERVICE);
    if (index == -ENODEV)
        index = fabric_veth(fabric, FAB_SERVICE,
                            (struct veth){.far_name = DEVICE,
                                          .far_mac = settings.service_mac,
                                          .far_netns = fabric->services});
    error = index < 0 ? index : configure(fabric->services);
    if (error)
        return error;
    settings.service_ifindex = (uint32_t)index;
    return fabric_set(fabric, FABRIC_SETTINGS, &none, &settings);
}

static int open_socket(struct visit *visit)
{
    visit->index = socket(AF_INET, visit->program | SOCK_CLOEXEC, 0);
    return visit->index < 0 ? -errno : 0;
}

int fabric_service_socket(struct fabric *fabric, int type)
{
    struct visit visit = {.netns = fabric->services, .run = open_socket, .program = type};
    int error = fabric_visit(&visit);
    return error ? error : visit.index;
}

/* -- who is who ------------------------------------------------------------------------------- */

uint32_t fabric_service_address(uint32_t number)
{
    return htonl(FAB_CALLED | number);
}

uint32_t fabric_service_number(uint32_t address)
{
    uint32_t at = ntohl(address);
    return (at & CALLERS_MASK) == FAB_CALLED ? at & FAB_CALLED_BITS : 0;
}

uint32_t fabric_service_caller(uint32_t address)
{
    uint32_t number = ntohl(address) & ~CALLERS_MASK;
    return (ntohl(address) & CALLERS_MASK) == FAB_CALLERS && number < FAB_INTERFACES ? number : 0;
}

/* The flow of a tuple, by the claims on it. */
static int find_flow(struct fabric *fabric, const struct fab_key *key, struct fab_flow *ret)
{
    const uint64_t hash = fab_hash(key);
    const uint32_t number = fab_line_of(hash);
    struct fab_line line;
    struct fab_session session;
    int error = fabric_get(fabric, FABRIC_LINES, &number, &line);
    for (size_t i = 0; !error && i < FAB_LINE_CLAIMS; i++) {
        struct fab_claim claim = fab_claim_of(fab_fitting(line.at[i], fab_mark_of(hash)));
        if (fabric_get(fabric, FABRIC_SESSIONS, &claim.session, &session) < 0)
            continue;
        *ret = session.flows[claim.side];
        if (memcmp(&ret->key, key, sizeof *key) == 0)
            return 0;
    }
    return error < 0 ? error : -ENOENT;
}

/* The flow of its answers tells. */
int fabric_service_call(struct fabric *fabric, const struct fabric_connection *connection,
                        struct fabric_call *ret)
{
    const struct fab_key key = {.source = connection->service,
                                .target = connection->caller,
                                .source_port = connection->service_port,
                                .target_port = connection->caller_port,
                                .at = FAB_SERVICE << 8 | connection->protocol};
    struct fab_flow flow;
    struct fab_interface interface;
    int error = find_flow(fabric, &key, &flow);
    if (!error)
        error = fabric_get(fabric, FABRIC_INTERFACES, &flow.to, &interface);
    if (error < 0)
        return error;
    *ret = (struct fabric_call){.interface = flow.to,
                                .network = interface.network,
                                .source = flow.target,
                                .target = flow.source,
                                .source_port = flow.target_port,
                                .target_port = flow.source_port};
    return 0;
}

/* -- where they are found --------------------------------------------------------------------- */

static struct fab_service_key key_of(uint32_t network, const struct fabric_service *service)
{
    return (struct fab_service_key){.network = network,
                                    .address = service->address,
                                    .port = htons(service->port),
                                    .protocol = service->protocol};
}

struct listed {
    uint32_t network;
    const struct fabric_service *services;
    size_t count;
};

static bool service_goes(void *user, const void *key, const void *value)
{
    const struct listed *listed = user;
    const struct fab_service_key *at = key;
    for (size_t i = 0; i < listed->count; i++) {
        const struct fab_service_key other = key_of(at->network, &listed->services[i]);
        if (memcmp(&other, at, sizeof other) == 0)
            return false;
    }
    return at->network == listed->network;
}

int fabric_put_services(struct fabric *fabric, uint32_t network,
                        const struct fabric_service *services, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct fab_service_key key = key_of(network, &services[i]);
        int error = fabric_set(fabric, FABRIC_SERVICES, &key, &services[i].number);
        if (error < 0)
            return error;
    }
    return fabric_clear(fabric, FABRIC_SERVICES, service_goes,
                        &(struct listed){network, services, count});
}
