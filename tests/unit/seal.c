// SPDX-License-Identifier: Apache-2.0
/* Cases for sealed bytes: round trips of all lengths about a frame's edge, parts, wrong keys,
 * damage anywhere. */
#include "test.h"

#include "base/id.h"
#include "base/seal.h"

#define LONGEST (3 * SEAL_FRAME)

static char plain[LONGEST], sealed[LONGEST + 4 * SEAL_TAG_SIZE], back[LONGEST];

static bool comes_back(const struct seal_key *key, size_t len)
{
    uint64_t sealed_len = seal_sealed_len(len);
    random_bytes(plain, len);
    seal_frames(key, 0, span_of(plain, len), sealed);
    return seal_plain_len(sealed_len) == len &&
           seal_open_frames(key, 0, span_of(sealed, sealed_len), back) &&
           memcmp(plain, back, len) == 0;
}

TEST(round_trips)
{
    struct seal_key key;
    seal_key_make(&key);
    for (size_t frames = 0; frames < 3; frames++)
        for (size_t len = frames * SEAL_FRAME; len < frames * SEAL_FRAME + 40; len++)
            CHECK(comes_back(&key, len));
    CHECK(comes_back(&key, LONGEST));
    CHECK(comes_back(&key, SEAL_FRAME - 1));
}

TEST(a_frame_alone)
{
    struct seal_key key;
    seal_key_make(&key);
    CHECK(comes_back(&key, 2 * SEAL_FRAME + 100));
    struct span second = span_of(sealed + SEAL_FRAME + SEAL_TAG_SIZE, SEAL_FRAME + SEAL_TAG_SIZE);
    CHECK(seal_open_frames(&key, 1, second, back));
    CHECK(memcmp(back, plain + SEAL_FRAME, SEAL_FRAME) == 0);
    CHECK(!seal_open_frames(&key, 2, second, back));
}

TEST(damage_is_seen)
{
    struct seal_key key, other;
    seal_key_make(&key);
    seal_key_make(&other);
    CHECK(comes_back(&key, 1000));
    for (size_t at = 0; at < 1000 + SEAL_TAG_SIZE; at++) {
        sealed[at] ^= 1;
        CHECK(!seal_open_frames(&key, 0, span_of(sealed, 1000 + SEAL_TAG_SIZE), back));
        sealed[at] ^= 1;
    }
    CHECK(seal_open_frames(&key, 0, span_of(sealed, 1000 + SEAL_TAG_SIZE), back));
    CHECK(!seal_open_frames(&other, 0, span_of(sealed, 1000 + SEAL_TAG_SIZE), back));
    CHECK(!seal_open_frames(&key, 0, span_of(sealed, 3), back));
}

TEST(wrapped_keys)
{
    struct seal_key with, other;
    struct sealing sealing, stored;
    seal_key_make(&with);
    seal_derive(&with, S("label"), &other);
    seal_begin(&sealing);
    seal_wrap(&sealing, &with);
    stored = (struct sealing){.sealed = true};
    memcpy(stored.wrapped, sealing.wrapped, sizeof stored.wrapped);
    CHECK(!seal_open(&stored, &other) && !stored.open);
    CHECK(seal_open(&stored, &with) && stored.open);
    CHECK(memcmp(&stored.key, &sealing.key, sizeof stored.key) == 0);
    stored.open = false;
    stored.wrapped[20] ^= 4;
    CHECK(!seal_open(&stored, &with));
    CHECK(seal_open(&(struct sealing){.sealed = false}, &with));
}

TEST(a_text_alone)
{
    struct seal_key key;
    struct seal_nonce nonce = {{1, 2, 3}}, other = {{1, 2, 4}};
    char text[] = "what is sealed", kept[sizeof text + SEAL_TAG_SIZE] = {0}, again[sizeof text];
    struct span all = span_of(kept, sizeof kept);
    seal_key_make(&key);
    memcpy(kept, text, sizeof text);
    seal_text(&key, &nonce, S("beside"), span_of(kept, sizeof text), kept); /* where it lies */
    CHECK(memcmp(kept, text, sizeof text) != 0);
    CHECK(seal_open_text(&key, &nonce, S("beside"), all, again));
    CHECK(memcmp(again, text, sizeof text) == 0);
    CHECK(!seal_open_text(&key, &nonce, S("besides"), all, again));
    CHECK(!seal_open_text(&key, &other, S("beside"), all, again));
    kept[3] ^= 1;
    CHECK(!seal_open_text(&key, &nonce, S("beside"), all, again));
    CHECK(!seal_open_text(&key, &nonce, S("beside"), span_of(kept, 3), again));
}

/* Test case 14 of "The Galois/Counter Mode of Operation" (McGrew, Viega): zeros under zeros. */
TEST(known_answer)
{
    static const uint8_t want[] = {0xce, 0xa7, 0x40, 0x3d, 0x4d, 0x60, 0x6b, 0x6e, 0x07, 0x4e, 0xc5,
                                   0xd3, 0xba, 0xf3, 0x9d, 0x18, 0xd0, 0xd1, 0xc8, 0xa7, 0x99, 0x99,
                                   0x6b, 0xf0, 0x26, 0x5b, 0x98, 0xb5, 0xd4, 0x8a, 0xb9, 0x19};
    static const struct seal_key zeros;
    static const char text[16];
    char have[sizeof want];
    seal_frames(&zeros, 0, span_of(text, sizeof text), have);
    CHECK(memcmp(have, want, sizeof want) == 0);
}
