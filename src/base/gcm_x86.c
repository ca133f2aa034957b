// SPDX-License-Identifier: Apache-2.0
/*
 * Sixteen blocks at a time, four in each of four vectors: their counters are encrypted side by
 * side, and the hash adds sixteen products before it reduces once. The hash works on blocks whose
 * bytes are turned around, so that a product of the CPU's is the field's but for one bit; the
 * powers of the key carry that bit (Gueron and Kounavis, "Intel Carry-Less Multiplication
 * Instruction and its Usage for Computing the GCM Mode", 2010). No branch and no address depends on
 * a secret. Pure, any thread.
 */
#include "base/gcm.h"

#include <cpuid.h>
#include <immintrin.h>

#define BLOCKS 16 /* of a stride */
#define VECTORS 4
#define ROUNDS 14
#define NARROW __attribute__((target("aes,pclmul,sse4.2")))
/* Without the address sanitizer, whose frames do not keep to the alignment of wide vectors. */
#define WIDE                                                                                       \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,vaes,vpclmulqdq,aes,pclmul"),        \
                   no_sanitize("address")))

static bool here; /* set before main() */

/* Wide AES is asked for by hand: clang 14 has no name for it. */
__attribute__((constructor(101))) static void look(void)
{
    unsigned eax, ebx, ecx = 0, edx;
    bool wide = __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && ecx & bit_VAES;
    __builtin_cpu_init();
    here = wide && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("vpclmulqdq") && __builtin_cpu_supports("aes") &&
           __builtin_cpu_supports("pclmul");
}

bool gcm_is_here(void)
{
    return here;
}

NARROW static inline __m128i load(const void *at)
{
    return _mm_loadu_si128((const __m128i_u *)at);
}

NARROW static inline void store(void *at, __m128i block)
{
    _mm_storeu_si128((__m128i_u *)at, block);
}

