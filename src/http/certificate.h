// SPDX-License-Identifier: Apache-2.0
#pragma once
/* X.509 certificates: an authority's own, and those that it issues to servers. Pure but for random
 * numbers and the clock; any thread. NULL when OpenSSL refuses. */
#include "base/arena.h"
#include "http/pem_pair.h"

#include <openssl/x509.h>

/* ECDSA P-256: its signatures cost a fifteenth of RSA-2048's. */
EVP_PKEY *certificate_key(void);
/* RSA-2048, for what others say has to be. */
EVP_PKEY *certificate_rsa_key(void);
/* Of an authority with this key. It may speak for localhost and AWS's names only, so that who
 * trusts it does not trust it with others. */
X509 *certificate_of_authority(EVP_PKEY *key, const struct pem_pair *unused);
/* Of who signs documents with that key. */
X509 *certificate_of_signer(EVP_PKEY *key, const struct pem_pair *issuer);

struct certificate_wish {
    const struct pem_pair *issuer;
    EVP_PKEY *key;
    const struct span *names; /* host names, perhaps with a star, and IP addresses */
    size_t count;
};
/* Of a server. Absent names, or what is no name: NULL. */
X509 *certificate_issue(struct arena *arena, const struct certificate_wish *wish);
