// SPDX-License-Identifier: Apache-2.0
/*
 * The making of storage class analyses, in steps: what is stored is looked at from midnight on, a
 * page at a time, then the day is closed with the requests that were counted, then the export is
 * written. How far an analysis is goes into the transaction of each step, so after a crash it goes
 * on where it was. Days that passed while nobody looked are closed one after the other, with what
 * is stored now and was then. On a worker.
 */
#include "base/log.h"
#include "base/scope.h"
#include "base/time.h"
#include "services/cloud.h"
#include "services/s3/analytics.h"
#include "services/s3/background.h"
#include "services/s3/lifecycle.h"
#include "services/s3/object.h"
#include "services/s3/service_put.h"

#include <errno.h>

#define LOOKED_AT 10000 /* versions in one step */
#define MISSED_MOST 60  /* days that are closed afterwards; those before them are not observed */
#define FIRST_EXPORT 2  /* days: the first export comes after 24 to 48 hours */

/* Stored in records: numbers are stable. */
enum STAGE { STAGE_LOOK = 0, STAGE_CLOSE = 1, STAGE_EXPORT = 2 };

struct analysis {
    struct call *c;
    struct s3_analytics_run *run;
    struct s3_bucket_record bucket;
    struct s3_analytics_configuration wish;
    struct filter filter;
};

/* ---- which is next -------------------------------------------------------------------------- */

struct choice {
    struct call *c;
    struct s3_analytics_run first;
    bool any;
};

static int64_t next_of(const struct s3_analytics_run *run)
{
    return run->stage == STAGE_LOOK ? run->due : 0;
}

/* One that is new begins with the day on which it was wished. */
static int consider(void *user, struct s3_analytics *analytics)
{
    struct choice *choice = user;
    struct call *c = choice->c;
    struct s3_analytics_run run = {.bucket = analytics->bucket, .id = analytics->id};
    int result = s3_analytics_run_get(c->txn, c->arena, &run);
    if (result < 0 && result != -ENOENT)
        return result;
    if (result == -ENOENT || run.edition != analytics->edition) {
        run = (struct s3_analytics_run){.bucket = analytics->bucket,
                                        .id = analytics->id,
                                        .edition = analytics->edition,
                                        .due = lifecycle_midnight(analytics->begun + 1)};
        s3_analytics_run_put(c->txn, &run);
    }
    if (!choice->any || next_of(&run) < next_of(&choice->first))
        choice->first = run;
    choice->any = true;
    return 0;
}

static int choose(struct choice *choice)
{
    struct call *c = choice->c;
    struct s3_analytics from = {.bucket = SPAN_NONE};
    c->txn = txn_begin(c->cloud->store);
    int result = s3_analytics_each(c->txn, &from, 0, c->arena, consider, choice);
    return background_end(TAKE(c->txn), result);
}

/* ---- what is stored ------------------------------------------------------------------------- */

struct looking {
    struct analysis *analysis;
    const struct refusal *refusal;
};

static RESULT look_at(struct analysis *analysis, const struct object_listed *listed)
{
    struct call *c = analysis->c;
    struct s3_analytics_run *run = analysis->run;
    const struct object *object = listed->object;
    struct s3_attributes attributes;
    if (object->mark || object->modified_ms >= run->due)
        return OK;
    TRY(attributes_decode(c, object->attributes, &attributes));
    struct filter_subject subject = {.key = listed->name, .tags = &attributes.tags};
    if (!filter_covers(&analysis->filter, &subject))
        return OK;
    struct s3_analytics_row *row =
        analytics_row(c->arena, &run->rows, attributes_storage_class(&attributes),
                      age_of(object->size, run->due - object->modified_ms));
    row->objects++;
    row->stored += object->size;
    return OK;
}

static void look_at_version(void *user, const struct object_listed *listed)
{
    struct looking *looking = user;
    struct s3_analytics_run *run = looking->analysis->run;
    if (!looking->refusal)
        looking->refusal = look_at(looking->analysis, listed);
    run->after_name = listed->name;
    run->after_stamp = listed->object->stamp;
}

