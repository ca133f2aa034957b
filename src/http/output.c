// SPDX-License-Identifier: Apache-2.0
/*
 * Each round gathers what comes next into one write: memory as it is, short files copied into
 * scratch so that head and body leave in one packet, long files by sendfile behind it. The position
 * moves only by what the socket took, so a round can always be made again. One thread.
 */
#include "http/output.h"

#include <errno.h>
#include <unistd.h>

#define PARTS 16
#define ROUNDS 8 /* per flush: other connections wait too */

struct gathering {
    struct iovec parts[PARTS];
    int count;
    size_t len;
    size_t scratch_used;
    enum STREAM_FLUSH flush;
};

void output_open(struct output *output)
{
    buf_init(&output->pieces, HTTP_PIECES_CEILING);
    buf_init(&output->later, HTTP_PIECES_CEILING);
}

void output_close(struct output *output)
{
    buf_done(&output->pieces);
    buf_done(&output->later);
}

struct buf *output_end(struct output *output)
{
    return output->later.len ? &output->later : &output->pieces;
}

void output_give(struct output *output, struct buf *piece)
{
    if (!output->pieces.len)
        buf_swap(&output->pieces, piece);
    else if (!output->later.len)
        buf_swap(&output->later, piece);
    else
        buf_append(&output->later, buf_span(piece));
    buf_clear(piece);
}

size_t output_waiting(const struct output *output)
{
    return output->pieces.len - output->pieces_done + output->later.len;
}

bool output_is_empty(const struct output *output)
{
    return !output->front.len && !output->segment_count && !output_waiting(output);
}

static bool is_file(const struct http_segment *segment)
{
    return span_is_absent(segment->bytes);
}

static uint64_t segment_len(const struct http_segment *segment)
{
    return is_file(segment) ? segment->len : segment->bytes.len;
}

static void gather_bytes(struct gathering *to, struct span bytes)
{
    if (!bytes.len)
        return;
    to->parts[to->count++] = (struct iovec){(void *)(uintptr_t)bytes.at, bytes.len};
    to->len += bytes.len;
}

/* 0 when it was gathered whole, 1 when it was not, or negative errno. */
static int gather_file(struct gathering *to, const struct http_segment *segment, uint64_t done,
                       char *scratch, bool copy_long)
{
    uint64_t left = segment->len - done;
    size_t room = HTTP_FILE_SCRATCH - to->scratch_used;
    if (left > room && !copy_long) {
        to->flush = STREAM_MORE;
        return 1;
    }
    size_t want = left < room ? (size_t)left : room;
    if (!want)
        return left > 0;
    ssize_t n =
        pread(segment->fd, scratch + to->scratch_used, want, (off_t)(segment->offset + done));
    if (n <= 0)
        return n < 0 ? -errno : -EIO; /* the file is shorter than promised */
    gather_bytes(to, span_of(scratch + to->scratch_used, (size_t)n));
    to->scratch_used += (size_t)n;
    return (uint64_t)n < left;
}

static int gather(struct gathering *to, const struct output *output, char *scratch, bool copy_long)
{
    gather_bytes(to, output->front);
    uint64_t done = output->segment_done;
    for (size_t i = 0; i < output->segment_count; i++, done = 0) {
        const struct http_segment *segment = &output->segments[i];
        if (to->count == PARTS)
            return 0;
        if (!is_file(segment)) {
            gather_bytes(to, span_from(segment->bytes, (size_t)done));
            continue;
        }
        int r = gather_file(to, segment, done, scratch, copy_long);
        if (r)
            return r < 0 ? r : 0;
    }
    if (to->count < PARTS)
        gather_bytes(to, span_from(buf_span(&output->pieces), output->pieces_done));
    if (to->count < PARTS)
        gather_bytes(to, buf_span(&output->later));
    return 0;
}

static void skip_sent_segments(struct output *output)
{
    while (output->segment_count && output->segment_done == segment_len(output->segments)) {
        output->segments++;
        output->segment_count--;
        output->segment_done = 0;
    }
}

static void advance_pieces(struct output *output, size_t sent)
{
    output->pieces_done += sent;
    if (output->pieces_done < output->pieces.len)
        return;
    output->pieces_done -= output->pieces.len;
    buf_clear(&output->pieces);
    buf_swap(&output->pieces, &output->later);
    if (output->pieces_done < output->pieces.len)
        return;
    output->pieces_done = 0;
    buf_clear(&output->pieces);
}

static void advance(struct output *output, uint64_t sent)
{
    size_t front = sent < output->front.len ? (size_t)sent : output->front.len;
    output->front = span_from(output->front, front);
    sent -= front;
    skip_sent_segments(output);
    while (sent && output->segment_count) {
        uint64_t left = segment_len(output->segments) - output->segment_done;
        uint64_t part = sent < left ? sent : left;
        output->segment_done += part;
        sent -= part;
        skip_sent_segments(output);
    }
    advance_pieces(output, (size_t)sent);
}

static ssize_t send_long_file(struct output *output, struct stream *stream)
{
    const struct http_segment *segment = output->segments;
    ssize_t n = stream_write_file(stream, segment->fd, segment->offset + output->segment_done,
                                  segment->len - output->segment_done);
    if (n != -EINVAL && n != -ENOSYS)
        return n;
    output->no_sendfile = true; /* a file system without it: copy from now on */
    return 0;
}

static ssize_t send_some(struct output *output, struct stream *stream, char *scratch)
{
    struct gathering gathering;
    gathering.count = 0;
    gathering.len = gathering.scratch_used = 0;
    gathering.flush = STREAM_PUSH;
    int r = gather(&gathering, output, scratch, output->no_sendfile || stream->tls);
    if (r < 0)
        return r;
    if (!gathering.len)
        return send_long_file(output, stream);
    return stream_write(stream, gathering.parts, gathering.count, gathering.flush);
}

int output_flush(struct output *output, struct stream *stream, char *scratch, uint64_t *ret_sent)
{
    *ret_sent = 0;
    skip_sent_segments(output);
    for (int round = 0; round < ROUNDS && !output_is_empty(output); round++) {
        ssize_t n = send_some(output, stream, scratch);
        if (n < 0)
            return (int)n;
        *ret_sent += (uint64_t)n;
        advance(output, (uint64_t)n);
    }
    return 0;
}

/* Of the first segment, at most `size` bytes. */
static ssize_t read_segment(const struct output *output, char *to, size_t size)
{
    const struct http_segment *segment = output->segments;
    uint64_t left = segment_len(segment) - output->segment_done;
    size_t want = left < size ? (size_t)left : size;
    if (!is_file(segment)) {
        memcpy(to, segment->bytes.at + output->segment_done, want);
        return (ssize_t)want;
    }
    ssize_t n = pread(segment->fd, to, want, (off_t)(segment->offset + output->segment_done));
    return n > 0 ? n : n < 0 ? -errno : -EIO; /* the file is shorter than promised */
}

ssize_t output_read(struct output *output, char *to, size_t size)
{
    size_t done = 0;
    skip_sent_segments(output);
    while (done < size && output->segment_count) {
        ssize_t n = read_segment(output, to + done, size - done);
        if (n < 0)
            return n;
        advance(output, (uint64_t)n);
        done += (size_t)n;
    }
    struct span piece =
        span_first(span_from(buf_span(&output->pieces), output->pieces_done), size - done);
    if (piece.len)
        memcpy(to + done, piece.at, piece.len);
    advance(output, piece.len);
    return (ssize_t)(done + piece.len);
}
