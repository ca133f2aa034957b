// SPDX-License-Identifier: Apache-2.0
/*
 * The wanted digests take turns on pieces that stay in the first-level cache, so that a long body
 * is read from memory once. One thread at a time.
 */
#include "base/digests.h"

#define TURN_SIZE ((size_t)16 * 1024) /* bytes */

static XXH3_state_t *xxh3_of(struct digester *digester)
{
    uintptr_t room = (uintptr_t)digester->xxh3_room;
    return (XXH3_state_t *)(void *)(digester->xxh3_room + (64 - room % 64) % 64);
}

void digester_init(struct digester *digester, unsigned wanted)
{
    digester->wanted = wanted;
    digester->crc32 = digester->crc32c = 0;
    digester->crc64nvme = 0;
    if (wanted & DIGEST_MD5)
        MD5_Init(&digester->md5);
    if (wanted & DIGEST_SHA1)
        SHA1_Init(&digester->sha1);
    if (wanted & DIGEST_SHA256)
        SHA256_Init(&digester->sha256);
    if (wanted & DIGEST_SHA512)
        SHA512_Init(&digester->sha512);
    if (wanted & DIGEST_XXH64)
        XXH64_reset(&digester->xxh64, 0);
    if (wanted & (DIGEST_XXH3 | DIGEST_XXH128))
        XXH3_128bits_reset(xxh3_of(digester));
}

static void feed_turn(struct digester *digester, unsigned wanted, struct span piece)
{
    if (wanted & DIGEST_MD5)
        MD5_Update(&digester->md5, piece.at, piece.len);
    if (wanted & DIGEST_CRC32)
        digester->crc32 = crc32_feed(digester->crc32, piece);
    if (wanted & DIGEST_CRC32C)
        digester->crc32c = crc32c_feed(digester->crc32c, piece);
    if (wanted & DIGEST_CRC64NVME)
        digester->crc64nvme = crc64nvme_feed(digester->crc64nvme, piece);
    if (wanted & DIGEST_SHA1)
        SHA1_Update(&digester->sha1, piece.at, piece.len);
    if (wanted & DIGEST_SHA256)
        SHA256_Update(&digester->sha256, piece.at, piece.len);
    if (wanted & DIGEST_SHA512)
        SHA512_Update(&digester->sha512, piece.at, piece.len);
    if (wanted & DIGEST_XXH64)
        XXH64_update(&digester->xxh64, piece.at, piece.len);
    if (wanted & (DIGEST_XXH3 | DIGEST_XXH128))
        XXH3_128bits_update(xxh3_of(digester), piece.at, piece.len);
}

void digester_feed(struct digester *digester, struct span piece)
{
    digester_feed_some(digester, digester->wanted, piece);
}

void digester_feed_some(struct digester *digester, unsigned digests, struct span piece)
{
    while (piece.len) {
        feed_turn(digester, digests & digester->wanted, span_first(piece, TURN_SIZE));
        piece = span_from(piece, TURN_SIZE);
    }
}

static void store_be(uint8_t *to, size_t len, uint64_t value)
{
    while (len) {
        to[--len] = (uint8_t)value;
        value >>= 8;
    }
}

/* The canonical form of xxHash's values is big-endian. Both widths of XXH3 share their state. */
static void finish_xxh(struct digester *digester, struct digests *out)
{
    unsigned wanted = digester->wanted;
    if (wanted & DIGEST_XXH64)
        store_be(out->xxh64, sizeof out->xxh64, XXH64_digest(&digester->xxh64));
    if (wanted & DIGEST_XXH3)
        store_be(out->xxh3, sizeof out->xxh3, XXH3_64bits_digest(xxh3_of(digester)));
    if (wanted & DIGEST_XXH128) {
        XXH128_hash_t hash = XXH3_128bits_digest(xxh3_of(digester));
        store_be(out->xxh128, sizeof hash.high64, hash.high64);
        store_be(out->xxh128 + sizeof hash.high64, sizeof hash.low64, hash.low64);
    }
}

void digester_finish(struct digester *digester, struct digests *out)
{
    unsigned wanted = digester->wanted;
    out->have = wanted;
    if (wanted & DIGEST_MD5)
        MD5_Final(out->md5, &digester->md5);
    if (wanted & DIGEST_CRC32)
        store_be(out->crc32, sizeof out->crc32, digester->crc32);
    if (wanted & DIGEST_CRC32C)
        store_be(out->crc32c, sizeof out->crc32c, digester->crc32c);
    if (wanted & DIGEST_CRC64NVME)
        store_be(out->crc64nvme, sizeof out->crc64nvme, digester->crc64nvme);
    if (wanted & DIGEST_SHA1)
        SHA1_Final(out->sha1, &digester->sha1);
    if (wanted & DIGEST_SHA256)
        SHA256_Final(out->sha256, &digester->sha256);
    if (wanted & DIGEST_SHA512)
        SHA512_Final(out->sha512, &digester->sha512);
    finish_xxh(digester, out);
}
