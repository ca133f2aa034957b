// SPDX-License-Identifier: Apache-2.0
/* Cases for engines/log: order, rollback, places, restarts and torn ends, reshaping, rates,
 * trimming, watching. */
#include "store_helper.h"

#include "base/time.h"
#include "engines/log/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

static struct store *store;
static struct workers *workers;
static struct loop *loop;
static struct log *engine;
static pthread_t loop_thread;
static bool unlimited = true;

static void *run_loop(void *thing)
{
    loop_run(thing);
    return NULL;
}

static void open_engine(void)
{
    struct log_options options = {.store = store, .unlimited = unlimited};
    CHECK_INT(workers_new(&workers, 2, 64), 0);
    CHECK_INT(loop_new(&loop), 0);
    options.workers = workers;
    options.home = loop;
    CHECK_INT(log_new(&engine, &options), 0);
    CHECK_INT(pthread_create(&loop_thread, NULL, run_loop, loop), 0);
}

static void start(void)
{
    if (engine)
        return;
    store = test_store_new();
    open_engine();
}

static void stop(void)
{
    loop_stop(loop);
    pthread_join(loop_thread, NULL);
    workers_free(workers);
    store_close(store);
    log_free(engine);
    loop_free(loop);
    engine = NULL;
}

static void again(void)
{
    stop();
    store = test_store_again(1);
    open_engine();
}

struct step {
    struct log_access access;
    struct arena arena;
};

static void step_begin(struct step *step)
{
    start();
    arena_init(&step->arena, 4096, 256 << 20);
    step->access = (struct log_access){engine, txn_begin(store), &step->arena};
}

static void step_commit(struct step *step)
{
    uint64_t ticket;
    CHECK_INT(txn_commit(step->access.txn, &ticket), 0);
    CHECK_INT(store_wait(store, ticket), 0);
    arena_done(&step->arena);
}

static void step_drop(struct step *step)
{
    txn_rollback(step->access.txn);
    arena_done(&step->arena);
}

static const struct log_settings settings = {
    .retention_ms = 24 * HOUR_MS,
    .bytes_in = 1 << 20,
    .records_in = 1000,
    .bytes_out = 2 << 20,
    .reads = 5,
};

#define MIDDLE ((struct log_hash){1ULL << 63, 0})

static void create(struct span name, size_t lanes)
{
    struct step step;
    struct log_lane two[2] = {
        {.last = {UINT64_MAX, UINT64_MAX}},
        {.first = MIDDLE, .last = {UINT64_MAX, UINT64_MAX}},
    };
    if (lanes == 2)
        two[0].last = (struct log_hash){MIDDLE.high - 1, UINT64_MAX};
    step_begin(&step);
    CHECK_INT(log_create(&step.access, name, &settings, two, lanes, clock_now_ms()), 0);
    step_commit(&step);
}

/* `count` records "PREFIX-i" with that hash; the lane of the last. */
static uint32_t append_at(struct span name, struct log_hash hash, const char *prefix, size_t count,
                          int64_t now_ms)
{
    struct step step;
    step_begin(&step);
    struct log_entry *entries = ARENA_ARRAY(&step.arena, struct log_entry, count);
    for (size_t i = 0; i < count; i++)
        entries[i] = (struct log_entry){
            .hash = hash, .key = S("key"), .data = arena_printf(&step.arena, "%s-%zu", prefix, i)};
    CHECK_INT(log_append(&step.access, name, entries, count, now_ms), 0);
    for (size_t i = 0; i < count; i++)
        CHECK_INT(entries[i].error, 0);
    uint32_t lane = entries[count - 1].lane;
    step_commit(&step);
    return lane;
}

static uint32_t append(struct span name, struct log_hash hash, const char *prefix, size_t count)
{
    return append_at(name, hash, prefix, count, clock_now_ms());
}

static void read_some(struct step *step, struct span name, struct log_reading *reading)
{
    struct log_stream *stream;
    step_begin(step);
    CHECK_INT(log_find(&step->access, name, &stream), 0);
    if (!reading->most_records)
        reading->most_records = 10000;
    if (!reading->most_bytes)
        reading->most_bytes = 10 << 20;
    reading->now_ms = clock_now_ms();
    CHECK_INT(log_read(&step->access, stream, reading), 0);
}

