// SPDX-License-Identifier: Apache-2.0
/*
 * What this program answers beside the AWS APIs, to callers on this machine only: the table
 * `pages`. Loop thread.
 */
#include "gate/request.h"

#include "base/json.h"
#include "base/time.h"
#include "engines/log/log.h"
#include "services/dynamodb/dynamodb.h"
#include "services/ec2/image_take.h"
#include "services/ec2/view.h"
#include "services/s3/s3.h"
#include "wire/region.h"

#include <errno.h>
#include <stdatomic.h>

static void answer_text(struct request *r, int status, struct span type, struct span text)
{
    struct header *header = ARENA_NEW(r->call.arena, struct header);
    struct http_segment *segment = ARENA_NEW(r->call.arena, struct http_segment);
    *header = (struct header){S("Content-Type"), type};
    *segment = (struct http_segment){.bytes = text, .len = text.len};
    http_reply(r->x, &(struct http_reply){.status = status,
                                          .headers = {header, 1},
                                          .segments = segment,
                                          .segment_count = text.len ? 1 : 0});
}

static void answer_health(struct request *r)
{
    int error = store_health(r->gate->config->cloud->store);
    answer_text(r, error ? 503 : 200, S("application/json"),
                error ? S("{\"status\":\"read-only\"}\n") : S("{\"status\":\"running\"}\n"));
}

static void print_store(const struct gate *gate, struct buf *out)
{
    struct store_stats stats;
    uint64_t held = 0;
    store_stats(gate->config->cloud->store, &stats);
    for (size_t i = 0; i < gate->all_count; i++)
        held += __atomic_load_n(&gate->all[i]->held_count, __ATOMIC_RELAXED);
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"kintoun_tickets_waiting", held},
        {"kintoun_store_syncs_total", stats.syncs},
        {"kintoun_store_commits_total", stats.commits},
        {"kintoun_store_bytes_free", stats.bytes_free},
        {"kintoun_extent_bytes_live", stats.extent_bytes_live},
        {"kintoun_extent_bytes_allocated", stats.extent_bytes_allocated},
        {"kintoun_scrub_bytes_total", stats.scrub_bytes},
        {"kintoun_scrub_passes_total", stats.scrub_passes},
        {"kintoun_scrub_damaged_extents", stats.scrub_damaged},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        buf_printf(out, "%s %llu\n", rows[i].name, (unsigned long long)rows[i].value);
    buf_printf(out, "kintoun_store_sync_seconds_total %.6f\n", (double)stats.sync_us_total / 1e6);
    buf_printf(out, "kintoun_store_sync_seconds_max %.6f\n", (double)stats.sync_us_max / 1e6);
}

/* ---- what the fabric tells, later -------------------------------------------------------------
 */

struct viewing {
    struct ec2_view view; /* first */
    struct request *r;
};

static void on_shown(struct ec2_view *view)
{
    struct request *r = ((struct viewing *)(void *)view)->r;
    int status = !view->error ? 200 : view->error == -ENOENT ? 404 : 500;
    answer_text(r, status, S("text/plain; version=0.0.4"), buf_span(view->out));
}

static void view(struct request *r, enum EC2_VIEW what, struct span gateway, struct buf *out)
{
    struct viewing *viewing = ARENA_NEW(r->call.arena, struct viewing);
    viewing->r = r;
    viewing->view = (struct ec2_view){.what = what,
                                      .gateway = gateway,
                                      .out = out,
                                      .arena = r->call.arena,
                                      .cloud = r->gate->config->cloud,
                                      .home = r->gate->loop,
                                      .shown = on_shown};
    ec2_view(&viewing->view);
}

static void answer_metrics(struct request *r)
{
    struct gate *gate = r->gate;
    struct buf *out = arena_buf(r->call.arena, (size_t)64 << 20);
    struct counters **sets = ARENA_ARRAY(r->call.arena, struct counters *, gate->all_count);
    for (size_t i = 0; i < gate->all_count; i++)
        sets[i] = gate->all[i]->counters;
    print_store(gate, out);
    counters_print(sets, gate->all_count, out);
    log_print(gate->config->cloud->log, out);
    s3_print_metrics(gate->config->cloud, out);
    view(r, EC2_VIEW_COUNTERS, SPAN_NONE, out);
}

