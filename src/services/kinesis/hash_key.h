// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Hash keys: integers of 128 bits, decimal on the wire. Pure, any thread. */
#include "base/arena.h"
#include "engines/log/log.h"

/* False above 2^128 - 1; `text` is digits without leading zeros, which the model has checked. */
MUST_CHECK bool hash_key_read(struct span text, struct log_hash *ret);
struct span hash_key_print(struct arena *arena, struct log_hash hash);
/* The MD5 of a partition key as a big-endian number. */
struct log_hash hash_key_of(struct span partition_key);
struct log_hash hash_key_before(struct log_hash hash);
struct log_hash hash_key_after(struct log_hash hash);
/* Where part `part` of `parts` even parts of all begins. */
struct log_hash hash_key_part(uint64_t part, uint64_t parts);
#define HASH_KEY_LAST ((struct log_hash){UINT64_MAX, UINT64_MAX})
