// SPDX-License-Identifier: Apache-2.0
/*
 * Deals streams out to the lanes of md5_x86.c. A lane runs the whole blocks of its piece; what does
 * not fill a block waits in libcrypto's state, where the stream began and will end. When so few
 * streams are left that empty lanes cost more than they save, they are finished one by one. Pure,
 * any thread.
 */
#include "base/md5_lanes.h"

#define BLOCK 64    /* bytes */
#define LANES_MIN 3 /* one stream alone is about that much faster without lanes */

struct lane {
    MD5_CTX *md5;
    struct span rest;
};

struct deal {
    const struct md5_lanes *lanes;
    const struct md5_piece *next, *end;
    struct lane running[MD5_LANES];
    size_t count;
};

/* Brings a stream to the edge of a block; what then has no whole block is done. */
static void take_next(struct deal *deal)
{
    const struct md5_piece *piece = deal->next++;
    MD5_CTX *md5 = piece->md5;
    size_t to_edge = md5->num ? BLOCK - md5->num : 0;
    struct span head = span_first(piece->bytes, to_edge), rest = span_from(piece->bytes, head.len);
    MD5_Update(md5, head.at, head.len);
    if (rest.len < BLOCK)
        MD5_Update(md5, rest.at, rest.len);
    else
        deal->running[deal->count++] = (struct lane){md5, rest};
}

static void run_blocks(struct deal *deal, size_t blocks)
{
    uint32_t state[4][MD5_LANES];
    const char *at[MD5_LANES];
    for (size_t i = 0; i < MD5_LANES; i++) {
        const struct lane *lane = &deal->running[i < deal->count ? i : 0];
        at[i] = lane->rest.at;
        state[0][i] = lane->md5->A;
        state[1][i] = lane->md5->B;
        state[2][i] = lane->md5->C;
        state[3][i] = lane->md5->D;
    }
    deal->lanes->feed(state, at, blocks);
    for (size_t i = 0; i < deal->count; i++) {
        struct lane *lane = &deal->running[i];
        MD5_CTX *md5 = lane->md5;
        uint64_t bits = ((uint64_t)md5->Nh << 32 | md5->Nl) + (uint64_t)blocks * BLOCK * 8;
        md5->A = state[0][i];
        md5->B = state[1][i];
        md5->C = state[2][i];
        md5->D = state[3][i];
        md5->Nl = (MD5_LONG)bits;
        md5->Nh = (MD5_LONG)(bits >> 32);
        lane->rest = span_from(lane->rest, blocks * BLOCK);
    }
}

static size_t fewest_blocks(const struct deal *deal)
{
    size_t blocks = SIZE_MAX;
    for (size_t i = 0; i < deal->count; i++)
        if (deal->running[i].rest.len / BLOCK < blocks)
            blocks = deal->running[i].rest.len / BLOCK;
    return blocks;
}

/* Ends the streams that have no whole block left, or all of them. */
static void retire(struct deal *deal, size_t below)
{
    size_t kept = 0;
    for (size_t i = 0; i < deal->count; i++) {
        struct lane *lane = &deal->running[i];
        if (lane->rest.len < below)
            MD5_Update(lane->md5, lane->rest.at, lane->rest.len);
        else
            deal->running[kept++] = *lane;
    }
    deal->count = kept;
}

void md5_feed_lanes(const struct md5_lanes *lanes, const struct md5_piece *pieces, size_t count)
{
    struct deal deal = {.lanes = lanes, .next = pieces, .end = pieces + count};
    for (;;) {
        while (deal.next < deal.end && deal.count < lanes->count)
            take_next(&deal);
        if (deal.count < LANES_MIN)
            break;
        run_blocks(&deal, fewest_blocks(&deal));
        retire(&deal, BLOCK);
    }
    retire(&deal, SIZE_MAX);
    for (; deal.next < deal.end; deal.next++) /* there are no lanes */
        MD5_Update(deal.next->md5, deal.next->bytes.at, deal.next->bytes.len);
}

static struct md5_lanes best;

__attribute__((constructor)) static void choose(void)
{
    for (enum MD5_WAY way = 0; way < MD5_WAYS; way++)
        if (md5_lanes_way(way).count)
            best = md5_lanes_way(way);
}

void md5_feed_many(const struct md5_piece *pieces, size_t count)
{
    md5_feed_lanes(&best, pieces, count);
}