/* Reads all of a lane in portions and compares; what they are is PREFIX-i. */
static void check_lane(struct span name, uint32_t lane, const char *prefix, size_t count)
{
    struct log_reading reading = {.lane = lane, .from = log_place_of(0), .most_records = 100};
    size_t seen = 0;
    do {
        struct step step;
        read_some(&step, name, &reading);
        for (size_t i = 0; i < reading.count; i++, seen++) {
            CHECK_INT(reading.records[i].index, seen);
            CHECK_SPAN(reading.records[i].key, S("key"));
            CHECK_SPAN(reading.records[i].data, arena_printf(&step.arena, "%s-%zu", prefix, seen));
        }
        reading.from = reading.next;
        step_drop(&step);
    } while (reading.count);
    CHECK_INT(seen, count);
    CHECK_INT(reading.behind_ms, 0);
}

TEST(records_come_back_in_order)
{
    create(S("order"), 1);
    for (int i = 0; i < 3; i++)
        append(S("order"), (struct log_hash){0}, "x", 1);
    struct log_reading reading = {.from = log_place_of(0)};
    struct step step;
    read_some(&step, S("order"), &reading);
    CHECK_INT(reading.count, 3);
    CHECK_INT(reading.records[2].index, 2);
    CHECK(!reading.ended);
    step_drop(&step);
}

TEST(many_records_in_portions_and_after_a_restart)
{
    create(S("many"), 1);
    append(S("many"), (struct log_hash){0}, "record", 50000);
    check_lane(S("many"), 0, "record", 50000);
    again();
    check_lane(S("many"), 0, "record", 50000);
}

TEST(a_hash_chooses_the_lane)
{
    create(S("route"), 2);
    CHECK_INT(append(S("route"), (struct log_hash){0}, "a", 2), 0);
    CHECK_INT(append(S("route"), (struct log_hash){MIDDLE.high - 1, UINT64_MAX}, "b", 1), 0);
    CHECK_INT(append(S("route"), MIDDLE, "c", 1), 1);
    CHECK_INT(append(S("route"), (struct log_hash){UINT64_MAX, UINT64_MAX}, "d", 1), 1);
}

TEST(what_is_rolled_back_is_never_seen)
{
    struct step step;
    create(S("rollback"), 1);
    append(S("rollback"), (struct log_hash){0}, "kept", 1);
    step_begin(&step);
    struct log_entry entry = {.key = S("key"), .data = S("a longer text that is dropped")};
    CHECK_INT(log_append(&step.access, S("rollback"), &entry, 1, clock_now_ms()), 0);
    CHECK_INT(entry.index, 1);
    step_drop(&step);
    struct log_reading reading = {.from = log_place_of(0)};
    read_some(&step, S("rollback"), &reading);
    CHECK_INT(reading.count, 1);
    step_drop(&step);
    again();
    append(S("rollback"), (struct log_hash){0}, "next", 1);
    read_some(&step, S("rollback"), &reading);
    CHECK_INT(reading.count, 2);
    CHECK_SPAN(reading.records[1].data, S("next-0"));
    step_drop(&step);
}

TEST(places_by_time)
{
    struct step step;
    struct log_stream *stream;
    struct log_place place;
    int64_t now_ms = clock_now_ms();
    create(S("time"), 1);
    for (int i = 0; i < 10; i++)
        append_at(S("time"), (struct log_hash){0}, "t", 1000, now_ms + i * 1000);
    step_begin(&step);
    CHECK_INT(log_find(&step.access, S("time"), &stream), 0);
    for (int i = 0; i < 10; i++) {
        CHECK_INT(log_place_at(&step.access, stream, 0, now_ms + i * 1000, &place), 0);
        CHECK_INT(place.index, i * 1000);
        CHECK_INT(log_place_at(&step.access, stream, 0, now_ms + i * 1000 - 999, &place), 0);
        CHECK_INT(place.index, i * 1000);
    }
    CHECK_INT(log_place_at(&step.access, stream, 0, now_ms + 100000, &place), 0);
    CHECK_INT(place.index, 10000);
    CHECK_INT(log_place_at(&step.access, stream, 0, 0, &place), 0);
    CHECK_INT(place.index, 0);
    step_drop(&step);
}

