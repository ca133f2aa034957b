// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Devices of the network namespace that the calling thread is in. Part of both programs; only libc;
 * negative errnos. */
#include "engines/sandbox/sandbox.h"

MUST_CHECK int network_loopback_up(void);
/* Gives a device that is there its address, and routes. */
MUST_CHECK int network_configure(const struct sandbox_network *network);
