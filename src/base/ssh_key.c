// SPDX-License-Identifier: Apache-2.0
/*
 * SSH's wire form of keys is written and read here, keys themselves are libcrypto's. Sources: RFC
 * 4253 section 6.6 (ssh-rsa), RFC 8709 (ssh-ed25519), PROTOCOL.key of OpenSSH (its private keys),
 * appendix "PPK file format" of PuTTY's manual (those of PuTTY).
 * Any thread.
 */
#include "base/ssh_key.h"

#include "base/buf.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/text.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define RSA_BITS 2048
#define BLOB_CEILING 8192
#define ED25519_SIZE 32
#define LINE_LETTERS 70 /* of base64, as ssh-keygen breaks it */

/* ---- wire form --------------------------------------------------------------------------------
 */

static void put_u32(struct buf *to, uint32_t value)
{
    const char bytes[] = {(char)(value >> 24), (char)(value >> 16), (char)(value >> 8),
                          (char)value};
    buf_append(to, span_of(bytes, sizeof bytes));
}

static void put_string(struct buf *to, struct span text)
{
    put_u32(to, (uint32_t)text.len);
    buf_append(to, text);
}

/* A number that is not negative: a zero byte goes before a first bit that is set. */
static void put_number(struct buf *to, const BIGNUM *number)
{
    unsigned char bytes[BLOB_CEILING / 8];
    int len = BN_bn2binpad(number, bytes + 1, BN_num_bytes(number));
    bytes[0] = 0;
    bool high = len > 0 && bytes[1] & 0x80;
    put_string(to, span_of(high ? bytes : bytes + 1, (size_t)len + high));
}

static bool take_string(struct span *from, struct span *ret)
{
    const unsigned char *at = (const unsigned char *)from->at;
    if (from->len < 4)
        return false;
    uint32_t len = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    if (len > from->len - 4)
        return false;
    *ret = span_of(at + 4, len);
    *from = span_from(*from, 4 + (size_t)len);
    return true;
}

/* ---- libcrypto --------------------------------------------------------------------------------
 */

static struct span copy_and_free(struct arena *arena, unsigned char *bytes, int len)
{
    struct span copy = len > 0 ? arena_copy(arena, span_of(bytes, (size_t)len)) : SPAN_NONE;
    OPENSSL_free(bytes);
    return copy;
}

static struct span public_der(struct arena *arena, const EVP_PKEY *key)
{
    unsigned char *bytes = NULL;
    int len = i2d_PUBKEY(key, &bytes);
    return copy_and_free(arena, bytes, len);
}

static struct span private_der(struct arena *arena, const EVP_PKEY *key)
{
    unsigned char *bytes = NULL;
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    int len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &bytes) : 0;
    PKCS8_PRIV_KEY_INFO_free(info);
    return copy_and_free(arena, bytes, len);
}

static struct span rsa_pem(struct arena *arena, const EVP_PKEY *key)
{
    char *bytes;
    struct span copy = SPAN_NONE;
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio && PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL)) {
        long len = BIO_get_mem_data(bio, &bytes);
        copy = arena_copy(arena, span_of(bytes, (size_t)len));
    }
    BIO_free(bio);
    return copy;
}

static const char *const names[] = {[SSH_KEY_RSA] = "ssh-rsa", [SSH_KEY_ED25519] = "ssh-ed25519"};

static struct span rsa_blob(struct arena *arena, const EVP_PKEY *key)
{
    BIGNUM *modulus = NULL, *exponent = NULL;
    struct buf *blob = arena_buf(arena, BLOB_CEILING);
    if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &modulus) &&
        EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent)) {
        put_string(blob, span_of_cstr(names[SSH_KEY_RSA]));
        put_number(blob, exponent);
        put_number(blob, modulus);
    }
    BN_free(modulus);
    BN_free(exponent);
    return buf_span(blob);
}

static struct span ed25519_blob(struct arena *arena, struct span public)
{
    struct buf *blob = arena_buf(arena, BLOB_CEILING);
    put_string(blob, span_of_cstr(names[SSH_KEY_ED25519]));
    put_string(blob, public);
    return buf_span(blob);
}

