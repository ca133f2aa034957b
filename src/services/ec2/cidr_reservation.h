// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Subnet CIDR reservations: blocks of a subnet from which an interface gets an address only when it
 * is named. Control thread. */
#include "services/ec2/cidr.h"
#include "services/ec2/cidr6.h"
#include "services/ec2/resource.h"

extern const struct resource_kind cidr_reservation_kind;

/* Of one subnet. */
struct cidr_reservations {
    struct cidr *four;
    struct cidr6 *six;
    size_t four_count, six_count;
};
RESULT cidr_reservation_list(struct call *c, struct span subnet, struct cidr_reservations *ret);

enum RESERVED { RESERVED_ALL, RESERVED_SIX };
/* Those of a subnet that goes, or of its IPv6 block. */
RESULT cidr_reservation_drop(struct call *c, struct span subnet, enum RESERVED which);
