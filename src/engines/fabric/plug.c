// SPDX-License-Identifier: Apache-2.0
/*
 * The fabric's network namespace and what is plugged into it. Each plugged veth has a pinned link
 * (tcx, which needs Linux 6.6) from its fabric end to a program, so that packets move without us.
 * What must run inside the namespace runs on a thread that is made for it and ends: no thread of
 * the process ever changes its namespace.
 */
#include "engines/fabric/inside.h"
#include "engines/fabric/netlink.h"

#include "base/scope.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ipv6.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BPF_FOLDER "/sys/fs/bpf"
#define NETNS_FOLDER "/run/netns"
#define MTU 9001
/* libbpf of Debian 12 is older than tcx: linux/bpf.h of 6.6, enum bpf_attach_type. */
#define TCX_INGRESS ((enum bpf_attach_type)46)

/* -- inside the namespace --------------------------------------------------------------------- */

static int keep_namespace(const char *path)
{
    AUTO_FD file = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0444);
    if (file < 0 || unshare(CLONE_NEWNET) < 0 ||
        mount("/proc/thread-self/ns/net", path, NULL, MS_BIND, NULL) < 0)
        return -errno;
    return 0;
}

static void *visit_run(void *user)
{
    struct visit *visit = user;
    if (visit->netns < 0)
        visit->result = keep_namespace(visit->path);
    else
        visit->result = setns(visit->netns, CLONE_NEWNET) < 0 ? -errno : 0;
    if (!visit->result && visit->run)
        visit->result = visit->run(visit);
    return NULL;
}

int fabric_visit(struct visit *visit)
{
    pthread_t thread;
    int error = pthread_create(&thread, NULL, visit_run, visit);
    if (error)
        return -error;
    pthread_join(thread, NULL);
    return visit->result;
}

static int open_netlink(struct visit *visit)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0)
        return -errno;
    int error = netlink_up(fd, "lo");
    if (error) {
        close(fd);
        return error;
    }
    visit->index = fd;
    return 0;
}

/* Puts the device `path` up, in whichever namespace. */
int fabric_put_up(struct visit *visit)
{
    AUTO_FD fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    return fd < 0 ? -errno : netlink_up(fd, visit->path);
}

static int attach(struct visit *visit)
{
    int link = bpf_link_create(visit->program, visit->index, TCX_INGRESS, NULL);
    if (link < 0)
        return -errno;
    int error = bpf_obj_pin(link, visit->path) < 0 ? -errno : 0;
    close(link);
    return error;
}

/* -- the namespace ---------------------------------------------------------------------------- */

int fabric_namespace_get(const char *name, int *ret)
{
    char path[FABRIC_PATH];
    struct stat info;
    snprintf(path, sizeof path, NETNS_FOLDER "/%s", name);
    if (mkdir(NETNS_FOLDER, 0755) < 0 && errno != EEXIST)
        return -errno;
    if (stat(path, &info) < 0) {
        struct visit make = {.netns = -1, .path = path};
        int error = fabric_visit(&make);
        if (error)
            return error;
    }
    *ret = open(path, O_RDONLY | O_CLOEXEC);
    return *ret < 0 ? -errno : 0;
}

int fabric_namespace_open(struct fabric *fabric)
{
    int error = fabric_namespace_get(fabric->name, &fabric->netns);
    if (error)
        return error;
    struct visit visit = {.netns = fabric->netns, .run = open_netlink};
    error = fabric_visit(&visit);
    if (!error)
        fabric->netlink = visit.index;
    return error;
}

/* -- plugging --------------------------------------------------------------------------------- */

struct plug {
    char device[16]; /* the fabric's end */
    uint32_t index;
    char pin[FABRIC_PATH];
};

static struct plug plug_of(const struct fabric *fabric, uint32_t number)
{
    struct plug plug = {.index = number == FAB_EDGE      ? FAB_DEVICE_OF_EDGE
                                 : number == FAB_SERVICE ? FAB_DEVICE_OF_SERVICE
                                                         : FAB_DEVICE_FIRST + number};
    if (number == FAB_EDGE)
        snprintf(plug.device, sizeof plug.device, "edge");
    else if (number == FAB_SERVICE)
        snprintf(plug.device, sizeof plug.device, "service");
    else
        snprintf(plug.device, sizeof plug.device, "eni%u", number);
    snprintf(plug.pin, sizeof plug.pin, BPF_FOLDER "/%s/link_%s", fabric->name, plug.device);
    return plug;
}

