// SPDX-License-Identifier: Apache-2.0
/* Published vectors for base/hash and base/digests. */
#include "test.h"

#include "base/digests.h"
#include "base/text.h"

static char hex[2 * SHA256_SIZE];

static struct span md5_hex(struct span s)
{
    uint8_t out[MD5_SIZE];
    md5_of(s, out);
    hex_encode(out, sizeof out, hex);
    return span_of(hex, 2 * sizeof out);
}

static struct span sha1_hex(struct span s)
{
    uint8_t out[SHA1_SIZE];
    sha1_of(s, out);
    hex_encode(out, sizeof out, hex);
    return span_of(hex, 2 * sizeof out);
}

static struct span sha256_hex(struct span s)
{
    uint8_t out[SHA256_SIZE];
    sha256_of(s, out);
    hex_encode(out, sizeof out, hex);
    return span_of(hex, 2 * sizeof out);
}

static struct span hmac_hex(struct span secret, struct span text)
{
    uint8_t out[SHA256_SIZE];
    hmac_sha256(secret, text, out);
    hex_encode(out, sizeof out, hex);
    return span_of(hex, 2 * sizeof out);
}

TEST(md5_of_rfc1321)
{
    CHECK_SPAN(md5_hex(S("")), S("d41d8cd98f00b204e9800998ecf8427e"));
    CHECK_SPAN(md5_hex(S("a")), S("0cc175b9c0f1b6a831c399e269772661"));
    CHECK_SPAN(md5_hex(S("abc")), S("900150983cd24fb0d6963f7d28e17f72"));
    CHECK_SPAN(md5_hex(S("message digest")), S("f96b697d7cb7938d525a2f31aaf161d0"));
    CHECK_SPAN(md5_hex(S("abcdefghijklmnopqrstuvwxyz")), S("c3fcd3d76192e4007dfb496cca67e13b"));
    CHECK_SPAN(md5_hex(S("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")),
               S("d174ab98d277d9f5a5611c2c9f419d9f"));
    CHECK_SPAN(md5_hex(S("1234567890123456789012345678901234567890"
                         "1234567890123456789012345678901234567890")),
               S("57edf4a22be3c955ac49da2e2107b67a"));
}

TEST(sha_of_fips180)
{
    struct span two_blocks = S("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq");
    CHECK_SPAN(sha1_hex(S("abc")), S("a9993e364706816aba3e25717850c26c9cd0d89d"));
    CHECK_SPAN(sha1_hex(two_blocks), S("84983e441c3bd26ebaae4aa1f95129e5e54670f1"));
    CHECK_SPAN(sha1_hex(SPAN_NONE), S("da39a3ee5e6b4b0d3255bfef95601890afd80709"));
    CHECK_SPAN(sha256_hex(S("abc")),
               S("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    CHECK_SPAN(sha256_hex(two_blocks),
               S("248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"));
    CHECK_SPAN(sha256_hex(SPAN_NONE),
               S("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
}

TEST(hmac_of_rfc4231)
{
    char text[256];
    memset(text, 0x0b, 20);
    CHECK_SPAN(hmac_hex(span_of(text, 20), S("Hi There")),
               S("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"));
    CHECK_SPAN(hmac_hex(S("Jefe"), S("what do ya want for nothing?")),
               S("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"));
    memset(text, 0xaa, 20);
    memset(text + 20, 0xdd, 50);
    CHECK_SPAN(hmac_hex(span_of(text, 20), span_of(text + 20, 50)),
               S("773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"));
    memset(text, 0xaa, 131);
    CHECK_SPAN(
        hmac_hex(span_of(text, 131), S("Test Using Larger Than Block-Size Key - Hash Key First")),
        S("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"));
    CHECK_SPAN(hmac_hex(span_of(text, 131),
                        S("This is a test using a larger than block-size key and a larger than "
                          "block-size data. The key needs to be hashed before being used by the "
                          "HMAC algorithm.")),
               S("9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"));
}

TEST(a_prepared_key_signs_again_and_again)
{
    struct hmac_key key;
    uint8_t first[SHA256_SIZE], second[SHA256_SIZE], other[SHA256_SIZE];
    hmac_key_init(&key, S("Jefe"));
    hmac_sign(&key, S("what do ya want for nothing?"), first);
    hmac_sign(&key, S("another"), other);
    hmac_sign(&key, S("what do ya want for nothing?"), second);
    CHECK(hash_eq(first, second, sizeof first));
    CHECK(!hash_eq(first, other, sizeof first));
    second[31] ^= 1;
    CHECK(!hash_eq(first, second, sizeof first));
    CHECK(hash_eq(first, second, 31));
}

static void feed_in_parts(struct digester *digester, struct span s)
{
    digester_feed(digester, span_first(s, 1));
    digester_feed(digester, SPAN_NONE);
    digester_feed(digester, span_from(s, 1));
}

TEST(a_digester_gives_what_was_wanted)
{
    struct digester digester;
    struct digests digests;
    digester_init(&digester, DIGEST_MD5 | DIGEST_CRC32 | DIGEST_CRC32C | DIGEST_CRC64NVME |
                                 DIGEST_SHA1 | DIGEST_SHA256);
    feed_in_parts(&digester, S("123456789"));
    digester_finish(&digester, &digests);
    CHECK(memcmp(digests.crc32, "\xcb\xf4\x39\x26", 4) == 0);
    CHECK(memcmp(digests.crc32c, "\xe3\x06\x92\x83", 4) == 0);
    CHECK(memcmp(digests.crc64nvme, "\xae\x8b\x14\x86\x0a\x79\x98\x88", 8) == 0);
    hex_encode(digests.md5, MD5_SIZE, hex);
    CHECK_SPAN(span_of(hex, 32), S("25f9e794323b453885f5181f1b624d0b"));
    hex_encode(digests.sha1, SHA1_SIZE, hex);
    CHECK_SPAN(span_of(hex, 40), S("f7c3bc1d808e04732adf679965ccc34ca7ae3441"));
    hex_encode(digests.sha256, SHA256_SIZE, hex);
    CHECK_SPAN(span_of(hex, 64),
               S("15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"));
}

TEST(a_digester_takes_long_pieces_whole)
{
    static char text[100001];
    struct digester digester;
    struct digests digests;
    uint8_t want[SHA256_SIZE];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(i * 31 >> 3);
    digester_init(&digester, DIGEST_SHA256 | DIGEST_CRC32C);
    feed_in_parts(&digester, span_of(text, sizeof text));
    digester_finish(&digester, &digests);
    sha256_of(span_of(text, sizeof text), want);
    CHECK(memcmp(want, digests.sha256, sizeof want) == 0);
    uint32_t crc = crc32c_feed(0, span_of(text, sizeof text));
    CHECK(digests.crc32c[0] == crc >> 24 && digests.crc32c[3] == (crc & 0xff));
    CHECK_INT(digests.have, DIGEST_SHA256 | DIGEST_CRC32C);
}
