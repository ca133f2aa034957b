// SPDX-License-Identifier: Apache-2.0
#pragma once
/* A TLS context from inside. */
#include "http/tls.h"

#include <openssl/ssl.h>

struct tls_context {
    SSL_CTX *ssl;
};
