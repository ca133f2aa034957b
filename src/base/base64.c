// SPDX-License-Identifier: Apache-2.0
/*
 * Base64: wide steps where the CPU has them, and tables for the rest. A decoder's table has the top
 * bit in bad entries, and is asked once per run. Pure, any thread.
 */
#include "base/base64_way.h"
#include "base/text.h"

#define BAD 0x80

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static char pairs[4096][2]; /* both letters of twelve bits */
static uint8_t values[256];
static const struct base64_way *best;

/* Before the other constructors, so that they may use these. */
__attribute__((constructor(101))) static void prepare(void)
{
    memset(values, BAD, sizeof values);
    for (uint8_t i = 0; i < 64; i++)
        values[(unsigned char)letters[i]] = i;
    for (int i = 0; i < 4096; i++) {
        pairs[i][0] = letters[i >> 6];
        pairs[i][1] = letters[i & 63];
    }
    for (enum BASE64_WAY way = 0; way < BASE64_WAYS; way++)
        if (base64_way(way))
            best = base64_way(way);
}

/* ---- encoding ---- */

static size_t size_of(size_t len)
{
    return (len + 2) / 3 * 4;
}

static void encode_tail(const uint8_t *at, size_t left, char *to)
{
    uint32_t bits = (uint32_t)at[0] << 16 | (left == 2 ? (uint32_t)at[1] << 8 : 0);
    to[0] = letters[bits >> 18];
    to[1] = letters[bits >> 12 & 63];
    to[2] = left == 2 ? letters[bits >> 6 & 63] : '=';
    to[3] = '=';
}

void base64_encode(const struct base64_way *way, struct span bytes, char *to)
{
    const uint8_t *at = (const uint8_t *)bytes.at;
    size_t groups = bytes.len / 3, done = way ? way->encode(at, groups, to) : 0;
    for (size_t i = done; i < groups; i++) {
        const uint8_t *group = at + 3 * i;
        uint32_t bits = (uint32_t)group[0] << 16 | (uint32_t)group[1] << 8 | group[2];
        memcpy(to + 4 * i, pairs[bits >> 12], 2);
        memcpy(to + 4 * i + 2, pairs[bits & 4095], 2);
    }
    if (bytes.len % 3)
        encode_tail(at + 3 * groups, bytes.len % 3, to + 4 * groups);
}

struct span base64_of(struct arena *arena, struct span bytes)
{
    size_t size = size_of(bytes.len);
    char *text = arena_alloc(arena, size + 1);
    base64_encode(best, bytes, text);
    text[size] = '\0';
    return span_of(text, size);
}

void base64_append(struct buf *buf, struct span bytes)
{
    char *room = buf_room(buf, size_of(bytes.len));
    if (!room)
        return;
    base64_encode(best, bytes, room);
    buf->len += size_of(bytes.len);
}

/* ---- decoding ---- */

/* The OR of all looked-up values, which tells whether any was bad. */
static uint8_t decode_groups(const uint8_t *at, size_t groups, char *to)
{
    uint8_t seen = 0;
    for (size_t i = 0; i < groups; i++, at += 4, to += 3) {
        uint8_t a = values[at[0]], b = values[at[1]], c = values[at[2]], d = values[at[3]];
        seen |= a | b | c | d;
        to[0] = (char)(a << 2 | b >> 4);
        to[1] = (char)(b << 4 | c >> 2);
        to[2] = (char)(c << 6 | d);
    }
    return seen;
}

/* The last group, when it ends with one or two '='. Returns BAD also when unused bits are set. */
static uint8_t decode_tail(const uint8_t *at, size_t count, char *to)
{
    uint8_t a = values[at[0]], b = values[at[1]];
    to[0] = (char)(a << 2 | b >> 4);
    if (count == 2)
        return a | b | ((b & 15) ? BAD : 0);
    uint8_t c = values[at[2]];
    to[1] = (char)(b << 4 | c >> 2);
    return a | b | c | ((c & 3) ? BAD : 0);
}

size_t base64_decode_to(const struct base64_way *way, struct span text, char *to)
{
    if (text.len % 4)
        return SIZE_MAX;
    size_t padding = 0;
    while (padding < 2 && padding < text.len && text.at[text.len - 1 - padding] == '=')
        padding++;
    size_t groups = text.len / 4 - (padding ? 1 : 0);
    const uint8_t *at = (const uint8_t *)text.at;
    size_t done = way ? way->decode(at, groups, to) : 0;
    uint8_t seen = decode_groups(at + 4 * done, groups - done, to + 3 * done);
    if (padding)
        seen |= decode_tail(at + 4 * groups, 4 - padding, to + 3 * groups);
    return seen & BAD ? SIZE_MAX : text.len / 4 * 3 - padding;
}

struct span base64_decode(struct arena *arena, struct span text)
{
    if (span_is_absent(text))
        return SPAN_NONE;
    char *bytes = arena_alloc(arena, text.len / 4 * 3);
    size_t len = base64_decode_to(best, text, bytes);
    return len == SIZE_MAX ? SPAN_NONE : span_of(bytes, len);
}
