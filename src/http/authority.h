// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The certificate authority of a folder: ca-cert.pem, which clients trust, and ca-key.pem. Made
 * when it is first needed, and kept: who trusts the one file trusts every certificate that servers
 * here show, also after a start. Any thread.
 */
#include "base/arena.h"

struct authority;

/* Nothing is read or made yet; `dir` stays the caller's. */
struct authority *authority_new(const char *dir);
void authority_free(struct authority *authority);
/* Reads the files, or makes them when there are none: blocks for that, the first time. Negative
 * errno; -EINVAL for files that cannot be used, which are never overwritten. */
MUST_CHECK int authority_open(struct authority *authority);
/* The certificate as its file has it, and its name in a folder of trusted ones (openssl-rehash);
 * once it is open. */
struct span authority_pem(const struct authority *authority);
uint32_t authority_hash(const struct authority *authority);

/* ---- for TLS contexts ------------------------------------------------------------------------ */

struct x509_st; /* OpenSSL's X509, EVP_PKEY */
struct evp_pkey_st;
/* A certificate for that key and these names (certificate.h); NULL: it cannot be. */
struct x509_st *authority_issue(struct authority *authority, struct evp_pkey_st *key,
                                const struct span *names, size_t count);

/* ---- documents ------------------------------------------------------------------------------- */

/* An RSA signature over the SHA-256 digest, in base64; or a PKCS #7 message with the document in
 * it, in base64 without the lines around it. */
enum AUTHORITY_FORM { AUTHORITY_SIGNATURE, AUTHORITY_PKCS7 };
/* Signed with identity-key.pem; identity-cert.pem, from this authority, checks it. Blocks as
 * authority_open does, and the first time of all for as long as an RSA key takes. */
MUST_CHECK int authority_sign(struct authority *authority, struct arena *arena,
                              struct span document, enum AUTHORITY_FORM form, struct span *ret);