/* The only segment of the newest stream's lane 0. */
static void newest_segment(char path[600])
{
    char folder[300];
    snprintf(folder, sizeof folder, "%s/logs", test_dir);
    DIR *dir = opendir(folder);
    path[0] = 0;
    for (struct dirent *entry; (entry = readdir(dir));)
        if (entry->d_name[0] != '.') {
            char other[600];
            snprintf(other, sizeof other, "%s/%s", folder, entry->d_name);
            if (strcmp(other, path) > 0)
                memcpy(path, other, sizeof other);
        }
    closedir(dir);
}

TEST(bytes_behind_the_end_are_cut)
{
    char path[600];
    create(S("torn"), 1);
    append(S("torn"), (struct log_hash){0}, "good", 100);
    stop();
    newest_segment(path);
    int fd = open(path, O_WRONLY | O_APPEND);
    CHECK_INT(write(fd, "half a frame", 12), 12);
    close(fd);
    store = test_store_again(1);
    open_engine();
    check_lane(S("torn"), 0, "good", 100);
    append(S("torn"), (struct log_hash){0}, "good", 1);
}

/* Goes on with a copy of the folder as it lies there now, as a crash would. */
static void crash(void)
{
    char copy[300], command[700];
    snprintf(copy, sizeof copy, "%s-copy", test_dir);
    snprintf(command, sizeof command, "cp -a %s %s", test_dir, copy);
    CHECK_INT(system(command), 0);
    stop();
    test_dir_remove();
    CHECK_INT(rename(copy, test_dir), 0);
}

/* Of small appends the log has all, so their segment may lose what no sync of its own has reached.
 */
TEST(small_appends_are_carried)
{
    char path[600];
    size_t first = 32 + strlen("key") + strlen("one-0"), seen = 0;
    create(S("carried"), 1);
    append(S("carried"), (struct log_hash){0}, "one", 1);
    for (int i = 0; i < 50; i++)
        append(S("carried"), (struct log_hash){0}, "one", 1);
    newest_segment(path);
    crash();
    CHECK_INT(truncate(path, (off_t)first), 0);
    store = test_store_again(1);
    open_engine();
    for (int round = 0; round < 2; round++) {
        struct log_reading reading = {.from = log_place_of(0)};
        struct step step;
        read_some(&step, S("carried"), &reading);
        CHECK_INT(reading.count, 51 + round);
        for (seen = 0; seen < reading.count; seen++)
            CHECK_SPAN(reading.records[seen].data, S("one-0"));
        step_drop(&step);
        append(S("carried"), (struct log_hash){0}, "one", 1);
        crash(); /* what is replayed is replayed again, where nothing was settled yet */
        store = test_store_again(1);
        open_engine();
    }
}

/* The disk lost what was synced: that is damage, never repaired. */
TEST(lost_bytes_are_refused)
{
    char path[600];
    struct log_options options;
    create(S("lost"), 1);
    append(S("lost"), (struct log_hash){0}, "a", 10);
    append(S("lost"), (struct log_hash){0}, "b", 10);
    append(S("lost"), (struct log_hash){0}, "c", 10);
    stop();
    newest_segment(path);
    CHECK_INT(truncate(path, 10), 0);
    store = test_store_again(1);
    CHECK_INT(workers_new(&workers, 1, 4), 0);
    CHECK_INT(loop_new(&loop), 0);
    options = (struct log_options){.store = store, .workers = workers, .home = loop};
    CHECK_INT(log_new(&engine, &options), -EUCLEAN);
    workers_free(workers);
    store_close(store);
    log_free(engine);
    loop_free(loop);
    engine = NULL;
}

