// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The resolver of every VPC, at its address plus two and at 169.254.169.253 ("Amazon DNS server"):
 * by UDP and TCP, for whom the VPC's enableDnsSupport lets ask. What it knows is in dns_zone.h; the
 * rest goes to the servers of a resolv.conf. Control thread.
 */
#include "services/cloud.h"
#include "services/ec2/network.h"

struct resolver;
/* `resolv_conf` is kept. */
struct resolver *resolver_new(struct cloud *cloud, struct network *network,
                              const char *resolv_conf);
/* After the control loop has stopped. */
void resolver_free(struct resolver *resolver);
