// SPDX-License-Identifier: Apache-2.0
#pragma once
/* DryRun, for every operation that has it. Control thread. */
#include "wire/call.h"

/* The hook behind each handler. */
RESULT dry_run_check(struct call *c, const void *in);
