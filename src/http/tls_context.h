// SPDX-License-Identifier: Apache-2.0
#pragma once
/* A TLS context from inside. */
#include "http/tls.h"

#include <openssl/ssl.h>

struct tls_context {
    SSL_CTX *ssl;
    struct tls_shown *shown; /* certificates that were issued; NULL: it has one of its own */
};
