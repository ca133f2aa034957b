// SPDX-License-Identifier: Apache-2.0
/* Cases for base/time: documented examples of every form, calendar edges, what is refused. */
#include "test.h"

#include "base/id.h"
#include "base/time.h"

#include <stdio.h>
#include <time.h>

#define RFC_EXAMPLE INT64_C(784111777000) /* RFC 9110, 5.6.7: 1994-11-06T08:49:37Z */

static char text[TIME_TEXT_SIZE];

static int64_t iso(const char *s)
{
    return time_parse_iso8601(span_of_cstr(s));
}

static int64_t http(const char *s)
{
    return time_parse_http_date(span_of_cstr(s));
}

static int64_t epoch(const char *s)
{
    return time_parse_epoch(span_of_cstr(s));
}

static int64_t amz(const char *s)
{
    return time_parse_amz_date(span_of_cstr(s));
}

TEST(writing)
{
    CHECK_SPAN(time_iso8601(RFC_EXAMPLE + 7, text), S("1994-11-06T08:49:37Z"));
    CHECK_SPAN(time_iso8601_millis(RFC_EXAMPLE + 7, text), S("1994-11-06T08:49:37.007Z"));
    CHECK_SPAN(time_http_date(RFC_EXAMPLE, text), S("Sun, 06 Nov 1994 08:49:37 GMT"));
    CHECK_SPAN(time_amz_date(RFC_EXAMPLE, text), S("19941106T084937Z"));
    CHECK_SPAN(time_epoch_seconds(RFC_EXAMPLE, text), S("784111777"));
    CHECK_SPAN(time_epoch_seconds(RFC_EXAMPLE + 120, text), S("784111777.12"));
    CHECK_SPAN(time_epoch_seconds(0, text), S("0"));
    CHECK_SPAN(time_epoch_seconds(-1500, text), S("-1.5"));
    CHECK_SPAN(time_epoch_seconds(-1, text), S("-0.001"));
    CHECK_SPAN(time_epoch_seconds(100000, text), S("100"));
    CHECK_SPAN(time_iso8601_millis(-1, text), S("1969-12-31T23:59:59.999Z"));
    CHECK(text[24] == '\0');
    CHECK_SPAN(time_iso8601(INT64_C(253402300800000), text), S("10000-01-01T00:00:00Z"));
    CHECK_SPAN(time_iso8601(INT64_C(-62167219200001), text), S("-001-12-31T23:59:59Z"));
    CHECK_SPAN(time_epoch_seconds(INT64_MIN + 1, text), S("-9223372036854775.807"));
}

TEST(the_calendar_agrees_with_the_c_library)
{
    for (int round = 0; round < 20000; round++) {
        int64_t ms = (int64_t)(random_u64() % 500000000000000) - 100000000000000;
        time_t seconds = ms < 0 && ms % 1000 ? ms / 1000 - 1 : ms / 1000;
        struct tm tm;
        struct civil civil = time_civil(ms);
        gmtime_r(&seconds, &tm);
        CHECK_INT(civil.year, tm.tm_year + 1900);
        CHECK_INT(civil.month, tm.tm_mon + 1);
        CHECK_INT(civil.day, tm.tm_mday);
        CHECK_INT(civil.hour, tm.tm_hour);
        CHECK_INT(civil.minute, tm.tm_min);
        CHECK_INT(civil.second, tm.tm_sec);
        CHECK_INT(civil.weekday, tm.tm_wday);
        CHECK_INT(time_from_civil(&civil), ms);
    }
}

TEST(fields_beyond_their_range_carry_over)
{
    struct civil civil = {.year = 2024, .month = 14, .day = 30, .hour = 25, .second = -1};
    CHECK_SPAN(time_iso8601(time_from_civil(&civil), text), S("2025-03-03T00:59:59Z"));
    civil = (struct civil){.year = 2024, .month = 0, .day = 1};
    CHECK_SPAN(time_iso8601(time_from_civil(&civil), text), S("2023-12-01T00:00:00Z"));
    civil = (struct civil){.year = 2024, .month = -12, .day = 1};
    CHECK_SPAN(time_iso8601(time_from_civil(&civil), text), S("2022-12-01T00:00:00Z"));
    civil = (struct civil){.year = INT32_MAX, .month = 1, .day = 1};
    CHECK_INT(time_from_civil(&civil), TIME_NONE);
}

TEST(leap_years)
{
    CHECK(iso("2000-02-29T00:00:00Z") != TIME_NONE);
    CHECK(iso("2024-02-29T00:00:00Z") != TIME_NONE);
    CHECK_INT(iso("1900-02-29T00:00:00Z"), TIME_NONE);
    CHECK_INT(iso("2100-02-29T00:00:00Z"), TIME_NONE);
    CHECK_INT(iso("2023-02-29T00:00:00Z"), TIME_NONE);
    CHECK_INT(iso("2024-02-30T00:00:00Z"), TIME_NONE);
    CHECK_INT(iso("2000-03-01T00:00:00Z") - iso("2000-02-28T00:00:00Z"), 2 * 86400000);
    CHECK_INT(iso("2100-03-01T00:00:00Z") - iso("2100-02-28T00:00:00Z"), 86400000);
}

