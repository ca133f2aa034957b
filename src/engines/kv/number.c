// SPDX-License-Identifier: Apache-2.0
/*
 * Decimal numbers of up to 38 digits as bytes in the numbers' order.
 *
 *   zero      80 00
 *   positive  80 + (E + 65), then every pair of digits + 1, then 00
 *   negative  the complement of the positive number's bytes
 *
 * where the number is 0.p1p2… * 100^(E+1), each p a pair of decimal digits, p1 not 00, the last
 * pair not 00. E is -65 to 62, so the first byte is 80 to ff; zero is the positive number of the
 * smallest E without pairs. The end byte sorts before every pair, so 1 < 1.1 and -1.1 < -1, and
 * makes the bytes self-delimiting. Equal numbers have equal bytes. Pure.
 */
#include "engines/kv/kv.h"

#define PAIRS_MAX 20 /* 38 digits that begin in the middle of a pair */
#define E_MIN (-65)

struct decimal {
    bool negative;
    int count;                  /* digits; 0: zero */
    int exponent;               /* of the first digit */
    char digits[KV_DIGITS_MAX]; /* 0-9, first and last not 0 */
};

/* Text taken apart: the digits of both sides of the point, and the written exponent. */
struct literal {
    bool negative;
    struct span whole, fraction;
    int64_t exponent;
};

static struct span take_digits(struct span *rest)
{
    size_t len = 0;
    while (len < rest->len && rest->at[len] >= '0' && rest->at[len] <= '9')
        len++;
    struct span digits = span_first(*rest, len);
    *rest = span_from(*rest, len);
    return digits;
}

static bool take_sign(struct span *rest)
{
    bool negative = rest->len && rest->at[0] == '-';
    if (rest->len && (rest->at[0] == '-' || rest->at[0] == '+'))
        *rest = span_from(*rest, 1);
    return negative;
}

static bool take_byte(struct span *rest, char lower)
{
    bool there = rest->len && (rest->at[0] | 0x20) == (lower | 0x20);
    if (there)
        *rest = span_from(*rest, 1);
    return there;
}