/* Private keys as OpenSSH keeps them, without a passphrase. */
static struct span openssh_pem(struct arena *arena, struct span blob, struct span public,
                               struct span seed)
{
    struct buf *secret = arena_buf(arena, BLOB_CEILING), *all = arena_buf(arena, BLOB_CEILING);
    struct buf *pem = arena_buf(arena, BLOB_CEILING);
    uint32_t check = (uint32_t)random_u64();
    put_u32(secret, check);
    put_u32(secret, check);
    put_string(secret, span_of_cstr(names[SSH_KEY_ED25519]));
    put_string(secret, public);
    put_u32(secret, 2 * ED25519_SIZE);
    buf_append(secret, seed);
    buf_append(secret, public);
    put_string(secret, S(""));
    for (char pad = 1; secret->len % 8; pad++)
        buf_append_byte(secret, pad);
    buf_append(all, span_of("openssh-key-v1", sizeof "openssh-key-v1"));
    put_string(all, S("none"));
    put_string(all, S("none"));
    put_string(all, S(""));
    put_u32(all, 1);
    put_string(all, blob);
    put_string(all, buf_span(secret));
    buf_append(pem, S("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
    for (struct span rest = base64_of(arena, buf_span(all)); rest.len;
         rest = span_from(rest, LINE_LETTERS)) {
        buf_append(pem, span_first(rest, LINE_LETTERS));
        buf_append_byte(pem, '\n');
    }
    buf_append(pem, S("-----END OPENSSH PRIVATE KEY-----\n"));
    return buf_span(pem);
}

static bool show_ed25519(struct arena *arena, const EVP_PKEY *key, struct ssh_key *ret)
{
    unsigned char public[ED25519_SIZE], seed[ED25519_SIZE];
    size_t public_len = sizeof public, seed_len = sizeof seed;
    if (!EVP_PKEY_get_raw_public_key(key, public, &public_len) ||
        !EVP_PKEY_get_raw_private_key(key, seed, &seed_len))
        return false;
    struct span public_span = span_of(public, public_len);
    ret->public_blob = ed25519_blob(arena, public_span);
    ret->private_key = openssh_pem(arena, ret->public_blob, public_span, span_of(seed, seed_len));
    struct buf *blob = arena_buf(arena, BLOB_CEILING);
    put_string(blob, span_of(seed, seed_len));
    ret->private_blob = buf_span(blob);
    return true;
}

static struct span rsa_private_blob(struct arena *arena, const EVP_PKEY *key)
{
    static const char *const parts[] = {OSSL_PKEY_PARAM_RSA_D, OSSL_PKEY_PARAM_RSA_FACTOR1,
                                        OSSL_PKEY_PARAM_RSA_FACTOR2,
                                        OSSL_PKEY_PARAM_RSA_COEFFICIENT1};
    struct buf *blob = arena_buf(arena, BLOB_CEILING);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        BIGNUM *number = NULL;
        if (!EVP_PKEY_get_bn_param(key, parts[i], &number))
            return SPAN_NONE;
        put_number(blob, number);
        BN_clear_free(number);
    }
    return buf_span(blob);
}

static bool show_rsa(struct arena *arena, const EVP_PKEY *key, struct ssh_key *ret)
{
    ret->public_blob = rsa_blob(arena, key);
    ret->private_key = rsa_pem(arena, key);
    ret->private_der = private_der(arena, key);
    ret->private_blob = rsa_private_blob(arena, key);
    return ret->private_key.at && ret->private_der.at && ret->private_blob.at;
}

static struct span line_of(struct arena *arena, enum SSH_KEY kind, struct span blob)
{
    return arena_printf(arena, "%s %.*s", names[kind], SPAN_ARG(base64_of(arena, blob)));
}

int ssh_key_make(struct arena *arena, enum SSH_KEY kind, struct ssh_key *ret)
{
    EVP_PKEY *key =
        kind == SSH_KEY_RSA ? EVP_RSA_gen(RSA_BITS) : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    if (!key)
        return -ENOMEM;
    *ret = (struct ssh_key){.kind = kind, .bits = EVP_PKEY_get_bits(key)};
    bool made = kind == SSH_KEY_RSA ? show_rsa(arena, key, ret) : show_ed25519(arena, key, ret);
    ret->public_der = public_der(arena, key);
    EVP_PKEY_free(key);
    if (!made || !ret->public_blob.len || !ret->public_der.at)
        return -ENOMEM;
    ret->public_line = line_of(arena, kind, ret->public_blob);
    return 0;
}

/* ---- PuTTY ------------------------------------------------------------------------------------
 */

#define PPK_LETTERS 64 /* of a line */
#define PPK_KEY S("putty-private-key-file-mac-key")

static void put_lines(struct arena *arena, struct buf *to, const char *what, struct span blob)
{
    struct span text = base64_of(arena, blob);
    buf_printf(to, "%s-Lines: %zu\n", what, (text.len + PPK_LETTERS - 1) / PPK_LETTERS);
    for (; text.len; text = span_from(text, PPK_LETTERS))
        buf_printf(to, "%.*s\n", SPAN_ARG(span_first(text, PPK_LETTERS)));
}

/* Over all that the file says. */
static void ppk_mac(struct arena *arena, const struct ssh_key *key, struct span comment,
                    unsigned char digest[SHA1_SIZE])
{
    unsigned char mac_key[SHA1_SIZE];
    unsigned len = SHA1_SIZE;
    struct buf *all = arena_buf(arena, 4 * BLOB_CEILING);
    put_string(all, span_of_cstr(names[key->kind]));
    put_string(all, S("none"));
    put_string(all, comment);
    put_string(all, key->public_blob);
    put_string(all, key->private_blob);
    sha1_of(PPK_KEY, mac_key);
    HMAC(EVP_sha1(), mac_key, SHA1_SIZE, (const unsigned char *)all->at, all->len, digest, &len);
}

struct span ssh_key_ppk(struct arena *arena, const struct ssh_key *key, struct span comment)
{
    unsigned char digest[SHA1_SIZE];
    struct buf *text = arena_buf(arena, 4 * BLOB_CEILING);
    buf_printf(text, "PuTTY-User-Key-File-2: %s\nEncryption: none\nComment: %.*s\n",
               names[key->kind], SPAN_ARG(comment));
    put_lines(arena, text, "Public", key->public_blob);
    put_lines(arena, text, "Private", key->private_blob);
    ppk_mac(arena, key, comment, digest);
    buf_append(text, S("Private-MAC: "));
    for (size_t i = 0; i < SHA1_SIZE; i++)
        buf_printf(text, "%02x", digest[i]);
    buf_append_byte(text, '\n');
    return buf_span(text);
}

/* ---- reading ----------------------------------------------------------------------------------
 */

static EVP_PKEY *rsa_of(struct span exponent, struct span modulus)
{
    EVP_PKEY *key = NULL;
    BIGNUM *e = BN_bin2bn((const unsigned char *)exponent.at, (int)exponent.len, NULL);
    BIGNUM *n = BN_bin2bn((const unsigned char *)modulus.at, (int)modulus.len, NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    bool pushed = e && n && build && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) &&
                  OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e);
    OSSL_PARAM *params = pushed ? OSSL_PARAM_BLD_to_param(build) : NULL;
    if (params && context && EVP_PKEY_fromdata_init(context) > 0 &&
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) <= 0)
        key = NULL;
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(context);
    BN_free(e);
    BN_free(n);
    return key;
}

