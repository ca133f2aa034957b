// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Target tracking: how many units what was used in the last minutes asks for. Pure. */
#include "base/span.h"

#define TRACKING_HIGH_MINUTES 2 /* above the goal in a row, before more is provisioned */
#define TRACKING_LOW_MINUTES 15 /* below it, before less is */

struct tracking {
    const uint64_t *points; /* half units in each of the last minutes, the newest last */
    size_t count;
    uint64_t units; /* provisioned, a second */
    uint64_t min, max;
    double goal; /* percent of them used */
};

/* `units` where they may stay. */
uint64_t tracking_wanted(const struct tracking *tracking);
