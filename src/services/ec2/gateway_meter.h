// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * How much NAT gateways carry at most: the averages of ten seconds, of which the highest within a
 * minute is a gateway's peak ("Monitor NAT gateways using Amazon CloudWatch", PeakBytesPerSecond,
 * PeakPacketsPerSecond). The fabric's thread.
 */
#include "engines/fabric/fabric.h"

struct gateway_meters;

struct gateway_peak {
    uint64_t packets, bytes; /* per second */
};

struct gateway_meters *gateway_meters_new(void); /* free */
/* From now on, by its number. Again is harmless. */
void gateway_meter_watch(struct gateway_meters *meters, struct fabric *fabric, uint32_t number);
void gateway_meter_drop(struct gateway_meters *meters, uint32_t number);
/* To be called every second or so, on clock_steady_ms. */
void gateway_meters_tick(struct gateway_meters *meters, struct fabric *fabric, int64_t now_ms);
struct gateway_peak gateway_meter_peak(const struct gateway_meters *meters, uint32_t number);
