// SPDX-License-Identifier: Apache-2.0
/*
 * A state machine over the body's bytes; each step takes a prefix of what is there. Invariant: the
 * result does not depend on how the body was cut into pieces, since only whole lines are read and
 * only counted bytes are handed out. One thread at a time.
 */
#include "wire/chunked_payload.h"

#include "base/text.h"

#include <assert.h>
#include <stdio.h>

#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define MAX_SIGNED_CHUNK (16 * 1024 * 1024)
#define MAX_CHUNK_DIGITS 15
#define SIGNATURE_SIZE 64

enum STATE {
    STATE_LINE,     /* in a chunk's line */
    STATE_DATA,     /* in its bytes */
    STATE_DATA_END, /* in the line's end behind them */
    STATE_TRAILER,  /* behind the last chunk's line */
};

static bool is_signed(const struct chunked_payload *payload)
{
    return payload->variant != PAYLOAD_UNSIGNED_TRAILER;
}

void chunked_init(struct chunked_payload *payload, const struct sigv4_claim *claim,
                  const struct hmac_key *key)
{
    memset(payload, 0, sizeof *payload);
    payload->variant = claim->payload;
    payload->key = key;
    snprintf(payload->scope, sizeof payload->scope, "%.*s/%.*s/%.*s/aws4_request",
             SPAN_ARG(claim->date), SPAN_ARG(claim->region), SPAN_ARG(claim->service));
    snprintf(payload->timestamp, sizeof payload->timestamp, "%.*s", SPAN_ARG(claim->timestamp));
    if (claim->signature.len == sizeof payload->previous)
        memcpy(payload->previous, claim->signature.at, sizeof payload->previous);
    assert(!is_signed(payload) || key);
}

/* The signature over `digest`, chained to the one before; true when it is `claimed`, which is then
 * the one before. `kind` is the algorithm's line and what follows the previous signature. */
struct link {
    const char *algorithm, *between;
};
static const struct link chunk_link = {"AWS4-HMAC-SHA256-PAYLOAD", EMPTY_SHA256 "\n"};
static const struct link trailer_link = {"AWS4-HMAC-SHA256-TRAILER", ""};

static bool link_holds(struct chunked_payload *payload, const struct link *kind,
                       const uint8_t digest[SHA256_SIZE], const char *claimed)
{
    char to_sign[512], hex[2 * SHA256_SIZE], expected[SIGNATURE_SIZE];
    hex_encode(digest, SHA256_SIZE, hex);
    int len = snprintf(to_sign, sizeof to_sign, "%s\n%s\n%s\n%.64s\n%s%.64s", kind->algorithm,
                       payload->timestamp, payload->scope, payload->previous, kind->between, hex);
    assert(len > 0 && (size_t)len < sizeof to_sign);
    sigv4_sign(payload->key, span_of(to_sign, (size_t)len), expected);
    if (!hash_eq(expected, claimed, sizeof expected))
        return false;
    memcpy(payload->previous, expected, sizeof expected);
    return true;
}

static enum CHUNKED_STATUS check_chunk(struct chunked_payload *payload)
{
    uint8_t digest[SHA256_SIZE];
    if (!is_signed(payload))
        return CHUNKED_MORE;
    SHA256_Final(digest, &payload->sha);
    return link_holds(payload, &chunk_link, digest, payload->signature) ? CHUNKED_MORE
                                                                        : CHUNKED_BAD_SIGNATURE;
}

/* Moves bytes of `raw` into `to` up to the line's end. 1: the line is whole, without its end in
 * *len; 0: more is needed; -1: too long. */
static int take_line(struct span *raw, struct span to, size_t *len)
{
    size_t at = span_find_byte(*raw, '\n');
    size_t count = at == SPAN_NOT_FOUND ? raw->len : at + 1;
    char *bytes = (char *)(uintptr_t)to.at;
    if (count > to.len - *len)
        return -1;
    memcpy(bytes + *len, raw->at, count);
    *len += count;
    *raw = span_from(*raw, count);
    return at != SPAN_NOT_FOUND;
}

