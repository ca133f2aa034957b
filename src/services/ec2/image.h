// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Images that instances are made from: for now the one that is the host's own system. Control
 * thread. */
#include "services/ec2/ec2.api.h"
#include "wire/call.h"

#define IMAGE_ROOT_DEVICE S("/dev/xvda")
#define IMAGE_DISK_GIB 8

/* Refused when the id is malformed or nobody's. */
RESULT image_check(struct call *c, struct span id);
