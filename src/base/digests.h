// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Several digests of one stream at once, as S3 bodies need them. One thread at a time. */
#include "base/hash.h"

enum DIGEST {
    DIGEST_MD5 = 1 << 0,
    DIGEST_CRC32 = 1 << 1,
    DIGEST_CRC32C = 1 << 2,
    DIGEST_CRC64NVME = 1 << 3,
    DIGEST_SHA1 = 1 << 4,
    DIGEST_SHA256 = 1 << 5,
};

/* Big-endian bytes, as they go into base64. Only what was asked for is set. */
struct digests {
    unsigned have; /* DIGEST bits */
    uint8_t md5[MD5_SIZE], crc32[4], crc32c[4], crc64nvme[8], sha1[SHA1_SIZE], sha256[SHA256_SIZE];
};

struct digester {
    unsigned wanted; /* DIGEST bits */
    MD5_CTX md5;
    SHA_CTX sha1;
    SHA256_CTX sha256;
    uint32_t crc32, crc32c;
    uint64_t crc64nvme;
};

void digester_init(struct digester *digester, unsigned wanted);
void digester_feed(struct digester *digester, struct span piece);
/* The same for some of the wanted digests; the others are fed by the caller. */
void digester_feed_some(struct digester *digester, unsigned digests, struct span piece);
void digester_finish(struct digester *digester, struct digests *out);
