// SPDX-License-Identifier: Apache-2.0
#pragma once
/* One TLS connection on a non-blocking socket, server side. The handshake happens inside the first
 * reads. One thread. */
#include "base/span.h"

#include <sys/types.h>
#include <sys/uio.h>

struct tls_context;
struct tls_session;

/* NULL when OpenSSL refuses. The socket stays the caller's. */
struct tls_session *tls_session_new(struct tls_context *context, int fd);
void tls_session_free(struct tls_session *session);
/* Of the protocol, once it is agreed on: 0x0303 is TLS 1.2. */
uint16_t tls_session_version(const struct tls_session *session);
/* As stream_read and stream_write. */
MUST_CHECK ssize_t tls_session_read(struct tls_session *session, char *to, size_t size);
MUST_CHECK ssize_t tls_session_write(struct tls_session *session, const struct iovec *parts,
                                     int count);
/* Sends close_notify if the socket takes it. */
void tls_session_end(struct tls_session *session);
