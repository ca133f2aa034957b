// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What the records say of VPCs, told to the fabric (engines/fabric). Resources tell of their
 * changes by themselves (resource.c); handlers need nothing of this. Control thread, but where
 * another is said.
 */
#include "services/ec2/ec2.h"
#include "wire/call.h"

/* Once the call is committed, the fabric hears of everything in that VPC again. */
void network_changed(struct call *c, struct span vpc);
