// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What the portable and the CPU's own checksum code share; private to base (others include
 * base/hash.h). All three checksums are reflected, begin with all ones and end inverted, so one
 * text serves them all: a polynomial of degree < width is held with x^(width-1) in bit 0.
 */
#include "base/span.h"

/* Bulk data is folded in steps of four blocks of 16 bytes; shorter runs go through the tables. */
#define CRC_FOLD_MIN 64

struct crc_kind {
    uint64_t polynomial; /* reflected, without the x^width term */
    int width;           /* bits */
    /* x^(distance+63) and x^(distance-1) mod polynomial, with x^63 in bit 0: what moves the first
     * and the second half of a block of 16 bytes ahead by that many bits. */
    uint64_t by_512[2], by_128[2];
    uint64_t table[8][256]; /* table[k][b]: byte b followed by k zero bytes */
};

/* The state (not inverted) after `s`, which is shorter than a fold or what a fold left. */
typedef uint64_t crc_feed_fn(const struct crc_kind *kind, uint64_t state, struct span s);

uint64_t crc_feed_table(const struct crc_kind *kind, uint64_t state, struct span s);

/* What this CPU does best; all are crc_feed_table where it has nothing better. */
struct crc_cpu {
    crc_feed_fn *any;        /* every kind */
    crc_feed_fn *castagnoli; /* CRC32C only */
};
struct crc_cpu crc_cpu_probe(void);
