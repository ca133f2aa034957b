// SPDX-License-Identifier: Apache-2.0
/* `kintoun status`: asks the one that runs on this machine for its health and its counters, and
 * sums them up by service. */
#include "kintoun/commands.h"
#include "kintoun/fetch.h"

#include "base/buf.h"
#include "base/span.h"

#include <stdio.h>
#include <stdlib.h>

/* kintoun_requests_total{service="s3",operation="PutObject"} 7 -> the words and the number. */
static bool read_requests(struct span line, struct span *ret_service, struct span *ret_operation,
                          struct span *ret_count)
{
    if (!span_starts(line, S("kintoun_requests_total{")))
        return false;
    span_cut(&line, '"');
    *ret_service = span_cut(&line, '"');
    span_cut(&line, '"');
    *ret_operation = span_cut(&line, '"');
    span_cut(&line, ' ');
    *ret_count = line;
    return !span_is_absent(line);
}

static void print_requests(struct span metrics)
{
    struct span service, operation, count;
    while (!span_is_absent(metrics)) {
        struct span line = span_cut(&metrics, '\n');
        if (read_requests(line, &service, &operation, &count))
            printf("%10.*s  %.*s %.*s\n", SPAN_ARG(count), SPAN_ARG(service), SPAN_ARG(operation));
    }
}

/* kintoun_scrub_passes_total 3 -> 3 */
static struct span counter(struct span metrics, struct span name)
{
    while (!span_is_absent(metrics)) {
        struct span line = span_cut(&metrics, '\n');
        if (span_eq(span_cut(&line, ' '), name))
            return line;
    }
    return S("0");
}

static void print_scrubber(struct span metrics)
{
    struct span passes = counter(metrics, S("kintoun_scrub_passes_total"));
    struct span damaged = counter(metrics, S("kintoun_scrub_damaged_extents"));
    printf("scrubber: %.*s passes, %.*s damaged extents\n", SPAN_ARG(passes), SPAN_ARG(damaged));
}

int command_status(int argc, char **argv)
{
    uint16_t port;
    if (fetch_read_port("status", argc, argv, &port) < 0)
        return 2;
    struct buf health, metrics;
    buf_init(&health, 1 << 20);
    buf_init(&metrics, 64 << 20);
    struct span answer = fetch_local(port, "/_kintoun/health", &health);
    bool running = !span_is_absent(answer);
    if (running) {
        printf("http://127.0.0.1:%u  %.*s", port, SPAN_ARG(answer));
        struct span counters = fetch_local(port, "/metrics", &metrics);
        print_requests(counters);
        print_scrubber(counters);
    } else {
        printf("nothing answers on http://127.0.0.1:%u\n", port);
    }
    buf_done(&health);
    buf_done(&metrics);
    return running ? 0 : 1;
}
