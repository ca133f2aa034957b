// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * A connected, non-blocking socket, in clear or under TLS. Nothing here waits: -EAGAIN means to try
 * again after the next event on the descriptor. One thread.
 */
#include "base/span.h"

#include <sys/types.h>
#include <sys/uio.h>

struct tls_context;
struct tls_session;

struct stream {
    int fd;
    struct tls_session *tls; /* or NULL */
};

enum STREAM_FLUSH {
    STREAM_PUSH,
    STREAM_MORE /* more follows at once: do not send a short packet */
};

/* Once its handshake is done: 0x0303 is TLS 1.2; 0 in the clear. */
uint16_t stream_tls_version(const struct stream *stream);
/* Bytes read, 0 when the peer has ended, or negative errno. */
MUST_CHECK ssize_t stream_read(struct stream *stream, char *to, size_t size);
/* Bytes written, at least one, or negative errno. After -EAGAIN the same bytes come again first. */
MUST_CHECK ssize_t stream_write(struct stream *stream, const struct iovec *parts, int count,
                                enum STREAM_FLUSH flush);
/* The same from a file, which needs no copy in clear. -EINVAL where that is not possible. */
MUST_CHECK ssize_t stream_write_file(struct stream *stream, int fd, uint64_t offset, uint64_t len);
/* Says that nothing more will be written. */
void stream_end(struct stream *stream);
/* Closes the socket. */
void stream_close(struct stream *stream);
