// SPDX-License-Identifier: Apache-2.0
/*
 * ExportTableToPointInTime, DescribeExport, ListExports. An export begins like a backup, with a
 * copy of the table as of a moment; the rest is export_step.c. Limits and defaults: "Requesting a
 * table export". Control thread.
 */
#include "services/dynamodb/export.h"

#include "base/id.h"
#include "base/time.h"
#include "services/dynamodb/recovery.h"
#include "services/dynamodb/reference.h"
#include "services/dynamodb/table.h"

#include <errno.h>

#define WINDOW_MIN_MS (15 * MINUTE_MS)
#define WINDOW_MAX_MS DAY_MS
#define TOKEN_MS (8 * HOUR_MS)
#define LIST_MAX 25
#define ID_DIGITS 8

struct span export_arn(struct call *c, const struct dynamodb_export *export)
{
    return arena_printf(c->arena, "%.*s/export/%.*s", SPAN_ARG(reference_arn(c, export->table)),
                        SPAN_ARG(export->id));
}

struct span export_copy(struct arena *arena, const struct dynamodb_export *export)
{
    const struct span parts[] = {export->account, S("/"), export->region, S("/"),
                                 export->table,   S("/"), S("export/"),   export->id};
    return arena_join(arena, parts, ARRAY_LEN(parts));
}

struct span export_changes(struct arena *arena, const struct dynamodb_export *export)
{
    const struct span parts[] = {export_copy(arena, export), S("/changes")};
    return arena_join(arena, parts, ARRAY_LEN(parts));
}

/* ---- ExportTableToPointInTime --------------------------------------------------------------- */

static RESULT check_not_built(struct call *c,
                              const struct dynamodb_export_table_to_point_in_time_in *in)
{
    if (span_eq(in->export_format, S("ION")) && span_eq(in->export_type, S("INCREMENTAL_EXPORT")))
        return table_not_built(c, "ExportFormat ION of an incremental export");
    if (span_eq(in->s3_sse_algorithm, S("KMS")))
        return table_not_built(c, "S3SseAlgorithm KMS");
    if (in->s3_sse_kms_key_id.at)
        return table_not_built(c, "S3SseKmsKeyId");
    return in->filter_specification ? table_not_built(c, "FilterSpecification") : OK;
}

static RESULT check_moment(struct call *c, const struct dynamodb_table *table, int64_t moment_ms)
{
    int64_t earliest_ms = recovery_earliest(table, c->now_ms) / 1000 * 1000;
    if (moment_ms >= earliest_ms && moment_ms <= c->now_ms)
        return OK;
    return refuse(c, &DYNAMODB_INVALID_EXPORT_TIME_EXCEPTION, "Export Time is invalid");
}

static RESULT set_window(struct call *c, const struct dynamodb_table *table,
                         const struct dynamodb_export_table_to_point_in_time_in *in,
                         struct dynamodb_export *export)
{
    const struct dynamodb_incremental_export_specification *asked =
        in->incremental_export_specification;
    if (!asked)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Invalid Request: Incremental Export Specification expected when export type "
                      "is set as Incremental Export");
    if (!asked->has.export_from_time)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Invalid Request: ExportFromTime must be provided in "
                      "IncrementalExportSpecification");
    if (in->has.export_time)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "ExportTime cannot be specified when ExportType is INCREMENTAL_EXPORT");
    export->from = asked->export_from_time;
    export->moment = asked->has.export_to_time ? asked->export_to_time : c->now_ms;
    export->new_only = span_eq(asked->export_view_type, S("NEW_IMAGE"));
    if (export->moment - export->from < WINDOW_MIN_MS ||
        export->moment - export->from > WINDOW_MAX_MS)
        return refuse(c, &DYNAMODB_INVALID_EXPORT_TIME_EXCEPTION,
                      "The export window must be between 15 minutes and 24 hours");
    TRY(check_moment(c, table, export->from));
    return check_moment(c, table, export->moment);
}

static RESULT set_times(struct call *c, const struct dynamodb_table *table,
                        const struct dynamodb_export_table_to_point_in_time_in *in,
                        struct dynamodb_export *export)
{
    if (span_eq(in->export_type, S("INCREMENTAL_EXPORT")))
        return set_window(c, table, in, export);
    if (in->incremental_export_specification)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Invalid Request: Export Type expected to be Incremental Export when "
                      "incremental export specification is provided");
    export->moment = in->has.export_time ? in->export_time : c->now_ms;
    return check_moment(c, table, export->moment);
}

/* What must be the same when a token is used again. */
static struct span asked_of(struct call *c,
                            const struct dynamodb_export_table_to_point_in_time_in *in)
{
    const struct dynamodb_incremental_export_specification *window =
        in->incremental_export_specification;
    return arena_printf(
        c->arena, "%.*s %.*s %.*s %.*s %.*s %.*s %lld %lld %lld", SPAN_ARG(in->export_format),
        SPAN_ARG(in->table_arn), SPAN_ARG(in->s3_bucket), SPAN_ARG(in->s3_prefix),
        SPAN_ARG(in->s3_bucket_owner), SPAN_ARG(in->export_type), (long long)in->export_time,
        (long long)(window ? window->export_from_time : 0),
        (long long)(window ? window->export_to_time : 0));
}

