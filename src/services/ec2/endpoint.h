// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * VPC endpoints. A gateway endpoint is routes: the tables that lead to it have one each, whose
 * destination is the service's prefix list, and nothing else says which tables these are. An
 * interface endpoint is interfaces: one in each of its subnets. Control thread.
 */
#include "services/ec2/endpoint_service.h"
#include "services/ec2/resource.h"

enum ENDPOINT_STATE {
    ENDPOINT_PENDING = 1,
    ENDPOINT_AVAILABLE,
    ENDPOINT_DELETING,
    ENDPOINT_DELETED,
};

#define ENDPOINT_INTERFACE_TYPE S("vpc_endpoint") /* of its interfaces */

extern const struct resource_kind endpoint_kind;

/* Whether the VPC has one that is not deleted. */
RESULT endpoint_any(struct call *c, struct span vpc, bool *ret);

/* endpoint_part.c: what an endpoint is made of, given and taken away again. The record is put by
 * the caller. */
RESULT endpoint_add_route(struct call *c, const struct stored_endpoint *endpoint,
                          struct span table_id);
RESULT endpoint_remove_route(struct call *c, const struct stored_endpoint *endpoint,
                             struct span table_id);
RESULT endpoint_remove_all_routes(struct call *c, const struct stored_endpoint *endpoint);
struct endpoint_subnet_wish {
    struct span subnet;
    const struct ec2_subnet_configurations_list
        *configurations; /* addresses, where it names some */
};
RESULT endpoint_add_subnet(struct call *c, struct stored_endpoint *endpoint,
                           const struct endpoint_subnet_wish *wish);
RESULT endpoint_remove_subnet(struct call *c, struct stored_endpoint *endpoint,
                              struct span subnet_id);
/* Its interfaces get the groups that it has now. */
RESULT endpoint_regroup(struct call *c, const struct stored_endpoint *endpoint);
RESULT endpoint_drop_interfaces(struct call *c, struct stored_endpoint *endpoint);

/* endpoint_rule.c: what Create and Modify check alike. */
RESULT endpoint_check_policy(struct call *c, struct span document);
RESULT endpoint_check_groups(struct call *c, struct span vpc, const struct span *groups,
                             size_t count);
RESULT endpoint_check_private_dns(struct call *c, const struct stored_endpoint *endpoint);
struct span endpoint_default_policy(enum ENDPOINT_TYPE type);
