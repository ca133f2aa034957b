// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The key of iterators and tokens: made once per data directory, fixed after the start. */
#include "base/hash.h"
#include "wire/call.h"

const struct hmac_key *secret_key(const struct call *c);
