// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Offers of elastic addresses to other accounts ("Transfer an Elastic IP address between AWS
 * accounts"), kept by who offers. Control thread. */
#include "services/ec2/resource.h"

extern const struct resource_kind address_transfer_kind;

/* The address is given back: nobody can have it any more. */
RESULT address_transfer_drop(struct call *c, struct span allocation);
