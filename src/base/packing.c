// SPDX-License-Identifier: Apache-2.0
/* zlib and Zstandard behind one face. Key invariant: an unpacker gives back control with room left
 * in its output only when its input is used up. */
#include "base/packing.h"

#include "base/log.h"

#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#define STEP 65536 /* bytes appended at a time */
#define GZIP_BITS (MAX_WBITS + 16)
#define DEFLATE_BITS MAX_WBITS
#define GZIP_MEMORY 8          /* zlib's default */
#define ZSTD_WINDOW_LOG_MAX 23 /* PACKING_WINDOW_MAX */

/* ---- out ------------------------------------------------------------------------------------ */

struct packer {
    enum PACKING packing;
    z_stream stream;
    ZSTD_CStream *zstd;
};

struct packer *packing_begin(enum PACKING packing)
{
    int bits = packing == PACKING_DEFLATE ? DEFLATE_BITS : GZIP_BITS;
    struct packer *packer = calloc(1, sizeof *packer);
    if (!packer)
        log_fatal("out of memory");
    packer->packing = packing;
    if (packing == PACKING_ZSTD)
        packer->zstd = ZSTD_createCStream();
    bool good = packing == PACKING_ZSTD
                    ? packer->zstd != NULL
                    : deflateInit2(&packer->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, bits,
                                   GZIP_MEMORY, Z_DEFAULT_STRATEGY) == Z_OK;
    if (!good)
        log_fatal("out of memory");
    return packer;
}

static void pack_zstd(struct packer *packer, struct span bytes, ZSTD_EndDirective directive,
                      struct buf *out)
{
    char room[STEP];
    size_t left;
    ZSTD_inBuffer from = {.src = bytes.at, .size = bytes.len};
    do {
        ZSTD_outBuffer to = {.dst = room, .size = sizeof room};
        left = ZSTD_compressStream2(packer->zstd, &to, &from, directive);
        if (ZSTD_isError(left))
            log_fatal("zstd: %s", ZSTD_getErrorName(left));
        buf_append(out, span_of(room, to.pos));
    } while (from.pos < from.size || (directive == ZSTD_e_end && left));
}

static void pack(struct packer *packer, struct span bytes, int flush, struct buf *out)
{
    z_stream *stream = &packer->stream;
    char room[STEP];
    stream->next_in = (z_const Bytef *)(uintptr_t)bytes.at;
    stream->avail_in = (uInt)bytes.len;
    do {
        stream->next_out = (Bytef *)room;
        stream->avail_out = sizeof room;
        if (deflate(stream, flush) == Z_STREAM_ERROR)
            log_fatal("deflate");
        buf_append(out, span_of(room, sizeof room - stream->avail_out));
    } while (!stream->avail_out);
}

void packing_feed(struct packer *packer, struct span bytes, struct buf *out)
{
    if (packer->packing == PACKING_ZSTD)
        pack_zstd(packer, bytes, ZSTD_e_continue, out);
    else
        pack(packer, bytes, Z_NO_FLUSH, out);
}

void packing_end(struct packer *packer, struct buf *out)
{
    if (packer->packing == PACKING_ZSTD)
        pack_zstd(packer, S(""), ZSTD_e_end, out);
    else
        pack(packer, S(""), Z_FINISH, out);
}

void packing_free(struct packer *packer)
{
    if (!packer)
        return;
    if (packer->packing != PACKING_ZSTD)
        deflateEnd(&packer->stream);
    ZSTD_freeCStream(packer->zstd);
    free(packer);
}

/* ---- in ------------------------------------------------------------------------------------- */

struct unpacker {
    enum PACKING packing;
    bool begun, ended; /* a member */
    z_stream gzip;
    ZSTD_DStream *zstd;
};

struct unpacker *packing_open(enum PACKING packing)
{
    struct unpacker *unpacker = calloc(1, sizeof *unpacker);
    if (!unpacker)
        log_fatal("out of memory");
    unpacker->packing = packing;
    if (packing == PACKING_GZIP && inflateInit2(&unpacker->gzip, GZIP_BITS) != Z_OK)
        log_fatal("out of memory");
    if (packing == PACKING_ZSTD) {
        unpacker->zstd = ZSTD_createDStream();
        if (!unpacker->zstd)
            log_fatal("out of memory");
        ZSTD_DCtx_setParameter(unpacker->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX);
    }
    return unpacker;
}

void packing_close(struct unpacker *unpacker)
{
    if (!unpacker)
        return;
    if (unpacker->packing == PACKING_GZIP)
        inflateEnd(&unpacker->gzip);
    ZSTD_freeDStream(unpacker->zstd);
    free(unpacker);
}

/* One step: some of the input, at most `room` of output. */
static bool inflate_some(struct unpacker *unpacker, struct span *bytes, char *to, size_t room,
                         size_t *ret_len)
{
    z_stream *stream = &unpacker->gzip;
    stream->next_in = (z_const Bytef *)(uintptr_t)bytes->at;
    stream->avail_in = (uInt)bytes->len;
    stream->next_out = (Bytef *)to;
    stream->avail_out = (uInt)room;
    if (unpacker->ended && bytes->len && inflateReset(stream) != Z_OK)
        return false;
    int result = inflate(stream, Z_NO_FLUSH);
    *bytes = span_from(*bytes, bytes->len - stream->avail_in);
    *ret_len = room - stream->avail_out;
    unpacker->ended = result == Z_STREAM_END;
    return result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR;
}

static bool expand_some(struct unpacker *unpacker, struct span *bytes, char *to, size_t room,
                        size_t *ret_len)
{
    ZSTD_inBuffer in = {bytes->at, bytes->len, 0};
    ZSTD_outBuffer out = {to, room, 0};
    size_t result = ZSTD_decompressStream(unpacker->zstd, &out, &in);
    *bytes = span_from(*bytes, in.pos);
    *ret_len = out.pos;
    unpacker->ended = result == 0;
    return !ZSTD_isError(result);
}

static bool unpack_some(struct unpacker *unpacker, struct span *bytes, char *to, size_t room,
                        size_t *ret_len)
{
    if (unpacker->packing == PACKING_GZIP)
        return inflate_some(unpacker, bytes, to, room, ret_len);
    if (unpacker->packing == PACKING_ZSTD)
        return expand_some(unpacker, bytes, to, room, ret_len);
    *ret_len = bytes->len < room ? bytes->len : room;
    memcpy(to, bytes->at, *ret_len);
    *bytes = span_from(*bytes, *ret_len);
    unpacker->ended = true;
    return true;
}

bool packing_take(struct unpacker *unpacker, struct span *bytes, size_t most, struct buf *out)
{
    char room[STEP];
    size_t len = 1, left = most;
    unpacker->begun |= bytes->len > 0;
    while (left && (bytes->len || (len && !unpacker->ended))) {
        size_t step = left < sizeof room ? left : sizeof room;
        if (!unpack_some(unpacker, bytes, room, step, &len))
            return false;
        buf_append(out, span_of(room, len));
        left -= len;
    }
    return true;
}

bool packing_is_whole(const struct unpacker *unpacker)
{
    return unpacker->ended || !unpacker->begun || unpacker->packing == PACKING_NONE;
}
