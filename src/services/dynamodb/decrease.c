// SPDX-License-Identifier: Apache-2.0
/*
 * "Quotas in Amazon DynamoDB", decreasing provisioned throughput: four times on any day, UTC, and
 * then once in an hour since the last one that was let in. Text and the reckoning from the last one
 * as the real service was measured to have them in 2026. Pure.
 */
#include "services/dynamodb/decrease.h"

#include "base/time.h"
#include "services/dynamodb/dynamodb.api.h"

#define FREE_OF_A_DAY 4
#define APART_MS HOUR_MS

/* Friday, October 9, 2026 at 12:21:34 AM Coordinated Universal Time */
static struct span long_time(struct call *c, int64_t ms)
{
    static const char *const days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};
    static const char *const months[] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
    const struct civil at = time_civil(ms);
    return arena_printf(c->arena, "%s, %s %d, %d at %d:%02d:%02d %s Coordinated Universal Time",
                        days[at.weekday], months[at.month - 1], at.day, at.year,
                        at.hour % 12 ? at.hour % 12 : 12, at.minute, at.second,
                        at.hour < 12 ? "AM" : "PM");
}

RESULT decrease_count(struct call *c, int64_t *last, uint64_t *today)
{
    bool same_day = *last / DAY_MS == c->now_ms / DAY_MS;
    uint64_t before = same_day ? *today : 0;
    int64_t midnight = (*last / DAY_MS + 1) * DAY_MS, next = *last + APART_MS;
    next = next < midnight ? next : midnight;
    if (before >= FREE_OF_A_DAY && c->now_ms < next)
        return refuse(c, &DYNAMODB_LIMIT_EXCEEDED_EXCEPTION,
                      "Subscriber limit exceeded: Provisioned throughput decreases are limited "
                      "within a given UTC day. After the first %d decreases, each subsequent "
                      "decrease in the same UTC day can be performed at most once every 3600 "
                      "seconds. Number of decreases today: %llu. Last decrease at %.*s. Next "
                      "decrease can be made at %.*s",
                      FREE_OF_A_DAY, (unsigned long long)before, SPAN_ARG(long_time(c, *last)),
                      SPAN_ARG(long_time(c, next)));
    *today = before + 1;
    *last = c->now_ms;
    return OK;
}