struct search {
    struct span token;
    int64_t now_ms;
    struct dynamodb_export *found;
};

static int take_same_token(void *user, struct dynamodb_export *export)
{
    struct search *search = user;
    if (!span_eq(export->token, search->token) || export->started + TOKEN_MS <= search->now_ms)
        return 0;
    *search->found = *export;
    return 1;
}

/* 1: there is an export of this token, the same. */
static RESULT look_for_token(struct call *c, struct span token, struct span asked,
                             struct dynamodb_export *ret)
{
    struct search search = {token, c->now_ms, ret};
    struct dynamodb_export from = {.account = c->account, .region = c->region};
    *ret = (struct dynamodb_export){.state = 0};
    if (span_is_absent(token))
        return OK;
    int error = dynamodb_export_each(c->txn, &from, 2, c->arena, take_same_token, &search);
    if (error < 0)
        return refuse_errno(c, error, "looking for a token");
    if (ret->state && !span_eq(ret->asked, asked))
        return refuse(c, &DYNAMODB_EXPORT_CONFLICT_EXCEPTION,
                      "Export conflict: Duplicate request detected with conflicting parameters");
    return OK;
}

static RESULT begin_copy(struct call *c, const struct dynamodb_table *table,
                         const struct dynamodb_export *export)
{
    struct kv_access access = reference_access(c);
    struct kv_schema schema = {.hash = table_key_part(table, table->hash_name)};
    struct kv_copy copy = {.table = reference_of(c->arena, table),
                           .copy = export_copy(c->arena, export),
                           .at_ms = export->moment};
    if (table->range_name.at)
        schema.range = table_key_part(table, table->range_name);
    int error = kv_table_create(&access, copy.copy, &schema);
    if (!error && export->from)
        error = kv_table_create(&access, export_changes(c->arena, export), &schema);
    if (!error)
        error = kv_copy_start(&access, &copy);
    return error < 0 ? refuse_errno(c, error, "copying a table") : OK;
}

static struct dynamodb_export_description *show(struct call *c,
                                                const struct dynamodb_export *export);

static struct dynamodb_export new_export(struct call *c, const struct dynamodb_table *table,
                                         const struct dynamodb_export_table_to_point_in_time_in *in)
{
    struct span prefix = arena_printf(c->arena, "%014lld-", (long long)c->now_ms);
    return (struct dynamodb_export){
        .account = table->account,
        .region = table->region,
        .table = table->name,
        .id = id_hex(c->arena, prefix, ID_DIGITS),
        .state = TRANSFER_RUNNING,
        .started = c->now_ms,
        .table_id = table->id,
        .bucket = in->s3_bucket,
        .owner = in->s3_bucket_owner,
        .prefix = in->s3_prefix,
        .encryption = in->s3_sse_algorithm,
        .token = in->client_token,
        .asked = asked_of(c, in),
        .access_key = transfer_key_of_caller(c),
        .ion = span_eq(in->export_format, S("ION")),
        .step = EXPORT_COPYING,
    };
}

RESULT
dynamodb_export_table_to_point_in_time(struct call *c,
                                       const struct dynamodb_export_table_to_point_in_time_in *in,
                                       struct dynamodb_export_table_to_point_in_time_out *out)
{
    struct dynamodb_table table;
    struct dynamodb_export export;
    TRY(check_not_built(c, in));
    TRY(recovery_table(c, in->table_arn, &table));
    TRY(look_for_token(c, in->client_token, asked_of(c, in), &export));
    if (!export.state) {
        TRY(recovery_check_made(c, &table));
        if (!table.recovery_days)
            return refuse(c, &DYNAMODB_POINT_IN_TIME_RECOVERY_UNAVAILABLE_EXCEPTION,
                          "Point in time recovery is not enabled for table '%.*s'",
                          SPAN_ARG(table.name));
        export = new_export(c, &table, in);
        TRY(set_times(c, &table, in, &export));
        TRY(begin_copy(c, &table, &export));
        dynamodb_export_put(c->txn, &export);
        table_wake_after(c);
    }
    out->export_description = show(c, &export);
    return OK;
}

/* ---- telling -------------------------------------------------------------------------------- */

static struct span state_name(uint64_t state)
{
    static const struct span names[] = {
        [TRANSFER_RUNNING] = S_INIT("IN_PROGRESS"),
        [TRANSFER_ENDING] = S_INIT("IN_PROGRESS"),
        [TRANSFER_COMPLETED] = S_INIT("COMPLETED"),
        [TRANSFER_FAILED] = S_INIT("FAILED"),
    };
    return names[state];
}

