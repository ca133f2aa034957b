// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The machine's public addresses, of all accounts and regions together: the pool that `kintoun up`
 * was given. Control thread. */
#include "wire/call.h"

/* `wanted`, or any free one (0), for an elastic address or an interface. */
RESULT public_lease_take(struct call *c, uint32_t wanted, struct span holder, uint32_t *ret);
void public_lease_end(struct call *c, uint32_t address);
