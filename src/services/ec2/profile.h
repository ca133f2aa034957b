// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Instance profiles of IAM, as instances have them. Control thread. */
#include "services/ec2/resource.h"

/* What RunInstances names: it must be there, and its role may be passed by the caller. NULL: none.
 */
RESULT profile_read(struct call *c, const struct ec2_iam_instance_profile_specification *wanted,
                    struct stored_instance *to);
