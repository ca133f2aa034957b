// SPDX-License-Identifier: Apache-2.0
/* Making and ending the engine; watching lanes; their counters as text. */
#include "engines/log/inside.h"

#include "base/log.h"
#include "base/scope.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/resource.h>

/* A lane that is written to has its segment open: the default limit of 1,024 is soon reached. */
static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit))
        log_debug("the limit of descriptors stays: %s", strerror(errno));
}

static int remove_orphans(struct log *log)
{
    struct arena arena;
    arena_init(&arena, 4096, 64 << 20);
    struct txn *txn = txn_begin(log->options.store);
    int error = trim_orphans(log, txn, &arena);
    txn_rollback(txn);
    arena_done(&arena);
    return error;
}

int log_new(struct log **ret, const struct log_options *options)
{
    struct log *log = log_alloc(sizeof *log);
    *log = (struct log){
        .options = *options,
        .companion = {segment_begin_sync, segment_finish_sync, carry_settle},
    };
    raise_descriptors();
    pthread_mutex_init(&log->mutex, NULL);
    share_init(&log->sharing);
    log->team = team_new();
    *ret = log;
    log->dir_fd = store_folder(options->store, "logs");
    if (log->dir_fd < 0)
        return log->dir_fd;
    store_add_companion(options->store, &log->companion);
    int error = carry_replay(log);
    if (!error)
        error = stream_load_all(log);
    if (!error)
        error = remove_orphans(log);
    if (!error)
        trim_start(log);
    return error;
}

/* A lane and its segment hold each other. */
static void forget_segments(struct log_stream *stream)
{
    for (size_t i = 0; i < stream->count; i++)
        if (stream->running[i]->segment)
            segment_retire(TAKE(stream->running[i]->segment), stream->running[i]->tail.end);
}

void log_free(struct log *log)
{
    size_t at = 0;
    struct span name;
    void *stream;
    if (!log)
        return;
    struct map streams = log->streams;
    log->streams = (struct map){0};
    while (map_next(&streams, &at, &name, &stream)) {
        forget_segments(stream);
        stream_unref(stream);
    }
    map_done(&streams);
    segment_begin_sync(&log->companion);
    if (segment_finish_sync(&log->companion) < 0)
        log_debug("the last segments were not synced again");
    team_free(log->team);
    if (log->dir_fd >= 0)
        close(log->dir_fd);
    pthread_mutex_destroy(&log->mutex);
    share_done(&log->sharing);
    free(log);
}

/* ---- watching -------------------------------------------------------------------------------- */

static void deliver(struct mail *mail)
{
    struct log_watch *watch = (struct log_watch *)((char *)mail - offsetof(struct log_watch, mail));
    __atomic_store_n(&watch->posted, false, __ATOMIC_SEQ_CST);
    watch->changed(watch);
}

static struct log_watch *watch_named(struct lane *lane, struct span name)
{
    for (struct log_watch *watch = lane->watches; watch; watch = watch->next)
        if (name.at && span_eq(watch->name, name) &&
            !__atomic_load_n(&watch->replaced, __ATOMIC_SEQ_CST))
            return watch;
    return NULL;
}

int log_watch_begin(const struct log_stream *stream, uint32_t number, struct log_watch *watch,
                    int64_t quiet_ms)
{
    struct lane *lane = stream_lane(stream, number);
    GUARD(&lane->mutex);
    struct log_watch *old = watch_named(lane, watch->name);
    if (old && watch->since_ms - old->since_ms < quiet_ms)
        return -EBUSY;
    if (old) {
        __atomic_store_n(&old->replaced, true, __ATOMIC_SEQ_CST);
        if (!__atomic_exchange_n(&old->posted, true, __ATOMIC_SEQ_CST))
            loop_post(old->loop, &old->mail);
    }
    watch->mail = (struct mail){.deliver = deliver};
    watch->lane = lane_ref(lane);
    watch->posted = false;
    watch->armed = true;
    watch->next = lane->watches;
    lane->watches = watch;
    return 0;
}

void log_watch_arm(struct log_watch *watch)
{
    __atomic_store_n(&watch->armed, true, __ATOMIC_SEQ_CST);
}

bool log_watch_end(struct log_watch *watch)
{
    struct lane *lane = watch->lane;
    pthread_mutex_lock(&lane->mutex);
    struct log_watch **at = &lane->watches;
    while (*at != watch)
        at = &(*at)->next;
    *at = watch->next;
    pthread_mutex_unlock(&lane->mutex);
    lane_unref(lane);
    return !__atomic_load_n(&watch->posted, __ATOMIC_SEQ_CST);
}

/* ---- counters -------------------------------------------------------------------------------- */

