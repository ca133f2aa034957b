// SPDX-License-Identifier: Apache-2.0
/*
 * AES-256-GCM: whole frames by base/gcm.h where the CPU can, all else by libcrypto's EVP. The
 * cipher is looked up once, when it is first needed, since that takes longer than all else that a
 * start computes. Each thread keeps contexts, for each direction one of keys that wrap and one of
 * runs: making one costs more than a short text, and so does giving it another key, which those
 * that wrap seldom need, nor the frames of one run. A failure of libcrypto other than a wrong tag
 * means that it is unusable, and ends the process. Any thread.
 */
#include "base/seal.h"

#include "base/gcm.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/log.h"

#include <endian.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>

enum DIRECTION { OPEN, SEAL, DIRECTIONS };
enum USE { OF_KEYS, OF_RUNS, USES };

struct keyed {
    EVP_CIPHER_CTX *ctx;
    struct seal_key key;
    bool has_key;
};

static const EVP_CIPHER *cipher;
static pthread_key_t ending; /* frees a thread's contexts */
static pthread_once_t prepared = PTHREAD_ONCE_INIT;
static _Thread_local struct keyed contexts[DIRECTIONS * USES];
static _Thread_local struct {
    struct gcm gcm;
    struct seal_key key;
    bool has_key;
} wide; /* the run that this thread was at last */

static void free_contexts(void *of)
{
    struct keyed *mine = of;
    for (size_t i = 0; i < DIRECTIONS * USES; i++)
        EVP_CIPHER_CTX_free(mine[i].ctx);
    OPENSSL_cleanse(mine, sizeof contexts);
    OPENSSL_cleanse(&wide, sizeof wide);
}

static void prepare(void)
{
    cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    if (pthread_key_create(&ending, free_contexts))
        log_fatal("out of keys for threads");
}

static EVP_CIPHER_CTX *context_new(void)
{
    pthread_once(&prepared, prepare);
    pthread_setspecific(ending, contexts);
    return EVP_CIPHER_CTX_new();
}

/* The context of this thread, direction and use, with this key. */
static EVP_CIPHER_CTX *context(enum DIRECTION direction, enum USE use, const struct seal_key *key)
{
    struct keyed *at = &contexts[direction * USES + use];
    if (at->has_key && memcmp(&at->key, key, sizeof *key) == 0)
        return at->ctx;
    if (!at->ctx)
        at->ctx = context_new();
    if (!cipher || !at->ctx ||
        !EVP_CipherInit_ex2(at->ctx, cipher, key->bytes, NULL, direction == SEAL, NULL))
        log_fatal("libcrypto has no AES-256-GCM");
    at->key = *key;
    at->has_key = true;
    return at->ctx;
}

static void seal_one(EVP_CIPHER_CTX *ctx, const uint8_t nonce[SEAL_NONCE_SIZE], struct span beside,
                     struct span plain, char *to)
{
    int len = 0, more = 0;
    if (!EVP_EncryptInit_ex2(ctx, NULL, NULL, nonce, NULL) ||
        !EVP_EncryptUpdate(ctx, NULL, &len, (const uint8_t *)beside.at, (int)beside.len) ||
        !EVP_EncryptUpdate(ctx, (uint8_t *)to, &len, (const uint8_t *)plain.at, (int)plain.len) ||
        !EVP_EncryptFinal_ex(ctx, (uint8_t *)to + len, &more) ||
        !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, SEAL_TAG_SIZE, to + plain.len))
        log_fatal("libcrypto cannot encrypt");
}

static bool open_one(EVP_CIPHER_CTX *ctx, const uint8_t nonce[SEAL_NONCE_SIZE], struct span beside,
                     struct span sealed, char *to)
{
    int len = 0, more = 0;
    uint8_t tag[SEAL_TAG_SIZE];
    if (sealed.len < SEAL_TAG_SIZE)
        return false;
    size_t plain_len = sealed.len - SEAL_TAG_SIZE;
    memcpy(tag, sealed.at + plain_len, sizeof tag);
    return EVP_DecryptInit_ex2(ctx, NULL, NULL, nonce, NULL) &&
           EVP_DecryptUpdate(ctx, NULL, &len, (const uint8_t *)beside.at, (int)beside.len) &&
           EVP_DecryptUpdate(ctx, (uint8_t *)to, &len, (const uint8_t *)sealed.at,
                             (int)plain_len) &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, SEAL_TAG_SIZE, tag) &&
           EVP_DecryptFinal_ex(ctx, (uint8_t *)to + len, &more) > 0;
}

void seal_key_make(struct seal_key *ret)
{
    random_bytes(ret->bytes, sizeof ret->bytes);
}

void seal_begin(struct sealing *sealing)
{
    *sealing = (struct sealing){.sealed = true, .open = true};
    seal_key_make(&sealing->key);
}

void seal_wrap(struct sealing *sealing, const struct seal_key *with)
{
    uint8_t *nonce = sealing->wrapped;
    random_bytes(nonce, SEAL_NONCE_SIZE);
    seal_one(context(SEAL, OF_KEYS, with), nonce, SPAN_NONE,
             span_of(sealing->key.bytes, sizeof sealing->key.bytes),
             (char *)nonce + SEAL_NONCE_SIZE);
}

