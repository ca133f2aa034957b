// SPDX-License-Identifier: Apache-2.0
/* rtnetlink messages, built in a fixed buffer; every request is acknowledged. Blocks. */
#include "engines/fabric/netlink.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

struct message {
    struct nlmsghdr head;
    struct ifinfomsg link;
    char attributes[512];
};

static void begin(struct message *m, uint16_t type, uint16_t flags)
{
    *m = (struct message){.head = {.nlmsg_len = NLMSG_LENGTH(sizeof m->link),
                                   .nlmsg_type = type,
                                   .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags)}};
}

/* The attributes are few and bounded by the caller: names of at most IFNAMSIZ, MACs, numbers. */
static struct rtattr *add(struct message *m, uint16_t type, const void *value, size_t len)
{
    struct rtattr *at = (struct rtattr *)(void *)((char *)m + NLMSG_ALIGN(m->head.nlmsg_len));
    at->rta_type = type;
    at->rta_len = (uint16_t)RTA_LENGTH(len);
    if (len)
        memcpy(RTA_DATA(at), value, len);
    m->head.nlmsg_len = (uint32_t)(NLMSG_ALIGN(m->head.nlmsg_len) + RTA_ALIGN(at->rta_len));
    return at;
}

static void end(struct message *m, struct rtattr *at)
{
    at->rta_len = (uint16_t)((char *)m + m->head.nlmsg_len - (char *)at);
}

static void add_name(struct message *m, const char *name)
{
    add(m, IFLA_IFNAME, name, strnlen(name, IFNAMSIZ - 1) + 1);
}

/* The acknowledgement; the index of the link that was asked for in between. */
static int receive(int socket, int *ret_index)
{
    _Alignas(struct nlmsghdr) char room[8192];
    for (;;) {
        ssize_t got = recv(socket, room, sizeof room, 0);
        if (got < 0)
            return -errno;
        size_t len = (size_t)got;
        for (struct nlmsghdr *head = (void *)room; NLMSG_OK(head, len);
             head = NLMSG_NEXT(head, len)) {
            if (head->nlmsg_type == NLMSG_ERROR)
                return ((struct nlmsgerr *)NLMSG_DATA(head))->error;
            if (head->nlmsg_type == RTM_NEWLINK)
                *ret_index = ((struct ifinfomsg *)NLMSG_DATA(head))->ifi_index;
        }
    }
}

static int ask(int socket, struct message *m, int *ret_index)
{
    if (send(socket, m, m->head.nlmsg_len, 0) < 0)
        return -errno;
    return receive(socket, ret_index);
}

int netlink_add_veth(int socket, const struct veth *veth)
{
    struct message m;
    const struct ifinfomsg far = {0}; /* it can only be put up once both ends are there */
    int none;
    begin(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    m.link.ifi_index = (int)veth->index;
    m.link.ifi_flags = m.link.ifi_change = IFF_UP;
    add_name(&m, veth->name);
    add(&m, IFLA_ADDRESS, veth->mac, 6);
    add(&m, IFLA_MTU, &veth->mtu, 4);
    struct rtattr *info = add(&m, IFLA_LINKINFO, NULL, 0);
    add(&m, IFLA_INFO_KIND, "veth", 4);
    struct rtattr *data = add(&m, IFLA_INFO_DATA, NULL, 0);
    struct rtattr *peer = add(&m, VETH_INFO_PEER, &far, sizeof far);
    add_name(&m, veth->far_name);
    add(&m, IFLA_ADDRESS, veth->far_mac, 6);
    add(&m, IFLA_MTU, &veth->mtu, 4);
    add(&m, IFLA_NET_NS_FD, &veth->far_netns, 4);
    end(&m, peer);
    end(&m, data);
    end(&m, info);
    return ask(socket, &m, &none);
}

int netlink_delete(int socket, const char *name)
{
    struct message m;
    int none;
    begin(&m, RTM_DELLINK, 0);
    add_name(&m, name);
    int error = ask(socket, &m, &none);
    return error == -ENODEV ? 0 : error;
}

int netlink_index(int socket, const char *name)
{
    struct message m;
    int index = -ENODEV;
    begin(&m, RTM_GETLINK, 0);
    add_name(&m, name);
    int error = ask(socket, &m, &index);
    return error ? error : index;
}

int netlink_up(int socket, const char *name)
{
    struct message m;
    int none;
    begin(&m, RTM_NEWLINK, 0);
    m.link.ifi_flags = m.link.ifi_change = IFF_UP;
    add_name(&m, name);
    return ask(socket, &m, &none);
}
