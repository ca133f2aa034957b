// SPDX-License-Identifier: Apache-2.0
/*
 * The edge: a device `kintoun0` in the namespace that plays the internet, with the first address of
 * each pool, so that what is there reaches the public addresses on the link. Blocks.
 */
#include "services/ec2/network_edge.h"

#include "base/hash.h"
#include "base/scope.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define EDGE_DEVICE "kintoun0"
#define NAME_DIGITS 12

void network_edge_name(const char *data_dir, char name[NETWORK_NAME])
{
    char path[PATH_MAX], digits[2 * SHA256_SIZE];
    uint8_t digest[SHA256_SIZE];
    const char *real = realpath(data_dir, path);
    sha256_of(span_of_cstr(real ? real : data_dir), digest);
    hex_encode(digest, SHA256_SIZE, digits);
    snprintf(name, NETWORK_NAME, "kintoun-%.*s", NAME_DIGITS, digits);
}

int network_edge_plug(struct fabric *fabric, const struct ec2_options *options,
                      const char **ret_why)
{
    char path[PATH_MAX];
    struct cidr pool = options->public_pool;
    if (fabric_edge_is_plugged(fabric))
        return 0;
    *ret_why = "opening the namespace of the edge";
    if (strcmp(options->edge, "host") == 0)
        snprintf(path, sizeof path, "/proc/self/ns/net");
    else
        snprintf(path, sizeof path, "/run/netns/%s", options->edge);
    AUTO_FD netns = open(path, O_RDONLY | O_CLOEXEC);
    if (netns < 0)
        return -errno;
    *ret_why = "plugging the edge";
    int error = fabric_plug_edge(fabric, netns, EDGE_DEVICE);
    if (!error)
        error = fabric_address_edge(netns, EDGE_DEVICE, htonl(pool.address + 1),
                                    htonl(cidr_mask(pool.bits)));
    if (error)
        return error;
    struct fab_ip6 first;
    memcpy(&first, options->public_pool6.address, sizeof first);
    first.word[3] = htonl(1);
    return fabric_address_edge6(netns, EDGE_DEVICE, &first, options->public_pool6.bits);
}
