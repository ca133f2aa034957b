// SPDX-License-Identifier: Apache-2.0
#pragma once
/* NAT gateways and their addresses. Control thread. */
#include "services/ec2/resource.h"

enum NAT_STATE { NAT_PENDING = 1, NAT_AVAILABLE, NAT_FAILED, NAT_DELETING, NAT_DELETED };
enum NAT_ADDRESS_STATE {
    NAT_ADDRESS_ASSIGNING = 1,
    NAT_ADDRESS_UNASSIGNING,
    NAT_ADDRESS_ASSOCIATING,
    NAT_ADDRESS_DISASSOCIATING,
    NAT_ADDRESS_SUCCEEDED,
    NAT_ADDRESS_FAILED,
};

#define NAT_ADDRESSES_MAX 8 /* one primary and seven secondary */

extern const struct resource_kind nat_gateway_kind;

void nat_gateway_show_addresses(struct call *c, const struct stored_nat_gateway *gateway,
                                struct ec2_nat_gateway_address_list *to);
/* One more address of the gateway, in the state that its step begins with. */
void nat_gateway_add_address(struct call *c, struct stored_nat_gateway *gateway,
                             const struct stored_nat_address *address);
/* nat_step.c: what a gateway does by itself. */
RESULT nat_gateway_step(struct call *c, void *record, int64_t *ret_due_ms);
