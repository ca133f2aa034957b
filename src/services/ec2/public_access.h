// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * VPC Block Public Access: what an account shuts in a region ("Block public access to VPCs and
 * subnets"), and the VPCs and subnets that it leaves out. Control thread.
 */
#include "services/ec2/resource.h"

enum ACCESS_STATE { ACCESS_UPDATING = 1, ACCESS_UPDATED };
enum EXCLUSION_STATE {
    EXCLUSION_CREATING = 1,
    EXCLUSION_CREATED,
    EXCLUSION_UPDATING,
    EXCLUSION_UPDATED,
    EXCLUSION_DELETING,
    EXCLUSION_DELETED, /* told for an hour */
};

extern const struct resource_kind public_access_kind; /* one of an account and region */
extern const struct resource_kind access_exclusion_kind;

/* The mode that holds for a subnet, or for a VPC (subnet absent): "off", "block-ingress" or
 * "block-bidirectional". */
RESULT public_access_mode(struct call *c, struct span vpc, struct span subnet, struct span *ret);
/* As Describe tells it. */
RESULT public_access_show(struct call *c, struct span vpc, struct span subnet,
                          struct ec2_block_public_access_states **ret);
/* access_exclusion.c: the exclusion of a subnet, or else of its VPC; *ret absent when there is
 * none.
 */
RESULT access_exclusion_mode(struct call *c, struct span vpc, struct span subnet, struct span *ret);
/* Those of a VPC (subnet absent) or a subnet that goes, go with it. */
RESULT access_exclusion_drop(struct call *c, struct span vpc, struct span subnet);
