// SPDX-License-Identifier: Apache-2.0
/* Numbers, booleans and times as text. Nothing here depends on a locale: the program never sets
 * one. Pure, any thread. */
#include "wire/scalar.h"

#include "base/text.h"
#include "base/time.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define NUMBER_MAX 400 /* bytes; longer texts are no sensible number */

static bool is_number_byte(char byte)
{
    return (byte >= '0' && byte <= '9') || byte == '+' || byte == '-' || byte == '.' ||
           byte == 'e' || byte == 'E';
}

static const struct {
    struct span word;
    double value;
} words[] = {
    {S_INIT("NaN"), NAN}, {S_INIT("Infinity"), INFINITY}, {S_INIT("-Infinity"), -INFINITY}};

bool scalar_to_double(struct span text, double *out)
{
    char digits[NUMBER_MAX + 1];
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (span_eq(text, words[i].word)) {
            *out = words[i].value;
            return true;
        }
    if (text.len == 0 || text.len > NUMBER_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (!is_number_byte(text.at[i]))
            return false;
    memcpy(digits, text.at, text.len);
    digits[text.len] = '\0';
    char *end;
    double value = strtod(digits, &end);
    if (end != digits + text.len)
        return false;
    *out = value;
    return true;
}

int64_t scalar_truncate(double value, uint8_t kind)
{
    int64_t low = kind == KIND_INTEGER ? INT32_MIN : INT64_MIN;
    int64_t high = kind == KIND_INTEGER ? INT32_MAX : INT64_MAX;
    if (isnan(value))
        return 0;
    if (value <= (double)low)
        return low;
    return value >= (double)high ? high : (int64_t)value;
}

int64_t scalar_to_time(struct span text, enum TIME_FORMAT format)
{
    switch (format) {
    case TIME_EPOCH:
        return time_parse_epoch(text);
    case TIME_HTTP:
        return time_parse_http_date(text);
    case TIME_ISO8601:
    case TIME_DEFAULT:
        break;
    }
    return time_parse_iso8601(text);
}

static bool read_boolean(struct span text, bool *out)
{
    *out = span_eq_nocase(text, S("true"));
    return *out || span_eq_nocase(text, S("false"));
}

static bool read_integer(struct span text, int32_t *out)
{
    int64_t value;
    if (!span_to_i64(text, &value) || value < INT32_MIN || value > INT32_MAX)
        return false;
    *out = (int32_t)value;
    return true;
}

static bool read_time(struct span text, enum TIME_FORMAT format, int64_t *out)
{
    *out = scalar_to_time(text, format);
    return *out != TIME_NONE;
}

static bool read_blob(struct arena *arena, struct span text, struct span *out)
{
    *out = base64_decode(arena, text);
    return !span_is_absent(*out);
}

bool scalar_read(struct arena *arena, uint8_t kind, enum TIME_FORMAT format, struct span text,
                 void *to)
{
    switch ((enum KIND)kind) {
    case KIND_BOOLEAN:
        return read_boolean(text, to);
    case KIND_INTEGER:
        return read_integer(text, to);
    case KIND_LONG:
        return span_to_i64(text, to);
    case KIND_FLOAT:
    case KIND_DOUBLE:
        return scalar_to_double(text, to);
    case KIND_TIMESTAMP:
        return read_time(text, format, to);
    case KIND_BLOB:
        return read_blob(arena, text, to);
    case KIND_STRING:
    case KIND_DOCUMENT:
        *(struct span *)to = text;
        return true;
    case KIND_STREAM:
    case KIND_LIST:
    case KIND_MAP:
    case KIND_STRUCTURE:
        break;
    }
    return false;
}

const char *scalar_name(uint8_t kind)
{
    static const char *const names[] = {
        [KIND_BOOLEAN] = "Boolean",     [KIND_INTEGER] = "Integer", [KIND_LONG] = "Long",
        [KIND_FLOAT] = "Float",         [KIND_DOUBLE] = "Double",   [KIND_STRING] = "String",
        [KIND_TIMESTAMP] = "Timestamp", [KIND_BLOB] = "Blob",
    };
    return kind < ARRAY_LEN(names) && names[kind] ? names[kind] : "Object";
}

struct span scalar_double_text(double value, uint8_t kind, char room[SCALAR_TEXT_SIZE])
{
    if (isnan(value))
        return S("NaN");
    if (isinf(value))
        return value > 0 ? S("Infinity") : S("-Infinity");
    int len = 0;
    if (value == floor(value) && fabs(value) < 1e15) {
        len = snprintf(room, SCALAR_TEXT_SIZE, "%.0f", value);
        return span_of(room, (size_t)len);
    }
    int most = kind == KIND_FLOAT ? 9 : 17;
    for (int digits = kind == KIND_FLOAT ? 6 : 15; digits <= most; digits++) {
        len = snprintf(room, SCALAR_TEXT_SIZE, "%.*g", digits, value);
        double back = strtod(room, NULL);
        if (back == value || (kind == KIND_FLOAT && (float)back == (float)value))
            break;
    }
    return span_of(room, (size_t)len);
}

static struct span number_text(int64_t value, char room[SCALAR_TEXT_SIZE])
{
    char *end = room + SCALAR_TEXT_SIZE, *at = end;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do
        *--at = (char)('0' + rest % 10);
    while (rest /= 10);
    if (value < 0)
        *--at = '-';
    return span_of(at, (size_t)(end - at));
}

static struct span time_text(int64_t ms, struct scalar_style style, char room[SCALAR_TEXT_SIZE])
{
    if (style.format == TIME_EPOCH)
        return time_epoch_seconds(ms, room);
    if (style.format == TIME_HTTP)
        return time_http_date(ms, room);
    bool fraction = style.fraction == FRACTION_ALWAYS ||
                    (style.fraction == FRACTION_WHERE_NEEDED && ms % 1000 != 0);
    return fraction ? time_iso8601_millis(ms, room) : time_iso8601(ms, room);
}

struct span scalar_text(uint8_t kind, struct scalar_style style, const void *value,
                        char room[SCALAR_TEXT_SIZE])
{
    switch ((enum KIND)kind) {
    case KIND_BOOLEAN:
        return *(const bool *)value ? S("true") : S("false");
    case KIND_INTEGER:
        return number_text(*(const int32_t *)value, room);
    case KIND_LONG:
        return number_text(*(const int64_t *)value, room);
    case KIND_FLOAT:
    case KIND_DOUBLE:
        return scalar_double_text(*(const double *)value, kind, room);
    case KIND_TIMESTAMP:
        return time_text(*(const int64_t *)value, style, room);
    case KIND_STRING:
    case KIND_BLOB:
    case KIND_DOCUMENT:
        return *(const struct span *)value;
    case KIND_STREAM:
    case KIND_LIST:
    case KIND_MAP:
    case KIND_STRUCTURE:
        break;
    }
    return S("");
}
