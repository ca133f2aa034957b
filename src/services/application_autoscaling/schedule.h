// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Schedules: at(2026-11-23T08:00:00), rate(5 minutes), cron(0 8 ? * MON-FRI *), in UTC. Pure.
 * Source: "Schedule recurring scaling actions using cron expressions" and PutScheduledAction.
 */
#include "base/span.h"
#include "base/time.h"

enum SCHEDULE_KIND { SCHEDULE_AT, SCHEDULE_RATE, SCHEDULE_CRON };

struct schedule {
    enum SCHEDULE_KIND kind;
    int64_t at_ms;
    int64_t every_ms;
    /* Of cron, a bit per value; days count if they are in both sets, where '?' and '*' are all. */
    uint64_t minutes, hours, days, months, weekdays; /* weekdays: Sunday is bit 1 */
    bool last_day;                                   /* L: of the month */
    int year_min, year_max, year_step;
};

/* False when it is no schedule. */
MUST_CHECK bool schedule_read(struct span text, struct schedule *ret);
/* The first time after `after_ms`; rates count from `base_ms`. TIME_NONE: never. */
int64_t schedule_next(const struct schedule *schedule, int64_t base_ms, int64_t after_ms);
