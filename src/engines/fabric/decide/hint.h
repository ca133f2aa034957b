// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Hints: where the flow of a tuple is, asked by every packet before the table that knows for sure.
 * With many flows a packet costs what it fetches into caches: a look-up of the table is a bucket
 * and an element, each of them on a page of its own, while all hints together are a megabyte, and
 * lead to the very line that the packet needs. A hint may be wrong or missing at any time.
 */
#include "engines/fabric/decide/types.h"

FAB_INLINE uint64_t fab_hash(const struct fab_key *key)
{
    uint64_t ports = (uint64_t)key->source_port << 16 | key->target_port;
    uint64_t x = ((uint64_t)key->source << 32 | key->target) * 0x9e3779b97f4a7c15ull;
    x = ((x ^ x >> 32) + ((uint64_t)key->at << 32 | ports)) * 0xbf58476d1ce4e5b9ull;
    return (x ^ x >> 31) * 0x94d049bb133111ebull;
}

FAB_INLINE struct fab_hint *fab_hint_of(uint64_t hash)
{
    return FAB_AT(fab_hints, (uint32_t)(hash >> (64 - FAB_HINT_BITS)));
}

/* The rest of the hash that has room above a number. */
FAB_INLINE uint32_t fab_hint_mark(uint64_t hash)
{
    return (uint32_t)(hash >> (32 - FAB_HINT_BITS)) & (UINT32_MAX << FAB_HINT_NUMBER_BITS);
}

/* Where the flow of a tuple may be, without a branch that would be guessed wrong: a number below
 * 2^FAB_HINT_NUMBER_BITS less one wraps, all others do not. */
FAB_INLINE struct fab_claim fab_hinted(const struct fab_key *key)
{
    uint64_t hash = fab_hash(key);
    const struct fab_hint *hint = fab_hint_of(hash);
    uint32_t mark = fab_hint_mark(hash), found = 0;
    for (int i = 0; hint && i < FAB_HINT_WAYS; i++) {
        uint32_t number = hint->at[i] ^ mark;
        found |= number & (uint32_t)(((uint64_t)(number >> FAB_HINT_NUMBER_BITS) - 1) >> 32);
    }
    return (struct fab_claim){found >> 1, found & 1};
}

/* In a full bucket it takes the place of another, which fab_flows still knows. */
FAB_ONCE int fab_hint_keep(const struct fab_key *key, uint32_t session, uint32_t side)
{
    uint64_t hash = key ? fab_hash(key) : 0;
    struct fab_hint *hint = fab_hint_of(hash);
    uint32_t mine = fab_hint_mark(hash) ^ (session << 1 | (side & 1)), place = session;
    if (!key || !hint)
        return 0;
    for (uint32_t i = 0; i < FAB_HINT_WAYS; i++) {
        if (hint->at[i] == mine)
            return 0;
        if (!hint->at[i])
            place = i;
    }
    hint->at[place % FAB_HINT_WAYS] = mine;
    return 1;
}

FAB_ONCE int fab_hint_drop(const struct fab_key *key, uint32_t session, uint32_t side)
{
    uint64_t hash = key ? fab_hash(key) : 0;
    struct fab_hint *hint = fab_hint_of(hash);
    uint32_t mine = fab_hint_mark(hash) ^ (session << 1 | (side & 1));
    for (uint32_t i = 0; key && hint && i < FAB_HINT_WAYS; i++)
        if (hint->at[i] == mine)
            hint->at[i] = 0;
    return 0;
}
