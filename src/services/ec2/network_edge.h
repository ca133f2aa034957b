// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Where the fabric meets the outside: its name, and the namespace that stands for the internet. */
#include "engines/fabric/fabric.h"
#include "services/ec2/ec2.h"

#define NETWORK_NAME 33

/* Of the fabric of a data directory: two clouds on one machine share none. */
void network_edge_name(const char *data_dir, char name[NETWORK_NAME]);
/* Gives the namespace a device with the first address of the public pool, unless it has it already.
 * Blocks. */
MUST_CHECK int network_edge_plug(struct fabric *fabric, const struct ec2_options *options,
                                 const char **ret_why);
