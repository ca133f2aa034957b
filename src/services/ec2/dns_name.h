// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Names of addresses ("DNS attributes for your VPC"). Pure but for the call's region. */
#include "wire/call.h"

/* ip-10-0-1-5.ec2.internal, ip-10-0-1-5.eu-west-1.compute.internal */
struct span dns_name_private(struct call *c, struct span address);
/* ec2-203-0-113-7.compute-1.amazonaws.com, ec2-203-0-113-7.eu-west-1.compute.amazonaws.com */
struct span dns_name_public(struct call *c, struct span address);
/* What private names end with: ec2.internal; us-east-1 has no region in it. */
struct span dns_name_domain(struct call *c);
