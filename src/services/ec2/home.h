// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What every account finds in a region without having made it. Control thread. */
#include "services/ec2/resource.h"

/* Makes it, at the first look; nothing afterwards. */
RESULT home_settle(struct call *c);
/* The DHCP options of VPCs that name no other. */
RESULT home_dhcp_options(struct call *c, struct span *ret_id);
/* The default VPC; its `id` is absent when there is none. */
RESULT home_find_vpc(struct call *c, struct stored_vpc *ret);
