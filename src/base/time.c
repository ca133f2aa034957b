// SPDX-License-Identifier: Apache-2.0
/*
 * The calendar is arithmetic on days, with years that begin in March (no tables of the C library,
 * no locale, no time zone). A moved clock is one atomic offset, one that stands the moment at which
 * it was stopped. Any thread.
 */
#include "base/time.h"

#include <stdio.h>
#include <time.h>

#define DAYS_PER_400_YEARS 146097
#define DAYS_0000_03_01_TO_1970 719468

static const char day_names[] = "SunMonTueWedThuFriSat";
static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

/* ---- the clock ---- */

static int64_t moved_ms;
/* While it stands: the real and the steady time at which it was stopped. */
static struct {
    bool yes;
    int64_t real_us, steady_us;
} stood;

static int64_t read_clock(clockid_t clock, int64_t per_second)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * per_second + now.tv_nsec / (1000000000 / per_second);
}

static int64_t clock_moved_ms(void)
{
    return __atomic_load_n(&moved_ms, __ATOMIC_RELAXED);
}

static bool stands(void)
{
    return __atomic_load_n(&stood.yes, __ATOMIC_ACQUIRE);
}

int64_t clock_now_us(void)
{
    return (stands() ? stood.real_us : read_clock(CLOCK_REALTIME, 1000000)) +
           clock_moved_ms() * 1000;
}

int64_t clock_now_ms(void)
{
    return clock_now_us() / 1000;
}

int64_t clock_steady_at(int64_t measured_us)
{
    if (stands() && measured_us > stood.steady_us)
        measured_us = stood.steady_us;
    return measured_us / 1000 + clock_moved_ms();
}

int64_t clock_steady_ms(void)
{
    return clock_steady_at(clock_measure_us());
}

int64_t clock_measure_us(void)
{
    return read_clock(CLOCK_MONOTONIC, 1000000);
}

void clock_advance(int64_t ms)
{
    if (ms > 0)
        __atomic_add_fetch(&moved_ms, ms, __ATOMIC_RELAXED);
}

void clock_stand(void)
{
    if (stands())
        return;
    stood.steady_us = clock_measure_us();
    stood.real_us = read_clock(CLOCK_REALTIME, 1000000);
    __atomic_store_n(&stood.yes, true, __ATOMIC_RELEASE);
}

void clock_go(void)
{
    __atomic_store_n(&stood.yes, false, __ATOMIC_RELEASE);
}

/* ---- the calendar ---- */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Days since 1970-01-01. Years are counted from March, so that the leap day is a year's last. */
static int64_t days_from_date(int64_t year, int64_t month, int64_t day)
{
    year += floor_div(month - 1, 12);
    month -= floor_div(month - 1, 12) * 12;
    if (month <= 2)
        year--;
    int64_t cycle = floor_div(year, 400);
    int64_t year_of_cycle = year - cycle * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_cycle =
        year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 + day_of_year;
    return cycle * DAYS_PER_400_YEARS + day_of_cycle - DAYS_0000_03_01_TO_1970;
}

static void date_from_days(int64_t days, struct civil *out)
{
    days += DAYS_0000_03_01_TO_1970;
    int64_t cycle = floor_div(days, DAYS_PER_400_YEARS);
    int64_t day_of_cycle = days - cycle * DAYS_PER_400_YEARS;
    int64_t year_of_cycle =
        (day_of_cycle - day_of_cycle / 1460 + day_of_cycle / 36524 - day_of_cycle / 146096) / 365;
    int64_t day_of_year =
        day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    int64_t month = (5 * day_of_year + 2) / 153; /* March = 0 */
    out->day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
    out->month = (int)(month < 10 ? month + 3 : month - 9);
    out->year = (int)(cycle * 400 + year_of_cycle + (out->month <= 2));
}

struct civil time_civil(int64_t ms)
{
    struct civil civil;
    int64_t days = floor_div(ms, DAY_MS);
    int rest = (int)((ms % DAY_MS + DAY_MS) % DAY_MS);
    date_from_days(days, &civil);
    civil.weekday = (int)((days % 7 + 11) % 7); /* 1970-01-01 was a Thursday */
    civil.hour = rest / HOUR_MS;
    civil.minute = rest / 60000 % 60;
    civil.second = rest / 1000 % 60;
    civil.millisecond = rest % 1000;
    return civil;
}

int64_t time_from_civil(const struct civil *civil)
{
    int64_t days = days_from_date(civil->year, civil->month, civil->day);
    int64_t rest = ((civil->hour * INT64_C(60) + civil->minute) * 60 + civil->second) * 1000 +
                   civil->millisecond;
    __int128 ms = (__int128)days * DAY_MS + rest;
    return ms > INT64_MIN && ms <= INT64_MAX ? (int64_t)ms : TIME_NONE;
}

