// SPDX-License-Identifier: Apache-2.0
/*
 * The report of a bulk operation ("Bulk put items output and reconciliation"): lines wait in the
 * store, in the commit of the items that they tell of, until there are enough for an object or
 * nothing follows; each object is a transaction of its own, and the manifest is the last. Workers.
 */
#include "services/dynamodb/bulk.h"

#include "base/json.h"
#include "base/time.h"
#include "services/dynamodb/reference.h"

#define OBJECT_BYTES (4 << 20) /* about; what is written at once has to fit an extent */
#define OBJECT_CEILING (64 << 20)
#define NUMBER_DIGITS 6

static bool is_wanted(const struct dynamodb_bulk *bulk, enum BULK_REPORT report)
{
    for (size_t i = 0; i < bulk->kinds.count; i++)
        if (span_eq(bulk->kinds.at[i], bulk_report_name(report)))
            return true;
    return false;
}

void bulk_keep(struct call *c, struct dynamodb_bulk *bulk, const struct bulk_lines *lines)
{
    for (enum BULK_REPORT i = 0; i < BULK_REPORTS; i++) {
        struct dynamodb_bulk_report *report = &bulk->reports.at[i];
        if (!lines->at[i]->len || !is_wanted(bulk, i))
            continue;
        const struct dynamodb_bulk_note note = {
            .id = bulk->id, .report = i, .number = report->next++, .lines = buf_span(lines->at[i])};
        dynamodb_bulk_note_put(c->txn, &note);
        report->bytes += note.lines.len;
    }
}

bool bulk_is_full(const struct dynamodb_bulk *bulk)
{
    for (size_t i = 0; i < bulk->reports.count; i++)
        if (bulk->reports.at[i].bytes >= OBJECT_BYTES)
            return true;
    return false;
}

/* ---- objects -------------------------------------------------------------------------------- */

struct span bulk_folder(struct call *c, const struct dynamodb_bulk *bulk)
{
    return arena_printf(c->arena, "%.*s%sAWSDynamoDB/%.*s/", SPAN_ARG(bulk->out_prefix),
                        bulk->out_prefix.len ? "/" : "", SPAN_ARG(bulk->id));
}

static RESULT write(struct call *c, const struct dynamodb_bulk *bulk, struct span name,
                    struct span bytes)
{
    struct span etag;
    const struct s3_subject subject = {
        .bucket = bulk->out_bucket,
        .key = arena_printf(c->arena, "%.*s%.*s", SPAN_ARG(bulk_folder(c, bulk)), SPAN_ARG(name)),
        .owner = bulk->out_owner};
    const struct s3_writing writing = {.bytes = bytes, .encryption = bulk->encryption};
    return s3_write(c, &subject, &writing, &etag);
}

struct gathering {
    struct call *c;
    struct buf *out;
    struct dynamodb_bulk_report *report;
};

static int take_note(void *user, struct dynamodb_bulk_note *note)
{
    struct gathering *gathering = user;
    if (gathering->out->len && gathering->out->len + note->lines.len > OBJECT_BYTES)
        return 1;
    buf_append(gathering->out, note->lines);
    gathering->report->bytes -= note->lines.len;
    gathering->report->first = note->number + 1;
    dynamodb_bulk_note_delete(gathering->c->txn, note);
    return 0;
}

static RESULT write_notes(struct call *c, struct dynamodb_bulk *bulk, enum BULK_REPORT which)
{
    struct dynamodb_bulk_report *report = &bulk->reports.at[which];
    struct gathering gathering = {c, arena_buf(c->arena, OBJECT_CEILING), report};
    const struct dynamodb_bulk_note from = {
        .id = bulk->id, .report = which, .number = report->first};
    const struct dynamodb_bulk_report before = *report;
    int error = dynamodb_bulk_note_each(c->txn, &from, 2, c->arena, take_note, &gathering);
    if (error < 0)
        return refuse_errno(c, error, "reading a bulk operation's report");
    struct span name = arena_printf(c->arena, "%.*s/%0*llu.json", SPAN_ARG(bulk_report_name(which)),
                                    NUMBER_DIGITS, (unsigned long long)before.objects);
    report->objects++;
    return write(c, bulk, name, buf_span(gathering.out));
}

/* ---- the manifest --------------------------------------------------------------------------- */

static void tell_number(struct json_writer *writer, const char *name, uint64_t value)
{
    json_key(writer, span_of_cstr(name));
    json_i64(writer, (int64_t)value);
}

static RESULT write_manifest(struct call *c, const struct dynamodb_bulk *bulk)
{
    char started[TIME_TEXT_SIZE];
    struct json_writer writer = {.out = arena_buf(c->arena, OBJECT_CEILING)};
    json_begin_object(&writer);
    json_key(&writer, S("bulkOperationArn"));
    json_string(&writer, bulk_arn(c, bulk));
    json_key(&writer, S("tableArn"));
    json_string(&writer, reference_arn(c, bulk->table));
    json_key(&writer, S("startTime"));
    json_string(&writer, time_iso8601_millis(bulk->started, started));
    tell_number(&writer, "processedItemCount", bulk->processed);
    tell_number(&writer, "failedItemCount", bulk->failed);
    tell_number(&writer, "conditionCheckFailureCount", bulk->unmet);
    json_key(&writer, S("outputFiles"));
    json_begin_object(&writer);
    for (enum BULK_REPORT i = 0; i < BULK_REPORTS; i++)
        if (is_wanted(bulk, i)) {
            json_key(&writer, bulk_report_name(i));
            json_i64(&writer, (int64_t)bulk->reports.at[i].objects);
        }
    json_end_object(&writer);
    json_end_object(&writer);
    return write(c, bulk, S("manifest-summary.json"), buf_span(writer.out));
}

RESULT bulk_report(struct call *c, struct dynamodb_bulk *bulk, bool *ret_more)
{
    *ret_more = true;
    for (enum BULK_REPORT i = 0; i < BULK_REPORTS; i++)
        if (bulk->reports.at[i].bytes)
            return write_notes(c, bulk, i);
    *ret_more = false;
    return write_manifest(c, bulk);
}
