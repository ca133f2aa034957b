// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What the fabric calls networks, subnets, interfaces and gateways: numbers from 1, one space per
 * kind for all accounts and regions. They are kept, since the fabric outlives this process, and a
 * number is not given out again before the fabric has forgotten it. Control thread.
 */
#include "services/ec2/resource.h"

enum NUMBER {
    NUMBER_NETWORK = 1,
    NUMBER_SUBNET,
    NUMBER_INTERFACE,
    NUMBER_GATEWAY,
    NUMBER_SERVICE,   /* a VPC endpoint, as what listens behind it */
    NUMBER_GONE = 16, /* added to the kind */
};

/* Gives a thing its number, unless it has one. */
RESULT number_take(struct call *c, enum NUMBER kind, struct span id);
/* 0: it has none. */
RESULT number_find(struct call *c, struct span id, uint32_t *ret);
/* The thing goes; nothing happens when it has no number. */
RESULT number_drop(struct call *c, struct span id);
