// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What the portable and the CPU's own MD5 of several streams share; private to base (others include
 * base/hash.h).
 */
#include "base/hash.h"

#define MD5_LANES 16 /* at most */

/* Moves the states of `count` lanes over as many blocks of 64 bytes at `at[lane]` each; state[n]
 * has word n of all lanes. */
struct md5_lanes {
    size_t count; /* 0: not on this CPU */
    void (*feed)(uint32_t state[4][MD5_LANES], const char *at[MD5_LANES], size_t blocks);
};

enum MD5_WAY { MD5_ONE_BY_ONE, MD5_BY_256, MD5_BY_512, MD5_WAYS };

struct md5_lanes md5_lanes_way(enum MD5_WAY way);
/* md5_feed_many by these lanes. */
void md5_feed_lanes(const struct md5_lanes *lanes, const struct md5_piece *pieces, size_t count);
