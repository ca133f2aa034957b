// SPDX-License-Identifier: Apache-2.0
/* Schedules: whatever is read as one is due after the moment that is asked about, or never, and a
 * rate without an end is always due again. */
#include "services/application_autoscaling/schedule.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t now = INT64_C(1795000000000);
    struct schedule schedule;
    if (size > 1000 || !schedule_read(span_of(data, size), &schedule))
        return 0;
    int64_t next = schedule_next(&schedule, now - 5000, now);
    if (next == TIME_NONE ? schedule.kind == SCHEDULE_RATE : next <= now)
        abort();
    if (next != TIME_NONE && schedule.kind != SCHEDULE_AT &&
        schedule_next(&schedule, now - 5000, next - 1) != next)
        abort();
    return 0;
}
