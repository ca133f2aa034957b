// SPDX-License-Identifier: Apache-2.0
/* A time that was read prints to a text that reads as the same time. */
#include "base/time.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* The forms have four digits for the year; an offset or a leap second may lead out of them. */
static bool is_writable(int64_t ms)
{
    return ms >= INT64_C(-62167219200000) && ms < INT64_C(253402300800000);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char to[TIME_TEXT_SIZE];
    struct span text = span_of(bytes, len);
    int64_t ms = time_parse_iso8601(text);
    if (ms != TIME_NONE && is_writable(ms))
        must(time_parse_iso8601(time_iso8601_millis(ms, to)) == ms);
    ms = time_parse_amz_date(text);
    if (ms != TIME_NONE)
        must(span_eq(time_amz_date(ms, to), text));
    ms = time_parse_http_date(text);
    if (ms != TIME_NONE && is_writable(ms))
        must(time_parse_http_date(time_http_date(ms, to)) / 1000 ==
             (ms - (ms % 1000 + 1000) % 1000) / 1000);
    ms = time_parse_epoch(text);
    if (ms != TIME_NONE) {
        must(time_parse_epoch(time_epoch_seconds(ms, to)) == ms);
        struct civil civil = time_civil(ms);
        must(time_from_civil(&civil) == ms);
    }
    return 0;
}
