// SPDX-License-Identifier: Apache-2.0
/*
 * Reading schedules, and when they are next due. Cron's fields are sets of bits: the search goes
 * day by day, then minute by minute within the day that fits. What of cron is not built is refused:
 * W, #, and L for weekdays. Pure.
 */
#include "services/application_autoscaling/schedule.h"

#include "base/time.h"

#define YEAR_FIRST 1970
#define YEAR_LAST 2199
#define DAYS_AHEAD (366 * 9) /* a 29th of February is at most eight years away */

/* ---- reading ----------------------------------------------------------------------------------
 */

static const struct span month_names[] = {
    S_INIT("JAN"), S_INIT("FEB"), S_INIT("MAR"), S_INIT("APR"), S_INIT("MAY"), S_INIT("JUN"),
    S_INIT("JUL"), S_INIT("AUG"), S_INIT("SEP"), S_INIT("OCT"), S_INIT("NOV"), S_INIT("DEC")};
static const struct span day_names[] = {S_INIT("SUN"), S_INIT("MON"), S_INIT("TUE"), S_INIT("WED"),
                                        S_INIT("THU"), S_INIT("FRI"), S_INIT("SAT")};

struct cron_field {
    uint64_t low, high;
    const struct span *names; /* of low, low + 1 …; NULL: numbers only */
    size_t name_count;
};

static bool read_value(struct span text, const struct cron_field *field, uint64_t *ret)
{
    for (size_t i = 0; i < field->name_count; i++)
        if (span_eq_nocase(text, field->names[i])) {
            *ret = field->low + i;
            return true;
        }
    return span_to_u64(text, ret) && *ret >= field->low && *ret <= field->high;
}

struct cron_range {
    uint64_t low, high, step;
};

/* 5, 5-7, *, either with /2 behind; 5/2 goes on to the end. */
static bool read_range(struct span text, const struct cron_field *field, struct cron_range *ret)
{
    struct span low = span_cut(&text, '/'), high;
    bool stepped = !span_is_absent(text);
    *ret = (struct cron_range){field->low, field->high, 1};
    if (stepped && (!span_to_u64(text, &ret->step) || !ret->step))
        return false;
    if (span_eq(low, S("*")))
        return true;
    high = low;
    low = span_cut(&high, '-');
    if (!read_value(low, field, &ret->low))
        return false;
    if (span_is_absent(high)) {
        ret->high = stepped ? field->high : ret->low;
        return true;
    }
    return read_value(high, field, &ret->high) && ret->low <= ret->high;
}

static bool read_set(struct span text, const struct cron_field *field, uint64_t *ret)
{
    *ret = 0;
    if (span_eq(text, S("?"))) /* any */
        text = S("*");
    while (!span_is_absent(text)) {
        struct cron_range range;
        if (!read_range(span_cut(&text, ','), field, &range))
            return false;
        for (uint64_t value = range.low; value <= range.high; value += range.step)
            *ret |= UINT64_C(1) << value;
    }
    return true;
}

static bool read_years(struct span text, struct schedule *ret)
{
    static const struct cron_field years = {YEAR_FIRST, YEAR_LAST, NULL, 0};
    struct cron_range range;
    if (!read_range(text, &years, &range))
        return false;
    ret->year_min = (int)range.low;
    ret->year_max = (int)range.high;
    ret->year_step = (int)range.step;
    return true;
}

static bool read_cron(struct span text, struct schedule *ret)
{
    static const struct cron_field minutes = {0, 59, NULL, 0}, hours = {0, 23, NULL, 0},
                                   days = {1, 31, NULL, 0},
                                   months = {1, 12, month_names, ARRAY_LEN(month_names)},
                                   weekdays = {1, 7, day_names, ARRAY_LEN(day_names)};
    struct span fields[6] = {{0}};
    size_t count = 0;
    while (!span_is_absent(text)) {
        struct span field = span_cut(&text, ' ');
        if (field.len && count == ARRAY_LEN(fields))
            return false;
        if (field.len)
            fields[count++] = field;
    }
    /* One of the days is any. */
    if (count != ARRAY_LEN(fields) || (span_eq(fields[2], S("?")) == span_eq(fields[4], S("?"))))
        return false;
    ret->kind = SCHEDULE_CRON;
    ret->last_day = span_eq(fields[2], S("L"));
    return read_set(fields[0], &minutes, &ret->minutes) &&
           read_set(fields[1], &hours, &ret->hours) &&
           (ret->last_day || read_set(fields[2], &days, &ret->days)) &&
           read_set(fields[3], &months, &ret->months) &&
           read_set(fields[4], &weekdays, &ret->weekdays) && read_years(fields[5], ret);
}

