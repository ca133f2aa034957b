// SPDX-License-Identifier: Apache-2.0
/*
 * The writing of inventories, in steps: a file of rows, another one, then the list of files for
 * Hive, the manifest, and its checksum. How far a report is goes into the transaction of each
 * object, so after a crash it goes on where it was. A destination that does not admit S3 gets
 * nothing until the next time. On a worker.
 */
#include "services/s3/inventory.h"

#include "base/hash.h"
#include "base/id.h"
#include "base/log.h"
#include "base/scope.h"
#include "base/text.h"
#include "base/time.h"
#include "services/cloud.h"
#include "services/s3/background.h"
#include "services/s3/service_put.h"

#include <errno.h>

#define LOOKED_AT 10000              /* entries for one file */
#define FILE_BYTES ((size_t)2 << 20) /* of rows: none begins behind that */
#define ROWS_CEILING ((size_t)4 << 20)

/* Stored in records: numbers are stable. */
enum STAGE { STAGE_ROWS = 0, STAGE_SYMLINK = 1, STAGE_MANIFEST = 2, STAGE_CHECKSUM = 3 };

struct report {
    struct call *c;
    struct s3_inventory_run *run;
    struct s3_bucket_record bucket;
    struct s3_inventory_configuration wish;
    struct inventory_file file;
};

/* ---- which is next -------------------------------------------------------------------------- */

struct choice {
    struct call *c;
    struct s3_inventory_run first;
    bool any;
    const struct refusal *refusal;
};

/* The configuration behind an inventory; *ret_there = false when it or its bucket has gone. */
static RESULT load(struct call *c, struct span id, struct s3_bucket_record *bucket,
                   struct s3_inventory_configuration *wish, bool *ret_there)
{
    int result = s3_bucket_record_get(c->txn, c->arena, bucket);
    *ret_there = result == 0;
    if (result < 0)
        return result == -ENOENT ? OK : refuse_errno(c, result, "reading a bucket");
    const struct refusal *refusal = inventory_load(c, bucket, id, wish);
    *ret_there = refusal == OK;
    return refusal && refusal->kind == &S3_NO_SUCH_CONFIGURATION ? OK : refusal;
}

/* One that is new, or another than it was: its first report is due at the next midnight. */
static RESULT begin_anew(struct call *c, const struct s3_inventory *inventory,
                         struct s3_inventory_run *run)
{
    struct s3_bucket_record bucket = {.name = inventory->bucket};
    struct s3_inventory_configuration wish;
    bool there;
    TRY(load(c, inventory->id, &bucket, &wish, &there));
    if (!there) {
        inventory_forget(c, inventory->bucket, inventory->id);
        run->due = TIME_NONE;
        return OK;
    }
    *run = (struct s3_inventory_run){.bucket = inventory->bucket,
                                     .id = inventory->id,
                                     .edition = inventory->edition,
                                     .due = inventory_next(&wish, c->now_ms)};
    s3_inventory_run_put(c->txn, run);
    return OK;
}

static int consider(void *user, struct s3_inventory *inventory)
{
    struct choice *choice = user;
    struct call *c = choice->c;
    struct s3_inventory_run run = {.bucket = inventory->bucket, .id = inventory->id};
    int result = s3_inventory_run_get(c->txn, c->arena, &run);
    if (result < 0 && result != -ENOENT)
        return result;
    if (result == -ENOENT || run.edition != inventory->edition)
        choice->refusal = begin_anew(c, inventory, &run);
    if (choice->refusal)
        return -EBADMSG;
    if (run.due != TIME_NONE && (!choice->any || run.due < choice->first.due)) {
        choice->first = run;
        choice->any = true;
    }
    return 0;
}

static int choose(struct choice *choice)
{
    struct call *c = choice->c;
    struct s3_inventory from = {.bucket = SPAN_NONE};
    c->txn = txn_begin(c->cloud->store);
    int result = s3_inventory_each(c->txn, &from, 0, c->arena, consider, choice);
    return background_end(TAKE(c->txn), result);
}

