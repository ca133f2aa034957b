// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Images in the making. Control thread. */
#include "services/ec2/resource.h"

RESULT image_step(struct call *c, void *record, int64_t *ret_due_ms);
