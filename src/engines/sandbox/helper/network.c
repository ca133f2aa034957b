// SPDX-License-Identifier: Apache-2.0
/* Loopback up; the device's address, its subnet and the way out. By ioctl, as netdevice(7). */
#include "engines/sandbox/helper/helper.h"

#include "base/scope.h"

#include <arpa/inet.h>
#include <errno.h>
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

int network_configure(const struct sandbox_network *network)
{
    AUTO_FD fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int error = put_up(fd, "lo");
    if (error || !network->address)
        return error;
    uint32_t mask = network->bits ? htonl(~0U << (32 - network->bits)) : 0;
    error = set_address(fd, network->device, SIOCSIFADDR, network->address);
    if (!error)
        error = set_address(fd, network->device, SIOCSIFNETMASK, mask);
    if (!error)
        error = put_up(fd, network->device);
    return error ? error : add_default_route(fd, network->gateway);
}
