// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * A streaming blob as handlers see it, in both directions: bytes in memory, or extents in files. It
 * is never collected in an arena. In an input the gate has received it into a draft of the store
 * and computed the digests that the operation's plan asked for; what the handler does not adopt is
 * discarded after it.
 */
#include "base/digests.h"

struct extent;      /* store/extent.h */
struct extent_part; /* store/extent.h */
struct draft;       /* store/draft.h */

struct body {
    uint64_t len;                 /* bytes of the whole body */
    struct span bytes;            /* what is in memory: all of it, or (output) the end */
    const struct extent *extents; /* what comes before, in order */
    size_t extent_count;
    const struct extent_part *parts; /* output: instead of extents, where some are sealed */
    size_t part_count;
    uint64_t skip;                 /* output: bytes of the first extent that are not sent */
    struct draft *draft;           /* input: owns the extents until the handler adopts them */
    const struct digests *digests; /* input */
};

/* What an admit function decides from the decoded head, before the first body byte is taken. */
struct body_plan {
    unsigned digests; /* DIGEST bits to compute while it streams */
    bool sealed;      /* what goes into extents shall be sealed (base/seal.h) */
    uint64_t max_len; /* bytes; above it the operation's own too-large error is answered */
};
