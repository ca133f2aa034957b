// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Claims: whose a tuple is. A packet costs what it fetches into caches, and a new flow what it
 * writes: so all claims on a tuple stand in one line, found by a hash, and lead to the line of the
 * session that the packet needs and that has the tuple. They are made without a lock: who claims
 * looks for others, puts his claim where none is, and looks again. Of several who do so at once
 * none or one gets it, for whoever comes later sees who was there.
 */
#include "engines/fabric/decide/tuple.h"

#define FAB_HOME_CLAIMS 4 /* a packet looks at these only, so that is where a claim wants to be */

struct fab_spot {
    struct fab_line *line;
    uint32_t mark, home; /* home: the first of FAB_HOME_CLAIMS */
};

FAB_INLINE struct fab_spot fab_spot_of(const struct fab_key *key)
{
    uint64_t hash = fab_hash(key);
    return (struct fab_spot){.line = FAB_AT(fab_lines, fab_line_of(hash)),
                             .mark = fab_mark_of(hash),
                             .home = (uint32_t)(hash >> 31) & (FAB_LINE_CLAIMS - FAB_HOME_CLAIMS)};
}

FAB_INLINE int fab_same_key(const struct fab_key *a, const struct fab_key *b)
{
    return a->source == b->source && a->target == b->target && a->source_port == b->source_port &&
           a->target_port == b->target_port && a->at == b->at;
}

/* Where the flow of a tuple most likely is; the flow tells whether it is meant. What is not at
 * home, or beside one with the same mark, is found by fab_claim_other only. */
FAB_INLINE struct fab_claim fab_claim_guess(const struct fab_key *key)
{
    struct fab_spot spot = fab_spot_of(key);
    uint32_t found = 0;
    for (uint32_t i = 0; spot.line && i < FAB_HOME_CLAIMS; i++)
        found |= fab_fitting(spot.line->at[spot.home + i], spot.mark);
    return fab_claim_of(found);
}

/* The number of who has claimed a tuple, but for `mine` that has, too (0: none); 0: nobody. */
FAB_ONCE uint32_t fab_claim_other(const struct fab_key *key, uint32_t mine)
{
    if (!key)
        return 0;
    struct fab_spot spot = fab_spot_of(key);
    uint32_t found = 0;
    for (uint32_t i = 0; spot.line && i < FAB_LINE_CLAIMS; i++)
        found += fab_fitting(spot.line->at[i], spot.mark);
    for (uint32_t i = 0; spot.line && found != mine && i < FAB_LINE_CLAIMS; i++) {
        uint32_t number = fab_fitting(spot.line->at[i], spot.mark);
        struct fab_claim claim = fab_claim_of(number);
        const struct fab_session *session = number ? FAB_AT(fab_sessions, claim.session) : 0;
        if (session && number != mine && fab_same_key(&session->flows[claim.side & 1].key, key))
            return number;
    }
    return 0;
}

/* Claims the tuple that stands in a session: FAB_PASSED; FAB_RACED when another has it; FAB_FULL.
 */
FAB_ONCE int fab_claim_take(uint32_t session, uint32_t side)
{
    const struct fab_session *own = FAB_AT(fab_sessions, session);
    if (!own)
        return FAB_FULL;
    const struct fab_key key = own->flows[side & 1].key;
    struct fab_spot spot = fab_spot_of(&key);
    uint32_t mine = fab_number_of(session, side), i = 0;
    if (!spot.line || fab_claim_other(&key, 0))
        return FAB_RACED;
    for (; i < FAB_LINE_CLAIMS; i++) {
        uint32_t *at = &spot.line->at[(spot.home + i) % FAB_LINE_CLAIMS];
        if (!*at && !FAB_SWAP(at, 0, mine ^ spot.mark))
            break;
    }
    if (i == FAB_LINE_CLAIMS)
        return FAB_FULL;
    if (!fab_claim_other(&key, mine))
        return FAB_PASSED;
    spot.line->at[(spot.home + i) % FAB_LINE_CLAIMS] = 0;
    return FAB_RACED;
}

/* Only what is this session's own. */
FAB_ONCE int fab_claim_drop(const struct fab_key *key, uint32_t session, uint32_t side)
{
    if (!key)
        return 0;
    struct fab_spot spot = fab_spot_of(key);
    uint32_t mine = fab_number_of(session, side) ^ spot.mark;
    for (uint32_t i = 0; spot.line && i < FAB_LINE_CLAIMS; i++)
        if (spot.line->at[i] == mine)
            spot.line->at[i] = 0;
    return 0;
}