TEST(reshaping_drains_in_order)
{
    struct step step;
    uint32_t closed = 0;
    create(S("split"), 1);
    append(S("split"), (struct log_hash){0}, "parent", 10);
    struct log_lane opened[2] = {
        {.last = {MIDDLE.high - 1, UINT64_MAX}, .parents = {0}, .parent_count = 1},
        {.first = MIDDLE, .last = {UINT64_MAX, UINT64_MAX}, .parents = {0}, .parent_count = 1},
    };
    struct log_change change = {&closed, 1, opened, 2};
    step_begin(&step);
    CHECK_INT(log_reshape(&step.access, S("split"), &change, clock_now_ms()), 0);
    step_commit(&step);
    CHECK_INT(opened[1].number, 2);
    CHECK_INT(append(S("split"), MIDDLE, "child", 1), 2);
    CHECK_INT(append(S("split"), (struct log_hash){0}, "child", 1), 1);
    struct log_reading reading = {.from = log_place_of(0)};
    read_some(&step, S("split"), &reading);
    CHECK_INT(reading.count, 10);
    CHECK(reading.ended);
    step_drop(&step);
    step_begin(&step);
    CHECK_INT(log_reshape(&step.access, S("split"), &change, clock_now_ms()), -ESTALE);
    step_drop(&step);
    again();
    CHECK_INT(append(S("split"), MIDDLE, "child", 1), 2);
}

