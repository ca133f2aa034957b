// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Compressed bytes, piece by piece: gzip out, gzip and Zstandard in. Memory is bounded by the
 * formats' windows (a frame that wants more than PACKING_WINDOW_MAX is malformed) and by what the
 * caller lets out at a time. One thread at a time.
 */
#include "base/buf.h"

#define PACKING_WINDOW_MAX (8 << 20) /* bytes that Zstandard may look back */

enum PACKING { PACKING_NONE, PACKING_GZIP, PACKING_ZSTD };

struct packer;

struct packer *packer_new(void);
/* Appends what is ready. */
void packer_feed(struct packer *packer, struct span bytes, struct buf *out);
/* Appends the rest and ends it. */
void packer_end(struct packer *packer, struct buf *out);
void packer_free(struct packer *packer);

struct unpacker;

struct unpacker *unpacker_new(enum PACKING packing);
/* Takes from *bytes and appends at most `most` bytes: less when *bytes is used up, and then there
 * is nothing more to come of it. Members follow one another. False when malformed. */
MUST_CHECK bool unpacker_feed(struct unpacker *unpacker, struct span *bytes, size_t most,
                              struct buf *out);
/* Whether the bytes so far are whole. */
bool unpacker_is_complete(const struct unpacker *unpacker);
void unpacker_free(struct unpacker *unpacker);
