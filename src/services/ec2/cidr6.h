// SPDX-License-Identifier: Apache-2.0
#pragma once
/* IPv6 addresses and blocks, in network order. Pure, any thread. */
#include "base/arena.h"

struct cidr6 {
    uint8_t address[16]; /* no bits beyond the prefix */
    uint32_t bits;
};

/* "2001:db8::1". */
MUST_CHECK bool cidr6_read_address(struct span text, uint8_t ret[16]);
struct span cidr6_address_text(struct arena *arena, const uint8_t address[16]);

/* "2001:db8::/32"; bits beyond the prefix are dropped. */
MUST_CHECK bool cidr6_parse(struct span text, struct cidr6 *ret);
/* What was written by cidr6_text before. */
struct cidr6 cidr6_of(struct span text);
/* In the form that EC2 tells it: shortened. */
struct span cidr6_text(struct arena *arena, const struct cidr6 *cidr);
/* Both. */
MUST_CHECK bool cidr6_read(struct arena *arena, struct span text, struct span *ret);

bool cidr6_has(const struct cidr6 *cidr, const uint8_t address[16]);

static inline bool cidr6_contains(const struct cidr6 *outer, const struct cidr6 *inner)
{
    return outer->bits <= inner->bits && cidr6_has(outer, inner->address);
}

static inline bool cidr6_overlaps(const struct cidr6 *a, const struct cidr6 *b)
{
    return cidr6_contains(a, b) || cidr6_contains(b, a);
}
