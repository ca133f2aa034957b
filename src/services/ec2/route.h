// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Routes of route tables. Control thread. */
#include "services/ec2/resource.h"

/* With its state: `blackhole` when what it leads to is gone or cannot forward. */
RESULT route_show(struct call *c, const struct stored_route *route, struct ec2_route *to);
RESULT route_is_live(struct call *c, const struct stored_route *route, bool *ret);
/* Its destination is of IPv6. */
bool route_is_six(const struct stored_route *route);
