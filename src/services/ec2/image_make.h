// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Images in the making. Control thread. */
#include "services/ec2/resource.h"

/* A new one that is to be made of what the record says; its name is checked. */
RESULT image_make(struct call *c, const struct stored_image *wanted,
                  const struct ec2_tag_specification_list *tags, struct span *ret_id);
RESULT image_step(struct call *c, void *record, int64_t *ret_due_ms);
