// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The four requests that the fabric makes of rtnetlink, on a socket that lives in the fabric's
 * namespace. Negative errno. */
#include "base/span.h"

struct veth {
    const char *name;     /* of the fabric's end */
    uint32_t index;       /* its device index */
    const uint8_t *mac;   /* its MAC */
    const char *far_name; /* of the other end, */
    const uint8_t *far_mac;
    int far_netns; /* which is made there */
    uint32_t mtu;
};

/* The near end up. */
MUST_CHECK int netlink_add_veth(int socket, const struct veth *veth);
/* Both ends go; 0 also when it was gone. */
MUST_CHECK int netlink_delete(int socket, const char *name);
/* The device's index, or negative. */
MUST_CHECK int netlink_index(int socket, const char *name);
/* Puts a device up. In whichever namespace the socket is. */
MUST_CHECK int netlink_up(int socket, const char *name);