/* ---- writing: every putter answers where it ended ---- */

static char *put_byte(char *to, char byte)
{
    *to = byte;
    return to + 1;
}

/* `value` with leading zeros. */
static char *put_number(char *to, int value, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        to[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return to + digits;
}

/* Four digits; years before 0 and behind 9999 take what they need. */
static char *put_year(char *to, int year)
{
    if (year >= 0 && year <= 9999)
        return put_number(to, year, 4);
    return to + snprintf(to, 16, "%04d", year);
}

static char *put_name(char *to, const char *names, int which)
{
    return mempcpy(to, names + 3 * which, 3);
}

/* hh:mm:ss */
static char *put_clock(char *to, const struct civil *t)
{
    to = put_byte(put_number(to, t->hour, 2), ':');
    to = put_byte(put_number(to, t->minute, 2), ':');
    return put_number(to, t->second, 2);
}

/* yyyy-mm-ddThh:mm:ss */
static char *put_date_and_clock(char *to, const struct civil *t)
{
    to = put_byte(put_year(to, t->year), '-');
    to = put_byte(put_number(to, t->month, 2), '-');
    to = put_byte(put_number(to, t->day, 2), 'T');
    return put_clock(to, t);
}

static struct span written(const char *to, char *end)
{
    *end = '\0';
    return span_of(to, (size_t)(end - to));
}

struct span time_iso8601(int64_t ms, char to[TIME_TEXT_SIZE])
{
    struct civil t = time_civil(ms);
    return written(to, put_byte(put_date_and_clock(to, &t), 'Z'));
}

struct span time_iso8601_millis(int64_t ms, char to[TIME_TEXT_SIZE])
{
    struct civil t = time_civil(ms);
    char *at = put_byte(put_date_and_clock(to, &t), '.');
    return written(to, put_byte(put_number(at, t.millisecond, 3), 'Z'));
}

struct span time_http_date(int64_t ms, char to[TIME_TEXT_SIZE])
{
    struct civil t = time_civil(ms);
    char *at = mempcpy(put_name(to, day_names, t.weekday), ", ", 2);
    at = put_byte(put_number(at, t.day, 2), ' ');
    at = put_byte(put_name(at, month_names, t.month - 1), ' ');
    at = put_byte(put_year(at, t.year), ' ');
    return written(to, mempcpy(put_clock(at, &t), " GMT", 4));
}

struct span time_amz_date(int64_t ms, char to[TIME_TEXT_SIZE])
{
    struct civil t = time_civil(ms);
    char *at = put_number(put_number(put_year(to, t.year), t.month, 2), t.day, 2);
    at = put_number(put_byte(at, 'T'), t.hour, 2);
    at = put_number(put_number(at, t.minute, 2), t.second, 2);
    return written(to, put_byte(at, 'Z'));
}

struct span time_epoch_seconds(int64_t ms, char to[TIME_TEXT_SIZE])
{
    uint64_t magnitude = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
    const char *sign = ms < 0 ? "-" : "";
    char *end =
        to + snprintf(to, TIME_TEXT_SIZE, "%s%llu.", sign, (unsigned long long)(magnitude / 1000));
    end = put_number(end, (int)(magnitude % 1000), 3);
    while (end[-1] == '0')
        end--;
    if (end[-1] == '.')
        end--;
    return written(to, end);
}

/* ---- reading: every taker moves *rest behind what it took and answers false on anything else ----
 */

static bool take_byte(struct span *rest, char byte)
{
    if (rest->len == 0 || rest->at[0] != byte)
        return false;
    *rest = span_from(*rest, 1);
    return true;
}

static bool take_text(struct span *rest, struct span text)
{
    if (!span_starts(*rest, text))
        return false;
    *rest = span_from(*rest, text.len);
    return true;
}

/* Exactly `digits` digits. */
static bool take_number(struct span *rest, size_t digits, int *out)
{
    uint64_t value;
    if (rest->len < digits || !span_to_u64(span_first(*rest, digits), &value))
        return false;
    *out = (int)value;
    *rest = span_from(*rest, digits);
    return true;
}

/* One of the names of three letters each; out counts from 0. */
static bool take_name(struct span *rest, const char *names, int *out)
{
    for (int i = 0; names[3 * i]; i++)
        if (take_text(rest, span_of(names + 3 * i, 3))) {
            *out = i;
            return true;
        }
    return false;
}

static bool take_month(struct span *rest, int *out)
{
    if (!take_name(rest, month_names, out))
        return false;
    ++*out;
    return true;
}

/* An optional fraction: '.' and at least one digit; what is finer than a millisecond is dropped. */
static bool take_fraction(struct span *rest, int *out)
{
    *out = 0;
    if (!take_byte(rest, '.'))
        return true;
    size_t digits = 0;
    int weight = 100;
    for (; digits < rest->len && rest->at[digits] >= '0' && rest->at[digits] <= '9'; digits++) {
        *out += (rest->at[digits] - '0') * weight;
        weight /= 10;
    }
    *rest = span_from(*rest, digits);
    return digits > 0;
}

/* hh:mm:ss */
static bool take_clock(struct span *rest, struct civil *t)
{
    return take_number(rest, 2, &t->hour) && take_byte(rest, ':') &&
           take_number(rest, 2, &t->minute) && take_byte(rest, ':') &&
           take_number(rest, 2, &t->second);
}

static int days_in_month(int year, int month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

/* The time, when every field is in its range. */
static int64_t checked(const struct civil *t, int last_second)
{
    if (t->month < 1 || t->month > 12 || t->day < 1 || t->day > days_in_month(t->year, t->month))
        return TIME_NONE;
    if (t->hour > 23 || t->minute > 59 || t->second > last_second)
        return TIME_NONE;
    return time_from_civil(t);
}

/* Z, +hh:mm, -hh:mm or nothing (UTC), up to the end. */
static bool take_offset(struct span *rest, int64_t *ret_offset_ms)
{
    int hours, minutes;
    *ret_offset_ms = 0;
    if (rest->len == 0)
        return true;
    if (take_byte(rest, 'Z'))
        return rest->len == 0;
    char sign = rest->at[0];
    if (!take_byte(rest, '+') && !take_byte(rest, '-'))
        return false;
    if (!take_number(rest, 2, &hours) || !take_byte(rest, ':') || !take_number(rest, 2, &minutes))
        return false;
    *ret_offset_ms = (hours * INT64_C(60) + minutes) * (sign == '-' ? -60000 : 60000);
    return hours < 24 && minutes < 60 && rest->len == 0;
}

int64_t time_parse_iso8601(struct span text)
{
    struct civil t = {0};
    int64_t offset_ms;
    if (!take_number(&text, 4, &t.year) || !take_byte(&text, '-') ||
        !take_number(&text, 2, &t.month) || !take_byte(&text, '-') ||
        !take_number(&text, 2, &t.day) || !take_byte(&text, 'T') || !take_clock(&text, &t) ||
        !take_fraction(&text, &t.millisecond) || !take_offset(&text, &offset_ms))
        return TIME_NONE;
    int64_t ms = checked(&t, 59);
    return ms == TIME_NONE ? TIME_NONE : ms - offset_ms;
}

int64_t time_parse_amz_date(struct span text)
{
    struct civil t = {0};
    if (!take_number(&text, 4, &t.year) || !take_number(&text, 2, &t.month) ||
        !take_number(&text, 2, &t.day) || !take_byte(&text, 'T') ||
        !take_number(&text, 2, &t.hour) || !take_number(&text, 2, &t.minute) ||
        !take_number(&text, 2, &t.second) || !take_byte(&text, 'Z') || text.len)
        return TIME_NONE;
    return checked(&t, 59);
}

/* The time of an HTTP date: leap seconds are in the grammar, and the day's name must be right. */
static int64_t http_time(const struct civil *t)
{
    int64_t ms = checked(t, 60);
    struct civil midnight = {.year = t->year, .month = t->month, .day = t->day};
    if (ms == TIME_NONE || time_civil(time_from_civil(&midnight)).weekday != t->weekday)
        return TIME_NONE;
    return ms;
}

/* Sun, 06 Nov 1994 08:49:37 GMT; Smithy's http-date also allows a fraction. */
static int64_t parse_imf(struct span text)
{
    struct civil t = {0};
    if (!take_name(&text, day_names, &t.weekday) || !take_text(&text, S(", ")) ||
        !take_number(&text, 2, &t.day) || !take_byte(&text, ' ') || !take_month(&text, &t.month) ||
        !take_byte(&text, ' ') || !take_number(&text, 4, &t.year) || !take_byte(&text, ' ') ||
        !take_clock(&text, &t) || !take_fraction(&text, &t.millisecond) ||
        !span_eq(text, S(" GMT")))
        return TIME_NONE;
    return http_time(&t);
}

/* Sunday, 06-Nov-94 08:49:37 GMT. A year that would be more than 50 years ahead is in the past. */
static int64_t parse_rfc850(struct span text)
{
    static const char *const names[] = {"Sunday, ",   "Monday, ", "Tuesday, ", "Wednesday, ",
                                        "Thursday, ", "Friday, ", "Saturday, "};
    struct civil t = {0};
    while (t.weekday < 7 && !take_text(&text, span_of_cstr(names[t.weekday])))
        t.weekday++;
    if (t.weekday == 7 || !take_number(&text, 2, &t.day) || !take_byte(&text, '-') ||
        !take_month(&text, &t.month) || !take_byte(&text, '-') || !take_number(&text, 2, &t.year) ||
        !take_byte(&text, ' ') || !take_clock(&text, &t) || !span_eq(text, S(" GMT")))
        return TIME_NONE;
    int this_year = time_civil(clock_now_ms()).year;
    t.year += this_year / 100 * 100;
    if (t.year > this_year + 50)
        t.year -= 100;
    else if (t.year <= this_year - 50)
        t.year += 100;
    return http_time(&t);
}

/* Sun Nov  6 08:49:37 1994 */
static int64_t parse_asctime(struct span text)
{
    struct civil t = {0};
    if (!take_name(&text, day_names, &t.weekday) || !take_byte(&text, ' ') ||
        !take_month(&text, &t.month) || !take_byte(&text, ' ') ||
        !take_number(&text, take_byte(&text, ' ') ? 1 : 2, &t.day) || !take_byte(&text, ' ') ||
        !take_clock(&text, &t) || !take_byte(&text, ' ') || !take_number(&text, 4, &t.year) ||
        text.len)
        return TIME_NONE;
    return http_time(&t);
}

int64_t time_parse_http_date(struct span text)
{
    if (text.len < 4)
        return TIME_NONE;
    switch (text.at[3]) {
    case ',':
        return parse_imf(text);
    case ' ':
        return parse_asctime(text);
    default:
        return parse_rfc850(text);
    }
}

/* ---- decimal seconds ---- */

/* A number's digits and where its point stands: value = 0.d1d2d3… * 10^point. */
struct decimal {
    struct span whole, fraction;
    int64_t point;
    bool negative;
};

static struct span take_digits(struct span *rest)
{
    size_t count = 0;
    while (count < rest->len && rest->at[count] >= '0' && rest->at[count] <= '9')
        count++;
    struct span digits = span_first(*rest, count);
    *rest = span_from(*rest, count);
    return digits;
}

/* An optional exponent, held within ±1,000,000: anything there is as good as infinite. */
static bool take_exponent(struct span *rest, int64_t *out)
{
    *out = 0;
    if (!take_byte(rest, 'e') && !take_byte(rest, 'E'))
        return true;
    bool negative = take_byte(rest, '-');
    if (!negative)
        (void)take_byte(rest, '+');
    struct span digits = take_digits(rest);
    for (size_t i = 0; i < digits.len && *out < 1000000; i++)
        *out = *out * 10 + (digits.at[i] - '0');
    if (negative)
        *out = -*out;
    return digits.len > 0;
}

static bool parse_decimal(struct span text, struct decimal *out)
{
    int64_t exponent;
    *out = (struct decimal){.negative = take_byte(&text, '-')};
    out->whole = take_digits(&text);
    if (out->whole.len == 0)
        return false;
    if (take_byte(&text, '.')) {
        out->fraction = take_digits(&text);
        if (out->fraction.len == 0)
            return false;
    }
    if (!take_exponent(&text, &exponent) || text.len)
        return false;
    out->point = (int64_t)out->whole.len + exponent;
    return true;
}

static int digit_at(const struct decimal *number, size_t at)
{
    if (at < number->whole.len)
        return number->whole.at[at] - '0';
    at -= number->whole.len;
    return at < number->fraction.len ? number->fraction.at[at] - '0' : 0;
}

int64_t time_parse_epoch(struct span text)
{
    struct decimal number;
    if (!parse_decimal(text, &number))
        return TIME_NONE;
    size_t digits = number.whole.len + number.fraction.len;
    int64_t ms = 0;
    for (int64_t i = 0; i < number.point + 3; i++) {
        if ((size_t)i >= digits && ms == 0)
            return 0;
        int digit = digit_at(&number, (size_t)i);
        if (__builtin_mul_overflow(ms, 10, &ms) ||
            __builtin_sub_overflow(ms, digit, &ms)) /* negative: it reaches further */
            return TIME_NONE;
    }
    if (number.negative)
        return ms; /* the minimum itself is TIME_NONE */
    return ms == INT64_MIN ? TIME_NONE : -ms;
}
