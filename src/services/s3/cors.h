// SPDX-License-Identifier: Apache-2.0
#pragma once
/* A bucket's rules for pages of other origins. Source: "Using cross-origin resource sharing". */
#include "wire/call.h"

/* For the gate; see struct service_hooks. A bucket that is not there has no rules. */
enum CORS cors_answer(struct call *c, const struct cors_request *request,
                      const struct refusal **ret);
/* Does a pattern with at most one '*' cover this text? Pure. */
bool cors_covers(struct span pattern, struct span text);
