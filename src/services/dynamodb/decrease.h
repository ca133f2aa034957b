// SPDX-License-Identifier: Apache-2.0
#pragma once
/* How often units of a table or a global index may be lowered in a day. */
#include "wire/call.h"

/* Counts one more, at *last the moment of the one before and *today their number on its day; or
 * LimitExceededException. */
RESULT decrease_count(struct call *c, int64_t *last, uint64_t *today);
