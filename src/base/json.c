// SPDX-License-Identifier: Apache-2.0
/*
 * The reader keeps one bit per open container and one word saying what may come next, so it needs
 * no recursion. Strings without escapes are borrowed from the input. One thread at a time.
 */
#include "base/json.h"

#include "base/utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum EXPECT {
    EXPECT_VALUE,
    EXPECT_VALUE_OR_END, /* just after '[' */
    EXPECT_KEY,
    EXPECT_KEY_OR_END, /* just after '{' */
    EXPECT_COMMA_OR_END,
    EXPECT_NOTHING,
    EXPECT_FAILED,
};

void json_reader_init(struct json_reader *reader, struct span input, struct arena *arena)
{
    if (span_is_absent(input))
        input = S("");
    *reader = (struct json_reader){
        .at = input.at,
        .begin = input.at,
        .end = input.at + input.len,
        .arena = arena,
        .expect = EXPECT_VALUE,
    };
}

static enum JSON_TOKEN fail(struct json_reader *reader)
{
    reader->expect = EXPECT_FAILED;
    return JSON_BAD;
}

static bool in_object(const struct json_reader *reader)
{
    int top = reader->depth - 1;
    return reader->objects[top / 64] >> (top % 64) & 1;
}

static void after_value(struct json_reader *reader)
{
    reader->expect = reader->depth ? EXPECT_COMMA_OR_END : EXPECT_NOTHING;
}

static enum JSON_TOKEN open_container(struct json_reader *reader, bool object)
{
    if (reader->depth == JSON_MAX_DEPTH)
        return fail(reader);
    uint64_t bit = 1ULL << (reader->depth % 64);
    uint64_t *word = &reader->objects[reader->depth / 64];
    *word = object ? *word | bit : *word & ~bit;
    reader->depth++;
    reader->at++;
    reader->expect = object ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
    return object ? JSON_OBJECT : JSON_ARRAY;
}

