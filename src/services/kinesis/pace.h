// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * How often management operations may be called: so many times a second for each account and
 * region, or each stream. `kintoun up --unlimited` lifts it. Control thread.
 */
#include "wire/call.h"
#include "wire/refusal.h"

struct pace;
struct pace *pace_new(void);
void pace_free(struct pace *pace);
/* LimitExceededException when the call's operation was called too often; `resource` is the ARN that
 * permission is asked for. */
RESULT pace_take(struct call *c, struct span resource);
/* step.c */
struct pace *kinesis_pace(const struct cloud *cloud);
