// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * AWS's own prefix lists of a region: the addresses of the services that gateway endpoints lead to.
 * To rules and routes they are prefix lists like any other; nobody changes them. Control thread,
 * but for the pure ones.
 */
#include "services/ec2/cidr.h"
#include "services/ec2/resource.h"

enum { MANAGED_PREFIXES = 2 }; /* of an account and region */

/* Writes them, for home.c. */
void managed_prefix_new_all(struct call *c);
/* Of the list of a service ("s3"); absent when it has none. Pure. */
struct span managed_prefix_id(struct arena *arena, struct span region, struct span service);
/* Its addresses. Pure. */
bool managed_prefix_block(struct span region, struct span service, struct cidr *ret);
