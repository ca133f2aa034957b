// SPDX-License-Identifier: Apache-2.0
/*
 * Checksums as polynomials over GF(2): the tables, the powers of x and the combination of two
 * checksums all follow from a kind's polynomial and are computed once, before main(). Immutable
 * afterwards: any thread.
 */
#include "base/crc.h"

#include "base/hash.h"

#include <endian.h>

static struct crc_kind kinds[CRC_KINDS] = {
    [CRC_ISO_HDLC] = {.polynomial = 0xedb88320, .width = 32},
    [CRC_CASTAGNOLI] = {.polynomial = 0x82f63b78, .width = 32},
    [CRC_NVME] = {.polynomial = 0x9a6c9329ac4bc9b5, .width = 64},
};
static crc_feed_fn *best[CRC_KINDS];

/* a * x mod the polynomial. */
static uint64_t times_x(const struct crc_kind *kind, uint64_t a)
{
    return a >> 1 ^ (kind->polynomial & (0 - (a & 1)));
}

/* a * b mod the polynomial. */
static uint64_t product(const struct crc_kind *kind, uint64_t a, uint64_t b)
{
    uint64_t sum = 0;
    for (uint64_t bit = 1ULL << (kind->width - 1); bit; bit >>= 1) {
        if (a & bit)
            sum ^= b;
        b = times_x(kind, b);
    }
    return sum;
}

/* x^(exponent * 2^scale) mod the polynomial. */
static uint64_t power_of_x(const struct crc_kind *kind, uint64_t exponent, size_t scale)
{
    uint64_t power = 1ULL << (kind->width - 1); /* x^0 */
    for (size_t k = scale; exponent; exponent >>= 1, k++)
        if (exponent & 1)
            power = product(kind, power, kind->squares[k]);
    return power;
}

static void fold_constants(const struct crc_kind *kind, unsigned distance, uint64_t out[2])
{
    out[0] = power_of_x(kind, distance + 63, 0) << (64 - kind->width);
    out[1] = power_of_x(kind, distance - 1, 0) << (64 - kind->width);
}

static void prepare(struct crc_kind *kind)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        uint64_t state = byte;
        for (int bit = 0; bit < 8; bit++)
            state = times_x(kind, state);
        kind->table[0][byte] = state;
    }
    for (int zeros = 1; zeros < 8; zeros++)
        for (unsigned byte = 0; byte < 256; byte++) {
            uint64_t state = kind->table[zeros - 1][byte];
            kind->table[zeros][byte] = state >> 8 ^ kind->table[0][state & 0xff];
        }
    kind->squares[0] = 1ULL << (kind->width - 2); /* x^1 */
    for (size_t k = 1; k < ARRAY_LEN(kind->squares); k++)
        kind->squares[k] = product(kind, kind->squares[k - 1], kind->squares[k - 1]);
    fold_constants(kind, 512, kind->by_512);
    fold_constants(kind, 128, kind->by_128);
}

/* Before the other constructors, so that they may use checksums. */
__attribute__((constructor(101))) static void prepare_all(void)
{
    for (enum CRC_KIND kind = 0; kind < CRC_KINDS; kind++) {
        prepare(&kinds[kind]);
        for (enum CRC_WAY way = 0; way < CRC_WAYS; way++)
            if (crc_way(way, kind))
                best[kind] = crc_way(way, kind);
    }
}

const struct crc_kind *crc_kind(enum CRC_KIND kind)
{
    return &kinds[kind];
}

/* Eight bytes at a time: each goes through the table of the bytes that follow it. */
uint64_t crc_feed_table(const struct crc_kind *kind, uint64_t state, struct span s)
{
    const uint64_t(*table)[256] = kind->table;
    for (; s.len >= 8; s = span_from(s, 8)) {
        uint64_t word;
        memcpy(&word, s.at, 8);
        word = le64toh(word) ^ state;
        state = table[7][word & 0xff] ^ table[6][word >> 8 & 0xff] ^ table[5][word >> 16 & 0xff] ^
                table[4][word >> 24 & 0xff] ^ table[3][word >> 32 & 0xff] ^
                table[2][word >> 40 & 0xff] ^ table[1][word >> 48 & 0xff] ^ table[0][word >> 56];
    }
    for (size_t i = 0; i < s.len; i++)
        state = state >> 8 ^ table[0][(state ^ (unsigned char)s.at[i]) & 0xff];
    return state;
}

static uint64_t feed(enum CRC_KIND kind, uint64_t state, struct span s)
{
    return best[kind](&kinds[kind], state, s);
}

uint32_t crc32_feed(uint32_t crc, struct span s)
{
    return ~(uint32_t)feed(CRC_ISO_HDLC, ~crc, s);
}

uint32_t crc32c_feed(uint32_t crc, struct span s)
{
    return ~(uint32_t)feed(CRC_CASTAGNOLI, ~crc, s);
}

uint64_t crc64nvme_feed(uint64_t crc, struct span s)
{
    return ~feed(CRC_NVME, ~crc, s);
}

/* A's checksum moved ahead by B's bits; the inversions of both cancel each other. */
static uint64_t combine(enum CRC_KIND kind, uint64_t a, uint64_t b, uint64_t len_b)
{
    return product(&kinds[kind], power_of_x(&kinds[kind], len_b, 3), a) ^ b;
}

uint32_t crc32_combine(uint32_t crc_a, uint32_t crc_b, uint64_t len_b)
{
    return (uint32_t)combine(CRC_ISO_HDLC, crc_a, crc_b, len_b);
}

uint32_t crc32c_combine(uint32_t crc_a, uint32_t crc_b, uint64_t len_b)
{
    return (uint32_t)combine(CRC_CASTAGNOLI, crc_a, crc_b, len_b);
}

uint64_t crc64nvme_combine(uint64_t crc_a, uint64_t crc_b, uint64_t len_b)
{
    return combine(CRC_NVME, crc_a, crc_b, len_b);
}