static struct span type_name(const struct dynamodb_export *export)
{
    return export->from ? S("INCREMENTAL_EXPORT") : S("FULL_EXPORT");
}

static void show_end(struct call *c, const struct dynamodb_export *export,
                     struct dynamodb_export_description *to)
{
    if (export->ended)
        SET(to, end_time, export->ended);
    to->failure_code = export->failure_code;
    to->failure_message = export->failure;
    if (export->state != TRANSFER_COMPLETED)
        return;
    to->export_manifest = export_key(c, export, "manifest-summary.json");
    SET(to, billed_size_bytes, (int64_t) export->bytes);
    SET(to, item_count, (int64_t) export->items);
}

static struct dynamodb_export_description *show(struct call *c,
                                                const struct dynamodb_export *export)
{
    struct dynamodb_export_description *to =
        ARENA_NEW(c->arena, struct dynamodb_export_description);
    to->export_arn = export_arn(c, export);
    to->export_status = state_name(export->state);
    SET(to, start_time, export->started);
    to->table_arn = reference_arn(c, export->table);
    to->table_id = export->table_id;
    to->client_token = export->token;
    to->s3_bucket = export->bucket;
    to->s3_bucket_owner = export->owner;
    to->s3_prefix = export->prefix;
    to->s3_sse_algorithm = export->encryption.at ? export->encryption : S("AES256");
    to->export_format = export->ion ? S("ION") : S("DYNAMODB_JSON");
    to->export_type = type_name(export);
    show_end(c, export, to);
    if (!export->from) {
        SET(to, export_time, export->moment);
        return to;
    }
    struct dynamodb_incremental_export_specification *window =
        ARENA_NEW(c->arena, struct dynamodb_incremental_export_specification);
    SET(window, export_from_time, export->from);
    SET(window, export_to_time, export->moment);
    window->export_view_type = export->new_only ? S("NEW_IMAGE") : S("NEW_AND_OLD_IMAGES");
    to->incremental_export_specification = window;
    return to;
}

static bool read_arn(struct call *c, struct span arn, struct dynamodb_export *ret)
{
    struct span prefix = reference_arn(c, S("")), rest = span_from(arn, prefix.len);
    *ret = (struct dynamodb_export){.account = c->account, .region = c->region};
    ret->table = span_cut(&rest, '/');
    bool good = span_starts(arn, prefix) && ret->table.len;
    good &= span_eq(span_cut(&rest, '/'), S("export"));
    ret->id = rest;
    return good && rest.len;
}

RESULT dynamodb_describe_export(struct call *c, const struct dynamodb_describe_export_in *in,
                                struct dynamodb_describe_export_out *out)
{
    struct dynamodb_export export;
    int error = -ENOENT;
    if (read_arn(c, in->export_arn, &export))
        error = dynamodb_export_get(c->txn, c->arena, &export);
    if (error == -ENOENT)
        return refuse(c, &DYNAMODB_EXPORT_NOT_FOUND_EXCEPTION, "Export not found: %.*s",
                      SPAN_ARG(in->export_arn));
    if (error < 0)
        return refuse_errno(c, error, "reading an export's record");
    out->export_description = show(c, &export);
    return OK;
}

struct listing {
    struct call *c;
    struct dynamodb_export after; /* not itself */
    struct dynamodb_export_summaries found;
    size_t limit;
    bool more;
};

static int take_export(void *user, struct dynamodb_export *export)
{
    struct listing *listing = user;
    if (span_eq(export->table, listing->after.table) && span_eq(export->id, listing->after.id))
        return 0;
    if (listing->found.count == listing->limit) {
        listing->more = true;
        return 1;
    }
    struct dynamodb_export_summary *to = &listing->found.at[listing->found.count++];
    to->export_arn = export_arn(listing->c, export);
    to->export_status = state_name(export->state);
    to->export_type = type_name(export);
    return 0;
}

/* NextToken is the ARN of the last one. */
RESULT dynamodb_list_exports(struct call *c, const struct dynamodb_list_exports_in *in,
                             struct dynamodb_list_exports_out *out)
{
    struct listing listing = {
        .c = c,
        .after = {.account = c->account, .region = c->region},
        .found.at = ARENA_ARRAY(c->arena, struct dynamodb_export_summary, LIST_MAX),
        .limit = in->has.max_results ? (size_t)in->max_results : LIST_MAX,
    };
    if (in->next_token.at && !read_arn(c, in->next_token, &listing.after))
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION, "Invalid NextToken");
    if (in->table_arn.at)
        TRY(reference_read(c, in->table_arn, &listing.after.table));
    int error = dynamodb_export_each(c->txn, &listing.after, in->table_arn.at ? 3 : 2, c->arena,
                                     take_export, &listing);
    if (error < 0)
        return refuse_errno(c, error, "listing exports");
    out->export_summaries = listing.found;
    if (listing.more)
        out->next_token = listing.found.at[listing.found.count - 1].export_arn;
    return OK;
}
