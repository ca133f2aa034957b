// SPDX-License-Identifier: Apache-2.0
/*
 * Counters per service and operation, in one array per loop with a row for each operation and one
 * more per service for what the model does not know. Rows that were never touched cost no memory
 * (calloc). Written by one thread.
 */
#include "gate/counters.h"

#include <stdio.h>
#include <stdlib.h>

struct counters {
    const struct routes *routes;
    struct operation_counters *rows;
    const struct service *const *services;
    size_t *first; /* of each service */
    size_t service_count;
};

struct counters *counters_new(const struct routes *routes)
{
    struct counters *counters = calloc(1, sizeof *counters);
    size_t rows = 0;
    if (!counters)
        abort();
    counters->routes = routes;
    counters->services = routes_services(routes, &counters->service_count);
    counters->first = calloc(counters->service_count + 1, sizeof *counters->first);
    for (size_t i = 0; counters->first && i < counters->service_count; i++) {
        counters->first[i] = rows;
        rows += counters->services[i]->operation_count + 1;
    }
    counters->rows = calloc(rows + 1, sizeof *counters->rows);
    if (!counters->rows || !counters->first)
        abort();
    return counters;
}

void counters_free(struct counters *counters)
{
    if (!counters)
        return;
    free(counters->rows);
    free(counters->first);
    free(counters);
}

struct operation_counters *counters_of(struct counters *counters, const struct service *service,
                                       const struct operation *operation)
{
    size_t at = 0;
    while (counters->services[at] != service)
        at++;
    size_t row = operation ? (size_t)(operation - service->operations) : service->operation_count;
    return &counters->rows[counters->first[at] + row];
}

static void add(uint64_t *counter, uint64_t value)
{
    __atomic_store_n(counter, *counter + value, __ATOMIC_RELAXED);
}

static size_t bucket_of(int64_t latency_us)
{
    size_t bucket = 0;
    while (bucket < COUNTER_BUCKETS - 1 && latency_us > (int64_t)64 << bucket)
        bucket++;
    return bucket;
}

void counters_note(struct operation_counters *of, int status, int64_t latency_us)
{
    add(&of->requests, 1);
    add(&of->client_errors, status >= 400 && status < 500);
    add(&of->server_errors, status >= 500);
    add(&of->latency_us, (uint64_t)latency_us);
    add(&of->buckets[bucket_of(latency_us)], 1);
}

static void sum(struct counters *const *sets, size_t count, size_t row,
                struct operation_counters *total)
{
    *total = (struct operation_counters){0};
    uint64_t *to = (uint64_t *)total;
    for (size_t set = 0; set < count; set++) {
        const uint64_t *from = (const uint64_t *)&sets[set]->rows[row];
        for (size_t i = 0; i < sizeof *total / sizeof *to; i++)
            to[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
    }
}

struct label {
    struct span service, operation;
};

static void print_value(struct buf *out, const char *name, struct label label, uint64_t value)
{
    buf_printf(out, "kintoun_%s{service=\"%.*s\",operation=\"%.*s\"} %llu\n", name,
               SPAN_ARG(label.service), SPAN_ARG(label.operation), (unsigned long long)value);
}

static void print_latency(struct buf *out, struct label label, const struct operation_counters *of)
{
    uint64_t below = 0;
    for (size_t i = 0; i < COUNTER_BUCKETS; i++) {
        char limit[24] = "+Inf";
        below += of->buckets[i];
        if (i + 1 < COUNTER_BUCKETS)
            snprintf(limit, sizeof limit, "%.6f", (double)(64U << i) / 1e6);
        buf_printf(
            out,
            "kintoun_request_seconds_bucket{service=\"%.*s\",operation=\"%.*s\",le=\"%s\"} %llu\n",
            SPAN_ARG(label.service), SPAN_ARG(label.operation), limit, (unsigned long long)below);
    }
    buf_printf(out, "kintoun_request_seconds_sum{service=\"%.*s\",operation=\"%.*s\"} %.6f\n",
               SPAN_ARG(label.service), SPAN_ARG(label.operation), (double)of->latency_us / 1e6);
    print_value(out, "request_seconds_count", label, of->requests);
}

static void print_row(struct buf *out, struct label label, const struct operation_counters *of)
{
    print_value(out, "requests_total", label, of->requests);
    print_value(out, "client_errors_total", label, of->client_errors);
    print_value(out, "server_errors_total", label, of->server_errors);
    print_value(out, "not_implemented_total", label, of->not_implemented);
    print_value(out, "bytes_in_total", label, of->bytes_in);
    print_value(out, "bytes_out_total", label, of->bytes_out);
    print_latency(out, label, of);
}

void counters_print(struct counters *const *sets, size_t count, struct buf *out)
{
    const struct counters *any = sets[0];
    for (size_t i = 0; i < any->service_count; i++) {
        const struct service *service = any->services[i];
        for (size_t op = 0; op <= service->operation_count; op++) {
            struct operation_counters total;
            struct label label = {span_of_cstr(service->name), S("Unknown")};
            if (op < service->operation_count)
                label.operation = service_text(service, service->operations[op].name);
            sum(sets, count, any->first[i] + op, &total);
            if (total.requests)
                print_row(out, label, &total);
        }
    }
}