/* ?gateway=nat-… */
static void answer_translations(struct request *r)
{
    struct span query = r->x->query;
    struct span name = span_cut(&query, '=');
    if (!span_eq(name, S("gateway")) || !query.len)
        answer_text(r, 400, S("text/plain"), S("which gateway?\n"));
    else
        view(r, EC2_VIEW_TRANSLATIONS, query, arena_buf(r->call.arena, (size_t)256 << 20));
}

static void answer_lanes(struct request *r)
{
    struct buf *out = arena_buf(r->call.arena, (size_t)64 << 20);
    log_print_lanes(r->gate->config->cloud->log, out);
    answer_text(r, 200, S("text/plain"), buf_span(out));
}

static void answer_contributors(struct request *r)
{
    struct buf *out = arena_buf(r->call.arena, (size_t)64 << 20);
    int error = dynamodb_print_insights(r->gate->config->cloud, out);
    answer_text(r, error < 0 ? 500 : 200, S("text/plain"), buf_span(out));
}

/* {"advance_seconds": N} moves the clock; {"stand": true} stops it, false lets it go. */
static bool change_clock(struct request *r)
{
    struct json_reader json;
    json_reader_init(&json, r->x->body, r->call.arena);
    if (json_next(&json) != JSON_OBJECT || json_next(&json) != JSON_KEY)
        return false;
    struct span name = json.text;
    enum JSON_TOKEN kind = json_next(&json);
    struct span value = json.text;
    int64_t seconds;
    if (json_next(&json) != JSON_OBJECT_END || json_next(&json) != JSON_END)
        return false;
    if (span_eq(name, S("stand")) && kind == JSON_TRUE)
        clock_stand();
    else if (span_eq(name, S("stand")) && kind == JSON_FALSE)
        clock_go();
    else if (span_eq(name, S("advance_seconds")) && kind == JSON_NUMBER &&
             span_to_i64(value, &seconds) && seconds >= 0 && seconds <= INT64_C(100) * 366 * 86400)
        clock_advance(seconds * 1000);
    else
        return false;
    return true;
}

/* A move of the clock has been made once every loop has run the timers that it made due and got the
 * mail that these sent to their own loop: what is closed by it is closed when the reply says so,
 * and no client sends into what is being closed. Mail comes before timers, so that is in three
 * rounds. */
#define MOVE_ROUNDS 3

struct turn {
    struct mail mail; /* first */
    struct loop *loop;
    struct move *move;
    unsigned rounds;
};

struct move {
    struct mail done; /* first */
    struct request *r;
    atomic_size_t left;
    struct turn turns[];
};

static void on_moved(struct mail *mail)
{
    struct request *r = ((struct move *)(void *)mail)->r;
    char now[TIME_TEXT_SIZE];
    time_iso8601_millis(clock_now_ms(), now);
    answer_text(r, 200, S("application/json"),
                arena_printf(r->call.arena, "{\"now\":\"%s\"}\n", now));
}

static void on_turn(struct mail *mail)
{
    struct turn *turn = (struct turn *)(void *)mail;
    if (++turn->rounds < MOVE_ROUNDS)
        loop_post(turn->loop, &turn->mail);
    else if (atomic_fetch_sub(&turn->move->left, 1) == 1)
        loop_post(turn->move->r->gate->loop, &turn->move->done);
}

static void answer_clock(struct request *r)
{
    struct gate *gate = r->gate;
    if (!change_clock(r)) {
        answer_text(r, 400, S("application/json"),
                    S("{\"message\":\"the body must be {\\\"advance_seconds\\\": N}, N >= 0, or "
                      "{\\\"stand\\\": true}\"}\n"));
        return;
    }
    size_t loops = gate->all_count + 1;
    struct move *move = arena_alloc(r->call.arena, sizeof *move + loops * sizeof *move->turns);
    *move = (struct move){.done = {.deliver = on_moved}, .r = r};
    atomic_init(&move->left, loops);
    for (size_t i = 0; i < loops; i++) {
        struct loop *loop = i < gate->all_count ? gate->all[i]->loop : gate->config->control;
        move->turns[i] = (struct turn){{.deliver = on_turn}, loop, move, 0};
        loop_post(loop, &move->turns[i].mail);
    }
}

