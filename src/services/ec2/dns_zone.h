// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Names that the resolver of a VPC knows by itself ("DNS attributes for your VPC", "Amazon DNS
 * server"). They are found in records at every question, so nothing is registered and nothing can
 * be out of date. Whoever has further names adds a function to the table in dns_zone.c. Control
 * thread.
 */
#include "services/ec2/dns_message.h"
#include "services/ec2/vpc.h"

/* Whether the name is one of its own, and then what it stands for: *ret_found false leaves it to
 * the next, and in the end to the host's resolvers. The call's account and region are the VPC's. */
typedef const struct refusal *dns_find(struct call *c, const struct stored_vpc *vpc,
                                       const struct dns_question *question, bool *ret_found,
                                       struct dns_answer *ret);
#define DNS_TTL_S 60

RESULT dns_zone_find(struct call *c, const struct stored_vpc *vpc,
                     const struct dns_question *question, bool *ret_found, struct dns_answer *ret);