bool seal_open(struct sealing *sealing, const struct seal_key *with)
{
    const uint8_t *nonce = sealing->wrapped;
    struct span sealed = span_of(nonce + SEAL_NONCE_SIZE, SEAL_WRAPPED_SIZE - SEAL_NONCE_SIZE);
    if (sealing->sealed && !sealing->open)
        sealing->open = open_one(context(OPEN, OF_KEYS, with), nonce, SPAN_NONE, sealed,
                                 (char *)sealing->key.bytes);
    return !sealing->sealed || sealing->open;
}

void seal_derive(const struct seal_key *from, struct span label, struct seal_key *ret)
{
    hmac_sha256(span_of(from->bytes, sizeof from->bytes), label, ret->bytes);
}

uint64_t seal_sealed_len(uint64_t len)
{
    return len + (len + SEAL_FRAME - 1) / SEAL_FRAME * SEAL_TAG_SIZE;
}

uint64_t seal_plain_len(uint64_t sealed_len)
{
    uint64_t frame = SEAL_FRAME + SEAL_TAG_SIZE;
    return sealed_len - (sealed_len + frame - 1) / frame * SEAL_TAG_SIZE;
}

/* For a whole frame: NULL where libcrypto has to do it. */
static const struct gcm *wide_for(const struct seal_key *key, size_t len)
{
    _Static_assert(SEAL_FRAME % GCM_STRIDE == 0 && SEAL_TAG_SIZE == GCM_TAG_SIZE, "whole strides");
    if (len != SEAL_FRAME || !gcm_is_here())
        return NULL;
    if (!wide.has_key || memcmp(&wide.key, key, sizeof *key) != 0) {
        pthread_once(&prepared, prepare);
        pthread_setspecific(ending, contexts); /* so that it is forgotten */
        gcm_begin(&wide.gcm, key->bytes);
        wide.key = *key;
        wide.has_key = true;
    }
    return &wide.gcm;
}

static void nonce_of(uint64_t frame, uint8_t nonce[SEAL_NONCE_SIZE])
{
    uint64_t number = htobe64(frame);
    memset(nonce, 0, SEAL_NONCE_SIZE);
    memcpy(nonce + SEAL_NONCE_SIZE - sizeof number, &number, sizeof number);
}

static void seal_frame(const struct seal_key *key, const uint8_t nonce[SEAL_NONCE_SIZE],
                       struct span plain, char *to)
{
    const struct gcm *gcm = wide_for(key, plain.len);
    struct gcm_run run = {.nonce = nonce, .from = plain.at, .to = to, .len = plain.len};
    if (gcm)
        gcm_seal(gcm, &run, (uint8_t *)to + plain.len);
    else
        seal_one(context(SEAL, OF_RUNS, key), nonce, SPAN_NONE, plain, to);
}

static bool open_frame(const struct seal_key *key, const uint8_t nonce[SEAL_NONCE_SIZE],
                       struct span sealed, char *to)
{
    uint8_t tag[SEAL_TAG_SIZE];
    if (sealed.len < SEAL_TAG_SIZE)
        return false;
    size_t len = sealed.len - SEAL_TAG_SIZE;
    const struct gcm *gcm = wide_for(key, len);
    struct gcm_run run = {.nonce = nonce, .from = sealed.at, .to = to, .len = len};
    if (!gcm)
        return open_one(context(OPEN, OF_RUNS, key), nonce, SPAN_NONE, sealed, to);
    gcm_open(gcm, &run, tag);
    return CRYPTO_memcmp(tag, sealed.at + len, sizeof tag) == 0;
}

void seal_frames(const struct seal_key *key, uint64_t first, struct span plain, char *to)
{
    for (; plain.len; first++) {
        uint8_t nonce[SEAL_NONCE_SIZE];
        struct span frame = span_first(plain, SEAL_FRAME);
        nonce_of(first, nonce);
        seal_frame(key, nonce, frame, to);
        to += frame.len + SEAL_TAG_SIZE;
        plain = span_from(plain, frame.len);
    }
}

bool seal_open_frames(const struct seal_key *key, uint64_t first, struct span sealed, char *to)
{
    for (; sealed.len; first++) {
        uint8_t nonce[SEAL_NONCE_SIZE];
        struct span frame = span_first(sealed, SEAL_FRAME + SEAL_TAG_SIZE);
        nonce_of(first, nonce);
        if (!open_frame(key, nonce, frame, to))
            return false;
        to += frame.len - SEAL_TAG_SIZE;
        sealed = span_from(sealed, frame.len);
    }
    return true;
}

void seal_text(const struct seal_key *key, const struct seal_nonce *nonce, struct span beside,
               struct span plain, char *to)
{
    seal_one(context(SEAL, OF_RUNS, key), nonce->bytes, beside, plain, to);
}

bool seal_open_text(const struct seal_key *key, const struct seal_nonce *nonce, struct span beside,
                    struct span sealed, char *to)
{
    return open_one(context(OPEN, OF_RUNS, key), nonce->bytes, beside, sealed, to);
}
