// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Egress-only internet gateways: IPv6 goes out by them, and only answers come in. Control thread.
 */
#include "services/ec2/resource.h"

extern const struct resource_kind egress_gateway_kind;
