// SPDX-License-Identifier: Apache-2.0
/* Wide AES-GCM against libcrypto's: text and tag of runs of many lengths, in place too. */
#include "test.h"

#include "base/gcm.h"
#include "base/id.h"

#include <openssl/evp.h>

#define LONGEST (64 * 1024)

static char plain[LONGEST], sealed[LONGEST], expected[LONGEST], back[LONGEST];
static uint8_t key[32], nonce[12];

static void seal_by_libcrypto(size_t len, uint8_t tag[GCM_TAG_SIZE])
{
    int written = 0;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    CHECK_INT(EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce), 1);
    CHECK_INT(EVP_EncryptUpdate(ctx, (uint8_t *)expected, &written, (uint8_t *)plain, (int)len), 1);
    CHECK_INT(EVP_EncryptFinal_ex(ctx, (uint8_t *)expected + written, &written), 1);
    CHECK_INT(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_SIZE, tag), 1);
    EVP_CIPHER_CTX_free(ctx);
}

static bool is_the_same(size_t len)
{
    struct gcm gcm;
    uint8_t tag[GCM_TAG_SIZE], expected_tag[GCM_TAG_SIZE];
    random_bytes(key, sizeof key);
    random_bytes(nonce, sizeof nonce);
    random_bytes(plain, len);
    seal_by_libcrypto(len, expected_tag);
    gcm_begin(&gcm, key);
    gcm_seal(&gcm, &(struct gcm_run){nonce, plain, sealed, len}, tag);
    bool same = memcmp(sealed, expected, len) == 0 && memcmp(tag, expected_tag, sizeof tag) == 0;
    gcm_open(&gcm, &(struct gcm_run){nonce, sealed, back, len}, tag);
    same = same && memcmp(back, plain, len) == 0 && memcmp(tag, expected_tag, sizeof tag) == 0;
    gcm_open(&gcm, &(struct gcm_run){nonce, sealed, sealed, len}, tag);
    return same && memcmp(sealed, plain, len) == 0 && memcmp(tag, expected_tag, sizeof tag) == 0;
}

TEST(as_libcrypto_does)
{
    if (!gcm_is_here())
        return;
    for (size_t len = 0; len <= LONGEST; len += len < 16384 ? GCM_STRIDE : 9 * GCM_STRIDE)
        CHECK(is_the_same(len));
    CHECK(is_the_same(LONGEST));
}

TEST(every_bit_of_a_key_counts)
{
    if (!gcm_is_here())
        return;
    for (size_t i = 0; i < 500; i++)
        CHECK(is_the_same(GCM_STRIDE));
}
