// SPDX-License-Identifier: Apache-2.0
/* MD5 of many streams against libcrypto's of each, by every way that this CPU has. */
#include "test.h"

#include "base/id.h"
#include "base/md5_lanes.h"

#define STREAMS_MAX 40
#define ROUNDS 200
#define LONGEST 3000 /* bytes */

static char noise[1 << 16];

static struct span random_text(void)
{
    size_t len = random_u64() % LONGEST;
    if (random_u64() % 4 == 0)
        len = len / 64 * 64;
    return span_of(noise + random_u64() % (sizeof noise - LONGEST), len);
}

/* Streams of random length in three pieces each, fed side by side. */
static bool round_is_right(const struct md5_lanes *lanes)
{
    size_t count = random_u64() % (STREAMS_MAX + 1);
    MD5_CTX many[STREAMS_MAX], one[STREAMS_MAX];
    for (size_t i = 0; i < count; i++) {
        MD5_Init(&many[i]);
        MD5_Init(&one[i]);
    }
    for (int turn = 0; turn < 3; turn++) {
        struct md5_piece pieces[STREAMS_MAX];
        for (size_t i = 0; i < count; i++) {
            pieces[i] = (struct md5_piece){&many[i], random_text()};
            MD5_Update(&one[i], pieces[i].bytes.at, pieces[i].bytes.len);
        }
        md5_feed_lanes(lanes, pieces, count);
    }
    bool right = true;
    for (size_t i = 0; i < count; i++) {
        uint8_t by_lanes[MD5_SIZE], by_itself[MD5_SIZE];
        MD5_Final(by_lanes, &many[i]);
        MD5_Final(by_itself, &one[i]);
        right &= memcmp(by_lanes, by_itself, MD5_SIZE) == 0;
    }
    return right;
}

static int wrong_rounds(enum MD5_WAY way)
{
    struct md5_lanes lanes = md5_lanes_way(way);
    int wrong = 0;
    random_bytes(noise, sizeof noise);
    for (int i = 0; i < ROUNDS; i++)
        wrong += !round_is_right(&lanes);
    return wrong;
}

TEST(one_by_one)
{
    CHECK_INT(wrong_rounds(MD5_ONE_BY_ONE), 0);
}

TEST(eight_lanes)
{
    CHECK_INT(wrong_rounds(MD5_BY_256), 0);
}

TEST(sixteen_lanes)
{
    CHECK_INT(wrong_rounds(MD5_BY_512), 0);
}

/* The count of bits is kept in two words, and the second is the lanes' business too. */
TEST(long_streams)
{
    MD5_CTX many[3], one;
    struct md5_piece pieces[3];
    for (int i = 0; i < 3; i++) {
        MD5_Init(&many[i]);
        many[i].Nl = 0xfffff000;
        pieces[i] = (struct md5_piece){&many[i], span_of(noise, 4096)};
    }
    one = many[0];
    md5_feed_many(pieces, 3);
    MD5_Update(&one, noise, 4096);
    CHECK(many[2].Nl == one.Nl && many[2].Nh == one.Nh && one.Nh == 1);
}
