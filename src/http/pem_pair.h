// SPDX-License-Identifier: Apache-2.0
#pragma once
/* A certificate and its key as two files of a folder: NAME-cert.pem and NAME-key.pem (mode 0600).
 * Blocks. */
#include "base/span.h"

#include <openssl/x509.h>

struct pem_pair {
    X509 *certificate;
    EVP_PKEY *key;
};

/* How a pair is made that is not there yet; NULL when it cannot be. */
struct pem_maker {
    EVP_PKEY *(*key)(void);
    X509 *(*certificate)(EVP_PKEY *key, const struct pem_pair *issuer);
    const struct pem_pair *issuer; /* or NULL */
};

/* Reads the files, or makes them when there are none. Negative errno; -EINVAL for files that cannot
 * be used, which are never overwritten. After an error it is empty. */
MUST_CHECK int pem_pair_open(struct pem_pair *ret, const char *dir, const char *name,
                             const struct pem_maker *maker);
void pem_pair_close(struct pem_pair *pair);
