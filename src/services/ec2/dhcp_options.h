// SPDX-License-Identifier: Apache-2.0
#pragma once
/* DHCP option sets. Control thread. */
#include "services/ec2/resource.h"

extern const struct resource_kind dhcp_options_kind;

/* The one that every VPC has which names no other; its id. */
struct span dhcp_options_new_default(struct call *c);
/* What an instance of the VPC finds in its resolv.conf. */
RESULT dhcp_options_resolv_conf(struct call *c, struct span vpc, struct span *ret);
