// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Route tables, their routes and their associations with subnets. Control thread. */
#include "services/ec2/resource.h"

extern const struct resource_kind route_table_kind;

/* The table of subnets that are associated with no other, of a new VPC. */
void route_table_new_main(struct call *c, struct span vpc);
RESULT route_table_main(struct call *c, struct span vpc, struct stored_route_table **ret);
RESULT route_table_any_but_main(struct call *c, struct span vpc, bool *ret);
void route_table_add_route(struct call *c, struct stored_route_table *table,
                           const struct stored_route *route);
/* The subnet goes: from no table's associations is it seen any more. */
RESULT route_table_drop_subnet(struct call *c, struct span vpc, struct span subnet);
bool route_table_is_main(const struct stored_route_table *table);
