// SPDX-License-Identifier: Apache-2.0
/* Loopback up; a device's addresses, their subnets and the ways out. By ioctl, as netdevice(7),
 * but for addresses of IPv6: only rtnetlink can say that nobody need be asked for them. */
#include "engines/sandbox/network.h"

#include "base/scope.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static struct sockaddr_in address_of(uint32_t address)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {address}};
}

static struct ifreq request_for(const char *device)
{
    struct ifreq request = {0};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", device);
    return request;
}

static int put_up(int fd, const char *device)
{
    struct ifreq request = request_for(device);
    request.ifr_flags = IFF_UP;
    return ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? -errno : 0;
}

static int set_address(int fd, const char *device, unsigned long what, uint32_t address)
{
    struct ifreq request = request_for(device);
    struct sockaddr_in in = address_of(address);
    memcpy(&request.ifr_addr, &in, sizeof in);
    return ioctl(fd, what, &request) < 0 ? -errno : 0;
}

static int add_default_route(int fd, uint32_t gateway)
{
    struct sockaddr_in any = address_of(0), to = address_of(gateway);
    struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY};
    memcpy(&route.rt_dst, &any, sizeof any);
    memcpy(&route.rt_genmask, &any, sizeof any);
    memcpy(&route.rt_gateway, &to, sizeof to);
    return ioctl(fd, SIOCADDRT, &route) < 0 ? -errno : 0;
}

/* -- IPv6 ------------------------------------------------------------------------------------- */

/* The fabric knows whose each address is: waiting for whoever has it too would be for nothing. */
static int add_address6(int fd, int device, const uint8_t address[16], uint32_t bits)
{
    struct {
        struct nlmsghdr head;
        struct ifaddrmsg address;
        struct rtattr attribute;
        uint8_t value[16];
    } ask = {.head = {.nlmsg_len = sizeof ask,
                      .nlmsg_type = RTM_NEWADDR,
                      .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE},
             .address = {.ifa_family = AF_INET6,
                         .ifa_prefixlen = (uint8_t)bits,
                         .ifa_flags = IFA_F_NODAD,
                         .ifa_index = (uint32_t)device},
             .attribute = {.rta_len = RTA_LENGTH(16), .rta_type = IFA_ADDRESS}};
    struct {
        struct nlmsghdr head;
        struct nlmsgerr error;
        uint8_t rest[256];
    } answer;
    memcpy(ask.value, address, sizeof ask.value);
    if (send(fd, &ask, sizeof ask, 0) < 0 || recv(fd, &answer, sizeof answer, 0) < 0)
        return -errno;
    return answer.head.nlmsg_type == NLMSG_ERROR ? answer.error.error : -EPROTO;
}

static int add_default_route6(int device, const uint8_t gateway[16])
{
    AUTO_FD fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct in6_rtmsg route = {
        .rtmsg_metric = 1024, .rtmsg_flags = RTF_UP | RTF_GATEWAY, .rtmsg_ifindex = device};
    memcpy(&route.rtmsg_gateway, gateway, sizeof route.rtmsg_gateway);
    return fd < 0 || ioctl(fd, SIOCADDRT, &route) < 0 ? -errno : 0;
}

static int configure6(const struct sandbox_network *network)
{
    if (!network->address6_count)
        return 0;
    AUTO_FD fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    int device = (int)if_nametoindex(network->device), error = fd < 0 || !device ? -errno : 0;
    for (uint32_t i = 0; !error && i < network->address6_count; i++)
        error = add_address6(fd, device, network->addresses6[i], network->bits6);
    static const uint8_t none[16];
    bool leads_out = memcmp(network->gateway6, none, sizeof none) != 0;
    return error || !leads_out ? error : add_default_route6(device, network->gateway6);
}

int network_loopback_up(void)
{
    AUTO_FD fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return fd < 0 ? -errno : put_up(fd, "lo");
}

int network_configure(const struct sandbox_network *network)
{
    AUTO_FD fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    uint32_t mask = network->bits ? htonl(~0U << (32 - network->bits)) : 0;
    int error = set_address(fd, network->device, SIOCSIFADDR, network->address);
    if (!error)
        error = set_address(fd, network->device, SIOCSIFNETMASK, mask);
    if (!error)
        error = put_up(fd, network->device);
    if (!error && network->gateway)
        error = add_default_route(fd, network->gateway);
    return error ? error : configure6(network);
}
