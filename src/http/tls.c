// SPDX-License-Identifier: Apache-2.0
/*
 * The context all connections share: versions, ALPN, certificates. Tickets resume sessions without
 * a cache, so the context itself is not written to after it is made. Any thread.
 */
#include "http/tls_context.h"

#include "base/log.h"
#include "http/authority.h"
#include "http/tls_shown.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NAMES_BYTES 65536

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

static int context_new(struct tls_context **ret)
{
    struct tls_context *context = calloc(1, sizeof *context);
    if (!context)
        log_fatal("out of memory for a TLS context");
    context->ssl = ssl_context_new();
    if (!context->ssl) {
        free(context);
        return -ENOMEM;
    }
    *ret = context;
    return 0;
}

void tls_context_free(struct tls_context *context)
{
    if (!context)
        return;
    SSL_CTX_free(context->ssl);
    tls_shown_free(context->shown);
    free(context);
}

/* ---- a certificate of its own ------------------------------------------------------------------
 */

struct paths {
    char certificate[4096], key[4096];
};

static int find_paths(struct paths *paths, const char *dir)
{
    int a = snprintf(paths->certificate, sizeof paths->certificate, "%s/tls-cert.pem", dir);
    int b = snprintf(paths->key, sizeof paths->key, "%s/tls-key.pem", dir);
    if (a >= (int)sizeof paths->certificate || b >= (int)sizeof paths->key)
        return -ENAMETOOLONG;
    return access(paths->certificate, F_OK) < 0 && access(paths->key, F_OK) < 0 ? -ENOENT : 0;
}

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

int tls_context_load(struct tls_context **ret, const char *dir)
{
    struct paths paths;
    struct tls_context *context;
    int r = find_paths(&paths, dir);
    if (!r)
        r = context_new(&context);
    if (r)
        return r;
    r = load_pair(context->ssl, &paths);
    if (r) {
        tls_context_free(context);
        return r;
    }
    *ret = context;
    return 0;
}

/* ---- certificates of an authority --------------------------------------------------------------
 */

static int choose_certificate(SSL *ssl, int *ret_alert, void *context)
{
    struct arena arena;
    const char *asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    arena_init(&arena, 4096, NAMES_BYTES);
    bool shown = tls_shown_use(((struct tls_context *)context)->shown, &arena,
                               asked ? span_of_cstr(asked) : SPAN_NONE, ssl);
    arena_done(&arena);
    *ret_alert = SSL_AD_UNRECOGNIZED_NAME;
    return shown ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

int tls_context_new(struct tls_context **ret, struct authority *authority, tls_find_names *find)
{
    struct tls_context *context;
    int r = authority_open(authority);
    if (!r)
        r = context_new(&context);
    if (r)
        return r;
    context->shown = tls_shown_new(authority, find);
    SSL_CTX_set_tlsext_servername_callback(context->ssl, choose_certificate);
    SSL_CTX_set_tlsext_servername_arg(context->ssl, context);
    *ret = context;
    return 0;
}
