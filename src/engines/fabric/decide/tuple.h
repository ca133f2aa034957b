// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Where the claim on a tuple stands, and what it looks like. Also for who reads maps from outside:
 * nothing here touches one. */
#include "engines/fabric/decide/types.h"

FAB_INLINE uint64_t fab_hash(const struct fab_key *key)
{
    uint64_t ports = (uint64_t)key->source_port << 16 | key->target_port;
    uint64_t x = ((uint64_t)key->source << 32 | key->target) * 0x9e3779b97f4a7c15ull;
    x = ((x ^ x >> 32) + ((uint64_t)key->at << 32 | ports)) * 0xbf58476d1ce4e5b9ull;
    return (x ^ x >> 31) * 0x94d049bb133111ebull;
}

FAB_INLINE uint32_t fab_line_of(uint64_t hash)
{
    return (uint32_t)(hash >> (64 - FAB_LINE_BITS));
}

/* What stands above the number of the session. */
FAB_INLINE uint32_t fab_mark_of(uint64_t hash)
{
    return (uint32_t)(hash >> (32 - FAB_LINE_BITS)) & (UINT32_MAX << FAB_CLAIM_BITS);
}

FAB_INLINE uint32_t fab_number_of(uint32_t session, uint32_t side)
{
    return (session + 1) << 1 | (side & 1);
}

FAB_INLINE struct fab_claim fab_claim_of(uint32_t number)
{
    return (struct fab_claim){(number >> 1) - 1, number & 1};
}

/* The number that an entry of a line has if its mark is this one, else 0: without a branch, which
 * would be guessed wrong. A number below 2^FAB_CLAIM_BITS less one wraps, all others do not. */
FAB_INLINE uint32_t fab_fitting(uint32_t entry, uint32_t mark)
{
    uint32_t number = entry ^ mark;
    return number & (uint32_t)(((uint64_t)(number >> FAB_CLAIM_BITS) - 1) >> 32);
}