static bool read_rate(struct span text, struct schedule *ret)
{
    static const struct {
        struct span one, many;
        int64_t ms;
    } units[] = {{S_INIT("minute"), S_INIT("minutes"), MINUTE_MS},
                 {S_INIT("hour"), S_INIT("hours"), HOUR_MS},
                 {S_INIT("day"), S_INIT("days"), DAY_MS}};
    struct span unit = text;
    int64_t value;
    ret->kind = SCHEDULE_RATE;
    if (!span_to_i64(span_cut(&unit, ' '), &value) || value < 1 || value > 1000000)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (span_eq(unit, units[i].one) || span_eq(unit, units[i].many)) {
            ret->every_ms = value * units[i].ms;
            return true;
        }
    return false;
}

/* The hour may have one digit. */
static bool read_at(struct span text, struct schedule *ret)
{
    const char ends[] = {'-', '-', 'T', ':', ':', '\0'};
    uint64_t parts[6];
    ret->kind = SCHEDULE_AT;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        struct span part = i + 1 < ARRAY_LEN(parts) ? span_cut(&text, ends[i]) : text;
        if (part.len > 4 || !span_to_u64(part, &parts[i]))
            return false;
    }
    if (parts[1] < 1 || parts[1] > 12 || parts[2] < 1 || parts[2] > 31 || parts[3] > 23 ||
        parts[4] > 59 || parts[5] > 59)
        return false;
    ret->at_ms = time_from_civil(&(struct civil){.year = (int)parts[0],
                                                 .month = (int)parts[1],
                                                 .day = (int)parts[2],
                                                 .hour = (int)parts[3],
                                                 .minute = (int)parts[4],
                                                 .second = (int)parts[5]});
    return ret->at_ms != TIME_NONE;
}

bool schedule_read(struct span text, struct schedule *ret)
{
    static const struct {
        struct span word;
        bool (*read)(struct span text, struct schedule *ret);
    } kinds[] = {
        {S_INIT("at("), read_at}, {S_INIT("rate("), read_rate}, {S_INIT("cron("), read_cron}};
    *ret = (struct schedule){0};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (span_starts(text, kinds[i].word) && span_ends(text, S(")"))) {
            struct span inner = span_from(text, kinds[i].word.len);
            return kinds[i].read(span_first(inner, inner.len - 1), ret);
        }
    return false;
}

/* ---- when -------------------------------------------------------------------------------------
 */

static bool is_last_of_month(int64_t day_ms)
{
    return time_civil(day_ms).month != time_civil(day_ms + DAY_MS).month;
}

static bool day_fits(const struct schedule *schedule, int64_t day_ms)
{
    const struct civil day = time_civil(day_ms);
    bool in_month = schedule->last_day ? is_last_of_month(day_ms) : schedule->days >> day.day & 1;
    return in_month && (schedule->months >> day.month & 1) &&
           (schedule->weekdays >> (day.weekday + 1) & 1) && day.year >= schedule->year_min &&
           day.year <= schedule->year_max &&
           (day.year - schedule->year_min) % schedule->year_step == 0;
}

/* The first minute of the day that fits, from `from_ms` on. */
static int64_t next_in_day(const struct schedule *schedule, int64_t from_ms)
{
    int64_t day = from_ms / DAY_MS;
    for (int64_t at = from_ms; at / DAY_MS == day; at += MINUTE_MS) {
        uint64_t minute = (uint64_t)(at % DAY_MS / MINUTE_MS);
        if ((schedule->hours >> (minute / 60) & 1) && (schedule->minutes >> (minute % 60) & 1))
            return at;
    }
    return TIME_NONE;
}

static int64_t next_cron(const struct schedule *schedule, int64_t after_ms)
{
    int64_t from = (after_ms / MINUTE_MS + 1) * MINUTE_MS;
    int64_t first =
        time_from_civil(&(struct civil){.year = schedule->year_min, .month = 1, .day = 1});
    from = from > first ? from : first;
    for (int i = 0; i < DAYS_AHEAD; i++, from = (from / DAY_MS + 1) * DAY_MS) {
        int64_t at = day_fits(schedule, from) ? next_in_day(schedule, from) : TIME_NONE;
        if (at != TIME_NONE)
            return at;
    }
    return TIME_NONE;
}

int64_t schedule_next(const struct schedule *schedule, int64_t base_ms, int64_t after_ms)
{
    switch (schedule->kind) {
    case SCHEDULE_AT:
        return schedule->at_ms > after_ms ? schedule->at_ms : TIME_NONE;
    case SCHEDULE_RATE:
        if (after_ms < base_ms)
            return base_ms;
        return base_ms + ((after_ms - base_ms) / schedule->every_ms + 1) * schedule->every_ms;
    case SCHEDULE_CRON:
        return next_cron(schedule, after_ms);
    }
    return TIME_NONE;
}
