// SPDX-License-Identifier: Apache-2.0
/*
 * Encoders write into room of known size; decoders look every byte up in a table whose bad entries
 * have the top bit, and check once per run. Pure, any thread.
 */
#include "base/text.h"

#define BAD 0x80

static const char hex_digits[] = "0123456789abcdef";
static const char base64_letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/* Two letters at once: of one byte in hex, of twelve bits in base64. */
static char hex_pairs[256][2], base64_pairs[4096][2];
static uint8_t hex_values[256], base64_values[256];
static bool uri_plain[256];

/* Before the other constructors, so that they may use these. */
__attribute__((constructor(101))) static void prepare(void)
{
    memset(hex_values, BAD, sizeof hex_values);
    memset(base64_values, BAD, sizeof base64_values);
    for (uint8_t i = 0; i < 16; i++)
        hex_values[(unsigned char)hex_digits[i]] = i;
    for (uint8_t i = 10; i < 16; i++)
        hex_values['A' + i - 10] = i;
    for (uint8_t i = 0; i < 64; i++)
        base64_values[(unsigned char)base64_letters[i]] = i;
    for (int i = 0; i < 256; i++) {
        hex_pairs[i][0] = hex_digits[i >> 4];
        hex_pairs[i][1] = hex_digits[i & 15];
    }
    for (int i = 0; i < 4096; i++) {
        base64_pairs[i][0] = base64_letters[i >> 6];
        base64_pairs[i][1] = base64_letters[i & 63];
    }
    for (int i = 0; i < 62; i++)
        uri_plain[(unsigned char)base64_letters[i]] = true;
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

/* ---- base64 ---- */

static size_t base64_size(size_t len)
{
    return (len + 2) / 3 * 4;
}

static void base64_encode(struct span bytes, char *to)
{
    const uint8_t *at = (const uint8_t *)bytes.at;
    size_t left = bytes.len;
    for (; left >= 3; left -= 3, at += 3, to += 4) {
        uint32_t bits = (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
        memcpy(to, base64_pairs[bits >> 12], 2);
        memcpy(to + 2, base64_pairs[bits & 4095], 2);
    }
    if (left == 0)
        return;
    uint32_t bits = (uint32_t)at[0] << 16 | (left == 2 ? (uint32_t)at[1] << 8 : 0);
    to[0] = base64_letters[bits >> 18];
    to[1] = base64_letters[bits >> 12 & 63];
    to[2] = left == 2 ? base64_letters[bits >> 6 & 63] : '=';
    to[3] = '=';
}

struct span base64_of(struct arena *arena, struct span bytes)
{
    size_t size = base64_size(bytes.len);
    char *text = arena_alloc(arena, size + 1);
    base64_encode(bytes, text);
    text[size] = '\0';
    return span_of(text, size);
}

void base64_append(struct buf *buf, struct span bytes)
{
    char *room = buf_room(buf, base64_size(bytes.len));
    if (!room)
        return;
    base64_encode(bytes, room);
    buf->len += base64_size(bytes.len);
}

/* Decodes whole groups of four letters; the OR of all looked-up values tells whether any was bad.
 */
static uint8_t base64_groups(const uint8_t *at, size_t groups, char *to)
{
    uint8_t seen = 0;
    for (size_t i = 0; i < groups; i++, at += 4, to += 3) {
        uint8_t a = base64_values[at[0]], b = base64_values[at[1]];
        uint8_t c = base64_values[at[2]], d = base64_values[at[3]];
        seen |= a | b | c | d;
        to[0] = (char)(a << 2 | b >> 4);
        to[1] = (char)(b << 4 | c >> 2);
        to[2] = (char)(c << 6 | d);
    }
    return seen;
}

/* The last group, when it ends with one or two '='. Returns BAD also when unused bits are set. */
static uint8_t base64_tail(const uint8_t *at, size_t letters, char *to)
{
    uint8_t a = base64_values[at[0]], b = base64_values[at[1]];
    to[0] = (char)(a << 2 | b >> 4);
    if (letters == 2)
        return a | b | ((b & 15) ? BAD : 0);
    uint8_t c = base64_values[at[2]];
    to[1] = (char)(b << 4 | c >> 2);
    return a | b | c | ((c & 3) ? BAD : 0);
}

struct span base64_decode(struct arena *arena, struct span text)
{
    if (span_is_absent(text) || text.len % 4)
        return SPAN_NONE;
    size_t padding = 0;
    while (padding < 2 && padding < text.len && text.at[text.len - 1 - padding] == '=')
        padding++;
    size_t groups = text.len / 4 - (padding ? 1 : 0);
    const uint8_t *at = (const uint8_t *)text.at;
    char *bytes = arena_alloc(arena, text.len / 4 * 3);
    uint8_t seen = base64_groups(at, groups, bytes);
    if (padding)
        seen |= base64_tail(at + 4 * groups, 4 - padding, bytes + 3 * groups);
    return seen & BAD ? SPAN_NONE : span_of(bytes, text.len / 4 * 3 - padding);
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
