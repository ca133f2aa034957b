// SPDX-License-Identifier: Apache-2.0
/*
 * A machine that takes one byte at a time everywhere but in the data, so that it cannot matter how
 * the input is cut. Pure, any thread.
 */
#include "http/chunk.h"

#include "http/octets.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int go(struct http_chunks *chunks, enum HTTP_CHUNK_STATE state)
{
    chunks->state = state;
    return 0;
}

static int take_size(struct http_chunks *chunks, char c)
{
    int digit = hex_digit(c);
    if (digit >= 0) {
        if (++chunks->digits > HTTP_CHUNK_DIGITS)
            return -400;
        if (chunks->left >> 59)
            return -413;
        chunks->left = chunks->left << 4 | (unsigned)digit;
        return 0;
    }
    if (!chunks->digits)
        return -400;
    if (c == ';')
        return go(chunks, HTTP_CHUNK_EXTENSION);
    return c == '\r' ? go(chunks, HTTP_CHUNK_SIZE_LF) : -400;
}

static int take_extension(struct http_chunks *chunks, char c)
{
    if (c == '\r')
        return go(chunks, HTTP_CHUNK_SIZE_LF);
    return http_is_value_octet(c) && ++chunks->extensions <= HTTP_CHUNK_EXTENSIONS ? 0 : -400;
}

static int take_size_lf(struct http_chunks *chunks, char c)
{
    if (c != '\n')
        return -400;
    chunks->digits = 0;
    return go(chunks, chunks->left ? HTTP_CHUNK_DATA : HTTP_CHUNK_TRAILER);
}

/* The first byte of a line behind the last chunk. */
static int take_trailer(struct http_chunks *chunks, char c)
{
    if (c == '\r')
        return go(chunks, HTTP_CHUNK_LAST_LF);
    if (!http_token_octets[(unsigned char)c])
        return -400;
    return go(chunks, HTTP_CHUNK_TRAILER_NAME);
}

static int take_trailer_name(struct http_chunks *chunks, char c)
{
    if (c == ':')
        return go(chunks, HTTP_CHUNK_TRAILER_VALUE);
    return http_token_octets[(unsigned char)c] ? 0 : -400;
}

static int take_trailer_value(struct http_chunks *chunks, char c)
{
    if (c == '\r')
        return go(chunks, HTTP_CHUNK_TRAILER_LF);
    return http_is_value_octet(c) ? 0 : -400;
}

static int take_octet(struct http_chunks *chunks, char c)
{
    if (chunks->state >= HTTP_CHUNK_TRAILER && ++chunks->trailers > HTTP_CHUNK_TRAILERS)
        return -431;
    switch (chunks->state) {
    case HTTP_CHUNK_SIZE:
        return take_size(chunks, c);
    case HTTP_CHUNK_EXTENSION:
        return take_extension(chunks, c);
    case HTTP_CHUNK_SIZE_LF:
        return take_size_lf(chunks, c);
    case HTTP_CHUNK_DATA_CR:
        return c == '\r' ? go(chunks, HTTP_CHUNK_DATA_LF) : -400;
    case HTTP_CHUNK_DATA_LF:
        return c == '\n' ? go(chunks, HTTP_CHUNK_SIZE) : -400;
    case HTTP_CHUNK_TRAILER:
        return take_trailer(chunks, c);
    case HTTP_CHUNK_TRAILER_NAME:
        return take_trailer_name(chunks, c);
    case HTTP_CHUNK_TRAILER_VALUE:
        return take_trailer_value(chunks, c);
    case HTTP_CHUNK_TRAILER_LF:
        return c == '\n' ? go(chunks, HTTP_CHUNK_TRAILER) : -400;
    case HTTP_CHUNK_LAST_LF:
        return c == '\n' ? go(chunks, HTTP_CHUNK_ENDED) : -400;
    case HTTP_CHUNK_DATA:
    case HTTP_CHUNK_ENDED:
        break;
    }
    return -400;
}

static struct span take_data(struct http_chunks *chunks, struct span *input)
{
    size_t len = chunks->left < input->len ? (size_t)chunks->left : input->len;
    struct span piece = span_first(*input, len);
    *input = span_from(*input, len);
    chunks->left -= len;
    if (!chunks->left)
        chunks->state = HTTP_CHUNK_DATA_CR;
    return piece;
}

int http_chunks_next(struct http_chunks *chunks, struct span *input, struct span *ret_piece)
{
    while (chunks->state != HTTP_CHUNK_ENDED) {
        if (!input->len)
            return HTTP_CHUNK_MORE;
        if (chunks->state == HTTP_CHUNK_DATA) {
            *ret_piece = take_data(chunks, input);
            return HTTP_CHUNK_PIECE;
        }
        int r = take_octet(chunks, input->at[0]);
        if (r < 0)
            return r;
        *input = span_from(*input, 1);
    }
    return HTTP_CHUNK_END;
}