static enum FABRIC_PROGRAM program_of(const char *device)
{
    return strcmp(device, "edge") == 0      ? FABRIC_EDGE_IN
           : strcmp(device, "service") == 0 ? FABRIC_SERVICE_IN
                                            : FABRIC_ENI_IN;
}

int fabric_veth(struct fabric *fabric, uint32_t number, struct veth veth)
{
    struct plug plug = plug_of(fabric, number);
    const uint32_t none = 0;
    struct fab_settings settings;
    int error = fabric_get(fabric, FABRIC_SETTINGS, &none, &settings);
    if (error < 0)
        return error;
    veth.name = plug.device;
    veth.index = plug.index;
    veth.mac = settings.mac;
    veth.mtu = number == FAB_EDGE ? FABRIC_EDGE_MTU : MTU;
    error = netlink_add_veth(fabric->netlink, &veth);
    if (error < 0)
        return error;
    struct visit visit = {.netns = fabric->netns,
                          .path = plug.pin,
                          .run = attach,
                          .program = fabric->programs[program_of(plug.device)],
                          .index = (int)plug.index};
    struct visit far = {.netns = veth.far_netns, .path = veth.far_name, .run = fabric_put_up};
    error = fabric_visit(&visit);
    if (!error)
        error = fabric_visit(&far);
    if (!error)
        return (int)plug.index;
    int ignored = netlink_delete(fabric->netlink, plug.device);
    (void)ignored;
    return error;
}

static int disconnect_veth(struct fabric *fabric, uint32_t number)
{
    struct plug plug = plug_of(fabric, number);
    if (unlink(plug.pin) < 0 && errno != ENOENT)
        return -errno;
    return netlink_delete(fabric->netlink, plug.device);
}

int fabric_plug(struct fabric *fabric, uint32_t number, int netns, const char *name)
{
    struct fab_interface interface;
    int error = number == FAB_EDGE || number >= FAB_INTERFACES
                    ? -EINVAL
                    : fabric_get(fabric, FABRIC_INTERFACES, &number, &interface);
    if (error < 0)
        return error;
    if (interface.ifindex)
        return -EEXIST;
    int index =
        fabric_veth(fabric, number,
                    (struct veth){.far_name = name, .far_mac = interface.mac, .far_netns = netns});
    if (index < 0)
        return index;
    interface.ifindex = (uint32_t)index;
    error = fabric_set(fabric, FABRIC_DEVICES, &interface.ifindex, &number);
    return error < 0 ? error : fabric_set(fabric, FABRIC_INTERFACES, &number, &interface);
}

int fabric_unplug(struct fabric *fabric, uint32_t number)
{
    struct fab_interface interface;
    int error = fabric_get(fabric, FABRIC_INTERFACES, &number, &interface);
    if (error < 0 || !interface.ifindex)
        return error;
    error = disconnect_veth(fabric, number);
    const uint32_t nobody = 0;
    if (!error)
        error = fabric_set(fabric, FABRIC_DEVICES, &interface.ifindex, &nobody);
    interface.ifindex = 0;
    return error < 0 ? error : fabric_set(fabric, FABRIC_INTERFACES, &number, &interface);
}

int fabric_plug_edge(struct fabric *fabric, int netns, const char *name)
{
    const uint32_t none = 0;
    struct fab_settings settings;
    int error = fabric_get(fabric, FABRIC_SETTINGS, &none, &settings);
    if (!error)
        error = disconnect_veth(fabric, FAB_EDGE);
    if (error < 0)
        return error;
    int index = fabric_veth(
        fabric, FAB_EDGE,
        (struct veth){.far_name = name, .far_mac = settings.edge_mac, .far_netns = netns});
    if (index < 0)
        return index;
    struct visit far = {.netns = netns, .path = name, .run = fabric_receive_in_groups};
    error = fabric_visit(&far);
    if (error)
        return error;
    settings.edge_ifindex = (uint32_t)index;
    return fabric_set(fabric, FABRIC_SETTINGS, &none, &settings);
}

