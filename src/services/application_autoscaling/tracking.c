// SPDX-License-Identifier: Apache-2.0
/*
 * The alarms of a target tracking policy for DynamoDB, as described ones of the real service show
 * them: AlarmHigh, the sum of consumed units of a minute above the goal in 2 minutes in a row;
 * AlarmLow, below 20 points of percent less than the goal in 15. (For a goal of 40 or less no such
 * alarm was seen: half of it is taken.) What is then provisioned has the highest of these minutes
 * at the goal. Pure.
 */
#include "services/application_autoscaling/tracking.h"

#define HALF_UNITS_A_MINUTE 120.0 /* of one unit a second */
#define POINTS_BELOW 20.0

static uint64_t highest(const struct tracking *tracking, size_t last)
{
    uint64_t most = 0;
    for (size_t i = tracking->count - last; i < tracking->count; i++)
        most = tracking->points[i] > most ? tracking->points[i] : most;
    return most;
}

static uint64_t lowest(const struct tracking *tracking, size_t last)
{
    uint64_t least = UINT64_MAX;
    for (size_t i = tracking->count - last; i < tracking->count; i++)
        least = tracking->points[i] < least ? tracking->points[i] : least;
    return least;
}

/* So that `used` of a minute is the goal. */
static uint64_t fitting(const struct tracking *tracking, uint64_t used)
{
    double exact = (double)used / HALF_UNITS_A_MINUTE * 100 / tracking->goal;
    uint64_t units = (uint64_t)exact;
    units += (double)units < exact;
    return units > tracking->max ? tracking->max : units < tracking->min ? tracking->min : units;
}

uint64_t tracking_wanted(const struct tracking *tracking)
{
    double full = (double)tracking->units * HALF_UNITS_A_MINUTE / 100; /* one percent */
    double below =
        tracking->goal > 2 * POINTS_BELOW ? tracking->goal - POINTS_BELOW : tracking->goal / 2;
    if (tracking->count >= TRACKING_HIGH_MINUTES &&
        (double)lowest(tracking, TRACKING_HIGH_MINUTES) > tracking->goal * full) {
        uint64_t more = fitting(tracking, highest(tracking, TRACKING_HIGH_MINUTES));
        return more > tracking->units ? more : tracking->units;
    }
    if (tracking->count >= TRACKING_LOW_MINUTES &&
        (double)highest(tracking, TRACKING_LOW_MINUTES) < below * full) {
        uint64_t less = fitting(tracking, highest(tracking, TRACKING_LOW_MINUTES));
        return less < tracking->units ? less : tracking->units;
    }
    return tracking->units;
}
