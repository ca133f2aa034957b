// SPDX-License-Identifier: Apache-2.0
/* A ring of six averages per gateway, so that the peak is that of the last minute at any time. The
 * fabric's thread. */
#include "services/ec2/gateway_meter.h"

#include "base/log.h"
#include "engines/fabric/bpf/sizes.h"

#include <stdlib.h>

#define AVERAGE_MS 10000
#define AVERAGES 6

struct gateway_meter {
    bool watched;
    uint64_t packets, bytes; /* when last looked at */
    struct gateway_peak averages[AVERAGES];
};

struct gateway_meters {
    int64_t looked_ms; /* 0: never */
    unsigned turn;
    struct gateway_meter at[FAB_GATEWAYS];
};

struct gateway_meters *gateway_meters_new(void)
{
    struct gateway_meters *meters = calloc(1, sizeof *meters);
    if (!meters)
        log_fatal("out of memory");
    return meters;
}

void gateway_meter_drop(struct gateway_meters *meters, uint32_t number)
{
    if (number < FAB_GATEWAYS)
        meters->at[number] = (struct gateway_meter){0};
}

/* What was carried since the last time. */
static struct gateway_peak advance(struct gateway_meter *meter,
                                   const struct fab_gateway_count *count)
{
    uint64_t packets = count->packets[FAB_ASKS] + count->packets[FAB_ANSWERS];
    uint64_t bytes = count->bytes[FAB_ASKS] + count->bytes[FAB_ANSWERS];
    struct gateway_peak passed = {packets - meter->packets, bytes - meter->bytes};
    meter->packets = packets;
    meter->bytes = bytes;
    return passed;
}

/* Averages begin with what it carries from here on. */
void gateway_meter_watch(struct gateway_meters *meters, struct fabric *fabric, uint32_t number)
{
    struct fab_gateway_count count;
    struct gateway_meter *meter = &meters->at[number % FAB_GATEWAYS];
    if (meter->watched || fabric_gateway_counted(fabric, number, &count) < 0)
        return;
    *meter = (struct gateway_meter){.watched = true};
    (void)advance(meter, &count);
}

void gateway_meters_tick(struct gateway_meters *meters, struct fabric *fabric, int64_t now_ms)
{
    uint64_t elapsed = meters->looked_ms ? (uint64_t)(now_ms - meters->looked_ms) : AVERAGE_MS;
    if (elapsed < AVERAGE_MS)
        return;
    meters->turn = (meters->turn + 1) % AVERAGES;
    for (uint32_t i = 1; i < FAB_GATEWAYS; i++) {
        struct fab_gateway_count count;
        struct gateway_meter *meter = &meters->at[i];
        if (!meter->watched || fabric_gateway_counted(fabric, i, &count) < 0)
            continue;
        struct gateway_peak passed = advance(meter, &count);
        meter->averages[meters->turn] =
            (struct gateway_peak){passed.packets * 1000 / elapsed, passed.bytes * 1000 / elapsed};
    }
    meters->looked_ms = now_ms;
}

struct gateway_peak gateway_meter_peak(const struct gateway_meters *meters, uint32_t number)
{
    struct gateway_peak peak = {0};
    for (size_t i = 0; number < FAB_GATEWAYS && i < AVERAGES; i++) {
        const struct gateway_peak *average = &meters->at[number].averages[i];
        peak.packets = average->packets > peak.packets ? average->packets : peak.packets;
        peak.bytes = average->bytes > peak.bytes ? average->bytes : peak.bytes;
    }
    return peak;
}