NARROW static inline __m128i turned(__m128i block)
{
    return _mm_shuffle_epi8(block,
                            _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* FIPS 197, 5.2: each word is the one eight before it and the one before it, which is changed at
 * every fourth. */
NARROW static inline __m128i next_key(__m128i before, __m128i changed)
{
    before = _mm_xor_si128(before, _mm_slli_si128(before, 4));
    before = _mm_xor_si128(before, _mm_slli_si128(before, 8));
    return _mm_xor_si128(before, changed);
}

#define EVEN_KEY(round, constant)                                                                  \
    key[round] =                                                                                   \
        next_key(key[(round)-2],                                                                   \
                 _mm_shuffle_epi32(_mm_aeskeygenassist_si128(key[(round)-1], constant), 0xff))
#define ODD_KEY(round)                                                                             \
    key[round] = next_key(key[(round)-2],                                                          \
                          _mm_shuffle_epi32(_mm_aeskeygenassist_si128(key[(round)-1], 0), 0xaa))

NARROW static void expand(struct gcm *gcm, const uint8_t bytes[32])
{
    __m128i key[ROUNDS + 1] = {load(bytes), load(bytes + 16)};
    EVEN_KEY(2, 0x01);
    ODD_KEY(3);
    EVEN_KEY(4, 0x02);
    ODD_KEY(5);
    EVEN_KEY(6, 0x04);
    ODD_KEY(7);
    EVEN_KEY(8, 0x08);
    ODD_KEY(9);
    EVEN_KEY(10, 0x10);
    ODD_KEY(11);
    EVEN_KEY(12, 0x20);
    ODD_KEY(13);
    EVEN_KEY(14, 0x40);
    for (size_t i = 0; i <= ROUNDS; i++)
        store(gcm->rounds[i], key[i]);
}

NARROW static __m128i encrypt(const struct gcm *gcm, __m128i block)
{
    block = _mm_xor_si128(block, load(gcm->rounds[0]));
    for (size_t i = 1; i < ROUNDS; i++)
        block = _mm_aesenc_si128(block, load(gcm->rounds[i]));
    return _mm_aesenclast_si128(block, load(gcm->rounds[ROUNDS]));
}

/* ---- the hash ---------------------------------------------------------------------------------
 */

/* What a product of two blocks consists of: the middle belongs 64 bits above the low one. */
struct product {
    __m128i low, middle, high;
};

NARROW static inline __m128i reduce(struct product product)
{
    __m128i polynomial = _mm_set_epi64x((long long)0xc200000000000000ULL, 1);
    __m128i folded = _mm_clmulepi64_si128(product.low, polynomial, 0x10);
    __m128i middle =
        _mm_xor_si128(_mm_xor_si128(product.middle, folded), _mm_shuffle_epi32(product.low, 0x4e));
    folded = _mm_clmulepi64_si128(middle, polynomial, 0x10);
    return _mm_xor_si128(_mm_xor_si128(product.high, folded), _mm_shuffle_epi32(middle, 0x4e));
}

NARROW static __m128i multiply(__m128i a, __m128i b)
{
    struct product product = {
        _mm_clmulepi64_si128(a, b, 0x00),
        _mm_xor_si128(_mm_clmulepi64_si128(a, b, 0x01), _mm_clmulepi64_si128(a, b, 0x10)),
        _mm_clmulepi64_si128(a, b, 0x11)};
    return reduce(product);
}

/* Times x: the bit that a product of turned blocks lacks. */
NARROW static __m128i doubled(__m128i block)
{
    __m128i carries = _mm_srai_epi32(_mm_shuffle_epi32(block, 0xd3), 31);
    __m128i carried = _mm_set_epi64x((long long)0xc200000000000001ULL, 1);
    return _mm_xor_si128(_mm_add_epi64(block, block), _mm_and_si128(carries, carried));
}

NARROW void gcm_begin(struct gcm *gcm, const uint8_t key[32])
{
    expand(gcm, key);
    __m128i first = doubled(turned(encrypt(gcm, _mm_setzero_si128()))), power = first;
    for (size_t i = BLOCKS; i; i--) {
        store(gcm->powers[i - 1], power);
        power = multiply(power, first);
    }
}

struct wide_product {
    __m512i low, middle, high;
};

WIDE static inline __m128i sum_of(__m512i vector)
{
    __m256i half =
        _mm256_xor_si256(_mm512_castsi512_si256(vector), _mm512_extracti64x4_epi64(vector, 1));
    return _mm_xor_si128(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

WIDE static inline __m512i turned_wide(__m512i blocks)
{
    __m512i order =
        _mm512_broadcast_i32x4(_mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    return _mm512_shuffle_epi8(blocks, order);
}

/* The hash with a stride of sealed blocks. */
WIDE static inline __m128i hash_stride(const __m512i powers[VECTORS], __m128i hash,
                                       const __m512i sealed[VECTORS])
{
    struct wide_product sum = {_mm512_setzero_si512(), _mm512_setzero_si512(),
                               _mm512_setzero_si512()};
    for (size_t i = 0; i < VECTORS; i++) {
        __m512i blocks = turned_wide(sealed[i]);
        if (i == 0)
            blocks = _mm512_xor_si512(blocks, _mm512_zextsi128_si512(hash));
        sum.low = _mm512_xor_si512(sum.low, _mm512_clmulepi64_epi128(blocks, powers[i], 0x00));
        sum.high = _mm512_xor_si512(sum.high, _mm512_clmulepi64_epi128(blocks, powers[i], 0x11));
        sum.middle = _mm512_ternarylogic_epi64(
            sum.middle, _mm512_clmulepi64_epi128(blocks, powers[i], 0x01),
            _mm512_clmulepi64_epi128(blocks, powers[i], 0x10), 0x96 /* all three added */);
    }
    return reduce((struct product){sum_of(sum.low), sum_of(sum.middle), sum_of(sum.high)});
}

/* ---- runs -------------------------------------------------------------------------------------
 */

enum DIRECTION { SEAL, OPEN };

/* The counter's block, turned around, so that its number is the lowest word. */
WIDE static inline __m128i counter_block(const uint8_t nonce[12], uint32_t number)
{
    uint8_t bytes[16] = {0};
    memcpy(bytes, nonce, 12);
    return _mm_or_si128(turned(load(bytes)), _mm_set_epi32(0, 0, 0, (int)number));
}

WIDE static inline void encrypt_counters(const __m512i keys[ROUNDS + 1], __m512i *counters,
                                         __m512i stream[VECTORS])
{
    const __m512i four = _mm512_broadcast_i32x4(_mm_set_epi32(0, 0, 0, 4));
    for (size_t i = 0; i < VECTORS; i++) {
        stream[i] = _mm512_xor_si512(turned_wide(*counters), keys[0]);
        *counters = _mm512_add_epi32(*counters, four);
    }
    for (size_t round = 1; round < ROUNDS; round++)
        for (size_t i = 0; i < VECTORS; i++)
            stream[i] = _mm512_aesenc_epi128(stream[i], keys[round]);
    for (size_t i = 0; i < VECTORS; i++)
        stream[i] = _mm512_aesenclast_epi128(stream[i], keys[ROUNDS]);
}

/* The hash of all sealed blocks. */
WIDE static inline __m128i run_strides(const struct gcm *gcm, const struct gcm_run *run,
                                       enum DIRECTION direction)
{
    __m512i keys[ROUNDS + 1], powers[VECTORS], stream[VECTORS], text[VECTORS];
    for (size_t i = 0; i <= ROUNDS; i++)
        keys[i] = _mm512_broadcast_i32x4(load(gcm->rounds[i]));
    for (size_t i = 0; i < VECTORS; i++)
        powers[i] = _mm512_loadu_si512(gcm->powers[4 * i]);
    __m512i counters =
        _mm512_add_epi32(_mm512_broadcast_i32x4(counter_block(run->nonce, 2)),
                         _mm512_set_epi32(0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0));
    __m128i hash = _mm_setzero_si128();
    for (size_t at = 0; at < run->len; at += GCM_STRIDE) {
        encrypt_counters(keys, &counters, stream);
        for (size_t i = 0; i < VECTORS; i++) {
            text[i] = _mm512_loadu_si512(run->from + at + 64 * i);
            stream[i] = _mm512_xor_si512(stream[i], text[i]);
            _mm512_storeu_si512(run->to + at + 64 * i, stream[i]);
        }
        hash = hash_stride(powers, hash, direction == SEAL ? stream : text);
    }
    return hash;
}

/* Behind the blocks comes one with the lengths, in bits; the tag is the hash under counter 1. */
WIDE static void finish(const struct gcm *gcm, const struct gcm_run *run, __m128i hash,
                        uint8_t tag[GCM_TAG_SIZE])
{
    __m128i lengths = _mm_set_epi64x(0, (long long)(run->len * 8));
    hash = multiply(_mm_xor_si128(hash, lengths), load(gcm->powers[BLOCKS - 1]));
    __m128i mask = encrypt(gcm, turned(counter_block(run->nonce, 1)));
    store(tag, _mm_xor_si128(turned(hash), mask));
}

WIDE void gcm_seal(const struct gcm *gcm, const struct gcm_run *run, uint8_t tag[GCM_TAG_SIZE])
{
    finish(gcm, run, run_strides(gcm, run, SEAL), tag);
}

WIDE void gcm_open(const struct gcm *gcm, const struct gcm_run *run, uint8_t tag[GCM_TAG_SIZE])
{
    finish(gcm, run, run_strides(gcm, run, OPEN), tag);
}