/* ---- images ------------------------------------------------------------------------------------
 */

struct taking {
    struct ec2_image_take take; /* first */
    struct request *r;
};

static void on_taken(struct ec2_image_take *take)
{
    struct request *r = ((struct taking *)(void *)take)->r;
    struct span text = take->why.at ? take->why : take->id;
    answer_text(r, take->why.at ? 400 : 200, S("text/plain"),
                arena_printf(r->call.arena, "%.*s\n", SPAN_ARG(text)));
}

/* {"folder": "…", "name": "…", "description": "…", "region": "…"} */
static bool read_taking(struct request *r, struct ec2_image_take *take)
{
    struct json_reader json;
    const struct {
        struct span name;
        struct span *to;
    } members[] = {{S("folder"), &take->folder},
                   {S("name"), &take->name},
                   {S("description"), &take->description},
                   {S("region"), &take->region}};
    json_reader_init(&json, r->x->body, r->call.arena);
    if (json_next(&json) != JSON_OBJECT)
        return false;
    while (json_next(&json) == JSON_KEY) {
        struct span key = json.text;
        if (json_next(&json) != JSON_STRING)
            return false;
        for (size_t i = 0; i < ARRAY_LEN(members); i++)
            if (span_eq(key, members[i].name))
                *members[i].to = json.text;
    }
    return json_next(&json) == JSON_END && take->folder.at && take->name.at &&
           region_known(take->region);
}

static void answer_image(struct request *r)
{
    struct taking *taking = ARENA_NEW(r->call.arena, struct taking);
    taking->r = r;
    taking->take = (struct ec2_image_take){.account = r->gate->config->default_account,
                                           .region = r->gate->config->default_region,
                                           .arena = r->call.arena,
                                           .cloud = r->gate->config->cloud,
                                           .home = r->gate->loop,
                                           .taken = on_taken};
    if (!r->gate->config->cloud->ec2 || !read_taking(r, &taking->take))
        answer_text(r, 400, S("text/plain"), S("which folder, which name, which region?\n"));
    else
        ec2_image_take(&taking->take);
}

/* The counters tell when it is done. */
static void answer_scrub(struct request *r)
{
    store_scrub_now(r->gate->config->cloud->store);
    answer_text(r, 202, S("application/json"), S("{}\n"));
}

static bool from_this_machine(const struct request *r)
{
    return span_starts(r->x->peer, S("127.")) || span_eq(r->x->peer, S("::1")) ||
           span_starts(r->x->peer, S("::ffff:127."));
}

static const struct {
    struct span method, path;
    void (*answer)(struct request *r);
} pages[] = {
    {S_INIT("GET"), S_INIT("/_kintoun/contributors"), answer_contributors},
    {S_INIT("GET"), S_INIT("/_kintoun/health"), answer_health},
    {S_INIT("GET"), S_INIT("/_kintoun/lanes"), answer_lanes},
    {S_INIT("GET"), S_INIT("/_kintoun/translations"), answer_translations},
    {S_INIT("POST"), S_INIT("/_kintoun/clock"), answer_clock},
    {S_INIT("POST"), S_INIT("/_kintoun/images"), answer_image},
    {S_INIT("POST"), S_INIT("/_kintoun/scrub"), answer_scrub},
    {S_INIT("GET"), S_INIT("/metrics"), answer_metrics},
};

/* What is signed is S3's, and the clock moves only where tests may. */
static bool is_ours(const struct request *r, size_t page)
{
    if (pages[page].answer == answer_clock)
        return r->gate->config->test_clock;
    return pages[page].answer != answer_metrics || r->fault == SIGV4_ANONYMOUS;
}

bool internal_answer(struct request *r)
{
    size_t page = 0;
    while (page < ARRAY_LEN(pages) && !(span_eq(r->x->method, pages[page].method) &&
                                        span_eq(r->x->path, pages[page].path) && is_ours(r, page)))
        page++;
    if (page == ARRAY_LEN(pages) || !from_this_machine(r))
        return false;
    if (r->internal) {
        pages[page].answer(r);
    } else {
        r->internal = true;
        http_take_whole(r->x, 4096);
    }
    return true;
}
