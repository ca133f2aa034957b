// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What an exchange has yet to send: a text that goes first (100 Continue, the reply's head), then
 * the segments of a reply, then the pieces of a streamed one. Remembers how far it got. One thread.
 */
#include "http/server.h"
#include "http/stream.h"

#define HTTP_PIECES_CEILING (4 << 20) /* bytes of a streamed reply that may wait */
#define HTTP_FILE_SCRATCH 16384       /* one TLS record */

struct output {
    struct span front;
    const struct http_segment *segments;
    size_t segment_count;
    uint64_t segment_done; /* bytes of the first segment that are sent */
    struct buf pieces;
    size_t pieces_done;
    struct buf later; /* behind the pieces: what was given while these were being sent */
    bool no_sendfile;
};

/* Neither buffer has anything. */
void output_open(struct output *output);
void output_close(struct output *output);
/* Where bytes go that are written now. */
struct buf *output_end(struct output *output);
/* Takes the bytes, mostly without copying: `piece` has other memory then, and nothing in it. */
void output_give(struct output *output, struct buf *piece);
size_t output_waiting(const struct output *output); /* bytes of pieces */
bool output_is_empty(const struct output *output);
/* The next bytes, copied: how many, 0 when there are none now, or negative errno. */
MUST_CHECK ssize_t output_read(struct output *output, char *to, size_t size);
/*
 * Sends what it can, for a bounded time: 0 (perhaps with more to send), -EAGAIN when the socket
 * takes no more for now, or another negative errno. `scratch` has HTTP_FILE_SCRATCH bytes.
 */
MUST_CHECK int output_flush(struct output *output, struct stream *stream, char *scratch,
                            uint64_t *ret_sent);
