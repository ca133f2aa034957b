// SPDX-License-Identifier: Apache-2.0
/*
 * Digests and HMAC over libcrypto's plain functions. Contexts live on the stack and hold no memory
 * of their own. Those that saw a secret are wiped. Pure, any thread.
 */
#include "base/hash.h"

#define HMAC_BLOCK 64

void md5_of(struct span s, uint8_t out[MD5_SIZE])
{
    MD5_CTX context;
    MD5_Init(&context);
    MD5_Update(&context, s.at, s.len);
    MD5_Final(out, &context);
}

void sha1_of(struct span s, uint8_t out[SHA1_SIZE])
{
    SHA_CTX context;
    SHA1_Init(&context);
    SHA1_Update(&context, s.at, s.len);
    SHA1_Final(out, &context);
}

void sha256_of(struct span s, uint8_t out[SHA256_SIZE])
{
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, s.at, s.len);
    SHA256_Final(out, &context);
}

/* The state after one block of `pad` XOR the key (RFC 2104). */
static void pad_state(SHA256_CTX *context, const uint8_t key[HMAC_BLOCK], uint8_t pad)
{
    uint8_t block[HMAC_BLOCK];
    for (size_t i = 0; i < HMAC_BLOCK; i++)
        block[i] = key[i] ^ pad;
    SHA256_Init(context);
    SHA256_Update(context, block, sizeof block);
    explicit_bzero(block, sizeof block);
}

void hmac_key_init(struct hmac_key *key, struct span secret)
{
    uint8_t block[HMAC_BLOCK] = {0};
    if (secret.len > HMAC_BLOCK)
        sha256_of(secret, block);
    else if (secret.len)
        memcpy(block, secret.at, secret.len);
    pad_state(&key->inner, block, 0x36);
    pad_state(&key->outer, block, 0x5c);
    explicit_bzero(block, sizeof block);
}

void hmac_sign(const struct hmac_key *key, struct span text, uint8_t out[SHA256_SIZE])
{
    SHA256_CTX context = key->inner;
    uint8_t digest[SHA256_SIZE];
    SHA256_Update(&context, text.at, text.len);
    SHA256_Final(digest, &context);
    context = key->outer;
    SHA256_Update(&context, digest, sizeof digest);
    SHA256_Final(out, &context);
    explicit_bzero(&context, sizeof context);
}

void hmac_sha256(struct span secret, struct span text, uint8_t out[SHA256_SIZE])
{
    struct hmac_key key;
    hmac_key_init(&key, secret);
    hmac_sign(&key, text, out);
    explicit_bzero(&key, sizeof key);
}

bool hash_eq(const void *a, const void *b, size_t len)
{
    const volatile uint8_t *left = a, *right = b;
    uint8_t difference = 0;
    for (size_t i = 0; i < len; i++)
        difference |= left[i] ^ right[i];
    return difference == 0;
}
