// SPDX-License-Identifier: Apache-2.0
/* Objects on their way through: pieces are fetched, unpacked, and put behind what is left. */
#include "services/dynamodb/object_reader.h"

#include "base/log.h"
#include "base/packing.h"

#include <stdlib.h>

struct object_reader {
    struct span of, object; /* in `names` */
    struct buf names, raw, text;
    struct unpacker *unpacker;
    uint64_t read, size; /* bytes of the object */
    uint64_t done;       /* of its text */
    uint64_t skip;       /* of that, still to be passed over */
    size_t raw_at, text_at;
    bool over;   /* all of the text is in `text` */
    bool hungry; /* no whole record is in it */
};

void object_reader_free(struct object_reader *reader)
{
    if (!reader)
        return;
    packing_close(reader->unpacker);
    buf_done(&reader->names);
    buf_done(&reader->raw);
    buf_done(&reader->text);
    free(reader);
}

static enum PACKING packing_of(const struct object_source *source)
{
    return span_eq(source->packing, S("GZIP"))   ? PACKING_GZIP
           : span_eq(source->packing, S("ZSTD")) ? PACKING_ZSTD
                                                 : PACKING_NONE;
}

static struct object_reader *reader_new(const struct object_source *source)
{
    struct object_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        log_fatal("out of memory");
    buf_init(&reader->names, 4096);
    buf_init(&reader->raw, 2 * OBJECT_PIECE_BYTES);
    buf_init(&reader->text, 2 * (size_t)OBJECT_RECORD_MAX);
    buf_append(&reader->names, source->of);
    buf_append(&reader->names, source->object);
    reader->of = span_first(buf_span(&reader->names), source->of.len);
    reader->object = span_from(buf_span(&reader->names), source->of.len);
    reader->unpacker = packing_open(packing_of(source));
    reader->done = reader->skip = source->offset;
    reader->size = UINT64_MAX;
    return reader;
}

/* Where a step was not committed, what is kept is ahead of the record. */
struct object_reader *object_reader_for(struct object_reader **kept,
                                        const struct object_source *source)
{
    struct object_reader *reader = *kept;
    if (reader && span_eq(reader->of, source->of) && span_eq(reader->object, source->object) &&
        reader->done == source->offset)
        return reader;
    object_reader_free(reader);
    return *kept = reader_new(source);
}

struct span object_reader_text(const struct object_reader *reader)
{
    return span_from(buf_span(&reader->text), reader->text_at);
}

static RESULT read_piece(struct call *c, const struct object_source *source,
                         struct object_reader *reader)
{
    const struct s3_subject subject = {source->bucket, source->object, source->owner};
    struct s3_reading reading = {.from = reader->read, .most = OBJECT_PIECE_BYTES};
    buf_clear(&reader->raw);
    reader->raw_at = 0;
    TRY(s3_read(c, &subject, &reading, &reader->raw));
    reader->read += reader->raw.len;
    reader->size = reading.size;
    return OK;
}

/* What is done goes away, so the text never has more than one record and one piece. */
static void compact(struct object_reader *reader)
{
    size_t left = reader->text.len - reader->text_at;
    memmove(reader->text.at, reader->text.at + reader->text_at, left);
    reader->text.len = left;
    reader->text_at = 0;
}

static void pass_over(struct object_reader *reader)
{
    size_t left = reader->text.len - reader->text_at;
    size_t skipped = reader->skip < left ? (size_t)reader->skip : left;
    reader->skip -= skipped;
    reader->text_at += skipped;
}

bool object_reader_wants(const struct object_reader *reader)
{
    return !reader->over && (reader->hungry || object_reader_text(reader).len < OBJECT_PIECE_BYTES);
}

RESULT object_reader_fill(struct call *c, struct object_reader *reader,
                          const struct object_source *source, bool *ret_good)
{
    reader->hungry = false;
    struct span raw = span_from(buf_span(&reader->raw), reader->raw_at);
    if (!raw.len && reader->read < reader->size) {
        TRY(read_piece(c, source, reader));
        raw = buf_span(&reader->raw);
    }
    if (reader->text_at)
        compact(reader);
    size_t before = reader->text.len, given = raw.len;
    *ret_good = packing_take(reader->unpacker, &raw, OBJECT_PIECE_BYTES, &reader->text);
    reader->raw_at += given - raw.len;
    bool ended =
        !raw.len && reader->read >= reader->size && reader->text.len - before < OBJECT_PIECE_BYTES;
    if (ended && !packing_is_whole(reader->unpacker))
        *ret_good = false;
    reader->over = ended;
    pass_over(reader);
    return OK;
}

bool object_reader_is_over(const struct object_reader *reader)
{
    return reader->over;
}

void object_reader_take(struct object_reader *reader, size_t bytes)
{
    reader->text_at += bytes;
    reader->done += bytes;
    reader->hungry = !bytes;
}

uint64_t object_reader_position(const struct object_reader *reader)
{
    return reader->read;
}
