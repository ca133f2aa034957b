// SPDX-License-Identifier: Apache-2.0
#pragma once
/* TLS 1.2 and 1.3 by OpenSSL. The context is read-only after it is made: any thread. */
#include "base/span.h"

struct tls_context;

/*
 * Loads `dir`/tls-cert.pem and tls-key.pem; makes them when there are none: ECDSA P-256,
 * self-signed as its own CA, names localhost, *.localhost, those in `names`, 127.0.0.1, ::1; mode
 * 0600 for the key. Many clients want two labels behind a star, so `names` holds what they need,
 * e.g. *.s3.localhost. Negative errno on failure; -EINVAL for files that cannot be used, which are
 * never overwritten.
 */
MUST_CHECK int tls_context_open(struct tls_context **ret, const char *dir, const struct span *names,
                                size_t name_count);
void tls_context_free(struct tls_context *context);
