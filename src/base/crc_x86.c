// SPDX-License-Identifier: Apache-2.0
/*
 * Checksums with carry-less multiplication (the method of Intel's white paper "Fast CRC Computation
 * for Generic Polynomials Using PCLMULQDQ", 2009) and with SSE4.2's CRC32C instruction. Four blocks
 * of 16 bytes are carried ahead over the data; what is left of them is congruent to the data, so
 * the slow reduction of 16 bytes finishes. Pure, any thread.
 */
#include "base/crc.h"

#include <immintrin.h>

/* Data is folded in steps of four blocks of 16 bytes; shorter runs are not folded. */
#define FOLD_MIN 64

#define FOLDING __attribute__((target("pclmul,sse4.2")))

FOLDING static inline __m128i load(const char *at)
{
    return _mm_loadu_si128((const __m128i_u *)(const void *)at);
}

/* `block` moved ahead by the distance of `by`, added to `data`. */
FOLDING static inline __m128i fold(__m128i block, __m128i by, __m128i data)
{
    __m128i first = _mm_clmulepi64_si128(block, by, 0x00);
    __m128i second = _mm_clmulepi64_si128(block, by, 0x11);
    return _mm_xor_si128(_mm_xor_si128(first, second), data);
}

FOLDING static inline __m128i constants(const uint64_t by[2])
{
    return _mm_set_epi64x((long long)by[1], (long long)by[0]);
}

/* Folds all whole blocks of *s (at least FOLD_MIN bytes) into 16 bytes; *s keeps the rest. */
FOLDING static void fold_blocks(const struct crc_kind *kind, uint64_t state, struct span *s,
                                char out[16])
{
    const char *at = s->at, *end = s->at + s->len;
    __m128i by_512 = constants(kind->by_512), by_128 = constants(kind->by_128);
    __m128i a = _mm_xor_si128(load(at), _mm_set_epi64x(0, (long long)state));
    __m128i b = load(at + 16), c = load(at + 32), d = load(at + 48);
    for (at += 64; end - at >= 64; at += 64) {
        a = fold(a, by_512, load(at));
        b = fold(b, by_512, load(at + 16));
        c = fold(c, by_512, load(at + 32));
        d = fold(d, by_512, load(at + 48));
    }
    a = fold(fold(fold(a, by_128, b), by_128, c), by_128, d);
    for (; end - at >= 16; at += 16)
        a = fold(a, by_128, load(at));
    _mm_storeu_si128((__m128i_u *)(void *)out, a);
    *s = span_of(at, (size_t)(end - at));
}

static uint64_t feed_folded(const struct crc_kind *kind, uint64_t state, struct span s)
{
    char left[16];
    if (s.len >= FOLD_MIN) {
        fold_blocks(kind, state, &s, left);
        state = crc_feed_table(kind, 0, span_of(left, sizeof left));
    }
    return crc_feed_table(kind, state, s);
}

__attribute__((target("sse4.2"))) static uint64_t feed_instruction(const struct crc_kind *kind,
                                                                   uint64_t state, struct span s)
{
    for (; s.len >= 8; s = span_from(s, 8)) {
        uint64_t word;
        memcpy(&word, s.at, 8);
        state = _mm_crc32_u64(state, word);
    }
    for (size_t i = 0; i < s.len; i++)
        state = _mm_crc32_u8((uint32_t)state, (unsigned char)s.at[i]);
    return state;
}

/* One chain of the instruction is bound by its latency; from some hundred bytes on folding wins. */
static uint64_t feed_castagnoli(const struct crc_kind *kind, uint64_t state, struct span s)
{
    char left[16];
    if (s.len >= 4 * FOLD_MIN) {
        fold_blocks(kind, state, &s, left);
        state = feed_instruction(kind, 0, span_of(left, sizeof left));
    }
    return feed_instruction(kind, state, s);
}

crc_feed_fn *crc_way(enum CRC_WAY way, enum CRC_KIND kind)
{
    __builtin_cpu_init();
    bool instruction = __builtin_cpu_supports("sse4.2");
    bool folding = instruction && __builtin_cpu_supports("pclmul");
    if (way == CRC_BY_TABLES)
        return crc_feed_table;
    if (way == CRC_BY_INSTRUCTION)
        return instruction && kind == CRC_CASTAGNOLI ? feed_instruction : NULL;
    if (!folding)
        return NULL;
    return kind == CRC_CASTAGNOLI ? feed_castagnoli : feed_folded;
}
