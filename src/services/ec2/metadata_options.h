// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Whether and how instances may ask for their metadata, and what they are launched with. Control
 * thread. */
#include "services/ec2/resource.h"

/* What RunInstances says (NULL: nothing), and where it does not the account's defaults, then AWS's.
 */
RESULT metadata_options_read(struct call *c,
                             const struct ec2_instance_metadata_options_request *options,
                             struct stored_instance *to);
