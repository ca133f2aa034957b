// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Associations of subnets with a route table or a network ACL, as both records have them. Pure. */
#include "services/ec2/stored.records.h"
#include "wire/call.h"

void association_add(struct call *c, struct stored_association_list *list,
                     const struct stored_association *association);
/* False when it is not there. */
bool association_drop_subnet(struct stored_association_list *list, struct span subnet);
void association_drop(struct stored_association_list *list, size_t index);
/* The index of the one with that id, or of that subnet; SIZE_MAX for none. */
size_t association_find(const struct stored_association_list *list, struct span id);
size_t association_of_subnet(const struct stored_association_list *list, struct span subnet);