/* The key of a blob, behind its name. */
static EVP_PKEY *key_of(enum SSH_KEY kind, struct span blob)
{
    struct span first, second;
    if (!take_string(&blob, &first))
        return NULL;
    if (kind == SSH_KEY_ED25519)
        return blob.len || first.len != ED25519_SIZE
                   ? NULL
                   : EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
                                                 (const unsigned char *)first.at, first.len);
    if (!take_string(&blob, &second) || blob.len || !first.len || !second.len)
        return NULL;
    return rsa_of(first, second);
}

static bool kind_named(struct span name, enum SSH_KEY *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (span_eq(name, span_of_cstr(names[i]))) {
            *ret = (enum SSH_KEY)i;
            return true;
        }
    return false;
}

bool ssh_key_read(struct arena *arena, struct span line, struct ssh_key *ret)
{
    struct span rest = line, inner;
    *ret = (struct ssh_key){0};
    while (rest.len && strchr(" \t\r\n", rest.at[rest.len - 1]))
        rest.len--;
    struct span name = span_cut(&rest, ' '), text = span_cut(&rest, ' ');
    if (!kind_named(name, &ret->kind) || !text.len || text.len > BLOB_CEILING)
        return false;
    struct span blob = base64_decode(arena, text);
    struct span behind = blob;
    if (!blob.at || !take_string(&behind, &inner) || !span_eq(inner, name))
        return false;
    EVP_PKEY *key = key_of(ret->kind, behind);
    if (!key)
        return false;
    ret->bits = EVP_PKEY_get_bits(key);
    ret->public_blob = blob;
    ret->public_der = public_der(arena, key);
    ret->public_line = line_of(arena, ret->kind, blob);
    EVP_PKEY_free(key);
    return ret->public_der.at != NULL;
}
