// SPDX-License-Identifier: Apache-2.0
/*
 * The context all connections share: versions, ALPN, certificate. Tickets resume sessions without a
 * cache, so the context is not written to after it is made. Any thread.
 */
#include "http/tls_context.h"

#include "base/log.h"
#include "http/certificate.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* RFC 7301: a client that offers protocols, but not ours, is refused. */
static int choose_protocol(SSL *ssl, const unsigned char **ret, unsigned char *ret_len,
                           const unsigned char *offered, unsigned offered_len, void *unused)
{
    static const unsigned char ours[] = "\x02h2\x08http/1.1"; /* the first is liked best */
    unsigned char *chosen;
    int r = SSL_select_next_proto(&chosen, ret_len, ours, sizeof ours - 1, offered, offered_len);
    *ret = chosen;
    return r == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static SSL_CTX *ssl_context_new(void)
{
    SSL_CTX *ssl = SSL_CTX_new(TLS_server_method());
    if (!ssl)
        return NULL;
    SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
    /* No renegotiation: reads and writes then never wait for each other. */
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF |
                                 SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(ssl, choose_protocol, NULL);
    return ssl;
}

struct paths {
    char certificate[4096], key[4096];
};

static int find_paths(struct paths *paths, const char *dir)
{
    int a = snprintf(paths->certificate, sizeof paths->certificate, "%s/tls-cert.pem", dir);
    int b = snprintf(paths->key, sizeof paths->key, "%s/tls-key.pem", dir);
    return a < (int)sizeof paths->certificate && b < (int)sizeof paths->key ? 0 : -ENAMETOOLONG;
}

/* -EINVAL when the files are there and cannot be used: never overwritten. */
static int load_pair(SSL_CTX *ssl, const struct paths *paths)
{
    if (SSL_CTX_use_certificate_chain_file(ssl, paths->certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(ssl, paths->key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(ssl) != 1) {
        ERR_clear_error();
        return -EINVAL;
    }
    return 0;
}

int tls_context_open(struct tls_context **ret, const char *dir, const struct span *names,
                     size_t name_count)
{
    struct paths paths;
    int r = find_paths(&paths, dir);
    if (!r && access(paths.certificate, F_OK) < 0 && access(paths.key, F_OK) < 0)
        r = certificate_make(paths.certificate, paths.key, names, name_count);
    if (r < 0)
        return r;
    struct tls_context *context = malloc(sizeof *context);
    if (!context)
        log_fatal("out of memory for a TLS context");
    context->ssl = ssl_context_new();
    r = context->ssl ? load_pair(context->ssl, &paths) : -ENOMEM;
    if (r < 0) {
        tls_context_free(context);
        return r;
    }
    *ret = context;
    return 0;
}

void tls_context_free(struct tls_context *context)
{
    if (!context)
        return;
    SSL_CTX_free(context->ssl);
    free(context);
}
