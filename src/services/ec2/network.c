// SPDX-License-Identifier: Apache-2.0
/* Changes of VPCs on their way to the fabric. Control thread. */
#include "services/ec2/network.h"

void network_changed(struct call *c, struct span vpc) {}
