// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Sockets in the fabric's namespace of services, and where instances find what listens there. The
 * fabric's thread. */
#include "services/ec2/network.h"

/* Opens every socket of the list and sends it on its way. */
void network_sockets_open(struct network_socket *first, struct fabric *fabric);
/* The link-local addresses of services, which are the same in every VPC. */
MUST_CHECK int network_services_put(struct fabric *fabric);
