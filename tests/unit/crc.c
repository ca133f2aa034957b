// SPDX-License-Identifier: Apache-2.0
/* The checksums against their check values and against a bit-by-bit reference. */
#include "test.h"

#include "base/crc.h"
#include "base/hash.h"
#include "base/id.h"

#define LONGEST 300

/* The definition: one bit at a time. */
static uint64_t reference(uint64_t polynomial, uint64_t ones, struct span s)
{
    uint64_t state = ones;
    for (size_t i = 0; i < s.len; i++) {
        state ^= (unsigned char)s.at[i];
        for (int bit = 0; bit < 8; bit++)
            state = state >> 1 ^ (state & 1 ? polynomial : 0);
    }
    return state ^ ones;
}

static uint64_t feed32(uint64_t crc, struct span s)
{
    return crc32_feed((uint32_t)crc, s);
}

static uint64_t feed32c(uint64_t crc, struct span s)
{
    return crc32c_feed((uint32_t)crc, s);
}

static uint64_t combine32(uint64_t a, uint64_t b, uint64_t len)
{
    return crc32_combine((uint32_t)a, (uint32_t)b, len);
}

static uint64_t combine32c(uint64_t a, uint64_t b, uint64_t len)
{
    return crc32c_combine((uint32_t)a, (uint32_t)b, len);
}

static const struct {
    const char *name;
    uint64_t polynomial, ones, check;
    uint64_t (*feed)(uint64_t crc, struct span s);
    uint64_t (*combine)(uint64_t a, uint64_t b, uint64_t len);
} kinds[] = {
    {"crc32", 0xedb88320, 0xffffffff, 0xcbf43926, feed32, combine32},
    {"crc32c", 0x82f63b78, 0xffffffff, 0xe3069283, feed32c, combine32c},
    {"crc64nvme", 0x9a6c9329ac4bc9b5, UINT64_MAX, 0xae8b14860a799888, crc64nvme_feed,
     crc64nvme_combine},
};

static char noise[4 * 65536];

static void make_noise(void)
{
    uint64_t state = 42;
    for (size_t i = 0; i < sizeof noise; i++) {
        state = state * 6364136223846793005 + 1442695040888963407;
        noise[i] = (char)(state >> 56);
    }
}

TEST(check_values)
{
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        CHECK_INT(kinds[k].feed(0, S("123456789")), kinds[k].check);
        CHECK_INT(kinds[k].feed(0, SPAN_NONE), 0);
        CHECK_INT(kinds[k].feed(kinds[k].check, SPAN_NONE), kinds[k].check);
    }
    static const char zeros[32];
    CHECK_INT(crc32c_feed(0, span_of(zeros, 32)), 0x8a9136aa); /* RFC 3720, B.4 */
}

TEST(every_length_at_every_alignment)
{
    make_noise();
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
        for (size_t len = 0; len <= LONGEST; len++) {
            struct span s = span_of(noise + len % 17, len);
            CHECK_INT(kinds[k].feed(0, s), reference(kinds[k].polynomial, kinds[k].ones, s));
        }
}

TEST(long_runs)
{
    make_noise();
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
        for (size_t len = 1000; len < sizeof noise; len = len * 3 + 7) {
            struct span s = span_of(noise + 1, len);
            CHECK_INT(kinds[k].feed(0, s), reference(kinds[k].polynomial, kinds[k].ones, s));
        }
}

TEST(any_split_gives_the_same)
{
    make_noise();
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
        for (int round = 0; round < 3000; round++) {
            struct span s = span_of(noise, random_u64() % 1500);
            struct span a = span_first(s, random_u64() % (s.len + 1)), b = span_from(s, a.len);
            uint64_t whole = kinds[k].feed(0, s);
            CHECK_INT(kinds[k].feed(kinds[k].feed(0, a), b), whole);
            CHECK_INT(kinds[k].combine(kinds[k].feed(0, a), kinds[k].feed(0, b), b.len), whole);
        }
}

/* Every way this CPU has, not only the one that is used. */
static void check_ways(enum CRC_KIND kind, uint64_t state, struct span s)
{
    uint64_t want = crc_feed_table(crc_kind(kind), state, s);
    for (enum CRC_WAY way = 0; way < CRC_WAYS; way++)
        if (crc_way(way, kind))
            CHECK_INT(crc_way(way, kind)(crc_kind(kind), state, s), want);
}

TEST(all_ways_agree_with_the_definition)
{
    make_noise();
    for (enum CRC_KIND kind = 0; kind < CRC_KINDS; kind++)
        for (size_t len = 0; len <= LONGEST; len++) {
            struct span s = span_of(noise + random_u64() % 1000, len);
            uint64_t state = kinds[kind].ones;
            CHECK_INT(crc_feed_table(crc_kind(kind), state, s) ^ state,
                      reference(kinds[kind].polynomial, state, s));
            check_ways(kind, state, s);
            check_ways(kind, random_u64() & kinds[kind].ones, s);
        }
    for (enum CRC_KIND kind = 0; kind < CRC_KINDS; kind++)
        for (int round = 0; round < 300; round++)
            check_ways(kind, random_u64() & kinds[kind].ones,
                       span_of(noise + random_u64() % 1000, random_u64() % 20000));
}

TEST(this_cpu_has_something_better_than_tables)
{
    if (!crc_way(CRC_BY_FOLDING, CRC_NVME))
        test_skip("no carry-less multiplication here");
    for (enum CRC_KIND kind = 0; kind < CRC_KINDS; kind++)
        CHECK(crc_way(CRC_BY_FOLDING, kind));
    CHECK(crc_way(CRC_BY_INSTRUCTION, CRC_CASTAGNOLI) && !crc_way(CRC_BY_INSTRUCTION, CRC_NVME));
}

/* 2^40 zero bytes cannot be fed, but appending them twice is appending 2^41 of them. */
TEST(combining_reaches_beyond_memory)
{
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        uint64_t crc = kinds[k].check, len = 1ULL << 40;
        uint64_t twice = kinds[k].combine(kinds[k].combine(crc, 0, len), 0, len);
        CHECK_INT(kinds[k].combine(crc, 0, 2 * len), twice);
        CHECK(twice != crc);
        CHECK_INT(kinds[k].combine(crc, 5, 0), crc ^ 5);
        len = 1ULL << 63; /* the largest power there is */
        CHECK_INT(kinds[k].combine(kinds[k].combine(crc, 0, len), 0, len - 1),
                  kinds[k].combine(crc, 0, UINT64_MAX));
    }
}