static RESULT look(struct analysis *analysis)
{
    struct call *c = analysis->c;
    struct s3_analytics_run *run = analysis->run;
    uint64_t stamp = run->after_stamp;
    struct looking looking = {.analysis = analysis};
    bool more;
    struct object_bucket bucket = {.txn = c->txn,
                                   .arena = c->arena,
                                   .id = analysis->bucket.id,
                                   .keeping = version_keeping(analysis->bucket.versioning)};
    struct object_version_list list = {
        .prefix = analysis->filter.prefix,
        .after_name = run->after_name,
        .after_stamp = run->after_name.len ? &stamp : NULL,
        .limit = LOOKED_AT,
        .visit = look_at_version,
        .user = &looking,
    };
    if (!run->after_name.len && run->due < c->now_ms - MISSED_MOST * DAY_MS)
        run->due = lifecycle_midnight(c->now_ms - MISSED_MOST * DAY_MS);
    int result = object_list_versions(&bucket, &list, &more);
    run->stage = more ? STAGE_LOOK : STAGE_CLOSE;
    return result < 0 ? refuse_errno(c, result, "listing a bucket") : looking.refusal;
}

/* ---- the end of a day ----------------------------------------------------------------------- */

/* A request that began before midnight may be counted behind it: then it is of the next day. */
static int take_count(void *user, struct s3_analytics_count *count)
{
    struct analysis *analysis = user;
    struct call *c = analysis->c;
    struct s3_analytics_run *run = analysis->run;
    if ((int64_t)count->day * DAY_MS >= run->due)
        return 1;
    for (size_t i = 0; i < count->rows.count; i++) {
        const struct s3_analytics_row *row = &count->rows.at[i];
        analytics_add(analytics_row(c->arena, &run->rows, row->class, (enum AGE)row->group), row);
    }
    s3_analytics_count_delete(c->txn, count);
    return 0;
}

static void begin_next_day(struct analysis *analysis)
{
    struct s3_analytics_run *run = analysis->run;
    uint64_t days = run->days + 1;
    int64_t due = run->due + DAY_MS;
    bool shown = days >= FIRST_EXPORT && due > analysis->c->now_ms &&
                 analysis->wish.storage_class_analysis->data_export;
    *run = (struct s3_analytics_run){.bucket = run->bucket,
                                     .id = run->id,
                                     .edition = run->edition,
                                     .stage = shown ? STAGE_EXPORT : STAGE_LOOK,
                                     .due = due,
                                     .days = days};
}

static RESULT close_day(struct analysis *analysis)
{
    struct call *c = analysis->c;
    struct s3_analytics_run *run = analysis->run;
    struct s3_analytics_count from = {.bucket = analysis->bucket.id, .edition = run->edition};
    int result = s3_analytics_count_each(c->txn, &from, 2, c->arena, take_count, analysis);
    if (result < 0)
        return refuse_errno(c, result, "reading what was counted");
    s3_analytics_day_put(c->txn, &(struct s3_analytics_day){.bucket = analysis->bucket.id,
                                                            .edition = run->edition,
                                                            .day = (uint64_t)(run->due / DAY_MS),
                                                            .rows = run->rows});
    begin_next_day(analysis);
    return OK;
}

/* ---- the export ----------------------------------------------------------------------------- */

struct gathering {
    struct arena *arena;
    struct s3_analytics_day *days;
    size_t count, room;
};

static int gather(void *user, struct s3_analytics_day *day)
{
    struct gathering *gathering = user;
    if (gathering->count == gathering->room) {
        size_t room = gathering->room ? 2 * gathering->room : 64;
        struct s3_analytics_day *days =
            ARENA_ARRAY(gathering->arena, struct s3_analytics_day, room);
        if (gathering->count)
            memcpy(days, gathering->days, gathering->count * sizeof *days);
        gathering->days = days;
        gathering->room = room;
    }
    gathering->days[gathering->count++] = *day;
    return 0;
}

static RESULT deliver(struct analysis *analysis)
{
    struct call *c = analysis->c;
    const struct s3_storage_class_analysis_data_export *export =
        analysis->wish.storage_class_analysis->data_export;
    struct s3_analytics_day from = {.bucket = analysis->bucket.id,
                                    .edition = analysis->run->edition};
    struct gathering gathering = {.arena = c->arena};
    bool admitted;
    analysis->run->stage = STAGE_LOOK;
    if (!export)
        return OK; /* not any more */
    int result = s3_analytics_day_each(c->txn, &from, 2, c->arena, gather, &gathering);
    if (result < 0)
        return refuse_errno(c, result, "reading an analysis");
    struct analytics_history history = {gathering.days, gathering.count};
    struct service_put put = {
        .principal = S("s3.amazonaws.com"),
        .source = analysis->bucket.name,
        .account = analysis->bucket.account,
        .bucket =
            span_from(export->destination->s3_bucket_destination->bucket, S("arn:aws:s3:::").len),
        .key = analytics_file_key(c, &analysis->bucket, &analysis->wish),
        .content_type = S("text/csv"),
        .bytes = analytics_file(c, &analysis->wish, &history),
    };
    TRY(service_put_ask(c, &put, &admitted));
    if (!admitted)
        return refuse(c, &S3_ACCESS_DENIED, "%.*s does not admit it", SPAN_ARG(put.bucket));
    return service_put(c, &put);
}

