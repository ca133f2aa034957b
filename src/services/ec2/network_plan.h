// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * A VPC as the fabric knows networks: compiled from the records as a whole, then told as a whole.
 * What is in a plan lies in its arena and refers to nothing else, so that it can go to another
 * thread.
 */
#include "engines/fabric/fabric.h"
#include "services/ec2/resource.h"

struct plan_subnet {
    uint32_t number;
    struct fabric_subnet subnet; /* its route table has the same number */
    struct fabric_route *routes;
    size_t route_count;
    struct fabric_route6 *routes6;
    size_t route6_count;
};

struct plan_interface {
    uint32_t number;
    struct fabric_interface interface;
    enum FABRIC_RECORDS records;
    struct fabric_limits limits;
};

struct plan_gateway {
    uint32_t number;
    struct fabric_gateway gateway;
};

#define PLAN_SERVICES_MAX 2 /* the resolver, by both protocols */

struct network_plan {
    uint32_t network;  /* 0: nothing in it needs the fabric */
    uint32_t internet; /* enum FABRIC_INTERNET, or'ed */
    struct plan_subnet *subnets;
    size_t subnet_count;
    struct plan_interface *interfaces;
    size_t interface_count;
    struct plan_gateway *gateways;
    size_t gateway_count;
    struct fabric_service services[PLAN_SERVICES_MAX];
    size_t service_count;
};

/* Control thread; the plan lies in the call's arena. */
RESULT network_plan_make(struct call *c, struct span vpc, struct network_plan *ret);
/* Tells the fabric. Blocks. */
MUST_CHECK int network_plan_apply(const struct network_plan *plan, struct fabric *fabric);
