// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The certificates that a TLS context has had issued. Any thread. */
#include "http/tls.h"

#include <openssl/ssl.h>

struct tls_shown;
struct tls_shown *tls_shown_new(struct authority *authority, tls_find_names *find);
void tls_shown_free(struct tls_shown *shown);
/* Gives the connection the certificate for the name that it asks for; false: it gets none. */
bool tls_shown_use(struct tls_shown *shown, struct arena *arena, struct span asked, SSL *ssl);
