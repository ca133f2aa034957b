// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The text of an object of S3, unpacked, piece by piece: what imports and bulk operations read.
 * Kept between steps; what is kept only saves reading from the beginning again. Workers.
 */
#include "services/s3/s3.h"
#include "wire/call.h"

/* Bytes of one line at most: the largest item escaped at every byte. */
#define OBJECT_RECORD_MAX (16 << 20)
/* Read from S3, and of text, at a time. */
#define OBJECT_PIECE_BYTES (1 << 20)

struct object_reader;

struct object_source {
    struct span of; /* who reads */
    struct span bucket, object, owner;
    struct span packing; /* GZIP, ZSTD or NONE */
    uint64_t offset;     /* bytes of the text that are done */
};

/* The one that is kept, or another one, which is kept from now on. */
struct object_reader *object_reader_for(struct object_reader **kept,
                                        const struct object_source *source);
void object_reader_free(struct object_reader *reader); /* accepts NULL */

/* Whether less than a piece is left, or nothing of what is there could be taken, and more follows.
 */
bool object_reader_wants(const struct object_reader *reader);
/* Has more text. *ret_good false: it cannot be unpacked. A refusal is S3's. The transaction may
 * lock no more after it. */
RESULT object_reader_fill(struct call *c, struct object_reader *reader,
                          const struct object_source *source, bool *ret_good);
struct span object_reader_text(const struct object_reader *reader);
/* Whether nothing follows the text. */
bool object_reader_is_over(const struct object_reader *reader);
/* So many bytes of the text are done. */
void object_reader_take(struct object_reader *reader, size_t bytes);
/* Bytes of the object that were read. */
uint64_t object_reader_position(const struct object_reader *reader);