/* A destination that does not take it gets nothing until the next day. */
static RESULT export_days(struct analysis *analysis)
{
    const struct refusal *refusal = deliver(analysis);
    if (refusal)
        log_warn("s3: analytics %.*s of %.*s: %.*s", SPAN_ARG(analysis->run->id),
                 SPAN_ARG(analysis->run->bucket), SPAN_ARG(refusal->message));
    return OK;
}

/* ---- steps ---------------------------------------------------------------------------------- */

/* What the run is about; *ret_there = false when it, its configuration or its bucket is gone. */
static RESULT load(struct analysis *analysis, bool *ret_there)
{
    struct call *c = analysis->c;
    const struct s3_analytics_run *run = analysis->run;
    struct s3_analytics analytics = {.bucket = run->bucket, .id = run->id};
    analysis->bucket.name = run->bucket;
    int bucket = s3_bucket_record_get(c->txn, c->arena, &analysis->bucket);
    int same = s3_analytics_get(c->txn, c->arena, &analytics);
    *ret_there = bucket == 0 && same == 0 && analytics.edition == run->edition;
    if ((bucket < 0 && bucket != -ENOENT) || (same < 0 && same != -ENOENT))
        return refuse_errno(c, bucket < 0 ? bucket : same, "reading an analysis");
    if (!*ret_there)
        return OK;
    const struct refusal *refusal =
        configuration_get(c, &analysis->bucket, &analytics_kind, run->id, &analysis->wish);
    *ret_there = refusal == OK;
    if (refusal)
        return refusal->kind == &S3_NO_SUCH_CONFIGURATION ? OK : refusal;
    return analytics_filter(c, &analysis->wish, &analysis->filter);
}

static RESULT forget(struct call *c, const struct s3_analytics_run *run)
{
    struct s3_analytics analytics = {.bucket = run->bucket, .id = run->id};
    int result = s3_analytics_get(c->txn, c->arena, &analytics);
    if (result < 0)
        return result == -ENOENT ? OK : refuse_errno(c, result, "reading an analysis");
    if (analytics.edition == run->edition)
        s3_analytics_delete(c->txn, &analytics);
    s3_analytics_run_delete(c->txn, run);
    return OK;
}

static RESULT take_step(struct analysis *analysis)
{
    switch ((enum STAGE)analysis->run->stage) {
    case STAGE_LOOK:
        return look(analysis);
    case STAGE_CLOSE:
        return close_day(analysis);
    case STAGE_EXPORT:
        break;
    }
    return export_days(analysis);
}

/* Only the end of a day must not meet a request or a change of the configuration: what is left of
 * an observation that ended meanwhile begins anew or is forgotten. */
static RESULT go_on(struct call *c, struct s3_analytics_run *run)
{
    struct analysis analysis = {.c = c, .run = run, .wish = {.id = SPAN_NONE}};
    bool there;
    if (run->stage == STAGE_CLOSE)
        analytics_lock(c, run->bucket);
    TRY(load(&analysis, &there));
    if (!there)
        return forget(c, run);
    TRY(take_step(&analysis));
    s3_analytics_run_put(c->txn, run);
    return OK;
}

int analytics_step(struct call *c, int64_t *ret_next_ms)
{
    struct choice choice = {.c = c};
    int result = choose(&choice);
    if (result < 0 || !choice.any)
        return result;
    *ret_next_ms = next_of(&choice.first);
    if (*ret_next_ms > c->now_ms)
        return 0;
    c->txn = txn_begin(c->cloud->store);
    const struct refusal *refusal = go_on(c, &choice.first);
    if (refusal)
        log_error("s3: analytics: %.*s", SPAN_ARG(refusal->message));
    *ret_next_ms = c->now_ms; /* there may be more */
    return background_end(TAKE(c->txn), refusal ? -EIO : 0);
}
