// SPDX-License-Identifier: Apache-2.0
#pragma once
/* TLS 1.2 and 1.3 by OpenSSL. Any thread. */
#include "base/arena.h"

struct authority;
struct tls_context;

/* What a certificate is for: host names, perhaps with a star in front, and IP addresses. Many
 * clients want two labels behind a star. */
#define TLS_NAMES_MAX 8
struct tls_names {
    struct span at[TLS_NAMES_MAX];
    size_t count;
};
/* The names on the certificate for a client that asks for a server of this name (RFC 6066; lower
 * case, absent: it asks for none). None: it is refused. The same first name means the same
 * certificate. Pure, any thread. */
typedef void tls_find_names(struct arena *arena, struct span asked, struct tls_names *ret);

/* Shows certificates that the authority issues when they are asked for; the latest ones are kept.
 * The authority outlives it. Negative errno. */
MUST_CHECK int tls_context_new(struct tls_context **ret, struct authority *authority,
                               tls_find_names *find);
/* Shows `dir`/tls-cert.pem, with its key in tls-key.pem. -ENOENT when neither is there, -EINVAL for
 * files that cannot be used. */
MUST_CHECK int tls_context_load(struct tls_context **ret, const char *dir);
void tls_context_free(struct tls_context *context);