/* ---- rows ----------------------------------------------------------------------------------- */

struct looking {
    struct report *report;
    bool full;
    const struct refusal *refusal;
};

static void look_at_version(void *user, const struct object_listed *listed)
{
    struct looking *looking = user;
    struct s3_inventory_run *run = looking->report->run;
    bool all = span_eq(looking->report->wish.included_object_versions, S("All"));
    looking->full = looking->full || buf_span(looking->report->file.text).len > FILE_BYTES;
    if (looking->full || looking->refusal)
        return;
    if (all || (listed->newest && !listed->object->mark))
        looking->refusal = inventory_add_row(&looking->report->file, listed);
    run->after_name = listed->name;
    run->after_stamp = listed->object->stamp;
}

static RESULT collect(struct report *report, bool *ret_more)
{
    struct call *c = report->c;
    struct s3_inventory_run *run = report->run;
    uint64_t stamp = run->after_stamp;
    struct looking looking = {.report = report};
    struct object_bucket bucket = {.txn = c->txn,
                                   .arena = c->arena,
                                   .id = report->bucket.id,
                                   .keeping = version_keeping(report->bucket.versioning)};
    struct object_version_list list = {
        .prefix = report->wish.filter ? report->wish.filter->prefix : S(""),
        .after_name = run->after_name,
        .after_stamp = run->after_name.len ? &stamp : NULL,
        .limit = LOOKED_AT,
        .visit = look_at_version,
        .user = &looking,
    };
    int result = object_list_versions(&bucket, &list, ret_more);
    *ret_more = *ret_more || looking.full;
    return result < 0 ? refuse_errno(c, result, "listing a bucket") : looking.refusal;
}

static struct span md5_text(struct arena *arena, struct span bytes)
{
    uint8_t digest[MD5_SIZE];
    md5_of(bytes, digest);
    return hex_of(arena, span_of(digest, sizeof digest));
}

static void note_file(struct report *report, const struct service_put *put)
{
    struct s3_inventory_run *run = report->run;
    struct arena *arena = report->c->arena;
    struct s3_inventory_part *all =
        ARENA_ARRAY(arena, struct s3_inventory_part, run->files.count + 1);
    if (run->files.count)
        memcpy(all, run->files.at, run->files.count * sizeof *all);
    all[run->files.count] = (struct s3_inventory_part){
        .key = put->key, .size = put->bytes.len, .md5 = md5_text(arena, put->bytes)};
    run->files.at = all;
    run->files.count++;
}

/* ---- steps of a report ---------------------------------------------------------------------- */

static struct span in_folder(struct report *report, const char *name)
{
    struct inventory_file *file = &report->file;
    return arena_printf(report->c->arena, "%.*s%.*s/%s", SPAN_ARG(file->folder),
                        SPAN_ARG(file->name), name);
}

static RESULT make_rows(struct report *report, struct service_put *put)
{
    bool more;
    struct arena *arena = report->c->arena;
    struct inventory_file *file = &report->file;
    file->text = arena_buf(arena, ROWS_CEILING);
    TRY(collect(report, &more));
    put->key = arena_printf(arena, "%.*sdata/%.*s.csv.gz", SPAN_ARG(file->folder),
                            SPAN_ARG(id_uuid(arena)));
    put->content_type = S("application/x-gzip");
    put->bytes = inventory_packed(file);
    if (buf_span(file->text).len)
        note_file(report, put);
    else
        put->bytes = SPAN_NONE;
    report->run->stage = more ? STAGE_ROWS : STAGE_SYMLINK;
    return OK;
}

