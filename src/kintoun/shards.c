// SPDX-License-Identifier: Apache-2.0
/*
 * `kintoun shards STREAM`: the shards of a stream as lanes of a road, drawn again every second from
 * the counters of the one that runs on this machine. --once prints what there is and ends.
 */
#include "kintoun/commands.h"
#include "kintoun/fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LANES_MAX 4096
#define ROAD 24 /* columns */
#define HEX 32
#define VALUES 7

struct lane {
    struct span stream; /* account/region/name */
    uint64_t number, limit, values[VALUES];
    bool open;
    struct span first, last;
};
enum VALUE { BYTES_IN, RECORDS_IN, THROTTLED_IN, BYTES_OUT, RECORDS_OUT, THROTTLED_OUT, AGE_MS };

struct view {
    struct lane at[LANES_MAX];
    size_t count;
    struct buf text;
};

static bool read_lane(struct span line, struct lane *lane)
{
    lane->stream = span_cut(&line, ' ');
    bool good = span_to_u64(span_cut(&line, ' '), &lane->number);
    lane->open = span_eq(span_cut(&line, ' '), S("open"));
    lane->first = span_cut(&line, ' ');
    lane->last = span_cut(&line, ' ');
    good = good && span_to_u64(span_cut(&line, ' '), &lane->limit);
    for (size_t i = 0; good && i < VALUES; i++)
        good = span_to_u64(span_cut(&line, ' '), &lane->values[i]);
    return good && lane->first.len == HEX && lane->last.len == HEX;
}

/* "name" or "account/region/name". */
static bool is_named(const struct lane *lane, struct span name)
{
    size_t slash = span_find_last_byte(lane->stream, '/');
    return span_eq(lane->stream, name) ||
           (slash != SPAN_NOT_FOUND && span_eq(span_from(lane->stream, slash + 1), name));
}

/* False when nothing answers. */
static bool look(struct view *view, uint16_t port, struct span name)
{
    buf_clear(&view->text);
    view->count = 0;
    struct span rest = fetch_local(port, "/_kintoun/lanes", &view->text);
    if (span_is_absent(rest))
        return false;
    while (!span_is_absent(rest) && view->count < LANES_MAX) {
        struct lane *lane = &view->at[view->count];
        if (read_lane(span_cut(&rest, '\n'), lane) && is_named(lane, name))
            view->count++;
    }
    return true;
}

static const struct lane *lane_before(const struct view *view, const struct lane *lane)
{
    for (size_t i = 0; i < view->count; i++)
        if (view->at[i].number == lane->number && span_eq(view->at[i].stream, lane->stream))
            return &view->at[i];
    return lane;
}

static void draw_road(double part)
{
    int full = (int)(part * ROAD + 0.5);
    printf("|");
    for (int i = 0; i < ROAD; i++)
        fputs(i < full ? "=" : i == full && part > 0 ? ">" : i % 4 == 1 ? "-" : " ", stdout);
    printf("|");
}

static void draw_lane(const struct lane *lane, const struct lane *before)
{
    double records = (double)(lane->values[RECORDS_IN] - before->values[RECORDS_IN]);
    double bytes = (double)(lane->values[BYTES_IN] - before->values[BYTES_IN]);
    double part = lane->limit ? bytes / (double)lane->limit : 0;
    printf("%012llu %.8s..%.8s ", (unsigned long long)lane->number, lane->first.at, lane->last.at);
    if (lane->open)
        draw_road(part < 1 ? part : 1);
    else
        printf("|%-*s|", ROAD, " closed");
    printf(" %8.0f %8.2f %4.0f%% %9llu %9llu %7.1f\n", records, bytes / (1 << 20), part * 100,
           (unsigned long long)lane->values[THROTTLED_IN],
           (unsigned long long)lane->values[THROTTLED_OUT], (double)lane->values[AGE_MS] / 1000);
}

static void draw(const struct view *view, const struct view *before, struct span name)
{
    size_t open = 0;
    for (size_t i = 0; i < view->count; i++)
        open += view->at[i].open;
    printf("%.*s: %zu shards, %zu open\n", SPAN_ARG(name), view->count, open);
    printf("%-12s %-18s %-*s %8s %8s %5s %9s %9s %7s\n", "shard", "range", ROAD + 2, "", "rec/s in",
           "MiB/s in", "limit", "throttled", "thr. out", "lag s");
    for (size_t i = 0; i < view->count; i++)
        draw_lane(&view->at[i], lane_before(before, &view->at[i]));
    fflush(stdout);
}

static int complain(const char *what)
{
    fprintf(stderr, "kintoun shards: %s\n", what);
    return 1;
}

static int watch(struct view views[2], uint16_t port, struct span name, bool once)
{
    for (unsigned turn = 0;; turn++) {
        struct view *view = &views[turn % 2], *before = &views[(turn + 1) % 2];
        if (!look(view, port, name))
            return complain("nothing answers on that port of this machine");
        if (!view->count)
            return complain("there is no such stream");
        if (!once)
            printf("\033[H\033[2J");
        draw(view, turn ? before : view, name);
        if (once)
            return 0;
        sleep(1);
    }
}

int command_shards(int argc, char **argv)
{
    uint16_t port;
    if (!argc || argv[0][0] == '-') {
        fprintf(stderr, "kintoun shards: which stream?\n");
        return 2;
    }
    struct span name = span_of_cstr(argv[0]);
    bool once = argc > 1 && strcmp(argv[1], "--once") == 0;
    if (fetch_read_port("shards", argc - 1 - once, argv + 1 + once, &port) < 0)
        return 2;
    struct view *views = calloc(2, sizeof *views);
    if (!views)
        return complain("out of memory");
    buf_init(&views[0].text, 64 << 20);
    buf_init(&views[1].text, 64 << 20);
    int status = watch(views, port, name, once);
    buf_done(&views[0].text);
    buf_done(&views[1].text);
    free(views);
    return status;
}
