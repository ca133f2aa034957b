// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What operations that write several items share. Any thread. */
#include "engines/kv/kv.h"
#include "wire/call.h"

/* The bytes of an item that is not too large, in the call's arena. */
RESULT write_encode(struct call *c, const struct kv_map *item, struct span *ret);
