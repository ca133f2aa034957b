// SPDX-License-Identifier: Apache-2.0
#pragma once
/* VPC peering connections, between accounts and regions too. Control thread. */
#include "services/ec2/resource.h"

enum PEERING_STATE {
    PEERING_INITIATING = 1,
    PEERING_PENDING,
    PEERING_PROVISIONING,
    PEERING_ACTIVE,
    PEERING_DELETING,
    /* Those that have ended. */
    PEERING_DELETED,
    PEERING_REJECTED,
    PEERING_EXPIRED,
    PEERING_FAILED,
};

extern const struct resource_kind peering_kind;

/* Whether the VPC has one that has not ended. */
RESULT peering_any(struct call *c, struct span vpc, bool *ret);