TEST(limits)
{
    struct civil civil = time_civil(INT64_MAX);
    CHECK_INT(civil.year, 292278994);
    CHECK_INT(time_from_civil(&civil), INT64_MAX);
    civil = time_civil(INT64_MIN + 1);
    CHECK_INT(civil.year, -292275055);
    CHECK_INT(time_from_civil(&civil), INT64_MIN + 1);
    CHECK(time_http_date(INT64_MIN + 1, text).len < TIME_TEXT_SIZE);
    CHECK(time_iso8601_millis(INT64_MIN + 1, text).len < TIME_TEXT_SIZE);
    CHECK_INT(iso("0000-01-01T00:00:00Z"), INT64_C(-62167219200000));
    CHECK_INT(iso("9999-12-31T23:59:59.999Z"), INT64_C(253402300799999));
}

TEST(iso8601)
{
    CHECK_INT(iso("1994-11-06T08:49:37Z"), RFC_EXAMPLE);
    CHECK_INT(iso("1994-11-06T08:49:37"), RFC_EXAMPLE);
    CHECK_INT(iso("1994-11-06T08:49:37.5Z"), RFC_EXAMPLE + 500);
    CHECK_INT(iso("1994-11-06T08:49:37.0079999Z"), RFC_EXAMPLE + 7);
    CHECK_INT(iso("1994-11-06T08:49:37.12"), RFC_EXAMPLE + 120);
    CHECK_INT(iso("1994-11-06T10:19:37+01:30"), RFC_EXAMPLE);
    CHECK_INT(iso("1994-11-05T22:49:37.001-10:00"), RFC_EXAMPLE + 1);
    CHECK_INT(iso("1970-01-01T00:00:00+00:00"), 0);
    static const char *const bad[] = {
        "",
        "1994",
        "1994-11-06",
        "1994-11-06T",
        "1994-11-06T08:49",
        "1994-11-06 08:49:37Z",
        "1994-11-06t08:49:37z",
        "1994-11-06T08:49:37Z ",
        " 1994-11-06T08:49:37Z",
        "1994-11-06T08:49:37.Z",
        "1994-11-06T08:49:37,5Z",
        "1994-13-06T08:49:37Z",
        "1994-00-06T08:49:37Z",
        "1994-11-00T08:49:37Z",
        "1994-11-31T08:49:37Z",
        "1994-11-06T24:00:00Z",
        "1994-11-06T08:60:37Z",
        "1994-11-06T08:49:60Z",
        "1994-11-06T08:49:37+24:00",
        "1994-11-06T08:49:37+00:60",
        "1994-11-06T08:49:37+0100",
        "1994-11-06T08:49:37+01:00Z",
        "1994-11-06T08:49:37+",
        "94-11-06T08:49:37Z",
        "+1994-11-06T08:49:37Z",
        "1994-1-06T08:49:37Z",
        "1994-11-06T-8:49:37Z",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (iso(bad[i]) != TIME_NONE)
            test_fail(__FILE__, __LINE__, "accepted \"%s\"", bad[i]);
    CHECK_INT(time_parse_iso8601(SPAN_NONE), TIME_NONE);
}

TEST(http_dates)
{
    CHECK_INT(http("Sun, 06 Nov 1994 08:49:37 GMT"), RFC_EXAMPLE);
    CHECK_INT(http("Sunday, 06-Nov-94 08:49:37 GMT"), RFC_EXAMPLE);
    CHECK_INT(http("Sun Nov  6 08:49:37 1994"), RFC_EXAMPLE);
    CHECK_INT(http("Wed Nov 16 08:49:37 1994"), RFC_EXAMPLE + 10 * INT64_C(86400000));
    CHECK_INT(http("Tue, 29 Apr 2014 18:30:38.123 GMT"), INT64_C(1398796238123));
    CHECK_INT(http("Fri, 30 Jun 1972 23:59:60 GMT"), iso("1972-07-01T00:00:00Z"));
    static const char *const bad[] = {
        "",
        "Sun",
        "Sun,",
        "Mon, 06 Nov 1994 08:49:37 GMT",
        "sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Funday, 06-Nov-94 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sunday, 06 Nov 94 08:49:37 GMT",
        "Monday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov 06 08:49:37 1994 GMT",
        "Mon Nov  6 08:49:37 1994",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (http(bad[i]) != TIME_NONE)
            test_fail(__FILE__, __LINE__, "accepted \"%s\"", bad[i]);
}

/* RFC 9110: a two-digit year that seems more than 50 years ahead is the past one. */
TEST(years_of_two_digits)
{
    static const char *const days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};
    int this_year = time_civil(clock_now_ms()).year;
    for (int year = this_year - 49; year <= this_year + 50; year++) {
        char line[64];
        struct civil civil = {.year = year, .month = 1, .day = 1};
        int64_t ms = time_from_civil(&civil);
        snprintf(line, sizeof line, "%s, 01-Jan-%02d 00:00:00 GMT", days[time_civil(ms).weekday],
                 year % 100);
        CHECK_INT(http(line), ms);
    }
}

TEST(amz_dates)
{
    CHECK_INT(amz("20150830T123600Z"), INT64_C(1440938160000));
    CHECK_INT(amz("20150830T123600"), TIME_NONE);
    CHECK_INT(amz("20150830T123660Z"), TIME_NONE);
    CHECK_INT(amz("20150830T123600ZZ"), TIME_NONE);
    CHECK_INT(amz("20150832T123600Z"), TIME_NONE);
    CHECK_INT(amz("2015-08-30T12:36:00Z"), TIME_NONE);
    CHECK_INT(amz(""), TIME_NONE);
}

TEST(epochs)
{
    CHECK_INT(epoch("0"), 0);
    CHECK_INT(epoch("-0"), 0);
    CHECK_INT(epoch("784111777"), RFC_EXAMPLE);
    CHECK_INT(epoch("784111777.1239"), RFC_EXAMPLE + 123);
    CHECK_INT(epoch("7.84111777E8"), RFC_EXAMPLE);
    CHECK_INT(epoch("7.84111777001e+8"), RFC_EXAMPLE + 1);
    CHECK_INT(epoch("784111777000e-3"), RFC_EXAMPLE);
    CHECK_INT(epoch("-1.5"), -1500);
    CHECK_INT(epoch("0.0005"), 0);
    CHECK_INT(epoch("5e-1"), 500);
    CHECK_INT(epoch("5e-4"), 0);
    CHECK_INT(epoch("5e-999999999999999999999"), 0);
    CHECK_INT(epoch("0e999999999999999999999"), 0);
    CHECK_INT(epoch("0.000e400"), 0);
    CHECK_INT(epoch("0.00000000000000000000000001e26"), 1000);
    CHECK_INT(epoch("1732280405.999999999999999999999999"), INT64_C(1732280405999));
    CHECK_INT(epoch("9223372036854775.807"), INT64_MAX);
    CHECK_INT(epoch("-9223372036854775.807"), -INT64_MAX);
    CHECK_INT(epoch("9007199254740.993"), INT64_C(9007199254740993)); /* 2^53 + 1 */
}

TEST(epochs_refused)
{
    static const char *const bad[] = {"",
                                      "-",
                                      "+1",
                                      ".5",
                                      "5.",
                                      "1e",
                                      "1e+",
                                      "1x",
                                      " 1",
                                      "1 ",
                                      "0x1",
                                      "nan",
                                      "inf",
                                      "--1",
                                      "1.5.5",
                                      "1e5e",
                                      "1e1.5",
                                      "9223372036854775.808",
                                      "-9223372036854775.808",
                                      "1e20",
                                      "99999999999999999999"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (epoch(bad[i]) != TIME_NONE)
            test_fail(__FILE__, __LINE__, "accepted \"%s\"", bad[i]);
}

TEST(what_is_written_reads_back)
{
    for (int round = 0; round < 5000; round++) {
        int64_t ms = (int64_t)(random_u64() % INT64_C(253402300800000));
        int64_t whole = ms / 1000 * 1000;
        CHECK_INT(time_parse_iso8601(time_iso8601_millis(ms, text)), ms);
        CHECK_INT(time_parse_iso8601(time_iso8601(ms, text)), whole);
        CHECK_INT(time_parse_http_date(time_http_date(ms, text)), whole);
        CHECK_INT(time_parse_amz_date(time_amz_date(ms, text)), whole);
        CHECK_INT(time_parse_epoch(time_epoch_seconds(ms, text)), ms);
        CHECK_INT(time_parse_epoch(time_epoch_seconds(-ms, text)), -ms);
    }
}

TEST(the_clock_moves_forward_only)
{
    int64_t now = clock_now_ms(), steady = clock_steady_ms(), measure = clock_measure_us();
    CHECK(now > INT64_C(1700000000000));
    CHECK(clock_now_us() >= now * 1000 && clock_now_us() < (now + 60000) * 1000);
    clock_advance(86400000);
    clock_advance(-500);
    CHECK(clock_now_ms() >= now + 86400000 && clock_now_ms() < now + 86400000 + 60000);
    CHECK(clock_steady_ms() >= steady + 86400000 && clock_steady_ms() < steady + 86400000 + 60000);
    CHECK(clock_measure_us() >= measure && clock_measure_us() < measure + 60000000);
}

TEST(a_clock_that_stands_is_moved_and_goes_on)
{
    clock_stand();
    int64_t now = clock_now_ms(), steady = clock_steady_ms(), measured = clock_measure_us();
    clock_stand();
    while (clock_measure_us() < measured + 5000)
        ;
    CHECK_INT(clock_now_ms(), now);
    CHECK_INT(clock_steady_ms(), steady);
    CHECK(clock_steady_at(measured - 2000000) < steady);
    clock_advance(1000);
    CHECK_INT(clock_now_ms(), now + 1000);
    CHECK_INT(clock_steady_ms(), steady + 1000);
    CHECK_INT(clock_steady_at(clock_measure_us()), steady + 1000);
    clock_go();
    CHECK(clock_now_ms() >= now + 1005 && clock_steady_ms() >= steady + 1005);
}
