// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Compressed bytes, piece by piece: gzip, deflate (RFC 1950) and Zstandard out, gzip and Zstandard
 * in. Memory is bounded by the formats' windows (a frame that wants more than PACKING_WINDOW_MAX is
 * malformed) and by what the caller lets out at a time. One thread at a time.
 */
#include "base/buf.h"

#define PACKING_WINDOW_MAX (8 << 20) /* bytes that Zstandard may look back */

enum PACKING { PACKING_NONE, PACKING_GZIP, PACKING_ZSTD, PACKING_DEFLATE };

struct packer;

struct packer *packing_begin(enum PACKING packing);
/* Appends what is ready. */
void packing_feed(struct packer *packer, struct span bytes, struct buf *out);
/* Appends the rest and ends it. */
void packing_end(struct packer *packer, struct buf *out);
void packing_free(struct packer *packer);

struct unpacker;

struct unpacker *packing_open(enum PACKING packing);
/* Takes from *bytes and appends at most `most` bytes: less when *bytes is used up, and then there
 * is nothing more to come of it. Members follow one another. False when malformed. */
MUST_CHECK bool packing_take(struct unpacker *unpacker, struct span *bytes, size_t most,
                             struct buf *out);
/* Whether the bytes so far are whole. */
bool packing_is_whole(const struct unpacker *unpacker);
void packing_close(struct unpacker *unpacker);
