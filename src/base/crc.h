// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What the portable and the CPU's own checksum code share; private to base (others include
 * base/hash.h). All three checksums are reflected, begin with all ones and end inverted, so one
 * text serves them all: a polynomial of degree < width is held with x^(width-1) in bit 0.
 */
#include "base/span.h"

enum CRC_KIND { CRC_ISO_HDLC, CRC_CASTAGNOLI, CRC_NVME, CRC_KINDS };

struct crc_kind {
    uint64_t polynomial; /* reflected, without the x^width term */
    int width;           /* bits */
    /* x^(distance+63) and x^(distance-1) mod polynomial, with x^63 in bit 0: what moves the first
     * and the second half of a block of 16 bytes ahead by that many bits. */
    uint64_t by_512[2], by_128[2];
    uint64_t squares[67];   /* x^(2^k) mod polynomial, up to 2^64 bytes */
    uint64_t table[8][256]; /* table[k][b]: byte b followed by k zero bytes */
};

/* The state (the checksum, not inverted) after `s`. */
typedef uint64_t crc_feed_fn(const struct crc_kind *kind, uint64_t state, struct span s);

uint64_t crc_feed_table(const struct crc_kind *kind, uint64_t state, struct span s);

/* Filled before main(), immutable then. */
const struct crc_kind *crc_kind(enum CRC_KIND kind);

/* Ways to compute them, the later the faster. */
enum CRC_WAY { CRC_BY_TABLES, CRC_BY_INSTRUCTION, CRC_BY_FOLDING, CRC_WAYS };

/* The function of that way for that kind; NULL when this CPU or this kind does not have it. */
crc_feed_fn *crc_way(enum CRC_WAY way, enum CRC_KIND kind);