static void count(const struct lane *lane, struct log_counters *ret)
{
    *ret = (struct log_counters){
        .bytes_in = atomic_load_explicit(&lane->bytes_in, memory_order_relaxed),
        .records_in = atomic_load_explicit(&lane->records_in, memory_order_relaxed),
        .throttled_in = atomic_load_explicit(&lane->throttled_in, memory_order_relaxed),
        .bytes_out = atomic_load_explicit(&lane->bytes_out, memory_order_relaxed),
        .records_out = atomic_load_explicit(&lane->records_out, memory_order_relaxed),
        .throttled_out = atomic_load_explicit(&lane->throttled_out, memory_order_relaxed),
        .age_ms = atomic_load_explicit(&lane->age_ms, memory_order_relaxed),
    };
}

void log_count(const struct log_stream *stream, uint32_t number, struct log_counters *ret)
{
    count(stream_lane(stream, number), ret);
}

/* In the order of enum LOG_SHOWS. */
static const struct {
    const char *name;
    size_t offset; /* in struct log_counters */
} rows[] = {
    {"bytes_in_total", offsetof(struct log_counters, bytes_in)},
    {"records_in_total", offsetof(struct log_counters, records_in)},
    {"bytes_out_total", offsetof(struct log_counters, bytes_out)},
    {"records_out_total", offsetof(struct log_counters, records_out)},
    {"throttled_in_total", offsetof(struct log_counters, throttled_in)},
    {"throttled_out_total", offsetof(struct log_counters, throttled_out)},
    {"age_milliseconds", offsetof(struct log_counters, age_ms)},
};

static uint64_t *value_of(struct log_counters *counters, size_t row)
{
    return (uint64_t *)((char *)counters + rows[row].offset);
}

static bool is_touched(const struct log_counters *counters)
{
    return counters->records_in || counters->throttled_in || counters->records_out ||
           counters->throttled_out;
}

static void print_lane(const struct log_stream *stream, size_t number,
                       struct log_counters *counters, struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (stream->settings.shown >> i & 1)
            buf_printf(out, "kintoun_log_lane_%s{stream=\"%.*s\",lane=\"%zu\"} %llu\n",
                       rows[i].name, SPAN_ARG(stream->name), number,
                       (unsigned long long)*value_of(counters, i));
}

static void print_stream(const struct log_stream *stream, struct buf *out)
{
    struct log_counters all = {0};
    for (size_t j = 0; j < stream->count; j++) {
        struct log_counters counters;
        count(stream->running[j], &counters);
        if (!is_touched(&counters))
            continue;
        print_lane(stream, j, &counters, out);
        uint64_t oldest = all.age_ms > counters.age_ms ? all.age_ms : counters.age_ms;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
            *value_of(&all, i) += *value_of(&counters, i);
        all.age_ms = oldest;
    }
    for (size_t i = 0; i < ARRAY_LEN(rows) && is_touched(&all); i++)
        buf_printf(out, "kintoun_log_%s{stream=\"%.*s\"} %llu\n", rows[i].name,
                   SPAN_ARG(stream->name), (unsigned long long)*value_of(&all, i));
}

void log_print(struct log *log, struct buf *out)
{
    struct arena arena;
    size_t stream_count;
    arena_init(&arena, 4096, 64 << 20);
    struct log_stream **streams = stream_all(log, &arena, &stream_count);
    for (size_t i = 0; i < stream_count; i++) {
        print_stream(streams[i], out);
        stream_unref(streams[i]);
    }
    arena_done(&arena);
}

static void print_line(const struct log_stream *stream, size_t number, struct buf *out)
{
    const struct log_lane *lane = &stream->lanes[number];
    struct log_counters counters;
    count(stream->running[number], &counters);
    buf_printf(out, "%.*s %zu %s %016llx%016llx %016llx%016llx %llu", SPAN_ARG(stream->name),
               number, lane->closed_ms ? "closed" : "open", (unsigned long long)lane->first.high,
               (unsigned long long)lane->first.low, (unsigned long long)lane->last.high,
               (unsigned long long)lane->last.low, (unsigned long long)stream->settings.bytes_in);
    const uint64_t values[] = {counters.bytes_in,  counters.records_in,  counters.throttled_in,
                               counters.bytes_out, counters.records_out, counters.throttled_out,
                               counters.age_ms};
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        buf_printf(out, " %llu", (unsigned long long)values[i]);
    buf_append_byte(out, '\n');
}

void log_print_lanes(struct log *log, struct buf *out)
{
    struct arena arena;
    size_t stream_count;
    arena_init(&arena, 4096, 64 << 20);
    struct log_stream **streams = stream_all(log, &arena, &stream_count);
    for (size_t i = 0; i < stream_count; i++) {
        for (size_t j = 0; j < streams[i]->count; j++)
            print_line(streams[i], j, out);
        stream_unref(streams[i]);
    }
    arena_done(&arena);
}

bool log_is_unlimited(const struct log *log)
{
    return log->options.unlimited;
}
