// SPDX-License-Identifier: Apache-2.0
/*
 * The guard's outer part: edge_xdp on the fabric's end of the edge, while there is a flood. Its
 * link is not pinned: without a process that would take it away it ends, and edge_in alone guards.
 */
#include "engines/fabric/inside.h"

#include "base/scope.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static bool is_flooded(const struct fabric *fabric, uint64_t now_ns)
{
    for (size_t i = 0; i < FAB_FLOODS; i++)
        if (fabric->floods[i].until_ns > now_ns)
            return true;
    return false;
}

static int attach(struct visit *visit)
{
    LIBBPF_OPTS(bpf_link_create_opts, how, .flags = XDP_FLAGS_DRV_MODE);
    visit->index = bpf_link_create(visit->program, visit->index, BPF_XDP, &how);
    return visit->index < 0 ? -errno : 0;
}

int fabric_guard(struct fabric *fabric)
{
    const uint32_t none = 0;
    struct fab_settings settings;
    struct timespec now;
    int error = fabric_get(fabric, FABRIC_SETTINGS, &none, &settings);
    clock_gettime(CLOCK_MONOTONIC, &now);
    bool flooded = !error && settings.edge_ifindex &&
                   is_flooded(fabric, (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec +
                                          settings.clock_offset_ns);
    if (error || flooded == (fabric->guard >= 0))
        return error;
    if (!flooded) {
        close(fabric->guard);
        fabric->guard = -1;
        return 0;
    }
    struct visit visit = {.netns = fabric->netns,
                          .run = attach,
                          .program = fabric->programs[FABRIC_EDGE_XDP],
                          .index = (int)settings.edge_ifindex};
    error = fabric_visit(&visit);
    if (!error)
        fabric->guard = visit.index;
    return error;
}

int fabric_receive_in_groups(struct visit *visit)
{
    struct ethtool_value gro = {.cmd = ETHTOOL_SGRO, .data = 1};
    struct ifreq request = {.ifr_data = (void *)&gro};
    AUTO_FD fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", visit->path);
    return fd < 0 || ioctl(fd, SIOCETHTOOL, &request) < 0 ? -errno : 0;
}