/* An exponent that does not fit 64 bits makes it no number at all. */
static bool take_exponent(struct span *rest, int64_t *ret)
{
    *ret = 0;
    if (!take_byte(rest, 'e'))
        return true;
    bool negative = take_sign(rest);
    struct span digits = take_digits(rest);
    uint64_t value;
    if (!digits.len || !span_to_u64(digits, &value) || value > INT64_MAX)
        return false;
    *ret = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

static bool literal_read(struct span text, struct literal *ret)
{
    struct span rest = text;
    ret->negative = take_sign(&rest);
    ret->whole = take_digits(&rest);
    ret->fraction = SPAN_NONE;
    if (rest.len && rest.at[0] == '.') {
        rest = span_from(rest, 1);
        ret->fraction = take_digits(&rest);
    }
    if (!ret->whole.len && !ret->fraction.len)
        return false;
    return take_exponent(&rest, &ret->exponent) && !rest.len;
}

static char literal_digit(const struct literal *literal, size_t at)
{
    return at < literal->whole.len ? literal->whole.at[at]
                                   : literal->fraction.at[at - literal->whole.len];
}

/* Zero is judged by the exponent it is written with, as the real service does it. */
static enum KV_NUMBER_FAULT check_range(int64_t exponent)
{
    return exponent > KV_EXPONENT_MAX   ? KV_NUMBER_TOO_LARGE
           : exponent < KV_EXPONENT_MIN ? KV_NUMBER_TOO_SMALL
                                        : KV_NUMBER_GOOD;
}

static enum KV_NUMBER_FAULT decimal_of(const struct literal *literal, struct decimal *ret)
{
    size_t end = literal->whole.len + literal->fraction.len, begin = 0;
    while (begin < end && literal_digit(literal, begin) == '0')
        begin++;
    while (end > begin && literal_digit(literal, end - 1) == '0')
        end--;
    *ret = (struct decimal){.negative = literal->negative && begin < end};
    if (begin == end)
        return check_range(literal->exponent);
    /* The text is far shorter than 2^62, so this saturates instead of overflowing. */
    int64_t shift = (int64_t)literal->whole.len - 1 - (int64_t)begin, exponent;
    if (__builtin_add_overflow(literal->exponent, shift, &exponent))
        return shift < 0 ? KV_NUMBER_TOO_SMALL : KV_NUMBER_TOO_LARGE;
    enum KV_NUMBER_FAULT fault = check_range(exponent);
    if (fault != KV_NUMBER_GOOD)
        return fault;
    if (end - begin > KV_DIGITS_MAX)
        return KV_NUMBER_TOO_LONG;
    ret->exponent = (int)exponent;
    ret->count = (int)(end - begin);
    for (int i = 0; i < ret->count; i++)
        ret->digits[i] = (char)(literal_digit(literal, begin + (size_t)i) - '0');
    return KV_NUMBER_GOOD;
}

/* Digit `at` (may be negative or behind the last) of a decimal. */
static int digit_at(const struct decimal *decimal, int at)
{
    return at >= 0 && at < decimal->count ? decimal->digits[at] : 0;
}

static size_t encode(const struct decimal *decimal, char to[KV_NUMBER_MAX])
{
    bool odd = decimal->exponent & 1;
    int e = (decimal->exponent - (odd ? 1 : 0)) / 2;
    size_t len = 0;
    to[len++] = (char)(decimal->count ? 0x80 + e - E_MIN : 0x80);
    for (int at = odd ? 0 : -1; decimal->count && at < decimal->count; at += 2)
        to[len++] = (char)(digit_at(decimal, at) * 10 + digit_at(decimal, at + 1) + 1);
    to[len++] = 0;
    for (size_t i = 0; decimal->negative && i < len; i++)
        to[i] = (char)~to[i];
    return len;
}

enum KV_NUMBER_FAULT kv_number_read(struct span text, char to[KV_NUMBER_MAX], size_t *ret_len)
{
    struct literal literal;
    struct decimal decimal;
    if (!literal_read(text, &literal))
        return KV_NUMBER_NOT_ONE;
    enum KV_NUMBER_FAULT fault = decimal_of(&literal, &decimal);
    if (fault == KV_NUMBER_GOOD)
        *ret_len = encode(&decimal, to);
    return fault;
}

size_t kv_number_len(struct span bytes)
{
    if (bytes.len < 2)
        return 0;
    bool negative = !(bytes.at[0] & 0x80);
    unsigned flip = negative ? 0xff : 0;
    for (size_t i = 1; i < bytes.len && i < KV_NUMBER_MAX; i++) {
        unsigned pair = (unsigned char)bytes.at[i] ^ flip;
        if (pair == 0) {
            unsigned first = (unsigned char)bytes.at[1] ^ flip;
            unsigned last = (unsigned char)bytes.at[i - 1] ^ flip;
            bool zero = i == 1;
            return zero ? (bytes.at[0] == (char)0x80 ? 2 : 0)
                        : (first == 1 || last == 1 ? 0 : i + 1);
        }
        if (pair > 100)
            return 0;
    }
    return 0;
}

/* Of what kv_number_len accepts. */
static void decode(struct span number, struct decimal *ret)
{
    bool negative = !(number.at[0] & 0x80);
    unsigned flip = negative ? 0xff : 0;
    char digits[2 * PAIRS_MAX];
    int count = 0, begin = 0;
    for (size_t i = 1; i + 1 < number.len; i++) {
        int pair = (int)((unsigned char)number.at[i] ^ flip) - 1;
        digits[count++] = (char)(pair / 10);
        digits[count++] = (char)(pair % 10);
    }
    *ret = (struct decimal){.negative = negative};
    if (!count)
        return;
    int e = (int)((unsigned char)number.at[0] ^ flip) - 0x80 + E_MIN;
    begin = digits[0] == 0;
    count -= digits[count - 1] == 0;
    ret->exponent = 2 * e + 1 - begin;
    ret->count = count - begin < KV_DIGITS_MAX ? count - begin : KV_DIGITS_MAX;
    memcpy(ret->digits, digits + begin, (size_t)ret->count);
}

static char *put_zeros(char *to, int count)
{
    for (int i = 0; i < count; i++)
        *to++ = '0';
    return to;
}

size_t kv_number_print(struct span number, char to[KV_NUMBER_TEXT_MAX])
{
    struct decimal decimal;
    char *at = to;
    decode(number, &decimal);
    if (decimal.negative)
        *at++ = '-';
    if (!decimal.count || decimal.exponent < 0)
        *at++ = '0';
    if (decimal.count && decimal.exponent < 0) {
        *at++ = '.';
        at = put_zeros(at, -decimal.exponent - 1);
    }
    for (int i = 0; i < decimal.count; i++) {
        if (i && i == decimal.exponent + 1)
            *at++ = '.';
        *at++ = (char)('0' + decimal.digits[i]);
    }
    if (decimal.count)
        at = put_zeros(at, decimal.exponent + 1 - decimal.count);
    return (size_t)(at - to);
}

/* ---- sums ----------------------------------------------------------------------------------- */

/* Both numbers' digits above each other: from the largest first digit to the smallest last one,
 * with a place for the carry. */
#define COLUMNS_MAX (KV_EXPONENT_MAX - KV_EXPONENT_MIN + KV_DIGITS_MAX + 2)

struct columns {
    int top; /* exponent of the first column */
    int count;
    int digits[COLUMNS_MAX];
};

static void columns_add(struct columns *columns, const struct decimal *decimal, int factor)
{
    for (int i = 0; i < decimal->count; i++)
        columns->digits[columns->top - decimal->exponent + i] += factor * decimal->digits[i];
}

/* Every column 0-9 but the first, whose sign is the sum's. */
static void columns_carry(struct columns *columns)
{
    for (int i = columns->count - 1; i > 0; i--) {
        int carry = columns->digits[i] / 10 - (columns->digits[i] % 10 < 0);
        columns->digits[i] -= 10 * carry;
        columns->digits[i - 1] += carry;
    }
}

static enum KV_NUMBER_FAULT columns_read(const struct columns *columns, struct decimal *ret)
{
    int begin = 0, end = columns->count;
    while (begin < end && !columns->digits[begin])
        begin++;
    while (end > begin && !columns->digits[end - 1])
        end--;
    if (begin == end) {
        *ret = (struct decimal){.count = 0};
        return KV_NUMBER_GOOD;
    }
    ret->exponent = columns->top - begin;
    enum KV_NUMBER_FAULT fault = check_range(ret->exponent);
    if (fault != KV_NUMBER_GOOD)
        return fault;
    int count = end - begin;
    if (count > KV_DIGITS_MAX)
        return KV_NUMBER_TOO_LONG;
    ret->count = count;
    for (int i = 0; i < count; i++)
        ret->digits[i] = (char)columns->digits[begin + i];
    return KV_NUMBER_GOOD;
}

static void columns_open(struct columns *columns, const struct decimal *a, const struct decimal *b)
{
    int low = a->exponent - a->count < b->exponent - b->count ? a->exponent - a->count
                                                              : b->exponent - b->count;
    columns->top = (a->exponent > b->exponent ? a->exponent : b->exponent) + 1;
    columns->count = columns->top - low;
    memset(columns->digits, 0, (size_t)columns->count * sizeof columns->digits[0]);
}

enum KV_NUMBER_FAULT kv_number_add(struct span a, struct span b, enum KV_SIGN sign,
                                   char to[KV_NUMBER_MAX], size_t *ret_len)
{
    struct decimal x, y, sum = {.count = 0};
    struct columns columns;
    decode(a, &x);
    decode(b, &y);
    if (!x.count)
        x.exponent = y.exponent;
    if (!y.count)
        y.exponent = x.exponent;
    bool flip = sign == KV_MINUS;
    for (int turn = 1; turn >= -1; turn -= 2) {
        columns_open(&columns, &x, &y);
        columns_add(&columns, &x, x.negative ? -turn : turn);
        columns_add(&columns, &y, y.negative != flip ? -turn : turn);
        columns_carry(&columns);
        sum.negative = turn < 0;
        if (columns.digits[0] >= 0)
            break;
    }
    enum KV_NUMBER_FAULT fault = columns_read(&columns, &sum);
    if (fault == KV_NUMBER_GOOD)
        *ret_len = encode(&sum, to);
    return fault;
}
