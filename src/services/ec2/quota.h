// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Quotas of instances, by account and region. Control thread. */
#include "wire/call.h"

struct instance_type;

/* Refused when `count` more of that type would be too many vCPUs. */
RESULT quota_check(struct call *c, const struct instance_type *type, size_t count);
