// SPDX-License-Identifier: Apache-2.0
/* An authority's pairs of files, what it issues and what it signs. Once a pair is open it does not
 * change. Any thread. */
#include "http/authority.h"

#include "base/log.h"
#include "base/scope.h"
#include "base/text.h"
#include "http/certificate.h"
#include "http/pem_pair.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>

#define NAMES_BYTES 65536
#define RSA_BYTES 256

struct authority {
    const char *dir;
    pthread_mutex_t lock; /* while a pair is opened */
    struct pem_pair pair, identity;
    BIO *pem;
};

struct authority *authority_new(const char *dir)
{
    struct authority *authority = calloc(1, sizeof *authority);
    if (!authority)
        log_fatal("out of memory for an authority");
    authority->dir = dir;
    pthread_mutex_init(&authority->lock, NULL);
    return authority;
}

void authority_free(struct authority *authority)
{
    if (!authority)
        return;
    pem_pair_close(&authority->pair);
    pem_pair_close(&authority->identity);
    BIO_free(authority->pem);
    pthread_mutex_destroy(&authority->lock);
    free(authority);
}

/* ---- its own certificate -----------------------------------------------------------------------
 */

static BIO *print_pem(X509 *certificate)
{
    BIO *pem = BIO_new(BIO_s_mem());
    if (pem && PEM_write_bio_X509(pem, certificate) == 1)
        return pem;
    log_fatal("out of memory for a certificate");
}

static struct span text_of(BIO *bio)
{
    char *at;
    long len = BIO_get_mem_data(bio, &at);
    return span_of(at, (size_t)len);
}

static int open_locked(struct authority *a)
{
    static const struct pem_maker maker = {certificate_key, certificate_of_authority, NULL};
    int r = a->pem ? 0 : pem_pair_open(&a->pair, a->dir, "ca", &maker);
    if (!r && !a->pem)
        a->pem = print_pem(a->pair.certificate);
    return r;
}

int authority_open(struct authority *authority)
{
    GUARD(&authority->lock);
    return open_locked(authority);
}

struct span authority_pem(const struct authority *authority)
{
    return text_of(authority->pem);
}

uint32_t authority_hash(const struct authority *authority)
{
    return (uint32_t)X509_NAME_hash_ex(X509_get_subject_name(authority->pair.certificate), NULL,
                                       NULL, NULL);
}

/* ---- certificates ------------------------------------------------------------------------------
 */

X509 *authority_issue(struct authority *authority, EVP_PKEY *key, const struct span *names,
                      size_t count)
{
    struct arena arena;
    if (authority_open(authority))
        return NULL;
    arena_init(&arena, 4096, NAMES_BYTES);
    X509 *certificate = certificate_issue(&arena, &(struct certificate_wish){
                                                      .issuer = &authority->pair,
                                                      .key = key,
                                                      .names = names,
                                                      .count = count,
                                                  });
    arena_done(&arena);
    return certificate;
}

/* ---- documents ---------------------------------------------------------------------------------
 */

static int open_identity(struct authority *a)
{
    GUARD(&a->lock);
    const struct pem_maker maker = {certificate_rsa_key, certificate_of_signer, &a->pair};
    int r = open_locked(a);
    return r || a->identity.key ? r : pem_pair_open(&a->identity, a->dir, "identity", &maker);
}

static struct span sign_plain(const struct pem_pair *pair, struct arena *arena,
                              struct span document)
{
    uint8_t signature[RSA_BYTES];
    size_t len = sizeof signature;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good =
        context && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, pair->key) == 1 &&
        EVP_DigestSign(context, signature, &len, (const uint8_t *)document.at, document.len) == 1;
    EVP_MD_CTX_free(context);
    return good ? base64_of(arena, span_of(signature, len)) : SPAN_NONE;
}

/* As AWS has it: without the signer's certificate, which whoever checks it brings. */
static struct span sign_message(const struct pem_pair *pair, struct arena *arena,
                                struct span document)
{
    BIO *in = BIO_new_mem_buf(document.at, (int)document.len), *out = BIO_new(BIO_s_mem());
    PKCS7 *message =
        PKCS7_sign(pair->certificate, pair->key, NULL, in, PKCS7_BINARY | PKCS7_NOCERTS);
    struct span text = SPAN_NONE;
    if (message && out && PEM_write_bio_PKCS7(out, message) == 1) {
        struct span rest = text_of(out);
        span_cut(&rest, '\n');
        text = arena_copy(arena, span_first(rest, span_find(rest, S("\n-----END"))));
    }
    PKCS7_free(message);
    BIO_free(out);
    BIO_free(in);
    return text;
}

int authority_sign(struct authority *authority, struct arena *arena, struct span document,
                   enum AUTHORITY_FORM form, struct span *ret)
{
    int r = open_identity(authority);
    if (r)
        return r;
    *ret = form == AUTHORITY_PKCS7 ? sign_message(&authority->identity, arena, document)
                                   : sign_plain(&authority->identity, arena, document);
    ERR_clear_error();
    return ret->at ? 0 : -EIO;
}
