// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Internet gateways. Control thread. */
#include "services/ec2/resource.h"

extern const struct resource_kind internet_gateway_kind;

/* A new one, attached to a VPC that has none; its id. */
struct span internet_gateway_new(struct call *c, struct span vpc);
