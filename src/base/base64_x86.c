// SPDX-License-Identifier: Apache-2.0
/*
 * Base64 with AVX2 (the method of Mula and Lemire, "Faster Base64 Encoding and Decoding using AVX2
 * Instructions", 2018): 24 bytes and 32 letters at a time. Loads and stores stay inside what the
 * groups cover. Pure, any thread.
 */
#include "base/base64_way.h"

#include <immintrin.h>

#define WIDE __attribute__((target("avx2")))
#define STEP 8 /* groups */

/* ---- encoding ---- */

/* Twelve bytes in each half become sixteen numbers below 64. */
WIDE static inline __m256i sixes_of(__m256i bytes)
{
    const __m256i order = _mm256_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10, /**/
                                           1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10);
    bytes = _mm256_shuffle_epi8(bytes, order);
    __m256i first_third = _mm256_mulhi_epu16(_mm256_and_si256(bytes, _mm256_set1_epi32(0x0fc0fc00)),
                                             _mm256_set1_epi32(0x04000040));
    __m256i second_fourth = _mm256_mullo_epi16(
        _mm256_and_si256(bytes, _mm256_set1_epi32(0x003f03f0)), _mm256_set1_epi32(0x01000010));
    return _mm256_or_si256(first_third, second_fourth);
}

/* What is to be added to a number: by its range, which the saturated difference tells. */
WIDE static inline __m256i letters_of(__m256i sixes)
{
    const __m256i shifts = _mm256_broadcastsi128_si256(
        _mm_setr_epi8('a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
                      '0' - 52, '0' - 52, '0' - 52, '0' - 52, '+' - 62, '/' - 63, 'A', 0, 0));
    __m256i range = _mm256_subs_epu8(sixes, _mm256_set1_epi8(51));
    __m256i capital = _mm256_cmpgt_epi8(_mm256_set1_epi8(26), sixes);
    range = _mm256_or_si256(range, _mm256_and_si256(capital, _mm256_set1_epi8(13)));
    return _mm256_add_epi8(sixes, _mm256_shuffle_epi8(shifts, range));
}

WIDE static size_t encode(const uint8_t *from, size_t groups, char *to)
{
    size_t done = 0;
    for (; groups - done >= STEP + 2; done += STEP) { /* a load reads 28 bytes */
        const uint8_t *at = from + 3 * done;
        __m256i bytes =
            _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const void *)at)),
                                    _mm_loadu_si128((const void *)(at + 12)), 1);
        _mm256_storeu_si256((void *)(to + 4 * done), letters_of(sixes_of(bytes)));
    }
    return done;
}

/* ---- decoding ---- */

/* For each half of a letter a set of bits; a letter is bad where both sets have one in common. */
WIDE static inline bool are_good(__m256i high, __m256i low)
{
    const __m256i lows =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11,
                                                  0x11, 0x11, 0x13, 0x1a, 0x1b, 0x1b, 0x1b, 0x1a));
    const __m256i highs =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08,
                                                  0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10));
    return _mm256_testz_si256(_mm256_shuffle_epi8(lows, low), _mm256_shuffle_epi8(highs, high));
}

/* What is to be added to a letter is known from its high half, but for '/'. */
WIDE static inline __m256i values_of(__m256i text, __m256i high)
{
    const __m256i shifts = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 16, 19, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0));
    __m256i slash = _mm256_cmpeq_epi8(text, _mm256_set1_epi8('/'));
    return _mm256_add_epi8(text, _mm256_shuffle_epi8(shifts, _mm256_add_epi8(slash, high)));
}

/* Thirty-two numbers below 64 become 24 bytes. */
WIDE static inline __m256i bytes_of(__m256i values)
{
    const __m256i order = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1));
    __m256i twelves = _mm256_maddubs_epi16(values, _mm256_set1_epi32(0x01400140));
    __m256i threes = _mm256_madd_epi16(twelves, _mm256_set1_epi32(0x00011000));
    return _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(threes, order),
                                       _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 7, 7));
}

WIDE static size_t decode(const uint8_t *from, size_t groups, char *to)
{
    size_t done = 0;
    for (; groups - done >= STEP + 3; done += STEP) { /* a store writes 32 bytes */
        __m256i text = _mm256_loadu_si256((const void *)(from + 4 * done));
        __m256i half = _mm256_set1_epi8(0x0f);
        __m256i high = _mm256_and_si256(_mm256_srli_epi32(text, 4), half);
        if (!are_good(high, _mm256_and_si256(text, half)))
            break;
        _mm256_storeu_si256((void *)(to + 3 * done), bytes_of(values_of(text, high)));
    }
    return done;
}

const struct base64_way *base64_way(enum BASE64_WAY way)
{
    static const struct base64_way avx2 = {encode, decode};
    __builtin_cpu_init(); /* a constructor asks, maybe before the one that would do it */
    return way == BASE64_AVX2 && __builtin_cpu_supports("avx2") ? &avx2 : NULL;
}