int fabric_veth_index(struct fabric *fabric, uint32_t number)
{
    struct plug plug = plug_of(fabric, number);
    return netlink_index(fabric->netlink, plug.device);
}

int fabric_edge_is_plugged(struct fabric *fabric)
{
    return fabric_veth_index(fabric, FAB_EDGE) > 0;
}

/* The old interface, since it is two lines: rtnetlink would be fifty. */
int fabric_set_address(struct visit *visit)
{
    static const unsigned long what[] = {SIOCSIFADDR, SIOCSIFNETMASK};
    AUTO_FD fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    for (size_t i = 0; fd >= 0 && i < ARRAY_LEN(what); i++) {
        struct ifreq request = {0};
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {visit->addresses[i]}};
        snprintf(request.ifr_name, sizeof request.ifr_name, "%s", visit->path);
        memcpy(&request.ifr_addr, &in, sizeof in);
        if (ioctl(fd, what[i], &request) < 0)
            return -errno;
    }
    return fd < 0 ? -errno : 0;
}

int fabric_address_edge(int netns, const char *name, uint32_t address, uint32_t mask)
{
    struct visit visit = {
        .netns = netns, .path = name, .run = fabric_set_address, .addresses = {address, mask}};
    return fabric_visit(&visit);
}

static int set_address6(struct visit *visit)
{
    struct in6_ifreq request = {.ifr6_prefixlen = visit->addresses[0],
                                .ifr6_ifindex = (int)if_nametoindex(visit->path)};
    AUTO_FD fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    memcpy(&request.ifr6_addr, &visit->address6, sizeof request.ifr6_addr);
    return fd < 0 || ioctl(fd, SIOCSIFADDR, &request) < 0 ? -errno : 0;
}

int fabric_address_edge6(int netns, const char *name, const struct fab_ip6 *address, uint32_t bits)
{
    struct visit visit = {.netns = netns,
                          .path = name,
                          .run = set_address6,
                          .addresses = {bits},
                          .address6 = *address};
    return fabric_visit(&visit);
}

/* -- after a start, and at the end ------------------------------------------------------------ */

static int renew(const struct fabric *fabric, const char *folder, const char *name)
{
    char path[FABRIC_PATH + 256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    AUTO_FD link = bpf_obj_get(path);
    if (link < 0)
        return -errno;
    enum FABRIC_PROGRAM program = program_of(name + strlen("link_"));
    return bpf_link_update(link, fabric->programs[program], NULL) < 0 ? -errno : 0;
}

/* A link whose device has gone with its namespace cannot be renewed and is of no use. */
int fabric_links_renew(struct fabric *fabric)
{
    char folder[FABRIC_PATH];
    snprintf(folder, sizeof folder, BPF_FOLDER "/%s", fabric->name);
    DIR *all = opendir(folder);
    if (!all)
        return -errno;
    int error = 0;
    for (struct dirent *entry; !error && (entry = readdir(all));) {
        if (strncmp(entry->d_name, "link_", 5) != 0)
            continue;
        error = renew(fabric, folder, entry->d_name);
        if (error == -ENOLINK)
            error = unlinkat(dirfd(all), entry->d_name, 0) < 0 ? -errno : 0;
    }
    closedir(all);
    return error;
}

static int remove_namespace(const char *name)
{
    char path[FABRIC_PATH];
    snprintf(path, sizeof path, NETNS_FOLDER "/%s", name);
    if (umount2(path, MNT_DETACH) < 0 && errno != EINVAL && errno != ENOENT)
        return -errno;
    return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

int fabric_remove(const char *name)
{
    char path[FABRIC_PATH];
    snprintf(path, sizeof path, BPF_FOLDER "/%s", name);
    DIR *all = opendir(path);
    for (struct dirent *entry; all && (entry = readdir(all));)
        if (entry->d_name[0] != '.' && unlinkat(dirfd(all), entry->d_name, 0) < 0)
            break;
    if (all)
        closedir(all);
    if (rmdir(path) < 0 && errno != ENOENT)
        return -errno;
    char services[48];
    fabric_services_name(name, services);
    int error = remove_namespace(services);
    return error ? error : remove_namespace(name);
}
