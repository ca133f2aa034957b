// SPDX-License-Identifier: Apache-2.0
/* Socket calls with their errors as negative errno, and the choice between clear and TLS. One
 * thread. */
#include "http/stream.h"

#include "http/tls_session.h"

#include <errno.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#define FILE_BYTES_AT_ONCE (1 << 20) /* so that one fast reader cannot hold the loop */

static ssize_t result(ssize_t n)
{
    if (n >= 0)
        return n;
    return errno == EINTR || errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

uint16_t stream_tls_version(const struct stream *stream)
{
    return stream->tls ? tls_session_version(stream->tls) : 0;
}

ssize_t stream_read(struct stream *stream, char *to, size_t size)
{
    if (stream->tls)
        return tls_session_read(stream->tls, to, size);
    return result(recv(stream->fd, to, size, 0));
}

ssize_t stream_write(struct stream *stream, const struct iovec *parts, int count,
                     enum STREAM_FLUSH flush)
{
    if (stream->tls)
        return tls_session_write(stream->tls, parts, count);
    int flags = MSG_NOSIGNAL | (flush == STREAM_MORE ? MSG_MORE : 0);
    if (count == 1)
        return result(send(stream->fd, parts[0].iov_base, parts[0].iov_len, flags));
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)parts,
                             .msg_iovlen = (size_t)count};
    return result(sendmsg(stream->fd, &message, flags));
}

ssize_t stream_write_file(struct stream *stream, int fd, uint64_t offset, uint64_t len)
{
    if (stream->tls)
        return -EINVAL;
    off_t at = (off_t)offset;
    size_t most = len < FILE_BYTES_AT_ONCE ? (size_t)len : FILE_BYTES_AT_ONCE;
    ssize_t n = result(sendfile(stream->fd, fd, &at, most));
    return n == 0 ? -EIO : n; /* the file is shorter than promised */
}

void stream_end(struct stream *stream)
{
    if (stream->tls)
        tls_session_end(stream->tls);
    shutdown(stream->fd, SHUT_WR);
}

void stream_close(struct stream *stream)
{
    if (stream->fd < 0)
        return;
    tls_session_free(stream->tls);
    close(stream->fd);
    *stream = (struct stream){.fd = -1};
}