static bool read_size(struct span text, uint64_t *out)
{
    uint64_t size = 0;
    if (text.len == 0 || text.len > MAX_CHUNK_DIGITS)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char lower = (char)(text.at[i] | 0x20);
        if (text.at[i] >= '0' && text.at[i] <= '9')
            size = size * 16 + (uint64_t)(text.at[i] - '0');
        else if (lower >= 'a' && lower <= 'f')
            size = size * 16 + (uint64_t)(lower - 'a') + 10;
        else
            return false;
    }
    *out = size;
    return true;
}

/* `size` or `size;chunk-signature=…`, as the variant has it. */
static bool read_chunk_line(struct chunked_payload *payload, struct span line, uint64_t *size)
{
    struct span extension = line;
    if (!read_size(span_cut(&extension, ';'), size))
        return false;
    if (!is_signed(payload))
        return span_is_absent(extension);
    struct span name = S("chunk-signature=");
    if (extension.len != name.len + SIGNATURE_SIZE || !span_starts(extension, name))
        return false;
    memcpy(payload->signature, extension.at + name.len, SIGNATURE_SIZE);
    return *size <= MAX_SIGNED_CHUNK;
}

static enum CHUNKED_STATUS step_line(struct chunked_payload *payload, struct span *raw)
{
    int taken = take_line(raw, span_of(payload->line, sizeof payload->line), &payload->line_len);
    if (taken <= 0)
        return taken ? CHUNKED_MALFORMED : CHUNKED_MORE;
    struct span line = span_of(payload->line, payload->line_len);
    payload->line_len = 0;
    uint64_t size = 0;
    if (!span_ends(line, S("\r\n")) ||
        !read_chunk_line(payload, span_first(line, line.len - 2), &size))
        return CHUNKED_MALFORMED;
    if (payload->chunks++ && size > 0 && payload->chunk_len < CHUNKED_MIN_CHUNK)
        return CHUNKED_TOO_SMALL;
    payload->chunk_len = payload->left = size;
    if (is_signed(payload))
        SHA256_Init(&payload->sha);
    if (size > 0) {
        payload->state = STATE_DATA;
        return CHUNKED_MORE;
    }
    payload->state = STATE_TRAILER;
    return check_chunk(payload);
}

static enum CHUNKED_STATUS step_data(struct chunked_payload *payload, struct span *raw,
                                     struct span *piece)
{
    *piece = span_first(*raw, payload->left < raw->len ? (size_t)payload->left : raw->len);
    *raw = span_from(*raw, piece->len);
    payload->left -= piece->len;
    payload->decoded += piece->len;
    if (is_signed(payload))
        SHA256_Update(&payload->sha, piece->at, piece->len);
    if (payload->left > 0)
        return CHUNKED_MORE;
    payload->state = STATE_DATA_END;
    return check_chunk(payload);
}

static enum CHUNKED_STATUS step_data_end(struct chunked_payload *payload, struct span *raw)
{
    static const char end[] = "\r\n";
    if (raw->at[0] != end[payload->line_len])
        return CHUNKED_MALFORMED;
    *raw = span_from(*raw, 1);
    if (++payload->line_len == 2) {
        payload->line_len = 0;
        payload->state = STATE_LINE;
    }
    return CHUNKED_MORE;
}

/* Signed over the `name:value\n` lines before it. */
static enum CHUNKED_STATUS check_trailers(struct chunked_payload *payload, struct span claimed)
{
    uint8_t digest[SHA256_SIZE];
    if (payload->variant != PAYLOAD_CHUNKS_TRAILER || claimed.len != SIGNATURE_SIZE)
        return CHUNKED_MALFORMED;
    sha256_of(span_of(payload->trailer_bytes, payload->trailer_len), digest);
    payload->trailer_signed = true;
    return link_holds(payload, &trailer_link, digest, claimed.at) ? CHUNKED_MORE
                                                                  : CHUNKED_BAD_SIGNATURE;
}

