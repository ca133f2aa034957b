// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What all operations of S3 Control begin with, and what blocks the public in both of its forms. */
#include "services/s3/s3.h"
#include "services/s3control/s3control.api.h"

/* The account is the caller's own: these operations know no others. AccessDenied. Source: "Access
 * points naming rules, restrictions, and limitations". */
RESULT account_check(struct call *c, struct span account);
/* enum S3_BLOCK of what is set to true, and back. */
uint64_t account_read_block(const struct s3control_public_access_block_configuration *block);
struct s3control_public_access_block_configuration *account_show_block(struct call *c,
                                                                       uint64_t blocked);
