// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Names of services and of VPC endpoints, for the resolver of a VPC. Control thread. */
#include "services/ec2/dns_zone.h"

/* A dns_find. */
RESULT endpoint_find_name(struct call *c, const struct stored_vpc *vpc,
                          const struct dns_question *question, bool *ret_found,
                          struct dns_answer *ret);
