// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What traffic-path says of egress traffic ("Flow log records"). Control thread. */
#include "services/ec2/resource.h"

/* What decides for one interface. */
struct flow_paths {
    struct call *c;
    struct stored_vpc vpc;
    const struct stored_route_table *table;
};
RESULT flow_paths_read(struct call *c, const struct stored_interface *interface,
                       struct flow_paths *ret);
/* To an address in host order; 0: none of the values applies. */
uint64_t flow_path_to(const struct flow_paths *paths, uint32_t target);
