// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Digests and checksums. SHA and MD5 go to libcrypto's plain functions (OpenSSL 3's EVP look-up
 * costs more than the digest of a short text); the checksums use carry-less multiplication and
 * SSE4.2's instruction where the CPU has them and tables elsewhere, chosen once at start.
 * Pure, any thread.
 */
#include "base/span.h"

#include <openssl/md5.h>
#include <openssl/sha.h>

#define MD5_SIZE 16
#define SHA1_SIZE 20
#define SHA256_SIZE 32
#define SHA512_SIZE 64
#define XXH64_SIZE 8
#define XXH128_SIZE 16

void md5_of(struct span s, uint8_t out[MD5_SIZE]);
void sha1_of(struct span s, uint8_t out[SHA1_SIZE]);
void sha256_of(struct span s, uint8_t out[SHA256_SIZE]);

/* The next piece of a stream whose state libcrypto's MD5_Init began and MD5_Final will end. */
struct md5_piece {
    MD5_CTX *md5;
    struct span bytes;
};
/* MD5_Update of many different streams at once: up to six times as fast as one after the other,
 * where the CPU has wide vectors. No two pieces may be of the same stream. */
void md5_feed_many(const struct md5_piece *pieces, size_t count);

/* HMAC-SHA256 with the key's two inner states prepared once. */
struct hmac_key {
    SHA256_CTX inner, outer;
};
void hmac_key_init(struct hmac_key *key, struct span secret);
void hmac_sign(const struct hmac_key *key, struct span text, uint8_t out[SHA256_SIZE]);
/* One HMAC with a key used once. */
void hmac_sha256(struct span secret, struct span text, uint8_t out[SHA256_SIZE]);

/* Equality in time that does not depend on the content. */
bool hash_eq(const void *a, const void *b, size_t len);

/* Running checksums: begin with 0 and feed; the value is final after every call. */
uint32_t crc32_feed(uint32_t crc, struct span s);     /* ISO-HDLC, as zlib and S3's CRC32 */
uint32_t crc32c_feed(uint32_t crc, struct span s);    /* Castagnoli */
uint64_t crc64nvme_feed(uint64_t crc, struct span s); /* NVM Express, reflected */
/* The checksum of A||B from those of A and B, B having `len_b` bytes. */
uint32_t crc32_combine(uint32_t crc_a, uint32_t crc_b, uint64_t len_b);
uint32_t crc32c_combine(uint32_t crc_a, uint32_t crc_b, uint64_t len_b);
uint64_t crc64nvme_combine(uint64_t crc_a, uint64_t crc_b, uint64_t len_b);
