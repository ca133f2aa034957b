// SPDX-License-Identifier: Apache-2.0
#pragma once
/* How long the security groups of an interface remember connections. Control thread. */
#include "services/ec2/resource.h"

/* Writes the record when something is said; `specification` may be NULL. */
RESULT tracking_set(struct call *c,
                    const struct ec2_connection_tracking_specification_request *specification,
                    struct stored_interface *interface);
/* NULL when nothing was said. */
struct ec2_connection_tracking_configuration *tracking_show(struct call *c,
                                                            const struct stored_interface *from);
