// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The chunked transfer coding (RFC 9112 section 7.1), decoded in place: pieces are parts of the
 * input. Strict line ends; extensions and trailer fields are checked, bounded and dropped. Pure,
 * any thread.
 */
#include "base/span.h"

#define HTTP_CHUNK_DIGITS 16        /* of a chunk's size */
#define HTTP_CHUNK_EXTENSIONS 16384 /* bytes of extensions in a body */
#define HTTP_CHUNK_TRAILERS 16384   /* bytes of trailer fields */

enum HTTP_CHUNK_STATE {
    HTTP_CHUNK_SIZE,
    HTTP_CHUNK_EXTENSION,
    HTTP_CHUNK_SIZE_LF,
    HTTP_CHUNK_DATA,
    HTTP_CHUNK_DATA_CR,
    HTTP_CHUNK_DATA_LF,
    HTTP_CHUNK_TRAILER, /* at the begin of a line */
    HTTP_CHUNK_TRAILER_NAME,
    HTTP_CHUNK_TRAILER_VALUE,
    HTTP_CHUNK_TRAILER_LF,
    HTTP_CHUNK_LAST_LF,
    HTTP_CHUNK_ENDED,
};

/* Zeroed to begin. */
struct http_chunks {
    enum HTTP_CHUNK_STATE state;
    uint64_t left; /* bytes of the chunk that is being read */
    size_t digits, extensions, trailers;
};

enum HTTP_CHUNK { HTTP_CHUNK_MORE, HTTP_CHUNK_PIECE, HTTP_CHUNK_END };

/*
 * Reads on in `*input` and moves it behind what was read. Returns HTTP_CHUNK_PIECE with a piece of
 * the body, HTTP_CHUNK_END behind the last line, HTTP_CHUNK_MORE when the input is used up; or
 * -400, -413 (a chunk above 2^63 bytes) or -431 (too many trailers).
 */
MUST_CHECK int http_chunks_next(struct http_chunks *chunks, struct span *input,
                                struct span *ret_piece);