static size_t segment_count(void)
{
    char folder[300];
    size_t count = 0;
    snprintf(folder, sizeof folder, "%s/logs", test_dir);
    DIR *dir = opendir(folder);
    for (struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static void wait_for_segments(size_t count)
{
    for (int i = 0; i < 500 && segment_count() != count; i++)
        usleep(10000);
    CHECK_INT(segment_count(), count);
}

static void adjust(struct span name, int64_t retention_ms)
{
    struct step step;
    struct log_settings changed = settings;
    changed.retention_ms = retention_ms;
    step_begin(&step);
    CHECK_INT(log_adjust(&step.access, name, &changed), 0);
    step_commit(&step);
}

TEST(old_segments_go)
{
    struct step step;
    if (engine)
        stop();
    start();
    int64_t now_ms = clock_now_ms();
    create(S("trim"), 1);
    append_at(S("trim"), (struct log_hash){0}, "old", 10, now_ms - 9 * HOUR_MS);
    append_at(S("trim"), (struct log_hash){0}, "old", 10, now_ms - 5 * HOUR_MS);
    append_at(S("trim"), (struct log_hash){0}, "new", 10, now_ms);
    CHECK_INT(segment_count(), 3);
    adjust(S("trim"), 4 * HOUR_MS);
    wait_for_segments(1);
    struct log_reading reading = {.from = log_place_of(0)};
    read_some(&step, S("trim"), &reading);
    CHECK_INT(reading.count, 10);
    CHECK_INT(reading.records[0].index, 20);
    step_drop(&step);
    again();
    reading.from = log_place_of(0);
    read_some(&step, S("trim"), &reading);
    CHECK_INT(reading.count, 10);
    step_drop(&step);
    usleep(5000);
    adjust(S("trim"), 1);
    wait_for_segments(0);
    reading.from = log_place_of(0);
    read_some(&step, S("trim"), &reading);
    CHECK_INT(reading.count, 0);
    step_drop(&step);
    again();
    adjust(S("trim"), HOUR_MS);
    append(S("trim"), (struct log_hash){0}, "later", 1);
    reading.from = log_place_of(0);
    read_some(&step, S("trim"), &reading);
    CHECK_INT(reading.count, 1);
    CHECK_INT(reading.records[0].index, 30);
    step_drop(&step);
}

TEST(a_dropped_stream_leaves_nothing)
{
    struct step step;
    struct log_stream *stream;
    if (engine)
        stop();
    start();
    create(S("drop"), 2);
    append(S("drop"), (struct log_hash){0}, "a", 10);
    append(S("drop"), MIDDLE, "b", 10);
    CHECK_INT(segment_count(), 2);
    step_begin(&step);
    CHECK_INT(log_drop(&step.access, S("drop")), 0);
    step_commit(&step);
    step_begin(&step);
    CHECK_INT(log_find(&step.access, S("drop"), &stream), -ENOENT);
    step_drop(&step);
    wait_for_segments(0);
    create(S("drop"), 1);
    append(S("drop"), (struct log_hash){0}, "new", 5);
    check_lane(S("drop"), 0, "new", 5);
}

TEST(rates_hold)
{
    struct step step;
    struct log_stream *stream;
    if (engine)
        stop();
    unlimited = false;
    start();
    create(S("rate"), 1);
    step_begin(&step);
    struct log_entry *entries = ARENA_ARRAY(&step.arena, struct log_entry, 1200);
    for (size_t i = 0; i < 1200; i++)
        entries[i] = (struct log_entry){.key = S("k"), .data = S("v")};
    CHECK_INT(log_append(&step.access, S("rate"), entries, 1200, clock_now_ms()), 0);
    size_t refused = 0;
    for (size_t i = 0; i < 1200; i++)
        refused += entries[i].error == -EAGAIN;
    CHECK_INT(refused, 200);
    step_commit(&step);
    step_begin(&step);
    CHECK_INT(log_find(&step.access, S("rate"), &stream), 0);
    struct log_reading reading = {.most_records = 1, .most_bytes = 1 << 20};
    for (int i = 0; i < 5; i++)
        CHECK_INT(log_read(&step.access, stream, &reading), 0);
    CHECK_INT(log_read(&step.access, stream, &reading), -EAGAIN);
    struct log_counters counters;
    log_count(stream, 0, &counters);
    CHECK_INT(counters.records_in, 1000);
    CHECK_INT(counters.throttled_in, 200);
    CHECK_INT(counters.throttled_out, 1);
    step_drop(&step);
    stop();
    unlimited = true;
}

static atomic_int changes;
static void on_changed(struct log_watch *watch)
{
    atomic_fetch_add(&changes, 1);
}

TEST(a_watch_is_told)
{
    struct step step;
    struct log_stream *stream;
    create(S("watch"), 1);
    struct log_watch watch = {.loop = loop, .changed = on_changed};
    step_begin(&step);
    CHECK_INT(log_find(&step.access, S("watch"), &stream), 0);
    CHECK_INT(log_watch_begin(stream, 0, &watch, 0), 0);
    step_drop(&step);
    append(S("watch"), (struct log_hash){0}, "x", 1);
    for (int i = 0; i < 500 && !atomic_load(&changes); i++)
        usleep(1000);
    CHECK_INT(atomic_load(&changes), 1);
    append(S("watch"), (struct log_hash){0}, "y", 1); /* not armed again */
    usleep(20000);
    CHECK_INT(atomic_load(&changes), 1);
    log_watch_arm(&watch);
    append(S("watch"), (struct log_hash){0}, "z", 1);
    for (int i = 0; i < 500 && atomic_load(&changes) < 2; i++)
        usleep(1000);
    CHECK_INT(atomic_load(&changes), 2);
    CHECK(log_watch_end(&watch));
}

/* Records that are sealed lie beside plain ones, and are found again by another process. */
TEST(sealed_records)
{
    struct step step;
    struct log_reading reading = {.pace = LOG_OWN};
    struct log_settings sealed = settings;
    sealed.sealed = true;
    create(S("sealed"), 1);
    append(S("sealed"), (struct log_hash){0}, "plain", 3);
    for (int round = 0; round < 2; round++) {
        step_begin(&step);
        CHECK_INT(log_adjust(&step.access, S("sealed"), &sealed), 0);
        step_commit(&step);
        append(S("sealed"), (struct log_hash){0}, "sealed", 3);
        again();
    }
    read_some(&step, S("sealed"), &reading);
    CHECK_INT(reading.count, 9);
    for (size_t i = 0; i < reading.count; i++) {
        const struct log_record *record = &reading.records[i];
        CHECK_INT(record->seal != 0, i >= 3);
        CHECK_SPAN(record->key, S("key"));
        CHECK_SPAN(record->data,
                   arena_printf(&step.arena, "%s-%zu", i < 3 ? "plain" : "sealed", i % 3));
    }
    step_drop(&step);
}

/* Two watch a lane: what one makes of records is the other's too; who is between two places reads
 * to where the others are. */
TEST(what_readers_share)
{
    struct step step;
    struct log_stream *stream;
    struct log_shared *one, *two;
    create(S("share"), 1);
    append(S("share"), (struct log_hash){0}, "x", 10);
    struct log_watch watches[] = {{.loop = loop, .changed = on_changed},
                                  {.loop = loop, .changed = on_changed}};
    step_begin(&step);
    CHECK_INT(log_find(&step.access, S("share"), &stream), 0);
    struct log_reading wanted = {.most_records = 100, .most_bytes = 1 << 20, .pace = LOG_OWN};
    struct log_reading first = wanted, second = wanted, between = wanted;
    CHECK_INT(log_watch_begin(stream, 0, &watches[0], 0), 0);
    CHECK_INT(log_shared_take(&step.access, stream, &first, 1, &one), -ENOENT);
    CHECK_INT(log_shared_take(&step.access, stream, &first, 1, &one), -ENOENT); /* alone */
    CHECK_INT(log_watch_begin(stream, 0, &watches[1], 0), 0);
    CHECK_INT(log_shared_take(&step.access, stream, &first, 1, &one), -ENOENT);
    CHECK_INT(log_shared_take(&step.access, stream, &second, 1, &two), -EBUSY);
    CHECK_INT(log_shared_take(&step.access, stream, &second, 2, &two), -ENOENT); /* another form */
    CHECK_INT(log_read(&step.access, stream, &first), 0);
    CHECK_INT(first.count, 10);
    one = log_shared_new(&first, 1, 1000);
    buf_append(&one->bytes, S("made"));
    log_shared_give(stream, one);
    CHECK_INT(log_shared_take(&step.access, stream, &second, 1, &two), 0);
    CHECK(two == one);
    CHECK_INT(second.next.index, 10);
    CHECK_INT(second.bytes, first.bytes);
    log_shared_drop(one);
    CHECK(span_eq(buf_span(&two->bytes), S("made")));
    log_shared_drop(two);
    between.from = log_place_of(4);
    CHECK_INT(log_shared_take(&step.access, stream, &between, 1, &one), -ENOENT);
    CHECK_INT(between.until, 10);
    between.from = log_place_of(2);
    CHECK_INT(log_shared_take(&step.access, stream, &between, 1, &one), -ENOENT);
    CHECK_INT(between.until, 4);
    CHECK_INT(log_read(&step.access, stream, &between), 0);
    CHECK_INT(between.count, 2);
    CHECK_INT(between.next.index, 4);
    clock_advance(2000); /* forgotten */
    CHECK_INT(log_shared_take(&step.access, stream, &second, 1, &two), -ENOENT);
    CHECK(log_watch_end(&watches[0]));
    CHECK(log_watch_end(&watches[1]));
    step_drop(&step);
}

static void *append_many(void *unused)
{
    for (int i = 0; i < 200; i++) {
        struct step step;
        uint64_t ticket;
        arena_init(&step.arena, 4096, 16 << 20);
        step.access = (struct log_access){engine, txn_begin(store), &step.arena};
        struct log_entry entries[2] = {
            {.hash = {0}, .key = S("key"), .data = S("text")},
            {.hash = {UINT64_MAX, 0}, .key = S("key"), .data = S("text")},
        };
        if (log_append(&step.access, S("threads"), entries, 2, clock_now_ms()) ||
            txn_commit(step.access.txn, &ticket) || store_wait(store, ticket))
            abort();
        arena_done(&step.arena);
    }
    return NULL;
}

TEST(threads_append_while_lanes_split)
{
    pthread_t threads[3];
    struct step step;
    uint32_t closed = 0;
    create(S("threads"), 1);
    for (size_t i = 0; i < 3; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, append_many, NULL), 0);
    usleep(3000);
    struct log_lane opened[2] = {
        {.last = {MIDDLE.high - 1, UINT64_MAX}, .parents = {0}, .parent_count = 1},
        {.first = MIDDLE, .last = {UINT64_MAX, UINT64_MAX}, .parents = {0}, .parent_count = 1},
    };
    struct log_change change = {&closed, 1, opened, 2};
    step_begin(&step);
    CHECK_INT(log_reshape(&step.access, S("threads"), &change, clock_now_ms()), 0);
    step_commit(&step);
    for (size_t i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    size_t count = 0;
    for (uint32_t lane = 0; lane < 3; lane++) {
        struct log_reading reading = {.lane = lane, .from = log_place_of(0)};
        read_some(&step, S("threads"), &reading);
        count += reading.count;
        CHECK(reading.ended == (lane == 0));
        step_drop(&step);
    }
    CHECK_INT(count, 1200);
}

TEST(all_ends)
{
    stop();
}
