// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What /metrics shows of requests: one set per loop, written by that loop without atomics' cost
 * (relaxed stores) and added up by whoever reads. Count once: CloudWatch will read these too.
 */
#include "base/buf.h"
#include "gate/route.h"

#define COUNTER_BUCKETS 14 /* powers of two from 64 µs up; the last is +Inf */

struct operation_counters {
    uint64_t requests, client_errors, server_errors, not_implemented;
    uint64_t bytes_in, bytes_out;
    uint64_t latency_us, buckets[COUNTER_BUCKETS];
};

struct counters;

struct counters *counters_new(const struct routes *routes);
void counters_free(struct counters *counters);
/* NULL operation: the service's unknown operations together. */
struct operation_counters *counters_of(struct counters *counters, const struct service *service,
                                       const struct operation *operation);
void counters_note(struct operation_counters *of, int status, int64_t latency_us);
/* In Prometheus' text form, the sum over all sets. */
void counters_print(struct counters *const *sets, size_t count, struct buf *out);
