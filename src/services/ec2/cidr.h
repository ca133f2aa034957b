// SPDX-License-Identifier: Apache-2.0
#pragma once
/* IPv4 addresses and blocks, in host order. Pure, any thread. */
#include "base/arena.h"

struct cidr {
    uint32_t address; /* no bits beyond the prefix */
    uint32_t bits;
};

/* Dotted, no leading zeros. */
MUST_CHECK bool cidr_read_address(struct span text, uint32_t *ret);
/* Of what cidr_address_text wrote. */
uint32_t cidr_address(struct span text);
struct span cidr_address_text(struct arena *arena, uint32_t address);

/* "10.0.0.0/16"; bits beyond the prefix are dropped, as EC2 does with what it is given. */
MUST_CHECK bool cidr_read(struct span text, struct cidr *ret);
/* What was written by cidr_text before. */
struct cidr cidr_of(struct span text);
struct span cidr_text(struct arena *arena, struct cidr cidr);

static inline uint32_t cidr_mask(uint32_t bits)
{
    return bits ? UINT32_MAX << (32 - bits) : 0;
}

static inline uint32_t cidr_last(struct cidr cidr)
{
    return cidr.address | ~cidr_mask(cidr.bits);
}

static inline bool cidr_has(struct cidr cidr, uint32_t address)
{
    return (address & cidr_mask(cidr.bits)) == cidr.address;
}

static inline bool cidr_contains(struct cidr outer, struct cidr inner)
{
    return outer.bits <= inner.bits && cidr_has(outer, inner.address);
}

static inline bool cidr_overlaps(struct cidr a, struct cidr b)
{
    return cidr_contains(a, b) || cidr_contains(b, a);
}
