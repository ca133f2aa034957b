// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Ports and ICMP types, as rules of security groups and of network ACLs name them. Pure. */
#include "wire/call.h"

#define ICMP_ANY (-1)

/* -1 in place of one that was not said is out of range, as EC2 words it. */
RESULT traffic_check_ports(struct call *c, int32_t from, int32_t to);
RESULT traffic_no_ports(struct call *c);
/* All types have all codes. */
RESULT traffic_check_icmp(struct call *c, int32_t type, int32_t code);
RESULT traffic_no_icmp(struct call *c);
RESULT traffic_unknown_protocol(struct call *c, struct span protocol);
