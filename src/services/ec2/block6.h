// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Amazon-provided IPv6 blocks: each VPC that asks has a /56 out of the machine's pool
 * (`--public-pool6`), whose addresses nobody else has. Control thread.
 */
#include "services/ec2/cidr6.h"
#include "wire/call.h"

RESULT block6_take(struct call *c, struct span vpc, struct span *ret_cidr);
void block6_give(struct call *c, struct span cidr);
