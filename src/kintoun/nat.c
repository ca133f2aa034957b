// SPDX-License-Identifier: Apache-2.0
/*
 * `kintoun nat GATEWAY`: the live translations of a NAT gateway of the one that runs on this
 * machine, each with what stands inside, outside and at the other end. --watch draws them again
 * every second.
 */
#include "kintoun/commands.h"
#include "kintoun/fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define REPLY_MAX (256 << 20)

/* As /_kintoun/translations tells them. */
enum COLUMN {
    PROTOCOL,
    INSIDE,
    OUTSIDE,
    TARGET,
    STATE,
    AGE_MS,
    IDLE_MS,
    PACKETS_OUT,
    BYTES_OUT,
    PACKETS_IN,
    BYTES_IN,
    COLUMNS
};

static int complain(const char *what)
{
    fprintf(stderr, "kintoun nat: %s\n", what);
    return 1;
}

/* "350", or with a tenth below ten. */
static void print_seconds(struct span ms)
{
    uint64_t value;
    if (span_to_u64(ms, &value))
        printf(" %7.*f", value < 10000 ? 1 : 0, (double)value / 1000);
}

static void print_line(struct span line)
{
    struct span columns[COLUMNS];
    for (size_t i = 0; i < COLUMNS; i++)
        columns[i] = span_cut(&line, ' ');
    printf("%-5.*s %-21.*s %-21.*s %-21.*s %-11.*s", SPAN_ARG(columns[PROTOCOL]),
           SPAN_ARG(columns[INSIDE]), SPAN_ARG(columns[OUTSIDE]), SPAN_ARG(columns[TARGET]),
           SPAN_ARG(columns[STATE]));
    print_seconds(columns[AGE_MS]);
    print_seconds(columns[IDLE_MS]);
    for (size_t i = PACKETS_OUT; i < COLUMNS; i++)
        printf(" %9.*s", SPAN_ARG(columns[i]));
    printf("\n");
}

static void print(struct span name, struct span lines)
{
    size_t count = 0;
    for (size_t i = 0; i < lines.len; i++)
        count += lines.at[i] == '\n';
    printf("%.*s: %zu translations\n", SPAN_ARG(name), count);
    printf("%-5s %-21s %-21s %-21s %-11s %7s %7s %9s %9s %9s %9s\n", "proto", "inside", "outside",
           "destination", "state", "age s", "idle s", "pkts out", "bytes out", "pkts in",
           "bytes in");
    while (lines.len)
        print_line(span_cut(&lines, '\n'));
    fflush(stdout);
}

static int look(struct buf *reply, uint16_t port, struct span name, bool again)
{
    char path[128];
    buf_clear(reply);
    snprintf(path, sizeof path, "/_kintoun/translations?gateway=%.*s", SPAN_ARG(name));
    struct span lines = fetch_local(port, path, reply);
    if (span_is_absent(lines))
        return complain("nothing answers on that port of this machine");
    if (!span_starts(buf_span(reply), S("HTTP/1.1 200 ")))
        return complain("there is no such gateway, or it has never forwarded");
    if (again)
        printf("\033[H\033[2J");
    print(name, lines);
    return 0;
}

int command_nat(int argc, char **argv)
{
    uint16_t port;
    struct buf reply;
    if (!argc || strncmp(argv[0], "nat-", 4) != 0 || strlen(argv[0]) > 32) {
        fprintf(stderr, "kintoun nat: which gateway? nat-…\n");
        return 2;
    }
    bool again = argc > 1 && strcmp(argv[1], "--watch") == 0;
    if (fetch_read_port("nat", argc - 1 - again, argv + 1 + again, &port) < 0)
        return 2;
    buf_init(&reply, REPLY_MAX);
    int status = look(&reply, port, span_of_cstr(argv[0]), again);
    while (again && !status) {
        sleep(1);
        status = look(&reply, port, span_of_cstr(argv[0]), again);
    }
    buf_done(&reply);
    return status;
}
