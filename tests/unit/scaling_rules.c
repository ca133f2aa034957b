// SPDX-License-Identifier: Apache-2.0
/* Rules of Application Auto Scaling that need no store: when schedules are due, what is wanted. */
#include "test.h"

#include "services/application_autoscaling/schedule.h"
#include "services/application_autoscaling/tracking.h"

/* Tuesday, 24 February 2026, 10:20:30 */
#define NOW (time_parse_iso8601(S("2026-02-24T10:20:30Z")))

struct schedule_case {
    struct span text, next; /* next absent: never */
};

TEST(when_schedules_are_due)
{
    static const struct schedule_case cases[] = {
        {S_INIT("at(2026-02-24T10:20:31)"), S_INIT("2026-02-24T10:20:31Z")},
        {S_INIT("at(2026-02-24T10:20:30)"), {0}},
        {S_INIT("rate(1 minute)"), S_INIT("2026-02-24T10:21:00Z")},
        {S_INIT("rate(3 hours)"), S_INIT("2026-02-24T12:00:00Z")},
        {S_INIT("cron(20 10 * * ? *)"), S_INIT("2026-02-25T10:20:00Z")},
        {S_INIT("cron(0/15 * * * ? *)"), S_INIT("2026-02-24T10:30:00Z")},
        {S_INIT("cron(0 8 ? * SAT,SUN *)"), S_INIT("2026-02-28T08:00:00Z")},
        {S_INIT("cron(0 8 ? * 2-6 *)"), S_INIT("2026-02-25T08:00:00Z")},
        {S_INIT("cron(30 23 L * ? *)"), S_INIT("2026-02-28T23:30:00Z")},
        {S_INIT("cron(0 0 29 FEB ? *)"), S_INIT("2028-02-29T00:00:00Z")},
        {S_INIT("cron(0 0 1 1 ? 2040)"), S_INIT("2040-01-01T00:00:00Z")},
        {S_INIT("cron(0 0 1 1 ? 2020-2026)"), {0}},
        {S_INIT("cron(0 0 31 4 ? *)"), {0}},
    };
    int64_t base = time_parse_iso8601(S("2026-02-24T00:00:00Z"));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct schedule schedule;
        CHECK(schedule_read(cases[i].text, &schedule));
        int64_t next = cases[i].next.at ? time_parse_iso8601(cases[i].next) : TIME_NONE;
        CHECK_INT(schedule_next(&schedule, base, NOW), next);
    }
}

TEST(what_is_no_schedule)
{
    static const struct span cases[] = {
        S_INIT(""),
        S_INIT("rate(5)"),
        S_INIT("rate(5 minutes"),
        S_INIT("rate(-1 minutes)"),
        S_INIT("rate(5 weeks)"),
        S_INIT("at(2026-02-24)"),
        S_INIT("at(2026-02-24T24:00:00)"),
        S_INIT("cron(0 8 * * *)"),
        S_INIT("cron(0 8 * * * *)"),
        S_INIT("cron(0 8 ? * ? *)"),
        S_INIT("cron(0 24 * * ? *)"),
        S_INIT("cron(5-2 8 * * ? *)"),
        S_INIT("cron(0/0 8 * * ? *)"),
        S_INIT("cron(0 8 15W * ? *)"),
        S_INIT("cron(0 8 ? * MON#1 *)"),
        S_INIT("cron(0 8 * * ? * *)"),
    };
    struct schedule schedule;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK(!schedule_read(cases[i], &schedule));
}

struct tracking_case {
    uint64_t points[TRACKING_LOW_MINUTES]; /* the newest first; half units */
    size_t count;
    uint64_t units, min, max, wanted;
    double goal;
};

TEST(what_is_wanted)
{
    static const struct tracking_case cases[] = {
        {{85, 85}, 2, 1, 1, 40, 2, 70}, /* 42 units a minute are 70 % of one a second */
        {{84, 85}, 2, 1, 1, 40, 1, 70}, /* not above it in both */
        {{85}, 1, 1, 1, 40, 1, 70},     /* one minute is too few */
        {{1200, 900}, 2, 10, 1, 40, 20, 50},
        {{1200, 900}, 2, 10, 1, 15, 15, 50},
        {{1200, 900}, 2, 10, 1, 10, 10, 50},
        {{0}, 14, 10, 2, 40, 10, 50},
        {{0}, 15, 10, 2, 40, 2, 50},
        {{359}, 15, 10, 2, 40, 6, 50}, /* 30 % of 10 are 360 half units */
        {{360}, 15, 10, 2, 40, 10, 50},
        {{0}, 15, 2, 2, 40, 2, 50},
        {{119}, 15, 10, 1, 40, 5, 20}, /* half of a low goal */
        {{120}, 15, 10, 1, 40, 10, 20},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t points[TRACKING_LOW_MINUTES];
        for (size_t at = 0; at < cases[i].count; at++)
            points[at] = cases[i].points[cases[i].count - 1 - at];
        CHECK_INT(tracking_wanted(&(struct tracking){.points = points,
                                                     .count = cases[i].count,
                                                     .units = cases[i].units,
                                                     .min = cases[i].min,
                                                     .max = cases[i].max,
                                                     .goal = cases[i].goal}),
                  cases[i].wanted);
    }
}
