// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Several digests of one stream at once, as S3 bodies need them. One thread at a time. */
#include "base/hash.h"

#define XXH_STATIC_LINKING_ONLY /* else its states have no size */
#include <xxhash.h>

enum DIGEST {
    DIGEST_MD5 = 1 << 0,
    DIGEST_CRC32 = 1 << 1,
    DIGEST_CRC32C = 1 << 2,
    DIGEST_CRC64NVME = 1 << 3,
    DIGEST_SHA1 = 1 << 4,
    DIGEST_SHA256 = 1 << 5,
    DIGEST_SHA512 = 1 << 6,
    DIGEST_XXH64 = 1 << 7, /* all three of xxHash with seed 0 */
    DIGEST_XXH3 = 1 << 8,
    DIGEST_XXH128 = 1 << 9,
};

/* Big-endian bytes, as they go into base64. Only what was asked for is set. */
struct digests {
    unsigned have; /* DIGEST bits */
    uint8_t md5[MD5_SIZE], crc32[4], crc32c[4], crc64nvme[8], sha1[SHA1_SIZE], sha256[SHA256_SIZE],
        sha512[SHA512_SIZE], xxh64[XXH64_SIZE], xxh3[XXH64_SIZE], xxh128[XXH128_SIZE];
};

/* Stays where it was begun. */
struct digester {
    unsigned wanted; /* DIGEST bits */
    MD5_CTX md5;
    SHA_CTX sha1;
    SHA256_CTX sha256;
    SHA512_CTX sha512;
    XXH64_state_t xxh64;
    /* The state of XXH3, of both widths, begins at the first multiple of 64 in here: stacks of
     * sanitized builds and arenas do not keep to what the type demands. */
    char xxh3_room[sizeof(XXH3_state_t) + 64];
    uint32_t crc32, crc32c;
    uint64_t crc64nvme;
};

void digester_init(struct digester *digester, unsigned wanted);
void digester_feed(struct digester *digester, struct span piece);
/* The same for some of the wanted digests; the others are fed by the caller. */
void digester_feed_some(struct digester *digester, unsigned digests, struct span piece);
void digester_finish(struct digester *digester, struct digests *out);
