// SPDX-License-Identifier: Apache-2.0
/*
 * OpenSSL's results as negative errno. A write gathers its parts into one record, so that head and
 * body of a small reply share it; after -EAGAIN the caller brings the same bytes again, as OpenSSL
 * demands. One thread.
 */
#include "http/tls_session.h"

#include "http/tls_context.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>

#define RECORD_BYTES 16384

struct tls_session {
    SSL *ssl;
};

struct tls_session *tls_session_new(struct tls_context *context, int fd)
{
    SSL *ssl = SSL_new(context->ssl);
    struct tls_session *session = ssl ? malloc(sizeof *session) : NULL;
    if (!session || SSL_set_fd(ssl, fd) != 1) {
        free(session);
        SSL_free(ssl);
        ERR_clear_error();
        return NULL;
    }
    SSL_set_accept_state(ssl);
    session->ssl = ssl;
    return session;
}

void tls_session_free(struct tls_session *session)
{
    if (!session)
        return;
    SSL_free(session->ssl);
    free(session);
}

uint16_t tls_session_version(const struct tls_session *session)
{
    return (uint16_t)SSL_version(session->ssl);
}

static ssize_t failure(struct tls_session *session, int r)
{
    switch (SSL_get_error(session->ssl, r)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return -EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    case SSL_ERROR_SYSCALL:
        return errno ? -errno : -ECONNRESET;
    default:
        return -EPROTO;
    }
}

ssize_t tls_session_read(struct tls_session *session, char *to, size_t size)
{
    size_t n;
    ERR_clear_error();
    errno = 0;
    int r = SSL_read_ex(session->ssl, to, size, &n);
    return r == 1 ? (ssize_t)n : failure(session, r);
}

static size_t gather(char *record, const struct iovec *parts, int count)
{
    size_t len = 0;
    for (int i = 0; i < count && len < RECORD_BYTES; i++) {
        size_t room = RECORD_BYTES - len;
        size_t part = parts[i].iov_len < room ? parts[i].iov_len : room;
        memcpy(record + len, parts[i].iov_base, part);
        len += part;
    }
    return len;
}

ssize_t tls_session_write(struct tls_session *session, const struct iovec *parts, int count)
{
    char record[RECORD_BYTES];
    size_t n;
    ERR_clear_error();
    errno = 0;
    int r = SSL_write_ex(session->ssl, record, gather(record, parts, count), &n);
    if (r == 1)
        return (ssize_t)n;
    ssize_t result = failure(session, r);
    return result ? result : -EPIPE;
}

void tls_session_end(struct tls_session *session)
{
    ERR_clear_error();
    if (SSL_is_init_finished(session->ssl))
        SSL_shutdown(session->ssl);
    ERR_clear_error();
}