/* Rewrites the line at the end of trailer_bytes as it is signed, and keeps it. The canonical form
 * is never longer than the line, whose end takes at least the one byte of '\n'. */
static enum CHUNKED_STATUS keep_trailer(struct chunked_payload *payload, struct span line)
{
    struct span value = line;
    struct span name = span_trim(span_cut(&value, ':'));
    if (span_is_absent(value) || span_is_empty(name) || payload->trailer_signed)
        return CHUNKED_MALFORMED;
    value = span_trim(value);
    char *begin = payload->trailer_bytes + payload->trailer_len, *at = begin;
    for (size_t i = 0; i < name.len; i++) {
        char byte = name.at[i];
        *at++ = (char)(byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte);
    }
    name = span_of(begin, name.len);
    if (span_eq(name, S("x-amz-trailer-signature")))
        return check_trailers(payload, value);
    if (payload->trailer_count == CHUNKED_MAX_TRAILERS)
        return CHUNKED_MALFORMED;
    *at++ = ':';
    memmove(at, value.at, value.len);
    payload->trailers[payload->trailer_count++] =
        (struct header){.name = name, .value = span_of(at, value.len)};
    at[value.len] = '\n';
    payload->trailer_len += (size_t)(at - begin) + value.len + 1;
    return CHUNKED_MORE;
}

static enum CHUNKED_STATUS step_trailer(struct chunked_payload *payload, struct span *raw)
{
    char *begin = payload->trailer_bytes + payload->trailer_len;
    struct span room = span_of(begin, sizeof payload->trailer_bytes - payload->trailer_len);
    int taken = take_line(raw, room, &payload->line_len);
    if (taken <= 0)
        return taken ? CHUNKED_MALFORMED : CHUNKED_MORE;
    struct span line = span_of(begin, payload->line_len - 1);
    payload->line_len = 0;
    bool with_return = span_ends(line, S("\r"));
    if (with_return)
        line.len--;
    /* The documentation ends a signed trailer with \n\r\n, so both line ends occur, and an empty
     * line between the trailer and its signature. */
    if (!with_return && payload->variant != PAYLOAD_CHUNKS_TRAILER)
        return CHUNKED_MALFORMED;
    if (line.len > 0)
        return payload->variant == PAYLOAD_CHUNKS ? CHUNKED_MALFORMED : keep_trailer(payload, line);
    if (payload->variant == PAYLOAD_CHUNKS_TRAILER && !payload->trailer_signed)
        return CHUNKED_MORE;
    return CHUNKED_DONE;
}

static enum CHUNKED_STATUS step(struct chunked_payload *payload, struct span *raw,
                                struct span *piece)
{
    *piece = SPAN_NONE;
    switch ((enum STATE)payload->state) {
    case STATE_LINE:
        return step_line(payload, raw);
    case STATE_DATA:
        return step_data(payload, raw, piece);
    case STATE_DATA_END:
        return step_data_end(payload, raw);
    case STATE_TRAILER:
        return step_trailer(payload, raw);
    }
    return CHUNKED_MALFORMED;
}

enum CHUNKED_STATUS chunked_feed(struct chunked_payload *payload, struct span raw,
                                 int (*take)(void *into, struct span piece), void *into,
                                 int *ret_error)
{
    while (raw.len > 0) {
        struct span piece;
        if (payload->ended == CHUNKED_DONE)
            payload->ended = CHUNKED_MALFORMED;
        if (payload->ended != CHUNKED_MORE)
            break;
        payload->ended = step(payload, &raw, &piece);
        /* Even the end of a chunk that turned out wrong, or it would depend on the pieces how much
         * of it was handed out. */
        int error = piece.len > 0 ? take(into, piece) : 0;
        if (error < 0 && payload->ended == CHUNKED_MORE) {
            payload->ended = CHUNKED_STOPPED;
            if (ret_error)
                *ret_error = error;
        }
    }
    return payload->ended;
}
