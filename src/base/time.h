// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Time is int64_t milliseconds since 1970-01-01T00:00:00Z, UTC, proleptic Gregorian. One clock
 * serves the whole program; tests started with --test-clock may move it forward and stop it.
 * Formatting and reading are pure.
 */
#include "base/arena.h"

#define TIME_NONE INT64_MIN
#define MINUTE_MS INT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

/* The clock: real time plus what tests have added. Any thread. */
int64_t clock_now_ms(void);
/* The same in microseconds: for telling what was earlier. */
int64_t clock_now_us(void);
/* Time that never goes back, moved by the same amount; for deadlines and intervals, not for
 * calendars. */
int64_t clock_steady_ms(void);
/* The same in microseconds, real and never moved: for measuring how long something took. */
int64_t clock_measure_us(void);
/* Moves the clock forward by `ms` (not negative). */
void clock_advance(int64_t ms);
/* It stands until it is let go, but for moves; then it is where it would be had it not stood. */
void clock_stand(void);
void clock_go(void);
/* What clock_steady_ms was, moved as far as the clock is now, when clock_measure_us was that. */
int64_t clock_steady_at(int64_t measured_us);

/* Buffers of at least the given size; a NUL is written behind the text. */
#define TIME_TEXT_SIZE 40
struct span time_iso8601(int64_t ms, char to[TIME_TEXT_SIZE]);        /* 2026-11-22T13:00:05Z */
struct span time_iso8601_millis(int64_t ms, char to[TIME_TEXT_SIZE]); /* 2026-11-22T13:00:05.123Z */
struct span time_http_date(int64_t ms, char to[TIME_TEXT_SIZE]); /* Sun, 22 Nov 2026 13:00:05 GMT */
struct span time_amz_date(int64_t ms, char to[TIME_TEXT_SIZE]);  /* 20261122T130005Z */
/* Seconds with a fraction only where there is one: 1732280405 or 1732280405.123 */
struct span time_epoch_seconds(int64_t ms, char to[TIME_TEXT_SIZE]);

/* Readers: TIME_NONE on anything that is not exactly such a time; what is finer than a millisecond
 * is dropped. */
int64_t time_parse_iso8601(struct span text); /* fraction and offset (Z, +hh:mm) optional */
/* RFC 9110: all three forms; a wrong weekday is an error. The form with a two-digit year looks at
 * the clock, as the RFC wants. */
int64_t time_parse_http_date(struct span text);
int64_t time_parse_amz_date(struct span text); /* 20261122T130005Z */
int64_t time_parse_epoch(struct span text);    /* decimal seconds, fraction and exponent allowed */

struct civil {
    int year, month, day, hour, minute, second, millisecond, weekday; /* month 1-12, Sunday = 0 */
};
struct civil time_civil(int64_t ms);
/* `weekday` is not looked at; fields out of their range carry over, so a day may be added by ++day.
 * TIME_NONE when the result does not fit. */
int64_t time_from_civil(const struct civil *civil);