static enum JSON_TOKEN close_container(struct json_reader *reader, bool object)
{
    if (reader->depth == 0 || in_object(reader) != object)
        return fail(reader);
    reader->depth--;
    reader->at++;
    after_value(reader);
    return object ? JSON_OBJECT_END : JSON_ARRAY_END;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Four hex digits at `at`, or -1. */
static int32_t read_unit(const char *at, const char *end)
{
    int32_t unit = 0;
    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

/* Reads the escape behind a backslash at *at into `to`; returns the new end of output or NULL. */
static char *read_escape(const char **at, const char *end, char *to)
{
    static const char plain[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    if (*at == end)
        return NULL;
    char kind = *(*at)++;
    for (size_t i = 0; i + 1 < sizeof plain; i += 2)
        if (plain[i] == kind) {
            *to = plain[i + 1];
            return to + 1;
        }
    if (kind != 'u')
        return NULL;
    int32_t unit = read_unit(*at, end);
    if (unit < 0 || (unit >= 0xdc00 && unit < 0xe000))
        return NULL;
    *at += 4;
    if (unit < 0xd800 || unit >= 0xe000)
        return to + utf8_encode((uint32_t)unit, to);
    if (end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u')
        return NULL;
    int32_t low = read_unit(*at + 2, end);
    if (low < 0xdc00 || low >= 0xe000)
        return NULL;
    *at += 6;
    return to +
           utf8_encode(0x10000U + ((uint32_t)(unit - 0xd800) << 10) + (uint32_t)(low - 0xdc00), to);
}

/* Decodes the string between `from` and the closing quote at `close`, which has escapes. */
static bool decode_escapes(struct json_reader *reader, const char *from, const char *close)
{
    char *text = arena_alloc(reader->arena, (size_t)(close - from));
    char *to = text;
    while (from < close) {
        if (*from != '\\') {
            *to++ = *from++;
            continue;
        }
        from++;
        to = read_escape(&from, close, to);
        if (!to)
            return false;
    }
    reader->text = span_of(text, (size_t)(to - text));
    return true;
}

typedef uint8_t sixteen __attribute__((vector_size(16)));
typedef uint64_t two __attribute__((vector_size(16)));

/* How many bytes of a word lie in front of the first one of which a bit is set. */
static int bytes_before(uint64_t hits)
{
    return __builtin_ctzll(hits) / 8;
}

static uint64_t first_bytes(uint64_t word, int count)
{
    return word & ((1ULL << (8 * count)) - 1);
}

/* All bits of the bytes that a string cannot hold as they are: quotes, backslashes, control
 * characters. */
static two special_of_sixteen(sixteen x)
{
    return (two)((x < 0x20) | (x == '"') | (x == '\\'));
}

/*
 * The top bits of such bytes among eight: x - n sets a byte's top bit where that byte is below n,
 * and a byte that is equal to c is one that x ^ c makes zero; bytes beyond ASCII have the bit
 * anyway and are left out. A borrow can only spoil the bytes behind a hit, which are the higher
 * ones (little-endian).
 */
static uint64_t special_of_eight(uint64_t x)
{
    const uint64_t ones = 0x0101010101010101ULL, tops = 0x8080808080808080ULL;
    uint64_t below = (x - 0x20 * ones) | ((x ^ '"' * ones) - ones) | ((x ^ '\\' * ones) - ones);
    return below & ~x & tops;
}

/* One to seven bytes, and blanks behind them. */
static uint64_t load_few(const char *at, size_t count)
{
    uint64_t blanks = 0x2020202020202020ULL << (8 * count);
    if (count >= 4) {
        uint32_t first, last;
        memcpy(&first, at, sizeof first);
        memcpy(&last, at + count - sizeof last, sizeof last);
        return blanks | first | (uint64_t)last << (8 * (count - sizeof last));
    }
    const unsigned char *bytes = (const unsigned char *)at;
    return blanks | bytes[0] | (uint64_t)bytes[count / 2] << (8 * (count / 2)) |
           (uint64_t)bytes[count - 1] << (8 * (count - 1));
}

/* A special byte is among the sixteen at `at`: goes to the first one. */
static const char *go_to_special(const char *at, two hits, uint64_t *wide)
{
    uint64_t words[2];
    memcpy(words, at, sizeof words);
    if (hits[0]) {
        *wide |= first_bytes(words[0], bytes_before(hits[0]));
        return at + bytes_before(hits[0]);
    }
    *wide |= words[0] | first_bytes(words[1], bytes_before(hits[1]));
    return at + sizeof *words + bytes_before(hits[1]);
}

/* The first special byte from `at`. *wide collects what was passed: a top bit in it means bytes
 * beyond ASCII. */
static const char *skip_plain(const char *at, const char *end, uint64_t *wide)
{
    sixteen passed = {0};
    for (sixteen x; end - at >= (ptrdiff_t)sizeof x; at += sizeof x) {
        memcpy(&x, at, sizeof x);
        two hits = special_of_sixteen(x);
        if (hits[0] | hits[1]) {
            *wide |= ((two)passed)[0] | ((two)passed)[1];
            return go_to_special(at, hits, wide);
        }
        passed |= x;
    }
    *wide |= ((two)passed)[0] | ((two)passed)[1];
    for (ptrdiff_t left; (left = end - at) > 0; at += left < 8 ? left : 8) {
        uint64_t x;
        if (left >= 8)
            memcpy(&x, at, sizeof x);
        else
            x = load_few(at, (size_t)left);
        uint64_t hits = special_of_eight(x);
        if (hits) {
            *wide |= first_bytes(x, bytes_before(hits));
            return at + bytes_before(hits);
        }
        *wide |= x;
    }
    return end;
}

/* Reads the string whose opening quote is at reader->at. */
static bool read_string(struct json_reader *reader)
{
    const char *from = reader->at + 1;
    const char *at = from;
    bool escapes = false;
    uint64_t wide = 0;
    for (;; at++) {
        at = skip_plain(at, reader->end, &wide);
        if (at == reader->end || (unsigned char)*at < 0x20)
            return false;
        if (*at == '"')
            break;
        escapes = true; /* at a backslash; what it escapes is looked at later */
        if (++at == reader->end)
            return false;
        wide |= (unsigned char)*at;
    }
    struct span raw = span_of(from, (size_t)(at - from));
    reader->at = at + 1;
    reader->text = raw;
    if ((wide & 0x8080808080808080ULL) && !utf8_is_valid(raw))
        return false;
    return !escapes || decode_escapes(reader, from, at);
}

static const char *skip_digits(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

static enum JSON_TOKEN read_number(struct json_reader *reader)
{
    const char *from = reader->at, *at = from, *end = reader->end;
    if (at < end && *at == '-')
        at++;
    const char *digits = at;
    at = skip_digits(at, end);
    if (at == digits || (*digits == '0' && at - digits > 1))
        return fail(reader);
    if (at < end && *at == '.') {
        const char *fraction = ++at;
        at = skip_digits(at, end);
        if (at == fraction)
            return fail(reader);
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        const char *exponent = at;
        at = skip_digits(at, end);
        if (at == exponent)
            return fail(reader);
    }
    reader->text = span_of(from, (size_t)(at - from));
    reader->at = at;
    after_value(reader);
    return JSON_NUMBER;
}

static enum JSON_TOKEN read_word(struct json_reader *reader, struct span word,
                                 enum JSON_TOKEN token)
{
    if (!span_starts(span_of(reader->at, (size_t)(reader->end - reader->at)), word))
        return fail(reader);
    reader->text = span_of(reader->at, word.len);
    reader->at += word.len;
    after_value(reader);
    return token;
}

static enum JSON_TOKEN read_value(struct json_reader *reader)
{
    reader->token = reader->at;
    switch (*reader->at) {
    case '"':
        if (!read_string(reader))
            return fail(reader);
        after_value(reader);
        return JSON_STRING;
    case '{':
        return open_container(reader, true);
    case '[':
        return open_container(reader, false);
    case 't':
        return read_word(reader, S("true"), JSON_TRUE);
    case 'f':
        return read_word(reader, S("false"), JSON_FALSE);
    case 'n':
        return read_word(reader, S("null"), JSON_NULL);
    default:
        return read_number(reader);
    }
}

static bool skip_space(struct json_reader *reader)
{
    while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\n' ||
                                        *reader->at == '\t' || *reader->at == '\r'))
        reader->at++;
    return reader->at < reader->end;
}

static enum JSON_TOKEN read_key(struct json_reader *reader)
{
    if (*reader->at != '"' || !read_string(reader))
        return fail(reader);
    if (!skip_space(reader) || *reader->at != ':')
        return fail(reader);
    reader->at++;
    reader->expect = EXPECT_VALUE;
    return JSON_KEY;
}

static enum JSON_TOKEN read_comma(struct json_reader *reader)
{
    char byte = *reader->at;
    if (byte == ']' || byte == '}')
        return close_container(reader, byte == '}');
    if (byte != ',')
        return fail(reader);
    reader->at++;
    if (!skip_space(reader))
        return fail(reader);
    return in_object(reader) ? read_key(reader) : read_value(reader);
}

enum JSON_TOKEN json_next(struct json_reader *reader)
{
    bool more = skip_space(reader);
    switch ((enum EXPECT)reader->expect) {
    case EXPECT_FAILED:
        return JSON_BAD;
    case EXPECT_NOTHING:
        return more ? fail(reader) : JSON_END;
    case EXPECT_VALUE:
        return more ? read_value(reader) : fail(reader);
    case EXPECT_VALUE_OR_END:
        if (more && *reader->at == ']')
            return close_container(reader, false);
        return more ? read_value(reader) : fail(reader);
    case EXPECT_KEY_OR_END:
        if (more && *reader->at == '}')
            return close_container(reader, true);
        return more ? read_key(reader) : fail(reader);
    case EXPECT_KEY:
        return more ? read_key(reader) : fail(reader);
    case EXPECT_COMMA_OR_END:
        return more ? read_comma(reader) : fail(reader);
    }
    return fail(reader);
}

bool json_skip(struct json_reader *reader, enum JSON_TOKEN first)
{
    if (first == JSON_BAD || first == JSON_END)
        return false;
    if (first != JSON_ARRAY && first != JSON_OBJECT)
        return true;
    int outside = reader->depth - 1;
    while (reader->depth > outside)
        if (json_next(reader) == JSON_BAD)
            return false;
    return true;
}

struct span json_raw(struct json_reader *reader, enum JSON_TOKEN first)
{
    const char *from = reader->token;
    if (!json_skip(reader, first))
        return SPAN_NONE;
    return span_of(from, (size_t)(reader->at - from));
}

static void separate(struct json_writer *writer)
{
    if (writer->comma)
        buf_append_byte(writer->out, ',');
    writer->comma = true;
}

static void begin(struct json_writer *writer, char bracket)
{
    separate(writer);
    buf_append_byte(writer->out, bracket);
    writer->comma = false;
}

static void end(struct json_writer *writer, char bracket)
{
    buf_append_byte(writer->out, bracket);
    writer->comma = true;
}

void json_begin_object(struct json_writer *writer)
{
    begin(writer, '{');
}

void json_end_object(struct json_writer *writer)
{
    end(writer, '}');
}

void json_begin_array(struct json_writer *writer)
{
    begin(writer, '[');
}

void json_end_array(struct json_writer *writer)
{
    end(writer, ']');
}

static void append_escaped(struct buf *out, unsigned char byte)
{
    static const char short_forms[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    for (size_t i = 0; i + 1 < sizeof short_forms; i += 2)
        if ((unsigned char)short_forms[i] == byte) {
            buf_append_byte(out, '\\');
            buf_append_byte(out, short_forms[i + 1]);
            return;
        }
    buf_printf(out, "\\u%04x", byte);
}

/* Whether nothing in the text is special. The last bytes are looked at once more where their number
 * is not even. */
static bool is_plain(struct span text)
{
    uint64_t first, last;
    if (text.len < sizeof first)
        return !text.len || !special_of_eight(load_few(text.at, text.len));
    if (text.len < sizeof(sixteen)) {
        memcpy(&first, text.at, sizeof first);
        memcpy(&last, text.at + text.len - sizeof last, sizeof last);
        return !(special_of_eight(first) | special_of_eight(last));
    }
    sixteen x;
    memcpy(&x, text.at + text.len - sizeof x, sizeof x);
    two hits = special_of_sixteen(x);
    for (size_t at = 0; at + sizeof x < text.len; at += sizeof x) {
        memcpy(&x, text.at + at, sizeof x);
        hits |= special_of_sixteen(x);
    }
    return !(hits[0] | hits[1]);
}

static void append_plain(struct buf *out, struct span text)
{
    char *room = buf_room(out, text.len + 2);
    if (!room)
        return;
    *room++ = '"';
    room = text.len ? mempcpy(room, text.at, text.len) : room;
    *room = '"';
    out->len += text.len + 2;
}

static void append_quoted(struct buf *out, struct span value)
{
    const char *at = value.at, *end = value.at + value.len;
    uint64_t wide = 0;
    if (is_plain(value)) {
        append_plain(out, value);
        return;
    }
    buf_append_byte(out, '"');
    while (at < end) {
        const char *stop = skip_plain(at, end, &wide);
        buf_append(out, span_of(at, (size_t)(stop - at)));
        if (stop < end)
            append_escaped(out, (unsigned char)*stop++);
        at = stop;
    }
    buf_append_byte(out, '"');
}

void json_key(struct json_writer *writer, struct span name)
{
    separate(writer);
    append_quoted(writer->out, name);
    buf_append_byte(writer->out, ':');
    writer->comma = false;
}

void json_string(struct json_writer *writer, struct span value)
{
    separate(writer);
    append_quoted(writer->out, value);
}

void json_literal(struct json_writer *writer, struct span text)
{
    separate(writer);
    buf_append(writer->out, text);
}

void json_i64(struct json_writer *writer, int64_t value)
{
    separate(writer);
    buf_append_i64(writer->out, value);
}

void json_bool(struct json_writer *writer, bool value)
{
    json_literal(writer, value ? S("true") : S("false"));
}

void json_double(struct json_writer *writer, double value)
{
    char text[32];
    if (!isfinite(value)) {
        json_string(writer, isnan(value) ? S("NaN") : value > 0 ? S("Infinity") : S("-Infinity"));
        return;
    }
    separate(writer);
    for (int digits = 15; digits <= 17; digits++) {
        int len = snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value || digits == 17) {
            buf_append(writer->out, span_of(text, (size_t)len));
            return;
        }
    }
}
