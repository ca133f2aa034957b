// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Tasks that make an image of an archive in S3 (ImportImage). Control thread. */
#include "services/ec2/resource.h"

enum IMPORT_STATE { IMPORT_ACTIVE = 1, IMPORT_COMPLETED, IMPORT_DELETING, IMPORT_DELETED };

extern const struct resource_kind import_task_kind;

/* import_step.c */
RESULT import_task_step(struct call *c, void *record, int64_t *ret_due_ms);
