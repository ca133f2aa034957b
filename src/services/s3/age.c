// SPDX-License-Identifier: Apache-2.0
/* Groups by age, and which of them are infrequently accessed. Pure. */
#include "services/s3/age.h"

#include "base/time.h"

#include <math.h>

#define SMALL 131072  /* bytes: what STANDARD_IA is billed for at least */
#define LEAST_DAYS 30 /* in STANDARD, and of observation */
#define STABLE_DAYS 7 /* of the same answer */
/*
 * A GB in STANDARD costs $0.023 a month, in STANDARD_IA $0.0125 and $0.01 for each time it is
 * retrieved, so that one is cheaper when a GB is retrieved less than 1.05 times. Prices of
 * us-east-1 for the first 50 TB. Source: "Amazon S3 pricing".
 */
#define BREAK_EVEN ((0.023 - 0.0125) / 0.01)

static const struct {
    struct span name;
    int32_t first_day;
} groups[AGE_GROUPS] = {
    {S_INIT("000-014"), 0},   {S_INIT("015-029"), 15},  {S_INIT("030-044"), 30},
    {S_INIT("045-059"), 45},  {S_INIT("060-074"), 60},  {S_INIT("075-089"), 75},
    {S_INIT("090-119"), 90},  {S_INIT("120-149"), 120}, {S_INIT("150-179"), 150},
    {S_INIT("180-364"), 180}, {S_INIT("365-729"), 365}, {S_INIT("730+"), 730},
};

enum AGE age_of(uint64_t size, int64_t age_ms)
{
    size_t group = AGE_GROUPS - 1;
    if (size < SMALL)
        return AGE_ANY;
    while (group > 0 && age_ms < groups[group].first_day * DAY_MS)
        group--;
    return (enum AGE)group;
}

struct span age_name(enum AGE age)
{
    return age < AGE_GROUPS ? groups[age].name : S("ALL");
}

double age_access_ratio(const struct age_use *use, size_t count)
{
    struct age_use sum = {.stored = 0};
    for (size_t i = 0; i < count; i++) {
        sum.stored += use[i].stored;
        sum.retrieved += use[i].retrieved;
    }
    if (sum.stored > 0)
        return sum.retrieved / sum.stored;
    return sum.retrieved > 0 ? INFINITY : -1;
}

int32_t age_for_transition(const struct age_use use[AGE_GROUPS])
{
    int32_t age = 0;
    for (size_t group = AGE_GROUPS; group-- > 0 && groups[group].first_day >= LEAST_DAYS;) {
        if (age_access_ratio(&use[group], AGE_GROUPS - group) >= BREAK_EVEN)
            break;
        if (use[group].stored > 0)
            age = groups[group].first_day;
    }
    return age;
}

int32_t age_advised(const int32_t *found, size_t days)
{
    if (days < LEAST_DAYS)
        return 0;
    for (size_t i = days - STABLE_DAYS; i < days; i++)
        if (found[i] != found[days - 1])
            return 0;
    return found[days - 1];
}
