// SPDX-License-Identifier: Apache-2.0
/*
 * MD5 (RFC 1321) of several streams side by side: word n of a vector belongs to stream n. One chain
 * of MD5 is bound by its latency, so the lanes beside it are free. Written once in the compiler's
 * vector types and made for AVX-512 and AVX2. Pure, any thread.
 */
#include "base/md5_lanes.h"

#define BLOCK 64 /* bytes */

typedef uint32_t wide __attribute__((vector_size(64)));
typedef uint32_t half __attribute__((vector_size(32)));

#define FIRST(x, y, z) ((z) ^ ((x) & ((y) ^ (z))))
#define SECOND(x, y, z) ((y) ^ ((z) & ((x) ^ (y))))
#define THIRD(x, y, z) ((x) ^ (y) ^ (z))
#define FOURTH(x, y, z) ((y) ^ ((x) | ~(z)))

/* Only what `mix` makes of the newest word is on the long way. */
#define STEP(mix, w, x, y, z, word, shift, constant)                                               \
    do {                                                                                           \
        w += words[(word)] + (constant);                                                           \
        w += mix(x, y, z);                                                                         \
        w = (w << (shift)) | (w >> (32 - (shift)));                                                \
        w += x;                                                                                    \
    } while (0)

/* Four steps: words `first`, `first + by`, … modulo 16, with their constants. */
#define STEPS(mix, first, by, s1, s2, s3, s4, k1, k2, k3, k4)                                      \
    STEP(mix, a, b, c, d, (first), s1, k1);                                                        \
    STEP(mix, d, a, b, c, ((first) + (by)) % 16, s2, k2);                                          \
    STEP(mix, c, d, a, b, ((first) + 2 * (by)) % 16, s3, k3);                                      \
    STEP(mix, b, c, d, a, ((first) + 3 * (by)) % 16, s4, k4)

#define ALL_STEPS                                                                                  \
    STEPS(FIRST, 0, 1, 7, 12, 17, 22, 0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee);             \
    STEPS(FIRST, 4, 1, 7, 12, 17, 22, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501);             \
    STEPS(FIRST, 8, 1, 7, 12, 17, 22, 0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be);             \
    STEPS(FIRST, 12, 1, 7, 12, 17, 22, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821);            \
    STEPS(SECOND, 1, 5, 5, 9, 14, 20, 0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa);             \
    STEPS(SECOND, 5, 5, 5, 9, 14, 20, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8);             \
    STEPS(SECOND, 9, 5, 5, 9, 14, 20, 0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed);             \
    STEPS(SECOND, 13, 5, 5, 9, 14, 20, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a);            \
    STEPS(THIRD, 5, 3, 4, 11, 16, 23, 0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c);             \
    STEPS(THIRD, 1, 3, 4, 11, 16, 23, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70);             \
    STEPS(THIRD, 13, 3, 4, 11, 16, 23, 0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05);            \
    STEPS(THIRD, 9, 3, 4, 11, 16, 23, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665);             \
    STEPS(FOURTH, 0, 7, 6, 10, 15, 21, 0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039);            \
    STEPS(FOURTH, 12, 7, 6, 10, 15, 21, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1);           \
    STEPS(FOURTH, 8, 7, 6, 10, 15, 21, 0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1);            \
    STEPS(FOURTH, 4, 7, 6, 10, 15, 21, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391)

#define LOW_WIDE 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH_WIDE 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#define LOW_HALF 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH_HALF 4, 12, 5, 13, 6, 14, 7, 15

/* Rows become columns by interleaving both halves of the rows as often as a row has bits of
 * number. */
#define TRANSPOSE(vector, rows, low, high)                                                         \
    for (int turn = 1; turn < (rows); turn *= 2) {                                                 \
        vector before[rows];                                                                       \
        memcpy(before, at, sizeof before);                                                         \
        for (int i = 0; i < (rows) / 2; i++) {                                                     \
            at[2 * i] = __builtin_shufflevector(before[i], before[i + (rows) / 2], low);           \
            at[2 * i + 1] = __builtin_shufflevector(before[i], before[i + (rows) / 2], high);      \
        }                                                                                          \
    }

/* Without the address sanitizer, whose frames do not keep to the alignment of wide vectors. */
#define FOR_512 __attribute__((target("avx512f"), no_sanitize("address")))
#define FOR_256 __attribute__((target("avx2"), no_sanitize("address")))

FOR_512 static inline __attribute__((always_inline)) void transpose_wide(wide at[16]){
    TRANSPOSE(wide, 16, LOW_WIDE, HIGH_WIDE)}

FOR_256 static inline __attribute__((always_inline)) void transpose_half(half at[8]){
    TRANSPOSE(half, 8, LOW_HALF, HIGH_HALF)}

FOR_512
    static void feed_wide(uint32_t state[4][MD5_LANES], const char *at[MD5_LANES], size_t blocks)
{
    wide a, b, c, d, words[16];
    memcpy(&a, state[0], sizeof a);
    memcpy(&b, state[1], sizeof b);
    memcpy(&c, state[2], sizeof c);
    memcpy(&d, state[3], sizeof d);
    for (size_t block = 0; block < blocks; block++) {
        wide before_a = a, before_b = b, before_c = c, before_d = d;
        for (int lane = 0; lane < 16; lane++)
            memcpy(&words[lane], at[lane] + block * BLOCK, BLOCK);
        transpose_wide(words);
        ALL_STEPS;
        a += before_a, b += before_b, c += before_c, d += before_d;
    }
    memcpy(state[0], &a, sizeof a);
    memcpy(state[1], &b, sizeof b);
    memcpy(state[2], &c, sizeof c);
    memcpy(state[3], &d, sizeof d);
}

FOR_256 static void feed_half(uint32_t state[4][MD5_LANES], const char *at[MD5_LANES],
                              size_t blocks)
{
    half a, b, c, d, words[16];
    memcpy(&a, state[0], sizeof a);
    memcpy(&b, state[1], sizeof b);
    memcpy(&c, state[2], sizeof c);
    memcpy(&d, state[3], sizeof d);
    for (size_t block = 0; block < blocks; block++) {
        half before_a = a, before_b = b, before_c = c, before_d = d;
        for (int lane = 0; lane < 8; lane++) {
            memcpy(&words[lane], at[lane] + block * BLOCK, BLOCK / 2);
            memcpy(&words[lane + 8], at[lane] + block * BLOCK + BLOCK / 2, BLOCK / 2);
        }
        transpose_half(words);
        transpose_half(words + 8);
        ALL_STEPS;
        a += before_a, b += before_b, c += before_c, d += before_d;
    }
    memcpy(state[0], &a, sizeof a);
    memcpy(state[1], &b, sizeof b);
    memcpy(state[2], &c, sizeof c);
    memcpy(state[3], &d, sizeof d);
}

struct md5_lanes md5_lanes_way(enum MD5_WAY way)
{
    __builtin_cpu_init();
    if (way == MD5_BY_512 && __builtin_cpu_supports("avx512f"))
        return (struct md5_lanes){16, feed_wide};
    if (way == MD5_BY_256 && __builtin_cpu_supports("avx2"))
        return (struct md5_lanes){8, feed_half};
    return (struct md5_lanes){.count = 0};
}
