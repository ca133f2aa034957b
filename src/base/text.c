// SPDX-License-Identifier: Apache-2.0
/*
 * Encoders write into room of known size; decoders look every byte up in a table whose bad entries
 * have the top bit, and check once per run. base64.c has the rest of text.h. Pure, any thread.
 */
#include "base/text.h"

#define BAD 0x80

static const char hex_digits[] = "0123456789abcdef";
static char hex_pairs[256][2]; /* both digits of a byte */
static uint8_t hex_values[256];
static bool uri_plain[256];

/* Before the other constructors, so that they may use these. */
__attribute__((constructor(101))) static void prepare(void)
{
    memset(hex_values, BAD, sizeof hex_values);
    for (uint8_t i = 0; i < 16; i++)
        hex_values[(unsigned char)hex_digits[i]] = i;
    for (uint8_t i = 10; i < 16; i++)
        hex_values['A' + i - 10] = i;
    for (int i = 0; i < 256; i++) {
        hex_pairs[i][0] = hex_digits[i >> 4];
        hex_pairs[i][1] = hex_digits[i & 15];
    }
    for (int i = 0; i < 256; i++)
        uri_plain[i] = (i >= '0' && i <= '9') || (i >= 'A' && i <= 'Z') || (i >= 'a' && i <= 'z');
    uri_plain['-'] = uri_plain['_'] = uri_plain['.'] = uri_plain['~'] = true;
}

/* ---- hex ---- */

void hex_encode(const void *bytes, size_t len, char *to)
{
    const uint8_t *from = bytes;
    for (size_t i = 0; i < len; i++)
        memcpy(to + 2 * i, hex_pairs[from[i]], 2);
}

struct span hex_of(struct arena *arena, struct span bytes)
{
    char *text = arena_alloc(arena, 2 * bytes.len + 1);
    hex_encode(bytes.at, bytes.len, text);
    text[2 * bytes.len] = '\0';
    return span_of(text, 2 * bytes.len);
}

/* The byte of two hex digits, or a value of 256 and more. */
static unsigned hex_pair(const char *at)
{
    unsigned high = hex_values[(unsigned char)at[0]], low = hex_values[(unsigned char)at[1]];
    return ((high | low) & BAD) ? 256 : high << 4 | low;
}

struct span hex_decode(struct arena *arena, struct span text)
{
    if (span_is_absent(text) || text.len % 2)
        return SPAN_NONE;
    char *bytes = arena_alloc(arena, text.len / 2);
    unsigned seen = 0;
    for (size_t i = 0; i < text.len / 2; i++) {
        unsigned byte = hex_pair(text.at + 2 * i);
        seen |= byte;
        bytes[i] = (char)byte;
    }
    return seen < 256 ? span_of(bytes, text.len / 2) : SPAN_NONE;
}

/* ---- percent-encoding ---- */

static bool is_plain(char byte, enum URI_SLASH slash)
{
    return uri_plain[(unsigned char)byte] || (byte == '/' && slash == URI_SLASH_KEPT);
}

static size_t uri_size(struct span text, enum URI_SLASH slash)
{
    size_t size = text.len;
    for (size_t i = 0; i < text.len; i++)
        size += is_plain(text.at[i], slash) ? 0 : 2;
    return size;
}

static void uri_write(struct span text, enum URI_SLASH slash, char *to)
{
    static const char upper_digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.at[i];
        if (is_plain(text.at[i], slash)) {
            *to++ = text.at[i];
        } else {
            *to++ = '%';
            *to++ = upper_digits[byte >> 4];
            *to++ = upper_digits[byte & 15];
        }
    }
}

void uri_append(struct buf *buf, struct span text, enum URI_SLASH slash)
{
    size_t size = uri_size(text, slash);
    char *room = buf_room(buf, size);
    if (!room)
        return;
    uri_write(text, slash, room);
    buf->len += size;
}

struct span uri_encode(struct arena *arena, struct span text, enum URI_SLASH slash)
{
    size_t size = uri_size(text, slash);
    if (size == text.len)
        return text;
    char *encoded = arena_alloc(arena, size);
    uri_write(text, slash, encoded);
    return span_of(encoded, size);
}

/* Decodes %XX, and `blank` (if not '%') as ' '. */
static struct span percent_decode(struct arena *arena, struct span text, char blank)
{
    size_t plain = 0;
    while (plain < text.len && text.at[plain] != '%' && text.at[plain] != blank)
        plain++;
    if (plain == text.len)
        return text;
    char *decoded = arena_alloc(arena, text.len);
    memcpy(decoded, text.at, plain);
    char *to = decoded + plain;
    for (size_t i = plain; i < text.len; i++) {
        if (text.at[i] != '%') {
            *to++ = text.at[i] == blank ? ' ' : text.at[i];
            continue;
        }
        unsigned byte = text.len - i > 2 ? hex_pair(text.at + i + 1) : 256;
        if (byte > 255)
            return SPAN_NONE;
        *to++ = (char)byte;
        i += 2;
    }
    return span_of(decoded, (size_t)(to - decoded));
}

struct span uri_decode(struct arena *arena, struct span text)
{
    return percent_decode(arena, text, '%');
}

struct span form_decode(struct arena *arena, struct span text)
{
    return percent_decode(arena, text, '+');
}
