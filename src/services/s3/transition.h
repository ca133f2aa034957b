// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What a lifecycle rule may say about moves between storage classes. */
#include "services/s3/s3.api.h"

/* The rule's transitions, each by itself, among each other, and beside its expirations. */
RESULT transition_check_rule(struct call *c, const struct s3_lifecycle_rule *rule);