static void make_symlink(struct report *report, struct service_put *put)
{
    const struct inventory_file *file = &report->file;
    struct arena *arena = report->c->arena;
    const struct s3_inventory_run *run = report->run;
    struct buf *lines = arena_buf(arena, (run->files.count + 1) * 4096);
    for (size_t i = 0; i < run->files.count; i++)
        buf_printf(lines, "%ss3://%.*s/%.*s", i ? "\n" : "", SPAN_ARG(put->bucket),
                   SPAN_ARG(run->files.at[i].key));
    struct span day = span_first(file->name, 10), time = span_of(file->name.at + 11, 5);
    put->key = arena_printf(arena, "%.*shive/dt=%.*s-%.*s/symlink.txt", SPAN_ARG(file->folder),
                            SPAN_ARG(day), SPAN_ARG(time));
    put->bytes = buf_span(lines);
}

static RESULT make(struct report *report, struct service_put *put)
{
    put->content_type = S("text/plain");
    switch ((enum STAGE)report->run->stage) {
    case STAGE_ROWS:
        return make_rows(report, put);
    case STAGE_SYMLINK:
        make_symlink(report, put);
        break;
    case STAGE_MANIFEST:
        put->key = in_folder(report, "manifest.json");
        put->content_type = S("application/json");
        put->bytes = inventory_manifest(&report->file, report->run);
        break;
    case STAGE_CHECKSUM:
        put->key = in_folder(report, "manifest.checksum");
        put->bytes = md5_text(report->c->arena, inventory_manifest(&report->file, report->run));
        break;
    }
    report->run->stage++;
    return OK;
}

static void end_report(struct report *report)
{
    *report->run =
        (struct s3_inventory_run){.bucket = report->run->bucket,
                                  .id = report->run->id,
                                  .edition = report->run->edition,
                                  .due = inventory_next(&report->wish, report->c->now_ms)};
}

/* An object of the report and how far it is now, in one transaction. */
static RESULT write_next(struct report *report)
{
    struct call *c = report->c;
    struct span destination = report->wish.destination->s3_bucket_destination->bucket;
    struct service_put put = {.principal = S("s3.amazonaws.com"),
                              .source = report->bucket.name,
                              .account = report->bucket.account,
                              .bucket = span_from(destination, S("arn:aws:s3:::").len)};
    bool admitted;
    if (!report->run->begun)
        report->run->begun = c->now_ms;
    inventory_file_names(&report->file, report->run->begun);
    TRY(make(report, &put));
    if (!span_is_absent(put.bytes)) {
        TRY(service_put_ask(c, &put, &admitted));
        if (!admitted)
            return refuse(c, &S3_ACCESS_DENIED, "%.*s does not admit it", SPAN_ARG(put.bucket));
        TRY(service_put(c, &put));
    }
    if (report->run->stage > STAGE_CHECKSUM)
        end_report(report);
    return OK;
}

static RESULT write_report(struct call *c, struct s3_inventory_run *run)
{
    struct report report = {.c = c, .run = run, .bucket = {.name = run->bucket}};
    bool there;
    TRY(load(c, run->id, &report.bucket, &report.wish, &there));
    if (!there) {
        inventory_forget(c, run->bucket, run->id);
        return OK;
    }
    report.file = (struct inventory_file){.c = c, .bucket = &report.bucket, .wish = &report.wish};
    const struct refusal *refusal = write_next(&report);
    if (refusal) {
        log_warn("s3: inventory %.*s of %.*s: %.*s", SPAN_ARG(run->id), SPAN_ARG(run->bucket),
                 SPAN_ARG(refusal->message));
        end_report(&report);
    }
    s3_inventory_run_put(c->txn, run);
    return OK;
}

int inventory_step(struct call *c, int64_t *ret_next_ms)
{
    struct choice choice = {.c = c};
    int result = choose(&choice);
    if (result < 0 || !choice.any)
        return result;
    *ret_next_ms = choice.first.due;
    if (choice.first.due > c->now_ms)
        return 0;
    c->txn = txn_begin(c->cloud->store);
    const struct refusal *refusal = write_report(c, &choice.first);
    *ret_next_ms = c->now_ms; /* there may be more */
    return background_end(TAKE(c->txn), refusal ? -EIO : 0);
}
